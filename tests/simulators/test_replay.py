"""A replayed trace: a client cannot tell it from the service."""

import contextlib
import json
import threading

import numpy as np
import pytest

from tests.simulators.gemini_client import LOUD, QUIET, service
from tests.simulators.vox_app import noise, speech
from voxsync.clocks import VirtualClock
from voxsync.errors import HandshakeError, InvalidState, SessionClosed, TraceError
from voxsync.gemini import LiveGenerativeModel
from voxsync.media import BufferSink
from voxsync.mimi import MimiSession
from voxsync.plain import PlainSession
from voxsync.server import Listener, Refusal, ServerSession
from voxsync.session import SessionOptions
from voxsync.simulators.faults import fault
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.replay import ReplayService
from voxsync.simulators.voximplant import VoxEngine
from voxsync.trace import read, record
from voxsync.trace.masking import Masker
from voxsync.voximplant import WebSocket

SOON = 20
UPDATE = "sessionResumptionUpdate"
EVENTS = ("created", "open", "message", "media-started", "media-ended", "error")


class Story:
    """All that a client is told, in order, and what it hears."""

    def __init__(self, session, tags=()):
        self.messages, self.media, self.others = [], [], []
        self.sinks = {tag: BufferSink(sample_rate=24000) for tag in tags}
        for name in (*EVENTS, "close"):
            session.add_event_listener(name, self.note)
        self.links = [
            session.send_media_to(sink, tag=tag, paced=False)
            for tag, sink in self.sinks.items()
        ]

    def note(self, event):
        match str(event.type):
            case "message":
                self.messages.append(plain(event.data))
            case "media-started":
                self.media.append(("started", event.tag, event.encoding))
            case "media-ended":
                self.media.append(("ended", event.tag, event.media_info.seconds))
            case "error":
                error = event.error
                self.others.append(("error", type(error), str(error)))
            case "close":
                end = (event.code, event.reason, event.was_clean)
                self.others.append(("close", *end, type(event.error)))
            case name:
                self.others.append((name,))

    def check(self, other):
        for link in self.links + other.links:
            link.wait(SOON)
        assert self.messages == other.messages
        assert self.others == other.others
        assert [m[:2] for m in self.media] == [m[:2] for m in other.media]
        for tag, sink in self.sinks.items():
            assert len(sink.frames)
            assert np.array_equal(sink.frames, other.sinks[tag].frames), tag


def plain(data):
    """Type and content of a message; secrets as a trace has them."""
    raw = getattr(data, "raw", data)
    if isinstance(raw, bytes):
        return raw
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return type(data).__name__, Masker().text(text)


def once(session, path):
    """A recording where there is a path."""
    return record(session, path) if path else contextlib.nullcontext()


def twice(path, url, act, **settings):
    """Act with the service at `url`, and again with its replay; both stories."""
    first = act(url, path)
    with ReplayService(path, **settings) as replay:
        second = act(replay.url, None)
        reports = [replay.wait_report(1)]
        for number in range(2, len({r.conn for r in read(path)} - {0}) + 1):
            reports.append(replay.wait_report(number))
    first.check(second)
    return first, reports


def recognise(url, path, *, sizes=(640,) * 100, **options):
    session = MimiSession("t0ken-secret", url=url, **options)
    story = Story(session)
    audio = noise(2.0).tobytes()
    with once(session, path), session:
        for size in sizes:
            session.send_binary(audio[:size])
            audio = audio[size:]
        session.stop_recognition()
        story.results = [result.text for result in session.receive(SOON)]
    return story


@pytest.mark.parametrize("realtime", [False, True])
def test_mimi(tmp_path, realtime):
    """Partial and final results, and the service's closing."""
    path = tmp_path / "mimi.trace"
    with MimiService() as mimi:
        story, (report,) = twice(path, mimi.url, recognise, realtime=realtime)
    assert story.results[-1] == "朝日が昇る。鳥が"
    assert len(story.messages) > 5
    assert report.is_faithful, report
    assert report.bulk_bytes == report.expected_bulk_bytes == 64000
    assert "t0ken" not in path.read_text()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "close",
            {"code": 4003, "reason": "idle", "at": "audio", "after_bytes": 32000},
        ),
        ("close_empty", {"at": "audio", "after_bytes": 32000}),
        ("fin", {"at": "audio", "after_bytes": 32000}),
    ],
)
def test_a_bad_end(tmp_path, name, options):
    """With its close code, allowed or not; or none at all."""

    def hear(url, path):
        session = MimiSession(None, url=url)
        story = Story(session)
        with once(session, path), session:
            session.send_binary(noise(2.0))
            with pytest.raises(SessionClosed):
                list(session.receive(SOON))
        return story

    with MimiService(faults=[fault(name, **options)]) as mimi:
        twice(tmp_path / "end.trace", mimi.url, hear)


def test_a_refusal(tmp_path):
    """The status is that of the trace."""

    def knock(url, path):
        session = MimiSession("wr0ng-token", url=url)
        story = Story(session)
        with once(session, path), pytest.raises(HandshakeError) as caught:
            session.connect()
        assert caught.value.status == 401
        story.others = [other[:2] for other in story.others]  # the words may differ
        return story

    path = tmp_path / "refused.trace"
    with MimiService(token="right-token") as mimi:
        first = knock(mimi.url, path)
    with ReplayService(path) as replay:
        first.check(knock(replay.url, None))


def live(url, path, *, resume=False):
    model = LiveGenerativeModel(
        "live",
        api_key="s3cret-of-mine",
        base_url=url,
        config={
            "response_modalities": ["AUDIO"],
            "output_audio_transcription": {},
        },
    )
    session = model.session({})
    story = Story(session, tags=("",))
    with once(session, path), session:
        session.send("Tell me something.")
        turn(session)
        if resume:
            session.resume()
        for block in (*[LOUD] * 5, *[QUIET] * 10):
            session.send_audio_realtime(block)
        turn(session)
        session.send("Once more.")
        turn(session)
    return story


def turn(session):
    for _ in session.receive_turn(SOON):
        pass
    for message in session.receive(SOON):  # which the service says behind each turn
        if message.type == UPDATE:
            return


@pytest.mark.parametrize("realtime", [False, True])
def test_gemini(tmp_path, realtime):
    """A spoken answer, by text and by voice, in binary messages of JSON."""
    path = tmp_path / "live.trace"
    with service() as gemini:
        story, (report,) = twice(path, gemini.url, live, realtime=realtime)
    assert report.is_faithful, report
    assert len(story.messages) > 10
    assert story.media[0][:2] == ("started", "")
    assert "s3cret" not in path.read_text()


def test_gemini_resumed(tmp_path):
    """Two connections: one trace, and a service that plays both."""
    path = tmp_path / "resumed.trace"

    def act(url, path):
        return live(url, path, resume=True)

    with service() as gemini:
        _, reports = twice(path, gemini.url, act)
    assert [report.script for report in reports] == [1, 2]
    assert all(report.is_faithful for report in reports), reports
    handles = [r.text for r in read(path) if "newHandle" in (r.text or "")]
    assert handles
    assert all(json.loads(t)[UPDATE]["newHandle"] == "***" for t in handles)


class App:
    """What a voice app does with VoxEngine, by the access URL."""

    def __init__(self, engine_audio):
        self.audio = engine_audio

    def __call__(self, url, path):
        ws = WebSocket(url)
        story = Story(ws, tags=("caller",))
        with once(ws, path):
            ws.connect()
            told = ws.receive(SOON)
            assert next(told) == "welcome"
            ws.send("thanks")
            assert next(told) == "go"
            link = speech(noise(0.5)).send_media_to(
                ws, tag="bot", encoding="PCM16", paced=False
            )
            link.wait(SOON)
            ws.send("done")
            assert list(told) == ["bye"]
            ws.wait_closed(SOON)
        return story


@pytest.mark.parametrize("realtime", [False, True])
def test_voximplant(tmp_path, realtime):
    """Streams both ways, texts, and the scenario's closing."""
    said = noise(0.6)

    def scenario(engine):
        def came(new):
            ws = new.websocket
            ws.on_open = lambda _: ws.send("welcome")
            ws.on_message = lambda event: answer(ws, event.text)

        def answer(ws, text):
            if text == "thanks":
                link = speech(said).send_media_to(ws, tag="caller", encoding="PCM16")
                links.append(link)
                ws.send("go")
            elif text == "done":
                engine.after(1.0, lambda: (ws.send("bye"), ws.close(1000, "enough")))

        links = []
        engine.on_web_socket = came

    path = tmp_path / "vox.trace"
    with VoxEngine(scenario) as engine:
        url = engine.allow_web_socket_connections()
        story, (report,) = twice(path, url, App(said), realtime=realtime)
    assert report.is_faithful, report
    assert story.media[0] == ("started", "caller", "PCM16")
    assert url.rsplit("/", 1)[1] not in path.read_text()


# A client that does something else


def test_other_blocks(tmp_path):
    """Audio in larger pieces is as good: nobody waits for their number."""
    path = tmp_path / "mimi.trace"
    with MimiService() as mimi:
        first = recognise(mimi.url, path)
    with ReplayService(path, patience=30) as replay:
        second = recognise(replay.url, None, sizes=(6400,) * 10)
        report = replay.wait_report()
    assert report.is_faithful
    assert second.results == first.results


def test_another_client(tmp_path, caplog):
    """It is told what differs, waits no longer than `patience`, and hears all."""
    path = tmp_path / "mimi.trace"
    with MimiService() as mimi:
        first = recognise(mimi.url, path)
    with ReplayService(path, patience=0.2) as replay:
        session = PlainSession(replay.url)
        with session:
            session.send_text('{"command":"something else"}')
            texts = list(session.receive(SOON))
        report = replay.wait_report()
    assert len(texts) == len(first.messages)
    assert not report.is_faithful
    assert report.different == 1
    assert "something else" in report.difference
    assert "recog-break" in report.difference
    assert report.waited == 1
    assert "something else" in caplog.text
    assert "goes on" in caplog.text


def test_a_client_that_leaves(tmp_path):
    """Is not waited for."""
    path = tmp_path / "mimi.trace"
    with MimiService() as mimi:
        recognise(mimi.url, path)
    with ReplayService(path, patience=30) as replay:
        PlainSession(replay.url).connect().close()
        report = replay.wait_report(timeout=5)
    assert report.steps == 0
    assert not report.is_faithful


def test_a_client_that_stays(tmp_path):
    """Where the trace's client closed, it is closed after a while."""
    path = tmp_path / "plain.trace"
    with Listener() as listener:
        session = PlainSession(listener.url)
        with record(session, path), session:
            session.send_text("hello")
    with ReplayService(path, patience=0.2) as replay:
        session = PlainSession(replay.url).connect()
        session.send_text("hello")
        assert session.wait_closed(5).code == 1000
        assert replay.wait_report().waited == 1


def test_realtime_keeps_pauses(tmp_path):
    """Those between what the client says and what it is told; the clock's seconds."""
    path = tmp_path / "slow.trace"
    lines = [
        {"voxsync_trace": 1, "t": 0.0, "dialect": "plain"},
        {"t": 0.1, "dir": "in", "kind": "upgrade", "status": 101, "headers": {}},
        {"t": 10.0, "dir": "out", "kind": "text", "text": "how are you"},
        {"t": 70.0, "dir": "in", "kind": "text", "text": "well"},
        {"t": 130.0, "dir": "in", "kind": "close", "code": 1000, "reason": ""},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    clock = VirtualClock()
    with ReplayService(path, realtime=True, clock=clock) as replay:
        session = PlainSession(replay.url).connect()
        session.send_text("how are you")
        told = session.receive(5)
        gate = threading.Event()
        while not replay.reports or replay.reports[0].commands < 1:
            gate.wait(0.002)
        clock.advance(59)
        assert replay.reports[0].steps == 0
        clock.advance(1)
        assert next(told) == "well"
        assert not session.is_closed
        clock.advance(60)
        assert list(told) == []


def test_a_servers_trace(tmp_path):
    """Recorded at the other end it is the same story."""
    path = tmp_path / "server.trace"
    recordings = []

    def make(request, options):
        session = ServerSession(request, options)
        recordings.append(record(session, path))
        session.on_message = lambda event: session.send_text(f"you said {event.text}")
        return session

    def act(url):
        with PlainSession(url) as session:
            session.send_text("hello")
            return next(session.receive(SOON))

    with Listener(make_session=make) as listener:
        act(listener.url)
    recordings[0].stop()
    with ReplayService(path) as replay:
        assert act(replay.url) == "you said hello"
        assert replay.wait_report().is_faithful


def test_subprotocol(tmp_path):
    """The one of the trace is chosen, where it is offered."""
    path = tmp_path / "chat.trace"
    options = SessionOptions(subprotocols=("other", "chat"))
    with Listener(subprotocols=("chat",)) as listener:
        session = PlainSession(listener.url, options=options)
        with record(session, path), session:
            assert session.subprotocol == "chat"
    with ReplayService(path) as replay:
        with PlainSession(replay.url, options=options) as session:
            assert session.subprotocol == "chat"
        with PlainSession(replay.url) as session:
            assert session.subprotocol is None


def test_what_is_no_trace(tmp_path):
    """Is said at once."""
    path = tmp_path / "empty.trace"
    path.write_text('{"voxsync_trace": 1, "t": 0.0}\n')
    with pytest.raises(TraceError, match=r"empty\.trace.*no connection"):
        ReplayService(path)
    with pytest.raises(TraceError, match="gone"):
        ReplayService(tmp_path / "gone.trace")
    with pytest.raises(ValueError, match="patience"):
        ReplayService(path, patience=0)


def test_it_is_started_once(tmp_path):
    """As every service."""
    path = tmp_path / "plain.trace"
    with Listener() as listener:
        session = PlainSession(listener.url)
        with record(session, path), session:
            pass
    with ReplayService(path) as replay:
        assert str(path) in repr(replay)
        with pytest.raises(InvalidState):
            replay.start()
        with pytest.raises(TimeoutError):
            replay.wait_report(timeout=0.01)


def test_a_refusal_of_a_listener(tmp_path):
    """Any status of an answer."""
    path = tmp_path / "full.trace"
    with Listener(check=lambda _: Refusal(503, "full")) as listener:
        session = PlainSession(listener.url)
        with record(session, path), pytest.raises(HandshakeError):
            session.connect()
    with ReplayService(path) as replay:
        with pytest.raises(HandshakeError) as caught:
            PlainSession(replay.url).connect()
        assert caught.value.status == 503
