"""The door to VoxEngine's WebSocket: names, parameters, streams both ways."""

import contextlib
import itertools
import json
import logging
import sys
import threading

import numpy as np
import pytest

from tests.peers import close_frame
from tests.voximplant_far import Far, Log, media, start, stop, until
from voxsync import EventType, ReadyState, SessionOptions
from voxsync.audio import opus
from voxsync.clocks import VirtualClock
from voxsync.errors import InvalidState, MissingExtra, SessionClosed
from voxsync.media import (
    BufferSink,
    CallbackSink,
    CallbackSource,
    EndOfStream,
    SilenceSource,
    ToneSource,
)
from voxsync.plain import PlainSession
from voxsync.voximplant import (
    ClearMediaBufferParameters,
    SendMediaParameters,
    WebSocket,
    WebSocketAudioEncoding,
    WebSocketCloseCode,
    WebSocketEvents,
    WebSocketParameters,
    WebSocketReadyState,
    WebSocketServer,
    send_media_between,
    stop_media_between,
)

TOKEN = "s3cr3t-t0k3n-0123456789"


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

    def make(url=None, parameters=None, *, side="app", **options):
        if "clock" in options:  # how long an answer takes is up to the machine
            options |= {"ping_interval": None, "write_timeout": None}
        settings = SessionOptions(**options) if options else None
        ws = WebSocket(url or far.url, parameters, options=settings, side=side)
        made.append(ws)
        return ws

    yield make
    for ws in made:
        ws.cancel()
        if ws._connection is not None:
            ws.wait_closed(5)


@pytest.fixture
def server():
    """Makes servers, with a handler for their connections."""
    with contextlib.ExitStack() as stack:

        def make(handler, **settings):
            made = WebSocketServer(**settings)
            made.on_connection = handler
            return stack.enter_context(made)

        yield make


def ramp(frames, first=0):
    """Samples that tell where they belong."""
    return (np.arange(first, first + frames) % 30000).astype("<i2")


def given(pcm, rate):
    """A source of these samples."""
    at = itertools.count()
    size = rate // 50

    def make(frames):
        piece = pcm[size * (n := next(at)) : size * (n + 1)]
        if not len(piece):
            raise EndOfStream
        return piece.astype(np.int16)

    return CallbackSource(make, rate)


# Making one


@pytest.mark.parametrize(
    ("url", "dialled"),
    [
        ("ws://127.0.0.1:1/x?a=b", "ws://127.0.0.1:1/x?a=b"),
        ("wss://10.0.0.1/x", "wss://10.0.0.1/x"),
        ("http://host:12092/request/1/2", "ws://host:12092/request/1/2"),
        ("HTTPS://host:12093/request/1/2", "wss://host:12093/request/1/2"),
    ],
)
def test_access_urls_are_taken_as_they_are(url, dialled):
    """An incoming connection is dialled by the session's own https address."""
    ws = WebSocket(url)
    assert ws.url == dialled
    assert ws.request is None
    assert ws.options.max_message_size == 1024 * 1024


@pytest.mark.parametrize(
    ("arguments", "more", "error", "words"),
    [
        ((5,), {}, TypeError, "url must be a str"),
        (("ftp://x/",), {}, ValueError, "ftp"),
        (("ws://x/", "chat"), {}, TypeError, "WebSocketParameters"),
        (("ws://x/",), {"side": "vox"}, ValueError, "voxengine"),
        (("ws://x/",), {"options": 5}, TypeError, "SessionOptions"),
        (
            ("ws://x/", WebSocketParameters(headers={"a b": "c"})),
            {},
            ValueError,
            "header name 'a b' is not a token",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(arguments, more, error, words):
    """With the parameter's name."""
    with pytest.raises(error, match=words):
        WebSocket(*arguments, **more)


def test_the_upgrade(far, near):
    """VoxEngine's subprotocol by default, or what the parameters say; its headers."""
    near().connect().close()
    assert "Sec-WebSocket-Protocol: chat" in far.request
    other = Far()
    parameters = WebSocketParameters(
        protocols=("a", "b"), headers=[{"name": "X-Mine", "value": "1"}]
    )
    near(other.url, parameters).connect().close()
    other.close()
    assert "Sec-WebSocket-Protocol: a, b" in other.request
    assert "X-Mine: 1" in other.request


def test_states_are_vox_engines_and_ours(far, near):
    """At every stage; `closed` already within the `close` handler."""
    ws, seen = near(), []
    ws.on_close = lambda event: seen.append(ws.ready_state)
    stages = [ws.ready_state]
    ws.connect()
    stages.append(ws.ready_state)
    ws.close()
    stages.append(ws.ready_state)
    assert stages == ["connecting", "open", "closed"]
    assert stages == [ReadyState.CONNECTING, ReadyState.OPEN, ReadyState.CLOSED]
    assert stages[1] is WebSocketReadyState.OPEN
    assert not stages[1] != ReadyState.OPEN  # noqa: SIM202 - that it is no other
    assert seen == ["closed"]


def test_ids_are_its_own():
    """Each socket has one."""
    one, other = WebSocket("ws://x/"), WebSocket("ws://x/")
    assert isinstance(one.id, str)
    assert one.id != other.id


# Events


def test_the_order_of_a_call(far, near):
    """`created`, `open`, what comes, `media-ended`, `close`: once each (1.5)."""
    ws = near()
    log = Log(ws)
    ws.connect()
    far.say("hello", start("a", parameters={"k": "v"}), media(bytes(640), "a"))
    log.comes("media-started")
    ws.close()
    assert log.kinds == [
        "created",
        "open",
        "message",
        "media-started",
        "media-ended",
        "close",
    ]
    message, started, ended, close = log.events[2:]
    assert message.text == "hello"
    assert (started.tag, started.encoding) == ("a", "PCM16")
    assert started.custom_parameters == {"k": "v"}
    assert (ended.tag, ended.media_info.reason) == ("a", "close")
    assert ended.media_info.duration == 0
    assert (close.code, close.was_clean, close.error) == (1000, True, None)
    assert close.code == WebSocketCloseCode.CLOSE_NORMAL
    assert {event.target for event in log.events} == {ws}


def test_the_far_end_closes(far, near):
    """Its code and reason are told; what played has ended before."""
    ws = near()
    log = Log(ws)
    ws.connect()
    far.say(start(), media(bytes(640)))
    log.comes("media-started")
    far.end(close_frame(4401, "bad secret"))
    close = log.comes("close")
    assert (close.code, close.reason, close.was_clean) == (4401, "bad secret", True)
    assert log.kinds[-3:] == ["media-ended", "error", "close"]
    with pytest.raises(SessionClosed):
        ws.send("late")


@pytest.mark.parametrize("kind", list(WebSocketEvents))
def test_vox_engines_names_of_events(kind):
    """The constant, its string, the string it had until 2024, and ours: all one."""
    ws = WebSocket("ws://x/")
    names = [kind, kind.value, f"WebSocket.{kind.name}", kind.own, EventType(kind.own)]
    seen = []
    for name in names:
        ws.add_event_listener(name, seen.append)  # the same function counts once
    handler_seen = []
    attribute = f"on_{kind.name.lower()}"
    setattr(ws, attribute, handler_seen.append)
    event = type("Any", (), {"attribute": kind.name.lower(), "type": kind.own})()
    ws._emit(event)
    assert seen == handler_seen == [event]
    for name in names:
        ws.add_event_listener(kind, seen.append)
        ws.remove_event_listener(name)  # all of them; not the handler
        ws._emit(event)
    assert len(seen) == 1
    assert len(handler_seen) == 1 + len(names)
    with pytest.raises(ValueError, match="no event"):
        ws.add_event_listener("WebSocket.Nonsense", seen.append)


def test_the_property_comes_before_the_listeners():
    """And these in the order in which they were added; a handler may go meanwhile."""
    ws, seen = WebSocket("ws://x/"), []

    def once(event):
        seen.append("once")
        ws.remove_event_listener(WebSocketEvents.MESSAGE, once)

    ws.add_event_listener(WebSocketEvents.MESSAGE, once)
    ws.add_event_listener("message", lambda event: seen.append("second"))
    ws.on_message = lambda event: seen.append("property")
    event = type("Any", (), {"attribute": "message", "type": "message"})()
    ws._emit(event)
    ws._emit(event)
    assert seen == ["property", "once", "second", "property", "second"]


# Messages


def test_messages_both_ways(far, near):
    """As they are; what is no media event is a message."""
    ws = near()
    log = Log(ws)
    ws.connect()
    ws.send("plain")
    ws.send('{"customEvent":1}', block=False)
    far.until(lambda: len(far.texts) == 2)
    assert far.texts == ["plain", '{"customEvent":1}']
    texts = ["plain", '{"customEvent":1}', '{"event":"mine"}', "{", "[]", ""]
    far.say(*texts)
    log.comes("message", len(texts))
    assert [event.text for event in log.of("message")] == texts


def test_only_text_is_sent(near):
    """There are no binary messages; a surrogate is no text."""
    ws = near().connect()
    for data in (b"bytes", None, 5):
        with pytest.raises(TypeError, match="binary"):
            ws.send(data)
    with pytest.raises(ValueError, match="UTF-8"):
        ws.send("\ud800")


@pytest.mark.parametrize("name", ["onmessage", "onMessage", "onMediaStarted"])
def test_the_doms_spelling_is_refused(near, name):
    """Instead of a handler that is never called."""
    ws = near()
    with pytest.raises(AttributeError, match=r"use on_me.*, or add_event_listener"):
        setattr(ws, name, print)
    assert not hasattr(ws, name)


def test_send_before_and_after(near):
    """Told at once."""
    ws = near()
    with pytest.raises(InvalidState):
        ws.send("early")
    ws.connect()
    ws.close()
    with pytest.raises(SessionClosed):
        ws.send("late")
    assert ws.ready_state == "closed"
    unused = near()
    unused.close()
    with pytest.raises(SessionClosed, match="closed before it was connected"):
        unused.send("never")


# Out


@pytest.mark.parametrize(
    ("encoding", "rate"),
    [("PCM8", 8000), ("PCM16", 16000), (WebSocketAudioEncoding.PCM16_16KHZ, 16000)],
)
def test_a_unit_sends(far, near, encoding, rate):
    """Start, media of 20 ms, stop; every sample as it was."""
    ws = near().connect()
    pcm = ramp(rate // 10 + 7)
    link = given(pcm, rate).send_media_to(
        ws, tag="t", encoding=encoding, custom_parameters={"k": "v"}, paced=False
    )
    link.wait(10)
    far.hears("stop t")
    messages = far.json
    assert messages[0]["start"] == {
        "tag": "t",
        "mediaFormat": {"encoding": str(encoding), "sampleRate": rate},
        "customParameters": {"k": "v"},
    }
    assert far.kinds == ["start t", *["media t"] * 6, "stop t"]
    assert far.pcm("t") == pcm.tobytes()
    assert messages[-1]["stop"]["mediaInfo"] == {
        "bytesSent": 2 * len(pcm),
        "duration": 100,
    }
    sent = ws.media_statistics.sent["t"]
    assert (sent.encoding, sent.frames, sent.messages) == (str(encoding), len(pcm), 6)


def test_defaults_of_a_stream(far, near):
    """PCM8 without a tag, as VoxEngine has it; any unit is resampled to it."""
    ws = near().connect()
    ToneSource(440, 0.1, sample_rate=48000).send_media_to(ws, paced=False).wait(10)
    far.hears("stop")
    assert far.json[0]["start"] == {
        "mediaFormat": {"encoding": "PCM8", "sampleRate": 8000}
    }
    assert len(far.pcm()) == 2 * 800


def test_parameters_as_an_object(far, near):
    """VoxEngine's own way to say the same."""
    ws = near(side="voxengine").connect()
    parameters = SendMediaParameters("t", "ULAW", {"k": "v"})
    ToneSource(440, 0.1).send_media_to(ws, parameters, paced=False).wait(10)
    far.hears("stop t")
    begun = far.json[0]["start"]
    assert begun["mediaFormat"] == {"encoding": "ULAW", "sampleRate": 8000}
    assert json.loads(begun["customParameters"]) == {"k": "v"}


@pytest.mark.parametrize(
    ("arguments", "more", "error", "words"),
    [
        ((SendMediaParameters(),), {"tag": "a"}, TypeError, "not both"),
        (("tag",), {}, TypeError, "SendMediaParameters"),
        ((ClearMediaBufferParameters(),), {}, TypeError, "SendMediaParameters"),
        ((), {"encodnig": "ULAW"}, TypeError, "encodnig"),
        ((), {"encoding": "L16"}, ValueError, "PCM8, PCM16"),
        ((), {"tag": 7}, TypeError, "tag must be a str"),
        ((), {"custom_parameters": "k=v"}, TypeError, "mapping"),
        ((), {"custom_parameters": {"k": 1}}, TypeError, "custom_parameters"),
    ],
)
def test_parameters_that_make_no_sense(far, near, arguments, more, error, words):
    """Told when the unit is sent, not when its audio comes; nothing was announced."""
    ws = near().connect()
    source = SilenceSource()
    with pytest.raises(error, match=words):
        source.send_media_to(ws, *arguments, **more)
    assert source.links == ()
    ws.send("done")
    far.hears("done")
    assert far.texts == ["done"]


@pytest.fixture
def forgotten():
    """The library of Opus is looked for again, before and after."""
    opus._library.cache_clear()
    yield
    opus._library.cache_clear()


def test_opus_without_its_extra_is_told_at_once(near, monkeypatch, forgotten):
    """With what is to be installed."""
    monkeypatch.setitem(sys.modules, "opuslib_next", None)
    ws = near().connect()
    with pytest.raises(MissingExtra, match="opus"):
        SilenceSource().send_media_to(ws, encoding="OPUS")


def test_several_streams_stay_apart(far, near):
    """Each with its own numbers; a second unit on one tag is refused, and told how."""
    ws = near().connect()
    pieces = {"a": ramp(1600), "b": ramp(1600, 5000)}
    links = [
        given(pcm, 8000).send_media_to(ws, tag=tag, paced=False)
        for tag, pcm in pieces.items()
    ]
    for link in links:
        link.wait(10)
    for tag, pcm in pieces.items():
        far.hears(f"stop {tag}")
        assert far.pcm(tag) == pcm.tobytes()
    link = SilenceSource().send_media_to(ws, tag="c")
    with pytest.raises(InvalidState, match=r"stop_media_to\(\).*another tag"):
        SilenceSource().send_media_to(ws, tag="c")
    assert link.is_active


def test_stop_media_to_sends_stop(far, near):
    """Behind the audio; the next unit begins a new stream."""
    ws = near().connect()
    source = SilenceSource()
    source.send_media_to(ws, tag="a")
    far.hears("media a")
    source.stop_media_to(ws)
    far.hears("stop a")
    source.send_media_to(ws, tag="a")
    far.hears("start a", 2)


@pytest.mark.parametrize("how", ["close", "finish"])
def test_the_end_sends_stop_first(far, near, how):
    """For every stream that is open: before the Close frame, and by finish()."""
    ws = near().connect()
    links = [SilenceSource().send_media_to(ws, tag=tag) for tag in "ab"]
    for tag in "ab":
        far.hears(f"media {tag}")
    getattr(ws, how)()
    for tag in "ab":
        far.hears(f"stop {tag}")
    if how == "finish":
        for link in links:
            link.wait(10)
        assert not ws.is_active
        ws.close()
    far.hears("Close 1000")
    assert sorted(far.kinds[-3:-1]) == ["stop a", "stop b"]
    assert far.kinds.count("stop a") == 1


def test_an_interruption(far, near):
    """The link ends, `stop` follows, then the text; the next answer is a new stream."""
    ws = near().connect()
    link = SilenceSource().send_media_to(ws, tag="a")
    other = SilenceSource().send_media_to(ws, tag="b")
    far.hears("media a")
    ws.interrupt("a", "clear!")
    assert not link.is_active
    assert link.error is None
    assert other.is_active
    far.hears("clear!")
    kinds = [kind for kind in far.kinds if not kind.endswith(" b")]
    assert kinds[-2:] == ["stop a", "clear!"]
    ws.interrupt("a")
    ws.interrupt("nobody")
    SilenceSource().send_media_to(ws, tag="a")
    far.hears("start a", 2)
    near().interrupt()  # not connected: nothing flows


def test_unpaced_audio_is_bounded(far, near):
    """8 s ahead of what is heard, also where several pieces follow each other."""
    clock = VirtualClock()
    ws = near(clock=clock).connect()
    for _ in range(2):
        ToneSource(440, 3).send_media_to(ws, paced=False).wait(10)
    link = SilenceSource().send_media_to(ws, paced=False)
    size = 8 * 16000
    far.until(lambda: len(far.pcm()) >= size)
    for step in range(1, 4):
        clock.advance(0.5)
        far.until(lambda step=step: len(far.pcm()) >= size + 8000 * step)
    link.stop()
    far.hears("stop", 3)
    assert len(far.pcm()) <= size + 3 * 8000 + 3 * 320


def test_a_socket_that_is_not_open_takes_no_audio(near):
    """Before and after; told at once."""
    ws = near()
    with pytest.raises(InvalidState, match="connect"):
        SilenceSource().send_media_to(ws)
    ws.connect()
    ws.close()
    with pytest.raises(SessionClosed):
        SilenceSource().send_media_to(ws)
    with pytest.raises(SessionClosed):
        ws.send_media_to(BufferSink())


# In


@pytest.mark.parametrize(("name", "rate"), [("PCM8", 8000), ("PCM16", 16000)])
def test_a_stream_is_heard(far, near, name, rate):
    """As it was sent, at the rate its start declared; the link was made before."""
    ws = near()
    sink = BufferSink(sample_rate=rate)
    link = ws.send_media_to(sink, tag="a")
    other = BufferSink()
    ws.send_media_to(other)  # of the untagged stream, which does not come
    ws.connect()
    pcm = ramp(rate // 10)
    far.say(start("a", name, rate), media(pcm[:100].tobytes(), "a"))
    far.say(media(pcm[100:].tobytes(), "a"), stop("a"))
    until(lambda: len(sink.frames) == len(pcm))
    np.testing.assert_array_equal(sink.frames, pcm)
    assert len(other.frames) == 0
    assert link.is_active  # the next stream of the tag flows there, too
    received = ws.media_statistics.received["a"]
    assert (received.encoding, received.frames) == (name, len(pcm))
    with pytest.raises(InvalidState, match="already"):
        ws.send_media_to(sink, tag="a")


@pytest.mark.parametrize("where", ["media-started", "connection", "before"])
def test_the_first_sample_is_there(server, near, where):
    """Wherever the link is made; however long that takes."""
    sink, linked, gate = BufferSink(sample_rate=16000), [], threading.Event()

    def link(ws):
        assert gate.wait(10)
        linked.append(ws.send_media_to(sink, tag="a"))

    def connection(ws):
        if where == "connection":
            link(ws)
        else:
            ws.add_event_listener("media-started", lambda event: link(ws))

    if where == "before":
        there = server(
            lambda ws: given(pcm, 16000).send_media_to(
                ws, tag="a", encoding="PCM16", paced=False
            )
        )
        ws = near(there.url)
        gate.set()
        link(ws)
    else:
        there = server(connection)
        ws = near(there.url)
    pcm = ramp(8000)
    ws.connect()
    if where != "before":
        given(pcm, 16000).send_media_to(
            ws, tag="a", encoding="PCM16", paced=False
        ).wait(10)
        gate.set()
    until(lambda: len(sink.frames) == len(pcm))
    np.testing.assert_array_equal(sink.frames, pcm)


@pytest.mark.parametrize("links", [1, 2])
def test_a_link_that_comes_after_the_end(server, near, links):
    """The utterance was whole before its listener had a turn: it is heard all the same.

    But not for ever: once all is told, a link has nothing more to come.
    """
    sinks = [BufferSink(sample_rate=16000) for _ in range(links)]
    incoming, made = [], []

    def link(event):
        until(lambda: event.target.is_closed)
        made.extend(event.target.send_media_to(sink, tag="a") for sink in sinks)
        incoming.append(event.target)

    there = server(lambda ws: ws.add_event_listener("media-started", link))
    pcm = ramp(3200)
    ws = near(there.url)
    ws.connect()
    given(pcm, 16000).send_media_to(ws, tag="a", encoding="PCM16", paced=False).wait(10)
    ws.close()
    until(lambda: len(made) == links)
    for each, sink in zip(made, sinks, strict=True):
        each.wait(10)  # it ends
        np.testing.assert_array_equal(sink.frames, pcm)
    incoming[0].wait_closed(10)
    with pytest.raises(SessionClosed):
        incoming[0].send_media_to(BufferSink(), tag="a")


def test_parameters_of_a_route(far, near):
    """A tag by keyword or object; nonsense is told."""
    ws = near().connect()
    sinks = [BufferSink(sample_rate=16000) for _ in range(2)]
    ws.send_media_to(sinks[0], SendMediaParameters("a"))
    ws.send_media_to(sinks[1], tag="a")
    far.say(start("a"), media(ramp(320).tobytes(), "a"))
    for sink in sinks:
        until(lambda sink=sink: len(sink.frames) == 320)
    ws.stop_media_to(sinks[0], SendMediaParameters("b"))  # none
    ws.stop_media_to(sinks[0], SendMediaParameters("a"))
    ws.stop_media_to(sinks[1])
    assert ws._units().stream("a").links == ()
    for call, error, words in [
        (lambda: ws.send_media_to(sinks[0], "a"), TypeError, "SendMediaParameters"),
        (
            lambda: ws.send_media_to(sinks[0], ClearMediaBufferParameters("a")),
            TypeError,
            "SendMediaParameters",
        ),
        (
            lambda: ws.send_media_to(sinks[0], SendMediaParameters(), tag=""),
            TypeError,
            "both",
        ),
        (
            lambda: ws.send_media_to(ws, SendMediaParameters(), encoding="ULAW"),
            TypeError,
            "both",
        ),
        (lambda: ws.send_media_to(sinks[0], tag=7), TypeError, "tag must be a str"),
        (lambda: ws.send_media_to(sinks[0], encoding="ULAW"), TypeError, "encoding"),
        (lambda: ws.send_media_to(5), TypeError, "takes no audio"),
        (lambda: ws.stop_media_to(sinks[0], "a"), TypeError, "SendMediaParameters"),
        (
            lambda: ws.clear_media_buffer(ClearMediaBufferParameters(), tag="a"),
            TypeError,
            "both",
        ),
        (
            lambda: ws.clear_media_buffer(SendMediaParameters()),
            TypeError,
            "ClearMediaBufferParameters",
        ),
        (lambda: ws.clear_media_buffer(tag=7), TypeError, "tag must be a str"),
    ]:
        with pytest.raises(error, match=words):
            call()


def test_clear_empties_what_is_not_heard(far, near):
    """Of one stream, or of all; what comes then is heard."""
    ws = near(clock=VirtualClock())
    blocks = {"a": [], "b": []}
    for tag, heard in blocks.items():
        ws.send_media_to(
            CallbackSink(heard.append, sample_rate=16000), tag=tag
        )  # time stands still: one block is heard, the rest waits
    ws.connect()
    log = Log(ws)
    for tag in "ab":
        far.say(start(tag), *[media(np.full(320, 1, "<i2").tobytes(), tag)] * 10)
    far.say("sent")
    log.comes("message")
    ws.clear_media_buffer(ClearMediaBufferParameters("a"))
    assert ws._units().stream("a").links[0].stats.buffered <= 0.02
    assert ws._units().stream("b").links[0].stats.buffered > 0.1
    ws.clear_media_buffer()
    assert ws._units().stream("b").links[0].stats.buffered <= 0.02
    for tag in "ab":
        for link in ws._units().stream(tag).links:
            link.stop()  # or it would wait for its time to come


def test_a_gate_with_audio_in_flight(far, near):
    """What the far end had sent before it knew is dropped; its next start is heard."""
    ws = near()
    sink = BufferSink(sample_rate=16000)
    ws.send_media_to(sink, tag="a")
    log = Log(ws)
    ws.connect()
    old, new = np.full(320, 1, "<i2").tobytes(), np.full(320, 2, "<i2").tobytes()
    far.say(start("a"), media(old, "a"))
    until(lambda: len(sink.frames) == 320)
    ws.clear_media_buffer(tag="a", gate=True)
    far.say(*[media(old, "a")] * 5, "sent")
    log.comes("message")
    assert ws.stats.audio_gated == pytest.approx(0.1)
    far.say(stop("a"), start("a"), media(new, "a"))
    until(lambda: len(sink.frames) == 640)
    assert sink.frames.tolist() == [1] * 320 + [2] * 320
    ws.clear_media_buffer(gate=True)
    ws.open_media_gate("a")
    far.say(media(new, "a"))
    until(lambda: len(sink.frames) == 960)


def test_what_is_too_far_ahead_is_refused(far, near):
    """10 s, by the clock of the stream; told once."""
    ws = near(clock=VirtualClock())
    log = Log(ws)
    ws.connect()
    far.say(start(), *[media(bytes(32000))] * 12, "sent")
    log.comes("message")
    assert ws.stats.audio_refused == pytest.approx(2.0)
    assert len(log.of("error")) == 1


# Socket to socket


def test_one_socket_to_another(far, near):
    """The tag names the stream at both; encoding and parameters are the new one's."""
    other_far = Far()
    ws, other = near().connect(), near(other_far.url).connect()
    ws.send_media_to(other, tag="x", encoding="PCM16", custom_parameters={"k": "v"})
    far.say(start("x"), media(ramp(320).tobytes(), "x"))
    other_far.until(lambda: len(other_far.pcm("x")) == 640)
    assert other_far.json[0]["start"] == {
        "tag": "x",
        "mediaFormat": {"encoding": "PCM16", "sampleRate": 16000},
        "customParameters": {"k": "v"},
    }
    assert other_far.pcm("x") == ramp(320).tobytes()
    ws.stop_media_to(other)
    other_far.hears("stop x")
    ws.send_media_to(other, SendMediaParameters("y", "PCM16"))
    far.say(start("y"), media(ramp(320).tobytes(), "y"))
    other_far.until(lambda: len(other_far.pcm("y")) == 640)
    other.cancel()
    other.wait_closed(5)
    other_far.close()


def test_to_a_session_of_another_service(far, near):
    """Which knows no tags: the tag says what is taken from here."""
    seen = Far()
    ws = near().connect()
    from voxsync import AudioFormat

    with PlainSession(seen.url, audio=AudioFormat(sample_rate=16000)) as plain:
        link = ws.send_media_to(plain, SendMediaParameters("x"))
        far.say(start("x"), media(bytes(640), "x"))
        until(lambda: link.stats.frames == 320)
    seen.close()


def test_both_ways(far, near):
    """`send_media_between` and its undoing; where the second fails, neither flows."""
    other_far = Far()
    ws, other = near().connect(), near(other_far.url).connect()
    send_media_between(ws, other, encoding="PCM16")
    for one, two, first in ((far, other_far, 1), (other_far, far, 2)):
        one.say(start(), media(ramp(320, first).tobytes()))
        two.until(lambda two=two: len(two.pcm()) == 640)
        assert two.pcm() == ramp(320, first).tobytes()
    stop_media_between(ws, other)
    far.hears("stop")
    other_far.hears("stop")
    SilenceSource().send_media_to(ws)
    with pytest.raises(InvalidState, match="mixing"):
        send_media_between(ws, other)
    assert ws._units().stream("").links == ()
    other.cancel()
    other.wait_closed(5)
    other_far.close()


def test_an_incoming_socket(server, near):
    """It knows what was asked for; `url` is whose, and shows no query."""
    seen, there = [], threading.Event()

    def connection(ws):
        seen.append(ws)
        ws.on_close = lambda event: there.set()

    ws = near(server(connection).url + "path?id=7", headers={"X-Mine": "1"})
    ws.connect().close()
    assert there.wait(10)
    (incoming,) = seen
    request = incoming.request
    assert (request.path, request.query["id"]) == ("/path", "7")
    assert request.headers["x-mine"] == "1"
    host, port = request.address
    assert incoming.url == f"ws://{host}:{port}/path"


# What is shown


def test_privacy():
    """Nothing of the connection is shown, its URL least of all."""
    url = f"ws://host/?token={TOKEN}"
    ws = WebSocket(url, WebSocketParameters(privacy=True))
    assert repr(ws) == f"<WebSocket {ws.id} CONNECTING (private)>"
    assert repr(WebSocket(url)).endswith("ws://host/?token=***>")


def test_a_trace_shows_every_message_and_no_secret(far, near, caplog):
    """Media by its length; what identifies the caller is masked, line breaks too."""
    caplog.set_level(logging.INFO, "voxsync.trace")
    parameters = WebSocketParameters(
        trace=True, headers={"Authorization": f"Bearer {TOKEN}-head"}
    )
    ws = near(f"{far.url}?token={TOKEN}", parameters)
    log = Log(ws)
    ws.connect()
    ws.send(f"{TOKEN}\nand {TOKEN}-head")
    far.until(lambda: len(far.texts) == 1)
    far.say(start(), media(bytes(640)), "bye")
    log.comes("message")
    lines = [r.getMessage() for r in caplog.records if r.name == "voxsync.trace"]
    assert lines[0] == f"websocket {ws.id} out: ***\\nand ***"
    assert [line.split(": ")[0][-2:] for line in lines[1:]] == ["in"] * 3
    assert '"payload": "(856 characters)"' in lines[2]
    assert lines[3].endswith(": bye")
    assert TOKEN not in caplog.text


def test_statistics_are_logged_at_the_end(far, near, caplog):
    """On demand; they can be read at any time."""
    caplog.set_level(logging.INFO, "voxsync.voximplant")
    ws = near(parameters=WebSocketParameters(statistics=True))
    assert ws.media_statistics.sent == {}
    ws.connect()
    ToneSource(440, 0.1).send_media_to(ws, tag="a", paced=False).wait(10)
    ws.close()
    (line,) = [r.getMessage() for r in caplog.records if ws.id in r.getMessage()]
    assert "frames=800" in line
    assert ws.media_statistics.sent["a"].frames == 800


def test_names_that_are_not_there():
    """A typing error is an AttributeError like anywhere else."""
    import voxsync.voximplant

    with pytest.raises(AttributeError, match="Nonsense"):
        _ = voxsync.voximplant.Nonsense
    for name in voxsync.voximplant.__all__:
        assert getattr(voxsync.voximplant, name).__doc__
