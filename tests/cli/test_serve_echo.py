"""The voice app that sends back what comes."""

import threading
import time

import numpy as np
import pytest

from voxsync.cli.serve_call import Call
from voxsync.cli.serve_echo import Echo
from voxsync.dialects.base import OpenStream
from voxsync.errors import SessionClosed
from voxsync.media import BufferSink, ToneSource
from voxsync.voximplant import WebSocket, WebSocketServer

SOON = 10.0


class Caller(WebSocket):
    """VoxEngine's side, which notes what it is told.

    Attributes:
        started: Events of that name.
    """

    def __init__(self, url):
        super().__init__(url, side="voxengine")
        self.started = []
        self.silent = threading.Event()
        self.texts = []
        self.add_event_listener("media-started", self.started.append)
        self.add_event_listener("media-ended", lambda event: self.silent.set())
        self.add_event_listener("message", lambda event: self.texts.append(event.text))

    def say(self, tone, **parameters):
        """Send a tone; wait until its echo is over."""
        self.silent.clear()
        tone.send_media_to(self, **parameters).wait(SOON)
        assert self.silent.wait(SOON)


@pytest.fixture
def echo():
    """Start an echo and call it; returns the caller."""
    servers, lines = [], []

    def start(delay=0.0):
        server = WebSocketServer()
        app = Echo(delay)
        server.on_connection = lambda ws: Call(1, ws, app, lines.append)
        servers.append(server.start())
        caller = Caller(server.url)
        caller.lines = lines
        return caller

    yield start
    for server in servers:
        server.close()


def tone(seconds=0.4, rate=8000):
    return ToneSource(440, seconds=seconds, sample_rate=rate)


def test_texts_come_back_as_they_are(echo):
    """Whatever they say, in order; what comes at the end is no error."""
    with echo() as caller:
        texts = ["a", '{"customEvent": "x"}', '{"event": "unknown"}', "が"]
        for text in texts:
            caller.send(text)
        end = time.monotonic() + SOON
        while len(caller.texts) < len(texts) and time.monotonic() < end:
            caller.silent.wait(0.01)
    assert caller.texts == texts


def test_a_text_that_comes_too_late():
    """The call is over: nobody waits for an answer."""

    class Over:
        def send(self, text):
            raise SessionClosed("it is over", code=1000)

    call = type("Call", (), {"ws": Over()})
    assert Echo().text(call, "hello") is None


def test_parameters_come_back(echo):
    """As strings: what was none is JSON."""
    with echo() as caller:
        # A peer that is not ours may say more than strings.
        opening = OpenStream("a", "PCM8", {"room": "blue", "n": 7, "x": None})
        caller._put_media(opening, lambda: True)
        block = caller._media_command(np.ones(160, np.int16), "a")
        caller._put_media(block, lambda: True)
        assert caller.silent.wait(SOON)
    (event,) = caller.started
    assert event.custom_parameters == {"room": "blue", "n": "7", "x": "null"}


@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_a_stream_that_begins_anew_as_something_else(echo, delay):
    """Its echo is in the new encoding, under the same tag."""
    caller = echo(delay)
    heard = BufferSink(5, 8000)
    caller.send_media_to(heard, tag="a")
    with caller:
        for encoding in ("ULAW", "ULAW", "ALAW"):
            caller.say(tone(), tag="a", encoding=encoding)
    assert [event.encoding for event in caller.started][:2] == ["ULAW", "ULAW"]
    assert caller.started[-1].encoding == "ALAW"
    assert caller.lines[1:3] == [
        "call 1: echo of 'a' in ULAW",
        "call 1: echo of 'a' in ALAW",
    ]
    assert 2 * 3200 < len(heard.frames) <= 3 * 3200


def test_what_voxengine_has_no_name_for(echo):
    """Comes back in one that it has, resampled."""
    caller = echo()
    with caller:
        caller.send(
            '{"event":"start","sequenceNumber":0,"start":{"tag":"a","mediaFormat":'
            '{"encoding":"audio/l16","sampleRate":24000}}}'
        )
        caller.send(
            '{"event":"media","sequenceNumber":1,"media":{"tag":"a","chunk":0,'
            '"timestamp":0,"payload":"' + "AAAA" * 2400 + '"}}'
        )
        assert caller.silent.wait(SOON)
    assert [event.encoding for event in caller.started] == ["PCM16"]


def test_a_delay(echo):
    """Not sooner, and sample by sample."""
    caller = echo(0.4)
    heard = BufferSink(5, 8000)
    caller.send_media_to(heard, tag="a")
    moments = []
    caller.on_media_started = lambda event: moments.append(time.monotonic())
    with caller:
        before = time.monotonic()
        caller.say(tone(), tag="a", encoding="PCM8")
    assert moments[0] - before >= 0.4
    with tone() as said:
        assert np.array_equal(heard.frames, said.read(3200))


def test_a_call_that_ends_in_the_middle_of_it(echo):
    """No error, nothing left behind."""
    caller = echo(30.0)
    with caller:
        tone(0.2).send_media_to(caller, tag="a").wait(SOON)
    caller.wait_closed(SOON)
    assert not [line for line in caller.lines if "error" in line or "ended" in line]
