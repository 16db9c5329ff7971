"""As `tests.gui.child`, for a sample of PySide6: in its window's own event loop.

    python -m tests.gui.qt_child samples/qt_app.py

What is evaluated finds `app`, the window, and the functions of this module.
"""

import runpy
import sys
import time

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox

from tests.gui.child import LOOK, Remote, leftovers, say


def click(widget):
    """Press the left button of the mouse in its middle."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def write(widget, text):
    """Write over what is in there, or choose what begins so."""
    widget.setFocus()
    if not isinstance(widget, QComboBox) or widget.isEditable():
        QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(widget, text)


def press(name):
    """Press a key such as "Return", or "Alt+M", wherever the focus is."""
    modifier = Qt.KeyboardModifier.NoModifier
    if name.startswith("Alt+"):
        name, modifier = name.removeprefix("Alt+"), Qt.KeyboardModifier.AltModifier
    widget = QApplication.focusWidget() or QApplication.activeWindow()
    QTest.keyClick(widget, getattr(Qt.Key, f"Key_{name}"), modifier)


def inks(text):
    """What is written there as pairs: a piece, and whether it is "normal" or "grey"."""
    known = {
        text.palette().text().color().rgba(): "normal",
        text.palette().placeholderText().color().rgba(): "grey",
    }
    found, block = [], text.document().begin()
    while block.isValid():
        for part in block:
            piece = part.fragment()
            brush = piece.charFormat().foreground()
            if brush.style() == Qt.BrushStyle.NoBrush:
                brush = text.palette().text()
            found.append((piece.text(), known[brush.color().rgba()]))
        block = block.next()
    return found


def names(box):
    """What may be chosen there."""
    return [box.itemText(at) for at in range(box.count())]


def tab_order(first):
    """What Tab leads to, one after the other, until the first comes again."""
    order = [first]
    first.setFocus()
    while True:
        QTest.keyClick(order[-1], Qt.Key.Key_Tab)
        if (now := QApplication.focusWidget()) in order:
            return order
        order.append(now)


def run(path):
    """Run the program as a person would, but for a window that does what we ask for."""
    begin = QApplication.exec

    def driven(*_):
        (window,) = (w for w in QApplication.topLevelWidgets() if w.isVisible())
        remote = Remote({**globals(), "app": window})
        timer = QTimer()
        timer.timeout.connect(remote.look)
        timer.start(LOOK)
        return begin()

    QApplication.exec = driven
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    run(sys.argv[1])
    say({"threads": leftovers(), "at": time.monotonic()})
