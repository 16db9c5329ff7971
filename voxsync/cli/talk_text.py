"""`voxsync talk --text`: typed questions, read answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from voxsync.cli.exits import Exit, plain
from voxsync.cli.script import Mover, Script
from voxsync.cli.stats import shown

if TYPE_CHECKING:
    from voxsync.cli.progress import LiveLine
    from voxsync.gemini import LiveGenerativeModel, LiveSession

__all__ = ["talk_text"]

_TIMEOUT_S = 10.0
# How long a model may think before each piece of its answer.
_PATIENCE_S = 60.0


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
                mover.look()
                mover.wait()
                session.send(asked.strip())
                if not _answered(session):
                    return Exit.INTERRUPTED
    return Exit.OK


def _answered(session: LiveSession) -> bool:
    """Print the answer while it comes; False = Ctrl-C has ended that."""
    begun = False
    try:
        for message in session.receive_turn(_PATIENCE_S):
            said = getattr(message, "output_transcription", None)
            if said is not None and said.text:
                print(plain(said.text), end="", flush=True)
                begun = True
    except KeyboardInterrupt:
        return False
    finally:
        if begun:
            print(flush=True)
    return True
