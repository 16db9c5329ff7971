"""Tk and both Qt bindings under one interface, for programs that test all three."""

from importlib import import_module

from voxsync import QtDispatcher, TkDispatcher


class TkGui:
    """A Tk root and what programs do with it."""

    def __init__(self):
        import tkinter as tk

        self.tkinter = tk
        self.root = tk.Tk()
        self.label = tk.Label(self.root)
        self.label.pack()

    def renewed(self):
        """Another window, after `destroy`."""
        return TkGui()

    def dispatcher(self, **options):
        return TkDispatcher(self.root, **options)

    def show(self, text):
        """Touch a widget."""
        self.label.configure(text=text)

    def loop(self):
        self.root.mainloop()

    def quit(self):
        """End the loop; the window stays."""
        self.root.quit()

    def destroy(self):
        """Close the window for good; that ends the loop."""
        self.root.destroy()

    def hide(self):
        self.root.withdraw()

    def after(self, ms, fn):
        self.root.after(ms, fn)

    def modal(self, ms):
        """Open a modal dialog that somebody closes after a while; wait for that."""
        from tkinter import messagebox

        self.root.after(ms, lambda: self.root.tk.call(".__tk__messagebox.ok", "invoke"))
        messagebox.showinfo("Please", "note")


class QtGui:
    """A QApplication, a window, and what programs do with it."""

    def __init__(self, binding):
        self.core = import_module(f"{binding}.QtCore")
        self.widgets = import_module(f"{binding}.QtWidgets")
        self.app = self.widgets.QApplication([])
        self.app.setQuitOnLastWindowClosed(False)
        self.renewed()

    def renewed(self):
        """Another window, after `destroy`."""
        self.window = self.widgets.QLabel()
        self.window.show()
        return self

    def dispatcher(self, **options):
        return QtDispatcher(self.window, **options)

    def show(self, text):
        self.window.setText(text)

    def loop(self):
        self.app.exec()

    def quit(self):
        self.app.quit()

    def destroy(self):
        self.window.destroyed.connect(self.app.quit)
        self.window.deleteLater()

    def hide(self):
        self.window.hide()

    def after(self, ms, fn):
        self.core.QTimer.singleShot(ms, fn)

    def modal(self, ms):
        dialog = self.widgets.QDialog(self.window)
        self.core.QTimer.singleShot(ms, dialog.accept)
        dialog.exec()


def gui(name):
    return TkGui() if name == "tk" else QtGui(name)
