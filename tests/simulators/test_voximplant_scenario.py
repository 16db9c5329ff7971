"""The usual scenario: a caller, an app, and when they have done."""

import io
import sys
import wave

import numpy as np
import pytest

from tests.simulators.vox_app import App, noise, speech, until
from voxsync.audio import opus
from voxsync.clocks import VirtualClock
from voxsync.errors import MissingExtra
from voxsync.media import BufferSink, CallbackSource, ToneSource, WavReader
from voxsync.simulators.voximplant import Scenario, VoxEngine
from voxsync.simulators.voximplant_scenario import CLEAR
from voxsync.voximplant import WebSocket, WebSocketParameters

SAID = noise(1.0)


@pytest.fixture
def hello(tmp_path):
    """What the caller says: a second at 16 kHz."""
    path = tmp_path / "hello.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(SAID.tobytes())
    return path


def names(engine):
    return [entry.name for entry in engine.events]


def test_any_source_can_be_the_caller():
    """One that has an end ends the call as a file does."""
    clock = VirtualClock(speed=5)
    with App(clock, echo=True) as app:
        said = ToneSource(440, seconds=0.5)
        scenario = Scenario(url=app.url, play=said, patience=0.5)
        with VoxEngine(scenario, clock=clock) as engine:
            engine.wait(20)
    played = engine.wait_for("call-played").seconds
    assert engine.wait_for("call-disconnected").seconds >= played + 0.5


def test_a_whole_call(hello, tmp_path):
    """The file is played and what comes back is recorded; then both hang up."""
    clock = VirtualClock(speed=5)
    scenario_of = lambda url: Scenario(  # noqa: E731
        url=url,
        play=hello,
        record=tmp_path / "heard.wav",
        tag="caller",
        encoding="PCM16",
        custom_parameters={"room": "blue"},
        parameters=WebSocketParameters(headers={"X-Room": "blue"}),
        messages=("hello", "there"),
    )
    with App(clock, echo=True) as app:
        with VoxEngine(scenario_of(app.url), clock=clock) as engine:
            engine.wait(20)
        assert app.named("message") == ["hello", "there"]
        assert app.sockets[0].request.headers["x-room"] == "blue"
        assert app.wait_for("close") == [1000]
        assert np.array_equal(app.sinks["caller"].frames, SAID)
    played = engine.wait_for("call-played").seconds
    assert engine.wait_for("call-disconnected").seconds >= played + 3.0
    assert names(engine)[-3:] == ["call-disconnected", "terminated", "close"]
    with wave.open(str(tmp_path / "heard.wav")) as file:
        heard = np.frombuffer(file.readframes(1 << 20), "<i2")
    assert np.array_equal(heard, SAID)


def test_an_app_that_comes_in(hello):
    """The first that comes gets the call; others get nothing."""
    clock, heard = VirtualClock(speed=5), BufferSink()
    scenario = Scenario(play=hello, encoding="PCM16", patience=None)
    with VoxEngine(scenario, clock=clock) as engine:
        url = engine.allow_web_socket_connections()
        ws = WebSocket(url)
        ws.send_media_to(heard)
        with ws:
            engine.wait_for("open")  # or the other could be the first
            other = WebSocket(url).connect()
            until(lambda: len(heard.frames) == len(SAID))
            engine.terminate()
            engine.wait(20)
            ws.wait_closed(10)
            other.wait_closed(10)
            assert other.media_statistics.received == {}
    assert np.array_equal(heard.frames, SAID)
    assert repr(scenario) == "<Scenario with what comes in>"


def test_the_app_asks_for_a_clear():
    """Of all streams, or of one; nothing else of what it says does anything."""
    clock = VirtualClock()
    asks = (
        "x",
        "[]",
        '{"customEvent":"other"}',
        f'{{"customEvent":"{CLEAR}","payload":{{"tag":"other"}}}}',
        f'{{"customEvent":"{CLEAR}","payload":{{"tag":"t"}}}}',
    )

    def talk(ws):
        ws.on_open = lambda _: speech(noise(5.0), ends=False).send_media_to(
            ws, paced=False, tag="t", encoding="PCM16"
        )

    with App(clock, on_socket=talk) as app:
        with VoxEngine(Scenario(url=app.url, patience=None), clock=clock) as engine:
            engine.wait_for("media-started")
            (ws,) = engine.sockets
            until(lambda: ws.media_statistics.received["t"].messages == 250)
            for text in asks:
                app.sockets[0].send(text)
            engine.wait_for("message", count=len(asks))
            until(lambda: not ws._connection.engine.streams._asked)
            clock.advance(1.01)
            info = engine.wait_for("media-ended").fields["media_info"]
            assert info.seconds == 0.0
        assert engine.wait_for("media-ended").seconds == pytest.approx(1.01)


def test_a_clear_of_everything():
    """Without a tag."""
    clock = VirtualClock()

    def talk(ws):
        ws.on_open = lambda _: speech(noise(5.0)).send_media_to(ws, paced=False)

    with (
        App(clock, on_socket=talk) as app,
        VoxEngine(Scenario(url=app.url, patience=None), clock=clock) as engine,
    ):
        engine.wait_for("media-started")
        app.sockets[0].send(f'{{"customEvent":"{CLEAR}","payload":7}}')
        engine.wait_for("message")
        (ws,) = engine.sockets
        until(lambda: not ws._connection.engine.streams._asked)
        until(lambda: ws.media_statistics.received[""].declared_ms == 5000)


def test_the_newest_stream_is_heard():
    """And the older one again, when it begins again."""
    clock, heard = VirtualClock(), BufferSink()
    tags = ("a", "b", "a")

    with App(clock) as app:
        scenario = Scenario(url=app.url, record=heard, patience=None)
        with VoxEngine(scenario, clock=clock) as engine:
            app.wait_for("open")
            for number, tag in enumerate(tags, 1):
                block = np.full(320, number, np.int16)
                speech(block).send_media_to(
                    app.sockets[0], paced=False, tag=tag, encoding="PCM16"
                )
                engine.wait_for("media-started", count=number)
                until(lambda n=number: len(heard.frames) == 320 * n)
                clock.advance(2.0)
                engine.wait_for("media-ended", count=number)
    assert list(heard.frames[::320]) == [1, 2, 3]


def test_patience_begins_anew_with_all_that_is_said(hello):
    """Messages and audio; while audio is heard it does not run out."""
    clock = VirtualClock()
    with App(clock) as app:
        scenario = Scenario(url=app.url, play=hello, patience=10.0)
        with VoxEngine(scenario, clock=clock) as engine:
            # The link's reserve of what is due is one block.
            until(lambda: engine.sockets and engine.sockets[0].media_statistics.sent)
            until(lambda: _advance_until_played(engine, clock))
            engine.run(lambda: None)
            clock.advance(9.0)
            app.sockets[0].send("wait")
            engine.wait_for("message")
            _drain(engine)
            clock.advance(9.0)
            speech(noise(5.0)).send_media_to(app.sockets[0], paced=False)
            engine.wait_for("media-started")
            until(lambda: engine.sockets[0].media_statistics.received[""].declared_ms)
            clock.advance(4.9)
            _drain(engine)
            assert "call-disconnected" not in names(engine)
            clock.advance(0.2)
            engine.wait_for("media-ended")
            _drain(engine)
            clock.advance(9.9)
            _drain(engine)
            assert "call-disconnected" not in names(engine)
            clock.advance(0.2)
            engine.wait_for("call-disconnected")
            engine.wait(10)


def _advance_until_played(engine, clock):
    clock.advance(0.1)
    return "call-played" in names(engine)


def _drain(engine):
    """Until the engine's thread has done what waited."""
    done = []
    engine.run(lambda: done.append(1))
    until(lambda: done)


def test_the_app_closes_first():
    """Then the call is hung up, and the session over."""
    with (
        App(on_socket=lambda ws: ws.add_event_listener("open", close)) as app,
        VoxEngine(Scenario(url=app.url, patience=None)) as engine,
    ):
        engine.wait(10)
    assert engine.wait_for("close").fields["code"] == 4000
    assert names(engine)[-2:] == ["call-disconnected", "terminated"]


def close(event):
    event.target.close(4000, "not today", wait=False)


def test_an_app_that_is_faster_than_the_scenario():
    """It has closed before the first word: nothing fails."""
    with App(on_socket=lambda ws: ws.add_event_listener("created", close)) as app:
        scenario = Scenario(
            url=app.url, play=CallbackSource(lambda _: None), messages=("x",) * 100
        )
        with VoxEngine(scenario) as engine:
            engine.wait(10)
    assert engine.error is None


def test_what_is_not_installed_ends_the_session(hello, monkeypatch):
    """OPUS without its extra."""
    monkeypatch.setitem(sys.modules, "opuslib_next", None)
    opus._library.cache_clear()  # it may have been there for another test
    try:
        with (
            App() as app,
            VoxEngine(Scenario(url=app.url, play=hello, encoding="OPUS")) as engine,
            pytest.raises(MissingExtra),
        ):
            engine.wait(10)
    finally:
        opus._library.cache_clear()


def test_what_makes_no_sense_is_said_at_once():
    """An encoding, parameters; and what it shows of its URL is no secret."""
    with pytest.raises(ValueError, match="PCM8"):
        Scenario(encoding="G729")
    assert "planted" not in repr(Scenario(url="ws://a/?token=planted"))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("url", 5, "url must be a str, such as .* not int"),
        ("url", b"ws://h/", "url must be a str, such as .* not bytes"),
        ("custom_parameters", [("a", "b")], "a mapping of str to str.* not list"),
        ("custom_parameters", {"a": 1}, "a mapping of str to str.*'a' has int"),
        ("custom_parameters", {1: "a"}, "a mapping of str to str.*1 has str"),
        ("messages", "hello", r"messages must be a sequence of str.*not str"),
        ("messages", {"hello"}, "messages must be a sequence of str.*not set"),
        ("messages", None, "messages must be a sequence of str.*not NoneType"),
        ("messages", ["a", b"b"], r"messages\[1\] must be a str, not bytes"),
        ("patience", "3", "patience must be a number, not '3'"),
        ("patience", True, "patience must be a number, not True"),
        (
            "play",
            WavReader,
            "play must be a path, a source such as WavReader.*the class",
        ),
        ("play", 3, "play must be a path, a source such as .* not int"),
        ("play", BufferSink(), "play must be a path, a source such as"),
        ("record", BufferSink, "record must be a path, a sink such as .* the class"),
        ("record", ToneSource(440), "record must be a path, a sink such as"),
        ("parameters", {"a": "b"}, r"parameters must be WebSocketParameters\(...\)"),
        ("tag", 7, "tag must be a str"),
    ],
)
def test_what_is_of_the_wrong_kind(field, value, words):
    """It is said at once, by the field's name, with what to give."""
    with pytest.raises(TypeError, match=words):
        Scenario(**{field: value})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("url", "127.0.0.1:8080", "url .* must begin with ws://, wss://, http://"),
        ("url", "ftp://h/", "url 'ftp://h/' must begin with"),
        ("url", "", "url '' must begin with"),
        ("url", "https://:80/", "url 'wss://:80/': a host, and a port"),
        ("url", "ws://h/#a", "url .* has no fragment"),
        ("url", "ws://a:b:c/", "url .* is not a URL"),
        ("patience", -1, "patience must be 0 or more seconds, or None"),
        ("patience", float("inf"), "patience must be 0 or more seconds, or None"),
        ("patience", float("nan"), "patience must be 0 or more seconds, or None"),
    ],
)
def test_what_is_out_of_range(field, value, words):
    """Likewise."""
    with pytest.raises(ValueError, match=words):
        Scenario(**{field: value})


def test_what_is_accepted(tmp_path):
    """All kinds that are documented; what is kept is a copy."""
    messages, parameters = ["a", "b"], {"room": "7"}
    for url in ("ws://h", "WSS://h/", "http://h:80/a?b=c", "https://h/", None):
        for play in (None, "a.wav", tmp_path, ToneSource(440), io.BytesIO()):
            scenario = Scenario(
                url=url,
                play=play,
                record=BufferSink(),
                messages=messages,
                custom_parameters=parameters,
                patience=0,
                parameters=WebSocketParameters(),
            )
    messages.append("c")
    parameters["room"] = "8"
    assert scenario.messages == ("a", "b")
    assert scenario.custom_parameters == {"room": "7"}
