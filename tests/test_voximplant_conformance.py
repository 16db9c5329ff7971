"""The conformance list of VoxEngine's media protocol: one test for each number."""

import contextlib
import json

import numpy as np
import pytest

from tests.peers import close_frame
from tests.voximplant_far import Far, Log, media, start, stop, until
from voxsync import SessionOptions
from voxsync.clocks import VirtualClock
from voxsync.dialects.base import (
    Audio,
    CloseStream,
    Deliver,
    OpenStream,
    SendAudio,
    StreamStarted,
)
from voxsync.dialects.voximplant import VoximplantDialect
from voxsync.errors import ProtocolError, SessionClosed
from voxsync.media import BufferSink, SilenceSource, ToneSource
from voxsync.voximplant import (
    WebSocket,
    WebSocketAudioEncoding,
    WebSocketEvents,
    WebSocketServer,
)


@pytest.fixture
def clock():
    """Time that the test moves."""
    return VirtualClock()


@pytest.fixture
def far():
    """A raw far end for one connection."""
    end = Far()
    yield end
    end.close()


@pytest.fixture
def near(far):
    """Makes sockets that lead to it, or elsewhere; ends them."""
    made = []

    def make(url=None, clock=None):
        options = SessionOptions(
            clock=clock,
            # How long an answer takes is up to the machine.
            ping_interval=None,
            write_timeout=None,
        )
        ws = WebSocket(url or far.url, options=options)
        made.append(ws)
        return ws

    yield make
    for ws in made:
        ws.cancel()
        if ws._connection is not None:
            ws.wait_closed(5)


def dialect(side="app"):
    return VoximplantDialect("ws://host/", side=side)


def texts(outputs):
    return [json.loads(output.data) for output in outputs]


def decoded(one, *messages):
    """What a dialect makes of messages; what it raises is the error itself."""
    found = []
    for message in messages:
        text = message if isinstance(message, str) else json.dumps(message)
        try:
            found += one.decode(text)
        except ProtocolError as exc:
            found.append(exc)
    return found


def audio(outputs):
    return [output for output in outputs if isinstance(output, Audio)]


def test_01_start_before_media_and_stop_behind_it(far, near):
    """Also where nobody asked for a start; on stop_media_to, and before the close."""
    one = dialect()
    sent = texts(one.encode(SendAudio("t", bytes(320))))
    assert [message["event"] for message in sent] == ["start", "media"]
    ws = near().connect()
    source, other = SilenceSource(), SilenceSource()
    source.send_media_to(ws, tag="a")
    other.send_media_to(ws, tag="b")
    far.hears("media a")
    far.hears("media b")
    source.stop_media_to(ws)
    far.hears("stop a")
    ws.close()
    far.hears("Close 1000")
    kinds = far.kinds
    assert [k for k in kinds if k.endswith(" a")][:2] == ["start a", "media a"]
    assert kinds[-2:] == ["stop b", "Close 1000"]
    assert kinds.count("stop a") == kinds.count("stop b") == 1


def test_02_numbers():
    """Integers go out; integers and their strings come in, and nothing else."""
    one = dialect()
    sent = texts(one.encode(OpenStream("t", "PCM8")))
    sent += texts(one.encode(SendAudio("t", bytes(640))))
    sent += texts(one.encode(CloseStream("t")))
    for message in sent:
        body = message[message["event"]]
        numbers = [
            message["sequenceNumber"],
            *(body[name] for name in ("chunk", "timestamp") if name in body),
            *body.get("mediaInfo", {}).values(),
        ]
        assert {type(number) for number in numbers} == {int}
    most = 2**64 - 1
    for good in (0, "0", 7, "7", most, str(most)):
        two = dialect()
        decoded(two, start())
        assert len(audio(decoded(two, media(b"\0\0", chunk=good)))) == 1, good
    for bad in (True, 1.0, "1.0", "x", "", -1, "-1", most + 1, [], {}):
        two = dialect()
        decoded(two, start())
        (error,) = decoded(two, media(b"\0\0", chunk=bad))
        assert isinstance(error, ProtocolError), bad
        assert two.statistics().rejected == 1


@pytest.mark.parametrize(
    ("encoding", "samples"),
    [("PCM8", 160), ("ULAW", 160), ("ALAW", 160), ("PCM16", 320)],
)
def test_03_timestamps_are_samples(encoding, samples):
    """160 n at 8 kHz, 320 n at 16 kHz, whatever the codec."""
    one = dialect()
    one.encode(OpenStream("t", encoding))
    sent = texts(one.encode(SendAudio("t", bytes(2 * samples * 5))))
    assert [m["media"]["timestamp"] for m in sent] == [samples * n for n in range(5)]
    assert [m["media"]["chunk"] for m in sent] == list(range(5))


def test_04_names_of_encodings_are_their_strings():
    """The constants, the older ones too."""
    assert WebSocketAudioEncoding.PCM16_8KHZ == "PCM8"
    assert WebSocketAudioEncoding.PCM16_16KHZ == "PCM16"
    assert WebSocketAudioEncoding.PCM8 == WebSocketAudioEncoding.PCM16_8KHZ
    assert WebSocketAudioEncoding.PCM16 == WebSocketAudioEncoding.PCM16_16KHZ
    assert {"ALAW", "ULAW", "OPUS"} <= set(WebSocketAudioEncoding)


def test_05_no_tag_is_the_empty_tag(far, near):
    """On the wire, in events and in routes."""
    one = dialect()
    tagged = start()
    tagged["start"]["tag"] = ""
    for begun in (start(), tagged):
        (started,) = decoded(one, begun)
        assert started.tag == ""
    (sent,) = texts(one.encode(OpenStream("", "PCM8")))
    assert sent["start"].get("tag", "") == ""
    ws = near()
    sinks = [BufferSink(sample_rate=16000) for _ in range(2)]
    ws.send_media_to(sinks[0])
    ws.send_media_to(sinks[1], tag="")
    log = Log(ws)
    ws.connect()
    far.say(start(), media(bytes(640)))
    assert log.comes("media-started").tag == ""
    for sink in sinks:
        until(lambda sink=sink: len(sink.frames) == 320)


def test_06_custom_parameters_are_a_dict():
    """Whatever they came as; they go out as an object, or as VoxEngine's string."""
    for given, found in [
        ({"k": "v"}, {"k": "v"}),
        ('{"k":"v"}', {"k": "v"}),
        ("", {}),
        (None, {}),
    ]:
        (started,) = decoded(dialect(), start(parameters=given))
        assert isinstance(started, StreamStarted)
        assert started.custom_parameters == found
    for side, form in [("app", {"k": "v"}), ("voxengine", '{"k":"v"}')]:
        (sent,) = texts(dialect(side).encode(OpenStream("t", "PCM8", {"k": "v"})))
        assert sent["start"]["customParameters"] == form


def test_07_when_media_starts_and_ends(far, near, clock):
    """At each burst's first audio; 1 s after its last, or on close, before `close`.

    By a stop it ends when what was sent was heard.
    """
    ws = near(clock=clock)
    log = Log(ws)
    ws.connect()
    far.say(start(), "announced")
    log.comes("message")
    assert log.kinds == ["created", "open", "message"]
    far.say(media(bytes(3200)))  # 0.1 s
    log.comes("media-started")
    clock.advance(1.09)
    far.say("not yet")
    log.comes("message", 2)
    assert log.of("media-ended") == []
    clock.advance(0.02)
    info = log.comes("media-ended").media_info
    assert (info.reason, info.duration) == ("silence", 0)
    # Again, in the same stream; a stop ends it when what was sent was heard.
    far.say(media(bytes(32000)), stop(), "stopped")
    log.comes("media-started", 2)
    log.comes("message", 3)
    clock.advance(0.99)
    far.say("still heard")
    log.comes("message", 4)
    assert len(log.of("media-ended")) == 1
    clock.advance(0.02)
    info = log.comes("media-ended", 2).media_info
    assert (info.reason, info.duration) == ("stop", 1)
    assert info.seconds == pytest.approx(1.1)
    # A third time, cut off by the end.
    far.say(start(), media(bytes(32000)))
    log.comes("media-started", 3)
    far.end(close_frame(1000))
    log.comes("close")
    assert log.kinds[-2:] == ["media-ended", "close"]
    assert log.of("media-ended")[-1].media_info.reason == "close"


def test_08_ten_seconds_are_kept(far, near, clock):
    """12 s at once: exactly 10 play, the newest 2 are counted as dropped."""
    ws = near(clock=clock)
    sink = BufferSink(seconds=20, sample_rate=8000)
    ws.send_media_to(sink)
    log = Log(ws)
    ws.connect()
    pcm = (np.arange(12 * 8000) % 30000).astype("<i2")
    far.say(start("", "PCM8", 8000))
    far.say(*[media(piece.tobytes()) for piece in np.split(pcm, 600)], "sent")
    log.comes("message")
    assert ws.stats.audio_refused == pytest.approx(2.0)

    def heard():
        clock.advance(0.25)
        return len(sink.frames) == 80000 and "media-ended" in log.kinds

    until(heard)
    assert log.of("media-ended")[0].media_info.duration == 10
    np.testing.assert_array_equal(sink.frames, pcm[:80000])
    assert len(log.of("error")) == 1


def test_09_clear(far, near, clock):
    """Only the named stream; it needs no new start, and ends after a second."""
    ws = near(clock=clock)
    log = Log(ws)
    ws.connect()
    for tag in "ab":
        far.say(start(tag), media(bytes(320000), tag))  # 10 s
    far.say("sent")
    log.comes("message")
    clock.advance(0.5)
    ws.clear_media_buffer(tag="a")
    far.say("cleared")
    log.comes("message", 2)
    clock.advance(1.01)
    ended = log.comes("media-ended")
    assert (ended.tag, ended.media_info.reason) == ("a", "clear")
    assert ended.media_info.seconds == pytest.approx(0.5, abs=0.02)
    far.say(media(bytes(640), "a"))
    log.comes("media-started", 3)
    assert [event.tag for event in log.of("media-started")] == ["a", "b", "a"]
    assert len(log.of("media-ended")) == 1


def test_10_what_is_no_media_is_a_message():
    """With the exact text."""
    for text in [
        '{"event":"mine", "x":1}',
        "plain",
        "",
        "{",
        "[1]",
        '{"customEvent":"start","payload":{}}',
        '{"event":7}',
    ]:
        assert decoded(dialect(), text) == [Deliver(text)]


def test_11_media_without_a_start():
    """Dropped and counted; told once per tag."""
    one = dialect()
    found = decoded(one, *[media(b"\0\0", tag) for tag in ("a", "a", "b", "a", "b")])
    assert [type(error) for error in found] == [ProtocolError, ProtocolError]
    assert one.statistics().rejected == 5
    decoded(one, start("a"), stop("a"))
    assert audio(decoded(one, media(b"\0\0", "a"))) == []
    assert one.statistics().rejected == 6


def test_12_handlers(far, near):
    """The property, then listeners in their order; one may remove itself."""
    ws, seen = near(), []

    def once(event):
        seen.append("once")
        ws.remove_event_listener(WebSocketEvents.MESSAGE, once)

    ws.add_event_listener(WebSocketEvents.MESSAGE, once)
    ws.add_event_listener(WebSocketEvents.MESSAGE, lambda e: seen.append("second"))
    ws.on_message = lambda event: seen.append("property")
    log = Log(ws)
    ws.connect()
    far.say("1", "2")
    log.comes("message", 2)
    assert seen == ["property", "once", "second", "property", "second"]


@pytest.mark.parametrize("by_us", [True, False])
def test_13_close_comes_once(far, near, by_us):
    """Then the state is `closed`, and sending raises."""
    ws, states = near(), []
    ws.on_close = lambda event: states.append(ws.ready_state)
    log = Log(ws)
    ws.connect()
    if by_us:
        ws.close()
        ws.close()
    else:
        far.say("here")
        far.end(close_frame(1001))
        log.comes("close")
    ws.wait_closed(10)
    assert log.kinds.count("close") == 1
    assert log.kinds[-1] == "close"
    assert states == ["closed"]
    assert ws.ready_state == "closed"
    with pytest.raises(SessionClosed):
        ws.send("late")


def test_14_addresses_do_for_tls():
    """VoxEngine takes `wss://` with a name only; here an address is no error."""
    assert WebSocket("wss://127.0.0.1:1/x").url == "wss://127.0.0.1:1/x"
    assert WebSocket("wss://[::1]:1/x").url == "wss://[::1]:1/x"
    assert "IP addresses do" in WebSocket.__doc__


@pytest.mark.parametrize("encoding", ["PCM8", "PCM16", "ULAW", "ALAW"])
def test_15_round_trips(encoding):
    """To an echo of ours and back: bit-exact, within its step for G.711."""
    with contextlib.ExitStack() as stack:

        def echo(ws):
            ws.send_media_to(ws, encoding=encoding, paced=False)

        server = WebSocketServer()
        server.on_connection = echo
        stack.enter_context(server)
        ws = WebSocket(server.url)
        rate = 16000 if encoding == "PCM16" else 8000
        sink = BufferSink(sample_rate=rate)
        ws.send_media_to(sink, paced=False)
        stack.enter_context(ws)
        tone = ToneSource(440, 0.5, sample_rate=rate)
        tone.send_media_to(ws, encoding=encoding, paced=False).wait(10)
        sent = ToneSource(440, 0.5, sample_rate=rate).read(rate // 2)
        until(lambda: len(sink.frames) == len(sent))
        if encoding.startswith("PCM"):
            np.testing.assert_array_equal(sink.frames, sent)
        else:
            error = np.abs(sink.frames.astype(int) - sent)
            # Steps of G.711 are a 16th of their segment; the second trip adds none.
            assert (error <= np.maximum(np.abs(sent.astype(int)) / 16, 16)).all()


def test_16_base64():
    """Without padding it is read; another alphabet or half a sample is counted."""
    one = dialect()
    decoded(one, start())
    for payload, pcm in [("AQACAA==", b"\1\0\2\0"), ("AQACAA", b"\1\0\2\0")]:
        (found,) = decoded(one, {"event": "media", "media": {"payload": payload}})
        assert found == Audio("", pcm, 16000)
    for number, payload in enumerate(["-_-_", "AQAC", "A", "AQA=C"], 1):
        decoded(one, {"event": "media", "media": {"payload": payload}})
        assert one.statistics().rejected == number
    (error,) = decoded(dialect(), media(b"\0\0"))
    assert isinstance(error, ProtocolError)
