"""The voice app that sends back what is said."""

import json
import threading

import pytest

from voxsync.cli.serve_call import Call
from voxsync.cli.serve_transcribe import Transcriber
from voxsync.errors import VoxsyncError
from voxsync.media import ToneSource
from voxsync.simulators.recogniser import ScriptedRecogniser
from voxsync.voximplant import WebSocket, WebSocketServer

SOON = 10.0


class Engine:
    """A recogniser that does what a script says, and can be held or broken.

    Attributes:
        heard: Bytes of audio of each stream.
        closed: How many streams were.
    """

    def __init__(self, text="good morning"):
        self.script = ScriptedRecogniser.words(text, ms_per_word=100)
        self.error = None
        self.go = threading.Event()
        self.go.set()
        self.held = threading.Event()
        self.heard = []
        self.closed = 0
        self.rates = set()

    def open(self, *, sample_rate, language):
        self.rates.add(sample_rate)
        self.heard.append(0)
        return _Stream(self, self.script.open(sample_rate=16000, language=language))


class _Stream:
    def __init__(self, engine, inner):
        self.engine, self.inner = engine, inner

    def feed(self, pcm):
        engine = self.engine
        if not engine.go.is_set():
            engine.held.set()
            assert engine.go.wait(SOON)
        if engine.error:
            raise engine.error
        engine.heard[-1] += len(pcm)
        return self.inner.feed(pcm)

    def finish(self):
        return self.inner.finish()

    def close(self):
        self.engine.closed += 1
        self.inner.close()


class Caller(WebSocket):
    """VoxEngine's side, which notes what it is told."""

    def __init__(self, url):
        super().__init__(url, side="voxengine")
        self.messages = []
        self.changed = threading.Condition()
        self.add_event_listener("message", self.note)

    def note(self, event):
        with self.changed:
            self.messages.append(json.loads(event.text))
            self.changed.notify_all()

    def finals(self, count):
        """Wait for so many final texts; return all that there are."""

        def found():
            return [m for m in self.messages if m["payload"].get("isFinal")]

        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= count, SOON)
            return found()

    def say(self, seconds=0.3, **parameters):
        rate = 8000 if parameters.get("encoding") == "ULAW" else 16000
        tone = ToneSource(440, seconds=seconds, sample_rate=rate)
        tone.send_media_to(self, **{"encoding": "PCM16", **parameters}).wait(SOON)


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def caller(engine):
    """Of a transcriber with that engine."""
    lines = []
    app = Transcriber(engine)
    with WebSocketServer() as server:
        server.on_connection = lambda ws: Call(1, ws, app, lines.append)
        made = Caller(server.url)
        made.lines = lines
        made.server = server
        yield made
        engine.go.set()


@pytest.mark.parametrize("encoding", ["PCM16", "ULAW"])
def test_what_is_said_comes_back(caller, engine, encoding):
    """Word by word, then final; the engine has 16 kHz in any case."""
    with caller:
        caller.say(tag="a", encoding=encoding)
        caller.finals(1)
    assert caller.messages == [
        {
            "customEvent": "transcript",
            "payload": {"tag": "a", "text": text, "isFinal": final},
        }
        for text, final in [
            ("good", False),
            ("good morning", False),
            ("good morning", True),
        ]
    ]
    assert engine.rates == {16000}
    assert engine.heard == [0.3 * 32000]
    assert "call 1: heard in 'a': good morning" in caller.lines


def test_a_text_is_final_when_a_second_was_silent(caller, engine):
    """Without a stop, too; what is said then is a new text."""
    with caller:
        for count in (1, 2):
            for block in [bytes(640)] * 15:
                caller._put_media(caller_audio(caller, block), lambda: True)
            assert caller.finals(count)[-1]["payload"]["text"] == "good morning"
    assert len(engine.heard) == 2


def caller_audio(caller, block):
    from voxsync.dialects.base import SendAudio

    return SendAudio("a", block)


def test_streams_are_told_apart(caller, engine):
    """Two at a time, each with a recogniser of its own."""
    with caller:
        threads = [
            threading.Thread(target=caller.say, kwargs={"tag": tag}) for tag in "ab"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
        finals = caller.finals(2)
    assert {final["payload"]["tag"] for final in finals} == {"a", "b"}
    assert len(engine.heard) == 2


def test_messages_ask_for_nothing(caller):
    """They are taken, and that is all."""
    with caller:
        caller.send("hello")
        caller.say(0.3)
        caller.finals(1)
    assert len(caller.messages) == 3


def test_a_recogniser_that_fails(caller, engine):
    """The caller is told, the call goes on, other streams too."""
    engine.error = VoxsyncError("out of words")
    with caller:
        caller.say(tag="a")
        with caller.changed:
            assert caller.changed.wait_for(lambda: caller.messages, SOON)
        assert caller.messages == [
            {"customEvent": "transcriptFailed", "payload": {"tag": "a"}}
        ]
        engine.error = None
        caller.say(tag="b")
        caller.finals(1)
        caller.say(tag="a")  # which is heard by nobody any more
    assert "call 1: the recogniser of 'a' failed: out of words" in caller.lines
    assert engine.closed == len(engine.heard) == 2


def test_a_recogniser_that_hangs_holds_up_nothing(caller, engine):
    """Not the call, nor its end; it lets go when it can."""
    engine.go.clear()
    with caller:
        caller.say(2.0, tag="a")
        assert engine.held.wait(SOON)
        (ws,) = caller.server.websockets
        ws.send('{"payload": {}}')
        with caller.changed:
            assert caller.changed.wait_for(lambda: caller.messages, SOON)
    assert caller.wait_closed(SOON).code == 1000
    engine.go.set()


def test_a_call_that_ends_in_the_middle_of_a_word(caller, engine):
    """The recogniser's stream is closed; nobody is told."""
    with caller:
        caller.say(0.1, tag="a")
    end = threading.Event()
    for _ in range(1000):
        if engine.closed == len(engine.heard) and caller.lines[-1].startswith(
            "call 1: closed"
        ):
            break
        end.wait(0.01)
    assert engine.closed == len(engine.heard)
