"""Listeners on the thread of a Tk program."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from voxsync.errors import InvalidState, MissingExtra
from voxsync.events.gui import POLL, GuiDispatcher

if TYPE_CHECKING:
    import tkinter as tk

__all__ = ["TkDispatcher"]


class TkDispatcher(GuiDispatcher):
    """Listeners run in the main loop of Tk, in order, up to 20 ms after the event.

    `PlainSession(url, options=SessionOptions(dispatcher=TkDispatcher(root)))`: the
    session's listeners may then touch widgets. One dispatcher may serve several
    sessions. It lives as long as `root`: when that is destroyed it closes, and what
    waits is counted in `refused`. Without a main loop (before it, after `quit()`)
    events wait. While a listener runs, the next events wait in order, also when it
    opens a dialog; to have them go on behind a dialog, open it from
    `root.after_idle(...)`.

    Args:
        root: The window, or any widget, that is there as long as events are wanted.
        maxsize: How many events may wait, at least 1. When full, the sessions' events
            threads wait, then their inboxes fill, then they stop reading: a frozen
            window is bounded, and nothing is lost.

    Raises:
        TypeError: `root` is not a Tk widget.
        InvalidState: It was made in another thread, or is destroyed.
        MissingExtra: This Python has no tkinter.

    Thread: the one that made `root` and runs its main loop. `pending`, `refused`,
    `close()`: any.
    """

    def __init__(self, root: tk.Misc, *, maxsize: int = 1024) -> None:
        _check(root)
        super().__init__(maxsize)
        # Held until nobody else does: Tk aborts the process when its interpreter is
        # freed by another thread, be it by the garbage collector.
        self._app: Any = root.tk
        self._root: tk.Misc | None = root
        self._tag = f"voxsync-{id(self)}"
        # A binding of our own, so that `root.bind` and `unbind` of the program neither
        # replace it nor are replaced; and only for `root`, not its children.
        root.bindtags((self._tag, *root.bindtags()))
        self._bound = root.register(self._destroyed)
        root.tk.call("bind", self._tag, "<Destroy>", self._bound)
        self._timer: str | None = root.after(0, self._poll)

    def _destroyed(self) -> None:
        root = self._root
        if root is not None and str(root) == ".":
            # Tk may have put this off until it is idle, and would complain then that
            # there are no windows: in the loop of the program's next root.
            root.tk.eval("catch {proc ::ttk::ThemeChanged {} {}}")
        self.close()

    def _poll(self) -> None:
        delay = POLL
        try:
            delay = self._run()
        finally:  # whatever was raised: Tk reports it, and we go on
            if self._root is not None:
                self._timer = self._root.after(round(delay * 1000), self._poll)

    def _stop_timer(self) -> None:
        root, self._root = self._root, None
        if root is None:
            return
        timer, self._timer = self._timer, None
        import tkinter as tk  # noqa: PLC0415 - toolkits are imported when used

        with contextlib.suppress(tk.TclError):  # half destroyed: less to undo
            if timer is not None:
                root.after_cancel(timer)
            root.tk.call("bind", self._tag, "<Destroy>", "")
            root.deletecommand(self._bound)
            root.bindtags(tuple(t for t in root.bindtags() if t != self._tag))

    def _may_drop(self, others: list[GuiDispatcher]) -> bool:
        if any(getattr(other, "_app", None) is self._app for other in others):
            return True
        return sys.getrefcount(self._app) <= 2  # ours, and the call's

    def _drop(self) -> None:
        self._app = None

    def _keep(self) -> None:
        # The interpreter of Python frees all at its end, on the main thread.
        import ctypes  # noqa: PLC0415 - hardly ever needed

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._app))


def _check(root: object) -> None:
    try:
        import tkinter as tk  # noqa: PLC0415 - toolkits are imported when used
    except ImportError as exc:
        raise MissingExtra(
            "TkDispatcher needs tkinter, which this Python was built without; on "
            "Debian and Ubuntu: apt-get install python3-tk"
        ) from exc
    if not isinstance(root, tk.Misc):
        raise TypeError(f"root must be a Tk widget, not {type(root).__name__}")
    try:
        there = root.tk.eval(f"winfo exists {root}")
    except RuntimeError as exc:  # "Calling Tcl from different apartment"
        raise InvalidState(
            f"{root!r} was made in another thread; make the TkDispatcher in the thread "
            "that makes the window and runs its main loop"
        ) from exc
    except tk.TclError:
        there = "0"
    if there != "1":
        raise InvalidState(f"{root!r} is destroyed; make the TkDispatcher before that")
