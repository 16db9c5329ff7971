"""`voxsync talk --text`: typed questions, read answers."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from voxsync.cli.exits import Exit, plain
from voxsync.cli.progress import clock_text
from voxsync.cli.script import Mover, Script
from voxsync.cli.stats import shown
from voxsync.errors import ReceiveTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxsync.cli.progress import LiveLine
    from voxsync.gemini import LiveGenerativeModel, LiveServerMessage, LiveSession

__all__ = ["fell_silent", "talk_text"]

_TIMEOUT_S = 10.0
# How long a model may think before each piece of its answer.
_PATIENCE_S = 60.0
_HANDLE_S = 2.0  # behind a turn, for the handle to come
_LOOK_UP_S = 0.5


def talk_text(
    model: LiveGenerativeModel, line: LiveLine, *, stats: bool = False
) -> Exit:
    """Send each line of the standard input, and print what is answered.

    The answers come as speech, which nobody hears, with their words: today's models
    do not write.

    Args:
        model: To whom.
        line: Where notes are shown.
        stats: Show the session's figures at the end.

    Raises:
        ConnectError, SessionClosed, ReceiveTimeout: What it failed by.

    Thread: the main one.
    """
    script = Script()
    session = model.session({})
    mover = Mover(session, script, line)
    session.add_event_listener("message", script.heard)
    with (
        shown(session, line, wanted=stats, audio_unlinked=0.0),
        session.connect(_TIMEOUT_S),
    ):
        if sys.stdin.isatty():
            line.say("type, and end each line with Enter; Ctrl-D ends")
        while True:
            try:
                asked = sys.stdin.readline()
            except KeyboardInterrupt:
                break  # nothing is left undone
            if not asked:
                break
            if asked.strip():
                mover.look(_HANDLE_S)
                mover.wait()
                session.send(asked.strip())
                if not _answered(session, line):
                    return Exit.INTERRUPTED
    return Exit.OK


def fell_silent(seconds: float) -> ReceiveTimeout:
    """What to raise when so many seconds have brought nothing."""
    return ReceiveTimeout(
        f"the model has said nothing for {seconds:g} s, though the connection stands; "
        "begin again, or try another --model; `voxsync record-session FILE talk ...` "
        "keeps what the service sends"
    )


def _answered(session: LiveSession, line: LiveLine) -> bool:
    """Print the answer while it comes; False = Ctrl-C has ended that."""
    begun = False
    try:
        for message in _turn(session, line):
            said = getattr(message, "output_transcription", None)
            if said is not None and said.text:
                if not begun:
                    line.clear()  # it may be the same terminal
                print(plain(said.text), end="", flush=True)
                begun = True
    except KeyboardInterrupt:
        return False
    finally:
        line.clear()
        if begun:
            print(flush=True)
    return True


def _turn(session: LiveSession, line: LiveLine) -> Iterator[LiveServerMessage]:
    """The model's turn; while nothing has come, a line shows that it is waited for."""
    asked = heard = time.monotonic()
    begun = False
    while True:
        try:
            for message in session.receive_turn(min(_LOOK_UP_S, _PATIENCE_S)):
                heard = time.monotonic()
                begun = begun or message.type == "serverContent"
                yield message
        except ReceiveTimeout:
            now = time.monotonic()
            if now - heard >= _PATIENCE_S:
                raise fell_silent(_PATIENCE_S) from None
            if not begun:  # else the cursor is behind what was said
                waited = clock_text(now - asked)
                line.show(f"waiting for the model, {waited}; Ctrl-C ends")
        else:
            return
