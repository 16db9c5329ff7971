"""Listeners on the thread of a Qt program, by PySide6 or PyQt6."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from typing import Any

from voxsync.errors import InvalidState, MissingExtra
from voxsync.events.gui import POLL, GuiDispatcher

__all__ = ["QtDispatcher"]

_BINDINGS = ("PySide6", "PyQt6")


class QtDispatcher(GuiDispatcher):
    """Listeners run in the event loop of Qt, in order, up to 20 ms after the event.

    `PlainSession(url, options=SessionOptions(dispatcher=QtDispatcher(window)))`: the
    session's listeners may then touch widgets. One dispatcher may serve several
    sessions. It closes when `parent` or the application is destroyed, and what waits
    is counted in `refused`. Without an event loop (before `exec()`, after `quit()`)
    events wait. While a listener runs, the next events wait in order, also when it
    opens a dialog; to have them go on behind a dialog, `open()` it instead of
    `exec()`, or by `QTimer.singleShot(0, ...)`.

    PySide6 or PyQt6: that of `parent`, else that of the application.

    Args:
        parent: A `QObject`, e.g. the window, that is there as long as events are
            wanted. None: the application. Closing a window does not destroy it, unless
            it has the attribute `WA_DeleteOnClose`.
        maxsize: How many events may wait, at least 1. When full, the sessions' events
            threads wait, then their inboxes fill, then they stop reading: a frozen
            window is bounded, and nothing is lost.

    Raises:
        TypeError: `parent` is not a `QObject`.
        InvalidState: There is no application yet, this is not its thread, or `parent`
            is destroyed.
        MissingExtra: Neither PySide6 nor PyQt6 is installed.

    Thread: that of the `QApplication`. `pending`, `refused`, `close()`: any.
    """

    def __init__(self, parent: Any = None, *, maxsize: int = 1024) -> None:
        core = _check(parent)
        super().__init__(maxsize)
        self._timer: Any = core.QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._poll)
        app = core.QCoreApplication.instance()
        app.destroyed.connect(self._gone)
        if parent is not None and parent is not app:
            parent.destroyed.connect(self._gone)
        self._timer.start(0)

    def _gone(self, _: object = None) -> None:
        self.close()

    def _poll(self) -> None:
        delay = POLL
        try:
            delay = self._run()
        finally:  # whatever was raised: Qt's binding reports it, and we go on
            if self._timer is not None:
                self._timer.start(round(delay * 1000))

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            with contextlib.suppress(RuntimeError):  # went with the application
                timer.stop()


def _check(parent: object) -> Any:
    """The `QtCore` to use; raises what is wrong."""
    core = _core(parent)
    if parent is not None and not isinstance(parent, core.QObject):
        raise TypeError(f"parent must be a QObject, not {type(parent).__name__}")
    app = core.QCoreApplication.instance()
    if app is None:
        raise InvalidState("make the QApplication first, then the QtDispatcher")
    if core.QThread.currentThread() != app.thread():
        raise InvalidState("make the QtDispatcher in the thread of the QApplication")
    if parent is not None:
        try:
            parent.objectName()
        except RuntimeError as exc:  # "Internal C++ object already deleted"
            raise InvalidState(
                f"{type(parent).__name__} is destroyed; make the QtDispatcher before"
            ) from exc
    return core


def _core(parent: object) -> Any:
    """`QtCore` of the binding that the program uses."""
    for kind in type(parent).__mro__:
        if kind.__module__.partition(".")[0] in _BINDINGS:
            return import_module(f"{kind.__module__.partition('.')[0]}.QtCore")
    loaded = [
        sys.modules[f"{b}.QtCore"] for b in _BINDINGS if f"{b}.QtCore" in sys.modules
    ]
    for core in loaded:
        if core.QCoreApplication.instance() is not None:
            return core
    if loaded:
        return loaded[0]
    for binding in _BINDINGS:
        try:
            return import_module(f"{binding}.QtCore")
        except ImportError:
            continue
    raise MissingExtra("QtDispatcher needs PySide6 or PyQt6: pip install 'voxsync[qt]'")
