import io
import json
from types import SimpleNamespace

import pytest

from voxsync.cli.progress import LiveLine
from voxsync.cli.script import Mover, Script
from voxsync.dialects.gemini.parsing import parse
from voxsync.errors import ConnectError


@pytest.fixture
def script():
    return Script()


def hear(script, *messages):
    for each in messages:
        for message in parse(json.dumps(each)):
            script.heard(SimpleNamespace(data=message))


def content(**fields):
    return {"serverContent": fields}


def said(**fields):
    key, text = next(iter(fields.items()))
    return content(**{f"{key}Transcription": {"text": text}})


SOUND = content(
    modelTurn={"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}]}
)


def test_pieces_become_lines(script):
    """Who said it, when the turn is over; until then it is pending."""
    hear(script, said(input="good "), said(input="morning"))
    assert (script.take(), script.pending) == ([], "you: good morning")
    hear(script, SOUND, said(output="Good "), said(output="day.\x00\n"))
    assert (script.take(), script.pending) == ([], "model: Good day.\x00")
    hear(script, content(turnComplete=True))
    assert script.take() == ["you: good morning", "model: Good day.\x00"]
    assert (script.take(), script.pending) == ([], "")


def test_an_interruption_ends_the_models_line(script):
    """What it had said until then is a line."""
    hear(script, SOUND, said(output="Once upon"), content(interrupted=True))
    assert script.take() == ["model: Once upon"]
    assert not script.answering


def test_the_end_completes_all(script):
    """What nobody has completed; nothing where only spaces were said."""
    hear(script, said(input="one"), content(turnComplete=True), said(input="two"))
    hear(script, said(output="  "))
    assert script.finish() == ["you: one", "you: two"]
    hear(script, content(turnComplete=True))
    assert script.take() == ["you: two"]


def test_whether_the_model_has_the_floor(script):
    """From its first content to the end of its turn."""
    assert not script.answering
    hear(script, said(input="hello"))
    assert not script.answering
    hear(script, SOUND)
    assert script.answering
    hear(script, content(generationComplete=True))
    assert script.answering
    hear(script, content(turnComplete=True))
    assert not script.answering


class Session:
    def __init__(self, handle, error=None, *, is_closed=False):
        self.is_closed = is_closed
        self.handle = handle
        self.error = error
        self.resumed = 0

    def resume(self, *, timeout):
        self.resumed += 1
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("session", "resumed", "told"),
    [
        (Session("h"), 1, ""),
        (Session(None), 0, ""),
        (Session("h", ConnectError("no")), 1, "voxsync: this will end soon: no\n"),
        (Session("h", ConnectError("no"), is_closed=True), 1, ""),
    ],
)
def test_moving_on(script, session, resumed, told):
    """Once for each announcement, where there is a handle; a failure is told."""
    out = io.StringIO()
    line = LiveLine(out)
    mover = Mover(session, script, line)
    mover.look()
    assert session.resumed == 0
    hear(script, {"goAway": {"timeLeft": "5s"}})
    assert script.leaving
    mover.look()
    assert session.resumed == 0
    if session.handle is not None:
        hear(script, {"sessionResumptionUpdate": {"newHandle": session.handle}})
    mover.look(0.01)
    mover.look()
    mover.wait()
    assert (session.resumed, out.getvalue()) == (resumed, told)
