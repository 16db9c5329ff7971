"""The figures: a frozen snapshot, all zero before there is a connection."""

import dataclasses
import threading

import pytest

from tests.peers import close_frame, frame
from voxsync import PlainSession, Stats
from voxsync.audio import AudioFormat
from voxsync.dialects.plain import PlainDialect
from voxsync.errors import SendQueueFull
from voxsync.gemini import Blob, LiveGenerativeModel
from voxsync.media import BufferSink, CallbackSink, ToneSource
from voxsync.mimi import MimiSession
from voxsync.session.resumption import resume
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import ScriptedBrain
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.recogniser import Hypothesis, ScriptedRecogniser
from voxsync.simulators.voximplant import Scenario, VoxEngine
from voxsync.simulators.voximplant_faults import fault
from voxsync.voximplant import WebSocket, WebSocketServer


def wait_until(condition, seconds=10):
    """Wait until a figure, of which nobody is told, is so far."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not happen")


def test_before_the_connection():
    """Nothing has been counted yet."""
    assert PlainSession("ws://127.0.0.1:9/").stats == Stats()


def test_a_snapshot_does_not_change(echo, make):
    """Each reading is an object of its own, frozen."""
    session = make(echo.url).connect()
    before = session.stats
    session.send_text("x")
    assert next(session.receive(timeout=5)) == "x"
    assert before.messages_sent == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.messages_sent = 1
    assert session.stats.messages_sent == 1


def test_figures_of_a_session(echo, make):
    """Messages, bytes with their frames, times and marks."""
    session = make(echo.url).connect()
    for _ in range(3):
        session.send_binary(bytes(100))
    messages = session.receive(timeout=5)
    for _ in range(3):
        next(messages)
    session.close()
    stats = session.stats
    assert (stats.messages_sent, stats.messages_received) == (3, 3)
    assert stats.bytes_sent == 3 * (2 + 4 + 100) + 2 + 4 + 2  # and the Close frame
    assert stats.bytes_received == 3 * (2 + 100) + 2 + 2
    assert 1 <= stats.send_queue_highest <= 3
    assert (stats.send_queue, stats.inbox, stats.unsent) == (0, 0, 0)
    assert 0 < stats.open_seconds < 10
    assert (stats.ping_round_trip, stats.listener_errors) == (None, 0)


def test_a_session_that_never_opened(make, peer):
    """There is no time to OPEN."""

    def script(conn):
        conn.send(b"HTTP/1.1 503 No\r\n\r\n")

    session = make(peer(script, upgrade=False).url).connect(wait=False)
    session.wait_closed(5)
    assert session.stats.open_seconds is None


def test_what_was_refused_and_what_waited(make, peer):
    """I8: refusals, seconds of waiting, the queue, and at the end the unsent."""
    session = make(
        peer(lambda conn: conn.until_stopped(), receive_buffer=4096).url,
        send_queue=2,
        send_buffer=4096,
    ).connect()
    with pytest.raises(SendQueueFull):
        while True:
            session.send_binary(bytes(60_000), timeout=0.05)
    stats = session.stats
    assert (stats.send_refused, stats.send_queue, stats.send_queue_highest) == (1, 2, 2)
    assert stats.send_blocked >= 0.05
    session.cancel()
    close = session.wait_closed(5)
    assert session.stats.unsent == close.unsent >= 2


def test_listener_errors_are_counted(make, peer):
    """I9: also those of listeners to errors."""

    def script(conn):
        conn.send(frame(1, b"x") + close_frame())
        conn.read_frame()

    session = make(peer(script).url)
    session.on_message = lambda event: 1 / 0
    session.connect()
    session.wait_closed(5)
    assert session.stats.listener_errors == 1


def test_queues_and_what_they_held_up(make, peer):
    """A listener that hangs fills the inbox, and then nothing is read any more."""
    gate, entered, flooded = threading.Event(), threading.Event(), threading.Event()

    def script(conn):
        conn.send(frame(1, b"x") * 20)
        flooded.set()
        assert gate.wait(10)
        conn.send(close_frame())
        conn.read_frame()

    session = make(peer(script).url, listen=False, inbox=4)

    def hang(event):
        entered.set()
        assert gate.wait(10)

    session.on_message = hang
    session.connect()
    assert entered.wait(5)
    assert flooded.wait(5)
    wait_until(lambda: session.stats.inbox == 4)
    wait_until(lambda: session.stats.reading_blocked > 0)
    one, other = session.stats, session.stats
    assert other.reading_blocked > one.reading_blocked
    assert other.listener_seconds > one.listener_seconds > 0
    assert other.listener_slowest.endswith("<locals>.hang")
    gate.set()
    session.wait_closed(5)
    stats = session.stats
    # What comes last may exceed the bound: `close` waits for nobody.
    assert (stats.inbox, stats.messages_received) == (0, 20)
    assert 4 <= stats.inbox_highest <= 6
    assert stats.reading_blocked >= one.reading_blocked
    assert session.stats.reading_blocked == stats.reading_blocked
    assert stats.listener_highest <= stats.listener_seconds


def test_the_receive_queue(make, peer):
    """Its depth counts from the first `receive()` on."""

    def script(conn):
        conn.send(frame(1, b"x") * 5 + close_frame())
        conn.read_frame()

    session = make(peer(script).url, listen=False).connect()
    session.wait_closed(5)
    assert (session.stats.receive_queue, session.stats.receive_queue_highest) == (0, 0)
    messages = session.receive()
    next(messages)
    assert (session.stats.receive_queue, session.stats.receive_queue_highest) == (4, 5)
    assert len(list(messages)) == 4
    assert (session.stats.receive_queue, session.stats.receive_queue_highest) == (0, 5)


def test_ping_round_trip(make, peer):
    """From a ping to its pong."""

    def script(conn):
        opcode, data = conn.read_frame()
        assert opcode == 9
        conn.send(frame(10, data) + close_frame())
        conn.read_frame()

    session = make(peer(script).url, ping_interval=0.05).connect()
    session.wait_closed(5)
    assert 0 < session.stats.ping_round_trip < 5


def test_figures_go_on_over_connections(echo, make):
    """`resume()` begins nothing anew; the opening is that of the first."""
    session = make(echo.url).connect()
    opened = session.stats.open_seconds
    messages = session.receive(5)
    for number in range(3):
        session.send_text("hello")
        assert next(messages) == "hello"
        before = session.stats
        resume(session, PlainDialect(session.url), 5)
        after = session.stats
        assert after.messages_sent == before.messages_sent == number + 1
        assert after.bytes_sent >= before.bytes_sent
        assert after.bytes_received >= before.bytes_received
        assert after.first_result == before.first_result > 0
        assert after.open_seconds == opened
    session.close()
    assert session.stats.messages_received == 3
    assert session.stats.unsent == 0


def test_what_a_followed_connection_did_not_send(make, peer):
    """It stays counted, as it was told; what goes on goes out."""

    def script(conn):
        if made.conns.index(conn.sock) == 0:
            conn.until_stopped()  # deaf
            return
        while conn.read_frame()[0] != 8:
            pass
        conn.send(close_frame())

    made = peer(script, receive_buffer=4096)
    session = make(
        made.url, send_buffer=4096, write_buffer=4096, close_timeout=0.3
    ).connect()
    session.send_binary(bytes(1_000_000))
    wait_until(lambda: session.stats.messages_sent == 1)
    session.send_binary(bytes(1_000_000))
    resume(session, PlainDialect(made.url), 5)
    session.close()
    (told,) = session.log.of("error")
    assert session.stats.unsent == told.error.unsent >= 1
    assert session.stats.messages_sent == 2


def test_audio_of_a_plain_session(echo, make):
    """Both ways by its declared format; text is a result, and no audio."""
    form = AudioFormat("ulaw", 8000)
    with PlainSession(echo.url, audio=form) as session:
        messages = session.receive(5)
        session.send_text("hello")
        next(messages)
        stats = session.stats
        assert (stats.audio_sent, stats.first_result_of_audio) == (0, None)
        session.send_binary(bytes(4000))
        next(messages)
        sink = BufferSink(5)
        session.send_media_to(sink)
        tone = ToneSource(440, seconds=0.2)
        tone.send_media_to(session, paced=False).wait(5)
        for _ in range(10):
            next(messages)
    stats = session.stats
    assert stats.audio_sent == pytest.approx(0.7)
    assert stats.audio_received == pytest.approx(0.7)
    assert stats.audio_unlinked == pytest.approx(0.5)
    assert 0 < stats.first_result_of_audio < 5
    assert 0 < stats.first_result < 5


def test_audio_that_has_been_encoded_before(echo):
    """Of Opus packets nobody knows how long they are: nothing is claimed."""
    with PlainSession(echo.url, audio=AudioFormat("opus")) as session:
        session.send_binary(b"\xf8\xff\xfe")
        next(session.receive(5))
    assert (session.stats.audio_sent, session.stats.messages_sent) == (0, 1)


@pytest.mark.parametrize("encode", [None, "flac"])
def test_audio_and_first_result_of_mimi(encode):
    """Seconds of what was handed over; a result is one that has words."""
    heard = []
    one = Hypothesis(text="one", is_final=True, start_ms=0, end_ms=100)
    ears = ScriptedRecogniser([(100, one)])
    with MimiService(recogniser=ears) as service:
        session = MimiSession(None, url=service.url, language="en", encode=encode)
        session.on_message = heard.append
        with session:
            session.send_binary(bytes(range(250)) * 64)  # not to be compressed
            session.stop_recognition()
            session.wait_closed(10)
    stats = session.stats
    assert "one" in [event.text for event in heard]
    assert (stats.audio_sent, stats.audio_received) == (0.5, 0)
    assert 0 < stats.first_result_of_audio <= stats.first_result < 10
    assert (stats.receive_queue, stats.receive_queue_highest) == (0, 0)


def test_flac_that_mimi_is_given():
    """Of what the application has encoded itself the length is not known."""
    with MimiService(recogniser=ScriptedRecogniser([])) as service:
        session = MimiSession(None, url=service.url, audio=AudioFormat("flac"))
        with session:
            session.send_binary(b"fLaC")
            session.stop_recognition()
            session.wait_closed(10)
    assert (session.stats.audio_sent, session.stats.first_result) == (0, None)


def test_audio_and_first_result_of_gemini():
    """The model's own words or sounds are results; what it heard is not."""
    brain = ScriptedBrain(["good day"], repeat=True)
    with GeminiService(brain=brain, paced=False) as service:
        model = LiveGenerativeModel("m", api_key="k", base_url=service.url)
        with model.connect() as session:
            session.send("hello")
            spoken = sum(
                len(m.audio) / m.sample_rate
                for m in session.receive_turn(10)
                if m.type == "serverContent" and m.audio is not None
            )
            stats = session.stats
            assert spoken > 0
            assert stats.audio_received == pytest.approx(spoken)
            assert stats.audio_unlinked == pytest.approx(spoken)
            assert (stats.audio_sent, stats.first_result_of_audio) == (0, None)
            assert 0 < stats.first_result < 10
            session.send_audio_realtime(bytes(6400))
            session.send_audio_realtime(bytes(9600), 48000)
            session.send_audio_realtime(Blob("audio/pcm;rate=8000", bytes(1600)))
            session.send_audio_realtime(Blob("audio/pcm", bytes(3200)))
            session.send_audio_realtime(Blob("audio/ogg", bytes(3200)))
    assert session.stats.audio_sent == pytest.approx(0.5, abs=0.002)


def test_audio_and_first_result_of_voxengine():
    """Each way at its stream's own rate; audio is a result, and gaps are counted."""
    heard = BufferSink(10)
    peers = []

    def connected(ws):
        ws.send_media_to(heard)
        peers.append(ws)

    with WebSocketServer() as server:
        server.on_connection = connected
        lossy = fault("gaps", count=2)
        play = ToneSource(440, seconds=0.4)
        caller = Scenario(url=server.url, play=play, patience=0.1)
        with VoxEngine(caller, faults=[lossy]) as engine:
            engine.wait(20)
        peers[0].wait_closed(5)
    stats = peers[0].stats
    assert stats.audio_lost > 0
    assert stats.audio_received == pytest.approx(0.4, abs=0.03)
    assert 0 <= stats.first_result < 20
    assert stats.audio_sent == 0


def test_audio_sent_to_voxengine():
    """At the rate of its encoding, with or without an announcement."""
    got = threading.Event()

    def connected(ws):
        ws.on_message = lambda event: got.set()

    with WebSocketServer() as server:
        server.on_connection = connected
        with WebSocket(server.url) as ws:
            ToneSource(440, seconds=0.3).send_media_to(
                ws, encoding="PCM16", paced=False
            ).wait(10)
            ToneSource(440, seconds=0.2).send_media_to(
                ws, tag="b", encoding="ULAW", paced=False
            ).wait(10)
            ws.send("done")
            assert got.wait(5)
            stats = ws.stats
    assert stats.audio_sent == pytest.approx(0.5)


def test_audio_that_a_sink_is_too_slow_for(echo):
    """What its link has no room for; the session tells of it once."""
    gate = threading.Event()

    def hang(block):
        assert gate.wait(10)

    with PlainSession(echo.url, audio=AudioFormat()) as session:
        session.on_error = lambda event: None
        link = session.send_media_to(CallbackSink(hang))
        messages = session.receive(5)
        for _ in range(13):  # a link has room for 10 s
            session.send_binary(bytes(32000))
            next(messages)
        wait_until(lambda: session.stats.audio_dropped > 0)
        lost = session.stats.audio_dropped
        assert lost == pytest.approx(link.stats.lost / 16000)
        gate.set()
        link.stop()
        assert session.stats.audio_dropped == pytest.approx(lost)
    assert session.stats.audio_dropped == pytest.approx(lost)


def test_how_it_reads(echo, make):
    """What is not zero, rounded; no text of messages or URLs."""
    stats = Stats(messages_sent=2, send_blocked=0.123456789, listener_slowest="a.b")
    assert repr(stats) == (
        "Stats(messages_sent=2, send_blocked=0.123457, listener_slowest='a.b')"
    )
    assert repr(Stats()) == "Stats()"
    with make(f"{echo.url}?token=s3cr3t") as session:
        session.send_text("s3cr3t")
        next(session.receive(5))
    assert "s3cr3t" not in repr(session.stats) + str(session.stats)
