"""What is sent, and how it is written."""

import json
import threading

import pytest

from tests.simulators.gemini_client import LiveClient, service
from voxsync.errors import SendQueueFull
from voxsync.simulators.gemini_acts import GeminiActs
from voxsync.simulators.gemini_faults import fault
from voxsync.simulators.gemini_output import Output
from voxsync.simulators.gemini_record import GeminiRecord


class Session:
    """One with room for so many messages."""

    def __init__(self, room=100):
        self.room, self.sent, self.waits = room, [], []

    def _put(self, item, block, timeout):
        self.waits.append((block, timeout))
        if len(self.sent) >= self.room:
            raise SendQueueFull("full")
        self.sent.append(item)

    def send_text(self, text, *, block=True, timeout=None):
        self._put(text, block, timeout)

    def send_binary(self, data, *, block=True, timeout=None):
        self._put(data, block, timeout)

    def inject(self, data):
        self._put(data, True, None)


def made(*faults, room=100, binary=True, pretty=False):
    session, record = Session(room), GeminiRecord(1)
    acts = GeminiActs(1, faults, threading.Event())
    return session, record, Output(session, acts, record, binary=binary, pretty=pretty)


MESSAGE = {"serverContent": {"outputTranscription": {"text": "grüß"}}}


def test_frames_are_binary():
    """Compact JSON in UTF-8."""
    session, record, output = made()
    assert output.send(MESSAGE)
    assert session.sent == [
        '{"serverContent":{"outputTranscription":{"text":"grüß"}}}'.encode()
    ]
    assert [json.loads(each) for each in record.messages] == [MESSAGE]


@pytest.mark.parametrize("binary", [True, False])
def test_frames_may_be_otherwise(binary):
    """Text, or with spaces and newlines."""
    session, _, output = made(binary=binary, pretty=True)
    output.send(MESSAGE)
    (sent,) = session.sent
    assert isinstance(sent, bytes if binary else str)
    assert len(sent.splitlines()) > 3
    assert json.loads(sent) == MESSAGE


def test_sound_is_counted():
    """It is not kept in the record."""
    _, record, output = made()
    blob = {"mimeType": "audio/pcm", "data": "AAAA"}
    output.send({"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}})
    assert record.sent_audio == 3
    assert not record.messages


def test_a_message_without_room():
    """What is not taken is offered again; what was taken is not lost."""
    session, _, output = made(room=1)
    assert output.send({"a": 1}, 0.01)
    assert output.send({"b": 1}, 0.01)  # it waits here
    assert not output.send({"c": 1}, 0.01)
    session.room = 10
    assert output.send({"c": 1}, 0.01)
    assert session.sent == [b'{"a":1}', b'{"b":1}', b'{"c":1}']
    assert (True, 0.01) in session.waits
    assert (False, None) in session.waits
    assert output.send({"d": 1})
    assert session.waits[-1] == (True, None)


def test_sealed_frames():
    """Faults may write frames of their own."""
    session, _, output = made(fault("split"))
    output.send({"a": 1})
    assert session.sent[0].startswith(b"\x02\x01{")


def test_both_kinds_over_the_wire():
    """As the client sees them."""
    for binary, kind in ((True, bytes), (False, str)):
        with service(binary=binary) as there, LiveClient(there) as live:
            assert isinstance(live.frames[0], kind)
