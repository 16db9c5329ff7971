"""What the tests of `QtDispatcher` run besides `gui_programs`, each in its process."""

import sys
import threading
from importlib import import_module

from voxsync import InvalidState, MissingExtra, QtDispatcher
from voxsync.events import MessageEvent


def refused(kind, start, fn):
    """The exception that `fn()` raises, at once."""
    try:
        fn()
    except kind as exc:
        assert str(exc).startswith(start), exc
        return
    raise AssertionError("it was taken")


def make(binding):
    """QtCore, QtWidgets, and the application."""
    widgets = import_module(f"{binding}.QtWidgets")
    return import_module(f"{binding}.QtCore"), widgets, widgets.QApplication([])


def delete(thing):
    """Have Qt destroy it now."""
    if type(thing).__module__.startswith("PyQt6"):
        from PyQt6 import sip

        sip.delete(thing)
    else:
        import shiboken6

        shiboken6.delete(thing)


def wrong_parents(binding):
    """What cannot work is refused where it stands, and named."""
    import_module(f"{binding}.QtCore")
    refused(InvalidState, "make the QApplication first", QtDispatcher)
    _core, widgets, _app = make(binding)
    refused(TypeError, "parent must be a QObject, not str", lambda: QtDispatcher("."))
    refused(ValueError, "maxsize", lambda: QtDispatcher(maxsize=0))
    label = widgets.QLabel()
    delete(label)
    refused(InvalidState, "QLabel is destroyed", lambda: QtDispatcher(label))


def another_thread(binding):
    """A dispatcher made in another thread than the application."""
    _core, _widgets, _app = make(binding)
    found = []

    def here():
        try:
            QtDispatcher()
        except InvalidState as exc:
            found.append(str(exc))

    thread = threading.Thread(target=here)
    thread.start()
    thread.join(10)
    assert found == ["make the QtDispatcher in the thread of the QApplication"]


def no_qt(binding):
    """Neither binding: the extra is named."""
    sys.modules["PySide6"] = sys.modules["PyQt6"] = None
    refused(MissingExtra, "QtDispatcher needs PySide6 or PyQt6", QtDispatcher)


def the_installed_binding(binding):
    """Of the bindings that are not imported yet, one that is installed is taken."""
    other = {"PySide6": "PyQt6", "PyQt6": "PySide6"}[binding]
    sys.modules[other] = None
    refused(InvalidState, "make the QApplication first", QtDispatcher)
    assert f"{binding}.QtCore" in sys.modules


def without_widgets(binding):
    """Programs without windows have an event loop, too; and need no parent."""
    core = import_module(f"{binding}.QtCore")
    app = core.QCoreApplication([])
    seen = []
    dispatcher = QtDispatcher()
    dispatcher.dispatch(
        lambda e: (seen.append(e.data), app.quit()), MessageEvent(None, 1)
    )
    app.exec()
    assert seen == [1]
    assert f"{binding}.QtWidgets" not in sys.modules


def several_windows(binding):
    """Each dispatcher ends with its own parent, and with no other."""
    core, widgets, app = make(binding)
    parents = [widgets.QLabel(), core.QObject(), app]
    dispatchers = [QtDispatcher(parent) for parent in parents]
    found = [[], [], []]

    def step(number):
        for dispatcher, seen in zip(dispatchers, found, strict=True):
            dispatcher.dispatch(
                lambda e, to=seen: to.append(e.data), MessageEvent(None, number)
            )
        core.QTimer.singleShot(100, next_steps[number])

    next_steps = [
        lambda: (delete(parents[0]), step(1)),
        lambda: (parents[1].deleteLater(), core.QTimer.singleShot(0, lambda: step(2))),
        app.quit,
    ]
    core.QTimer.singleShot(0, lambda: step(0))
    app.exec()
    assert found == [[0], [0, 1], [0, 1, 2]]
    assert [d.refused for d in dispatchers] == [2, 1, 0]


def closed_windows(binding):
    """Closing the last window quits; window and dispatcher are still there."""
    core, widgets, app = make(binding)
    label = widgets.QLabel()
    label.show()
    dispatcher = QtDispatcher(label)
    seen = []
    core.QTimer.singleShot(0, label.close)
    app.exec()
    dispatcher.dispatch(
        lambda e: (seen.append(e.data), app.quit()), MessageEvent(None, 1)
    )
    app.exec()
    assert seen == [1]
    label.setAttribute(core.Qt.WidgetAttribute.WA_DeleteOnClose)
    label.show()
    core.QTimer.singleShot(0, label.close)
    core.QTimer.singleShot(100, app.quit)
    app.exec()
    assert "closed" in repr(dispatcher)


def the_application_ends(binding):
    """With the application its dispatchers end; who comes later is refused."""
    _core, _widgets, app = make(binding)
    dispatcher = QtDispatcher()
    dispatcher.dispatch(print, MessageEvent(None, 1))
    delete(app)
    assert "closed" in repr(dispatcher)
    dispatcher.dispatch(print, MessageEvent(None, 2))
    assert dispatcher.refused == 2
