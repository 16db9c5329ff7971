"""The session as a media unit: audio flows to it and from it, over real sockets."""

import contextlib
import threading
import time

import numpy as np
import pytest

from voxsync import (
    AudioFormat,
    InvalidState,
    PlainSession,
    QueueDispatcher,
    SessionClosed,
    SessionOptions,
)
from voxsync.errors import DeviceError, FormatError, MediaError
from voxsync.media import (
    BufferSink,
    CallbackSink,
    CallbackSource,
    EndOfStream,
    SilenceSource,
    ToneSource,
)
from voxsync.server import Listener
from voxsync.server.session import ServerSession

PCM = AudioFormat("pcm16", sample_rate=16000)


class Tagged(PlainSession):
    """A service with several streams, as far as the session can tell."""

    def _media_sink(self, parameters):
        tag = parameters.pop("tag", "")
        return (
            super()._media_sink(parameters) if parameters else self._units().sink(tag)
        )


class Far:
    """The far end: keeps what it hears, says what it is told to."""

    def __init__(self):
        self.blocks = []
        self.heard = threading.Condition()
        self.session = None
        self.here = threading.Event()

    def connected(self, listener, session):
        self.session = session
        session.add_event_listener("message", self.message)
        self.here.set()

    def message(self, event):
        with self.heard:
            self.blocks.append(event.data)
            self.heard.notify_all()

    def say(self, *blocks):
        assert self.here.wait(5)
        for block in blocks:
            self.session.send_binary(block.astype("<i2").tobytes())

    def wait_bytes(self, count):
        with self.heard:
            assert self.heard.wait_for(lambda: self.size >= count, 10), self.size

    @property
    def size(self):
        return sum(map(len, self.blocks))


@pytest.fixture
def far():
    """A server that is the other end of one session."""
    end = Far()
    listener = Listener()
    listener.connection.connect(end.connected, weak=False)
    with listener:
        end.url = listener.url
        yield end


@pytest.fixture
def near(far):
    """Makes sessions with the far end, and ends them."""
    with contextlib.ExitStack() as stack:

        def make(audio=PCM, *, door=PlainSession, **options):
            session = door(far.url, audio=audio, options=SessionOptions(**options))
            stack.callback(session.cancel)
            return session

        yield make


def ramp(frames, start=0):
    """Samples that tell where they belong."""
    return (np.arange(start, start + frames) % 30000).astype(np.int16)


# To the session


def test_audio_of_a_source_goes_out_in_blocks_of_20_ms(far, near):
    """Every sample, in order; the last block as short as it is."""
    session = near().connect()
    tone = ToneSource(440, 1.01)
    link = tone.send_media_to(session, paced=False)
    link.wait(10)
    far.wait_bytes(2 * 16160)
    assert {len(block) for block in far.blocks[:-1]} == {640}
    expected = ToneSource(440, 1.01).read(16160)
    assert b"".join(far.blocks) == expected.tobytes()
    assert link.stats.frames == 16160
    assert link.error is None
    assert session.is_active


def test_it_is_resampled_to_the_sessions_rate(far, near):
    """A file at 48 kHz, a telephone at 8 kHz mu-law."""
    session = near(AudioFormat("ulaw", 8000)).connect()
    ToneSource(440, 0.5, sample_rate=48000).send_media_to(session, paced=False).wait(10)
    far.wait_bytes(4000)
    assert far.size == 4000
    assert {len(block) for block in far.blocks} == {160}


def test_finish_ends_the_link_without_an_error(far, near):
    """The far end has all that it wants."""
    session = near().connect()
    link = SilenceSource().send_media_to(session)
    far.wait_bytes(640)
    session.finish()
    link.wait(5)
    assert link.error is None


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_the_end_of_the_session_ends_the_link(far, near, end):
    """Also where the source has nothing to give at the moment."""
    session = near(door=Tagged).connect()
    busy = SilenceSource().send_media_to(session)
    idle = CallbackSource(lambda frames: None).send_media_to(session, tag="other")
    far.wait_bytes(640)
    getattr(session, end)()
    for link in (busy, idle):
        with pytest.raises(SessionClosed):
            link.wait(5)


def test_a_source_that_fails_leaves_the_session_alone(far, near):
    """Its links end with its error; messages still go out."""

    def make(frames):
        raise DeviceError("the microphone was unplugged")

    session = near().connect()
    source = CallbackSource(make)
    link = source.send_media_to(session)
    with pytest.raises(DeviceError):
        link.wait(5)
    assert isinstance(source.error, DeviceError)
    session.send_text("still here")
    with far.heard:
        assert far.heard.wait_for(lambda: far.blocks == ["still here"], 5)


def test_a_session_that_is_not_open_takes_no_audio(far, near):
    """Before and after; told at once."""
    session = near()
    with pytest.raises(InvalidState, match="connect"):
        SilenceSource().send_media_to(session)
    session.connect()
    session.close()
    with pytest.raises(SessionClosed):
        SilenceSource().send_media_to(session)


def test_a_session_without_audio_says_so(near):
    """And how to make one with it."""
    session = near(None).connect()
    assert session.audio is None
    for attempt in (
        lambda: SilenceSource().send_media_to(session),
        lambda: session.send_media_to(BufferSink()),
    ):
        with pytest.raises(FormatError, match="audio=AudioFormat"):
            attempt()


def test_parameters_that_the_door_does_not_know_are_refused(near):
    """A typing error in a parameter must not be silence at the far end."""
    session = near(door=Tagged).connect()
    with pytest.raises(TypeError, match="encodnig"):
        SilenceSource().send_media_to(session, encodnig="ULAW")
    with pytest.raises(TypeError, match="tag must be a str"):
        SilenceSource().send_media_to(session, tag=7)
    with pytest.raises(TypeError, match="tag"):
        SilenceSource().send_media_to(near().connect(), tag="no tags here")


def test_one_stream_has_one_source(near):
    """There is no mixing; another tag is another stream."""
    session = near(door=Tagged).connect()
    link = SilenceSource().send_media_to(session)
    with pytest.raises(InvalidState, match="no mixing"):
        SilenceSource().send_media_to(session)
    other = SilenceSource().send_media_to(session, tag="second")
    link.stop()
    SilenceSource().send_media_to(session).stop()
    other.stop()


def test_a_far_end_that_is_behind_holds_the_link_and_stop_frees_it(far, near):
    """Back-pressure reaches the source; stop_media_to() never waits for the far end."""
    session = near(send_queue=2, write_timeout=60.0).connect()
    assert far.here.wait(5)
    far.session.stop_reading()
    source = SilenceSource()
    source.send_media_to(session, paced=False)
    (link,) = source.links
    sent = -1  # until nothing moves any more
    end = time.monotonic() + 20
    while sent < link.stats.frames and time.monotonic() < end:
        sent = link.stats.frames
        threading.Event().wait(0.5)
    assert session.stats.send_queue == 2
    assert link.is_active
    before = time.monotonic()
    source.stop_media_to(session)
    assert not link.is_active
    assert time.monotonic() - before < 5  # not write_timeout
    assert link.error is None
    assert source.links == ()
    assert session.is_active
    far.session.cancel()  # it reads no goodbye, either


# From the session


def test_audio_of_the_far_end_flows_to_a_sink(far, near):
    """Whole, in order, at the sink's rate; and it is a message all the same."""
    session = near().connect()
    events = []
    over = threading.Event()
    for kind in ("media-started", "message", "media-ended", "close"):
        session.add_event_listener(kind, events.append)
    session.add_event_listener("close", lambda event: over.set())
    sink = BufferSink()
    link = session.send_media_to(sink)
    far.say(ramp(800), ramp(800, 800), ramp(100, 1600))
    assert _heard(sink, 1700)
    np.testing.assert_array_equal(sink.frames, ramp(1700))
    session.close()
    assert over.wait(5)
    link.wait(5)
    assert [str(event.type) for event in events] == [
        "media-started",
        "message",
        "message",
        "message",
        "media-ended",
        "close",
    ]
    assert events[-2].media_info.reason == "close"


def _heard(sink, frames, limit=10):
    end = time.monotonic() + limit
    while len(sink.frames) < frames and time.monotonic() < end:
        threading.Event().wait(0.01)
    return len(sink.frames) >= frames


def test_one_stream_feeds_many_sinks(far, near):
    """Each link has its own buffer; a link may be made before the session is open."""
    session = near()
    sinks = [BufferSink(), BufferSink()]
    for sink in sinks:
        session.send_media_to(sink)
    session.connect()
    far.say(ramp(3200))
    for sink in sinks:
        assert _heard(sink, 3200)
        np.testing.assert_array_equal(sink.frames, ramp(3200))
    session.stop_media_to(sinks[0])
    far.say(ramp(320))
    assert _heard(sinks[1], 3520)
    assert len(sinks[0].frames) == 3200
    session.stop_media_to(sinks[1], tag="another")  # not that one
    far.say(ramp(320))
    assert _heard(sinks[1], 3840)


def test_clear_drops_what_is_not_heard_and_keeps_what_comes(far, near):
    """The next audio is heard whole."""
    session = near().connect()
    first = threading.Event()
    blocks = []

    def take(block):
        blocks.append(block)
        first.set()

    session.send_media_to(CallbackSink(take))
    far.say(np.full(48000, 1, np.int16))  # 3 s
    assert first.wait(5)
    session.clear_media_buffer()
    marker = threading.Event()
    session.add_event_listener("message", lambda event: marker.set())
    far.say(np.full(1600, 2, np.int16))
    end = time.monotonic() + 10
    while sum((b == 2).sum() for b in blocks) < 1600 and time.monotonic() < end:
        threading.Event().wait(0.01)
    heard = np.concatenate(blocks)
    assert (heard == 2).sum() == 1600
    assert (heard[-1600:] == 2).all()
    assert (heard == 1).sum() < 16000  # of three seconds


def test_audio_that_nobody_takes_in_time_is_refused_counted_and_told_once(far, near):
    """The newest; reading goes on, or an interruption could not come through."""
    session = near()
    session._playout_seconds = 0.5
    errors = []
    told = threading.Event()
    session.add_event_listener(
        "error", lambda event: (errors.append(event.error), told.set())
    )
    gate = threading.Event()
    sink = CallbackSink(lambda block: gate.wait(10))
    link = session.send_media_to(sink)
    session.connect()
    far.say(*[ramp(1600)] * 20)
    assert told.wait(5)
    count = threading.Event()
    session.add_event_listener(
        "message", lambda event: event.data == "all" and count.set()
    )
    far.session.send_text("all")
    assert count.wait(5)
    assert link.stats.lost >= 32000 - 8000 - 320
    gate.set()
    session.close()
    assert len(errors) == 1
    assert isinstance(errors[0], MediaError)


def test_audio_faster_than_it_sounds_is_recorded_whole(far, near):
    """Where a service has no bound of its own, a sink that takes it loses nothing."""
    session = near()
    session._playout_seconds = 0.5
    errors = []
    session.add_event_listener("error", errors.append)
    sink = BufferSink()
    session.send_media_to(sink, paced=False)
    session.connect()
    for number in range(20):  # 2 s
        far.say(ramp(1600, 1600 * number))
        assert _heard(sink, 1600 * (number + 1))
    np.testing.assert_array_equal(sink.frames, ramp(32000))
    session.close()
    assert errors == []
    assert session.stats.audio_refused == 0


@pytest.mark.parametrize("dispatched", [False, True])
def test_a_link_made_when_the_audio_starts_misses_nothing(far, near, dispatched):
    """However long the listener takes; on whatever thread it runs."""
    dispatcher = QueueDispatcher() if dispatched else None
    session = near(dispatcher=dispatcher)
    sink, gate = BufferSink(), threading.Event()

    def started(event):
        assert gate.wait(10)
        session.send_media_to(sink)

    session.add_event_listener("media-started", started)
    session.connect()
    far.say(ramp(320), ramp(320, 320), ramp(100, 640))
    gate.set()
    end = time.monotonic() + 10
    while not _heard(sink, 740, 0.05) and time.monotonic() < end:
        if dispatcher is not None:
            dispatcher.run_pending()
    np.testing.assert_array_equal(sink.frames, ramp(740))
    assert session.stats.audio_unlinked == 0


def test_a_listener_that_links_nothing_lets_the_audio_go(far, near):
    """It is counted as that of any stream that flows nowhere."""
    session = near()
    session.on_media_started = lambda event: None
    session.connect()
    far.say(ramp(1600))
    end = time.monotonic() + 10
    while session.stats.audio_unlinked < 0.1 and time.monotonic() < end:
        threading.Event().wait(0.01)
    assert session.stats.audio_unlinked == pytest.approx(0.1)


def test_a_link_ends_whose_listeners_were_never_called(far, near):
    """A window was frozen, then closed, before `media-started` was delivered."""
    dispatcher = QueueDispatcher(maxsize=1)
    session = near(dispatcher=dispatcher)
    session.on_media_started = lambda event: None
    session.connect()
    far.say(ramp(320))
    end = time.monotonic() + 10
    while not session._connection.engine.streams.holds("") and time.monotonic() < end:
        threading.Event().wait(0.01)
    link = session.send_media_to(BufferSink())
    dispatcher.close()
    session.close()
    link.wait(10)
    assert link.stats.frames == 320


def test_a_gate_drops_what_is_still_on_its_way(far, near):
    """Until it is opened; counted."""
    session = near()
    sink = BufferSink()
    session.send_media_to(sink)
    session.connect()
    messages = session.receive(timeout=10)
    far.say(np.full(320, 1, np.int16))
    assert _heard(sink, 320)
    session.clear_media_buffer(gate=True)
    far.say(np.full(320, 2, np.int16))
    assert [len(next(messages)) for _ in range(2)] == [640, 640]
    assert session.stats.audio_gated == pytest.approx(0.02)
    session.open_media_gate("")
    far.say(np.full(320, 3, np.int16))
    assert _heard(sink, 640)
    assert sink.frames.tolist() == [1] * 320 + [3] * 320
    session.close()
    session.clear_media_buffer(gate=True)  # of nothing
    session.open_media_gate()


def test_garbage_among_the_audio_costs_only_itself(far, near):
    """Half a sample is an error event, and no reason to end."""
    session = near()
    errors = []
    session.add_event_listener("error", errors.append)
    sink = BufferSink()
    session.send_media_to(sink)
    session.connect()
    far.say(ramp(320))
    far.session.send_binary(b"\0\0\0")
    far.say(ramp(320, 320))
    assert _heard(sink, 640)
    np.testing.assert_array_equal(sink.frames, ramp(640))
    assert len(errors) == 1
    assert errors[0].error.raw == b"\0\0\0"


def test_a_link_after_the_end_is_refused(far, near):
    """Nothing would ever come."""
    session = near().connect()
    session.close()
    with pytest.raises(SessionClosed):
        session.send_media_to(BufferSink())
    session.stop_media_to(BufferSink())
    session.clear_media_buffer()


def test_session_to_session(far, near):
    """One session's stream is another one's source: a bridge in one line."""
    other_far = Far()
    listener = Listener()
    listener.connection.connect(other_far.connected, weak=False)
    with listener, PlainSession(listener.url, audio=PCM) as other:
        session = near(AudioFormat("ulaw", 8000)).connect()
        session.send_media_to(other)
        assert far.here.wait(5)
        far.session.send_binary(bytes(4000))
        other_far.wait_bytes(2 * 8000)
        assert {len(block) for block in other_far.blocks} == {640}


def test_the_servers_end_is_a_unit_too(near):
    """A listener whose sessions carry audio echoes by linking each to itself."""
    listener = Listener(
        make_session=lambda request, options: ServerSession(request, options, audio=PCM)
    )

    linked = threading.Event()

    def connected(listener, session):
        session.send_media_to(session)
        linked.set()

    listener.connection.connect(connected, weak=False)
    with listener, PlainSession(listener.url, audio=PCM) as session:
        sink = BufferSink()
        session.send_media_to(sink)
        assert linked.wait(5)  # what comes before flows nowhere
        ToneSource(440, 0.2).send_media_to(session).wait(5)
        assert _heard(sink, 3200)
    np.testing.assert_array_equal(sink.frames, ToneSource(440, 0.2).read(3200))


def test_a_generator_that_ends_at_once(far, near):
    """No audio is no error."""

    def make(frames):
        raise EndOfStream

    session = near().connect()
    CallbackSource(make).send_media_to(session).wait(5)
    assert far.blocks == []


def test_audio_that_is_heard_is_not_told_as_lost(far, near):
    """Its messages fill the receive queue, and that is nobody's loss."""
    session = near(receive_queue=2)
    errors = []
    session.add_event_listener("error", errors.append)
    sink = BufferSink()
    session.send_media_to(sink)
    session.connect()
    far.say(*[ramp(320)] * 10)
    assert _heard(sink, 3200)
    session.close()
    assert errors == []
    assert session.stats.audio_unlinked == 0


@pytest.mark.parametrize("early", [False, True])
def test_audio_that_nobody_linked_is_counted(far, near, early):
    """Before the first link, and after the last."""
    session = near()
    if early:
        sink = BufferSink()
        session.send_media_to(sink)
        session.stop_media_to(sink)
    session.connect()
    far.say(ramp(1600), ramp(1600))
    messages = session.receive(timeout=5)
    assert [len(next(messages)) for _ in range(2)] == [3200, 3200]
    assert session.stats.audio_unlinked == pytest.approx(0.2)


def test_what_is_no_format_is_refused():
    """When the session is made, with an example."""
    with pytest.raises(TypeError, match="AudioFormat"):
        PlainSession("ws://localhost/", audio="ulaw")
