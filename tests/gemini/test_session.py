"""A Live session on real sockets: what goes out, and what comes back in which way."""

import base64
import threading
import warnings

import numpy as np
import pytest

from tests.gemini.far import (
    DONE,
    HANDLE,
    INTERRUPTED,
    KEY,
    SOON,
    Far,
    Seen,
    audio,
    content,
    says,
    sounds,
    update,
)
from tests.media.toys import Ear, Feed
from voxsync.clocks import VirtualClock
from voxsync.errors import (
    ConcurrencyError,
    FormatError,
    InvalidState,
    ReceiveTimeout,
    SendQueueFull,
    SessionClosed,
    SetupError,
)
from voxsync.gemini import (
    Blob,
    Content,
    FunctionResponse,
    Part,
    ServerContent,
    SessionResumptionUpdate,
    ToolCall,
    ToolCallCancellation,
    UnknownMessage,
    VertexAIBackend,
)
from voxsync.session import SessionOptions

JPEG = b"\xff\xd8\xff\xe0" + b"jpeg"
NO_ID = {"name": "lamp", "response": {}}
PNG = b"\x89PNG\r\n\x1a\n" + b"png"
MANUAL = {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}


@pytest.fixture
def far():
    with Far() as made:
        yield made


@pytest.fixture
def session(far):
    with far.model().connect({}) as made:
        yield made


def b64(data):
    return base64.b64encode(data).decode()


# Turns


@pytest.mark.parametrize(
    ("request_", "parts"),
    [
        ("Good morning", [{"text": "Good morning"}]),
        (["a", Part(text="b")], [{"text": "a"}, {"text": "b"}]),
        (
            ["look", Blob("image/png", PNG)],
            [
                {"text": "look"},
                {"inlineData": {"mimeType": "image/png", "data": b64(PNG)}},
            ],
        ),
    ],
)
def test_send(far, session, request_, parts):
    """One message, one turn of the user's, which is complete unless said otherwise."""
    session.send(request_)
    session.send(request_, turn_complete=False)
    turns = [{"role": "user", "parts": parts}]
    assert far.hears(2) == [
        {"clientContent": {"turns": turns, "turnComplete": True}},
        {"clientContent": {"turns": turns, "turnComplete": False}},
    ]


def test_send_whole_turns(far, session):
    """A history is contents with their roles."""
    session.send([Content("user", ["a"]), Content("model", ["b"])])
    turns = far.hears(1)[0]["clientContent"]["turns"]
    assert [turn["role"] for turn in turns] == ["user", "model"]


def test_send_function_responses(far, session):
    """All in one message; what is the application's stays as it is."""
    session.send_function_responses(
        [
            FunctionResponse("c-1", "lamp", {"some_key": {"inner_key": 1}}),
            {"id": "c-2", "name": "lamp", "response": {}, "will_continue": False},
        ]
    )
    assert far.hears(1) == [
        {
            "toolResponse": {
                "functionResponses": [
                    {
                        "id": "c-1",
                        "name": "lamp",
                        "response": {"some_key": {"inner_key": 1}},
                    },
                    {
                        "id": "c-2",
                        "name": "lamp",
                        "response": {},
                        "willContinue": False,
                    },
                ]
            }
        }
    ]


def test_answers_without_ids(far):
    """Vertex AI may give calls no ids; elsewhere each answer needs one."""
    with far.model(backend=VertexAIBackend("p")).connect() as session:
        session.send_function_responses([NO_ID])
    found = far.got[0]["toolResponse"]["functionResponses"]
    assert found == [{"name": "lamp", "response": {}}]


def test_send_context_update(far, session):
    """Either, or both; an empty list of tools clears them."""
    session.send_context_update(system_instruction="Be formal.")
    session.send_context_update(tools=[])
    first, second = far.hears(2)
    instruction = first["contextUpdate"]["systemInstruction"]
    assert instruction["parts"] == [{"text": "Be formal."}]
    assert second == {"contextUpdate": {"tools": {"tools": []}}}


def test_what_is_refused_in_the_callers_hands(far, session):
    """A mistake is told where it stands; nothing of it is sent."""
    response = Part(function_response=FunctionResponse("c", "f", {}))
    wrong = [
        (ValueError, lambda: session.send([])),
        (ValueError, lambda: session.send([response])),
        (ValueError, lambda: session.send(["text", response])),
        (TypeError, lambda: session.send(5)),
        (TypeError, lambda: session.send("a", turn_complete="yes")),
        (ValueError, lambda: session.send_text_realtime("")),
        (ValueError, lambda: session.send_function_responses([])),
        (ValueError, lambda: session.send_function_responses([NO_ID])),
        (ValueError, session.send_context_update),
        (ValueError, lambda: session.send_audio_realtime(Blob("image/png", PNG))),
        (ValueError, lambda: session.send_video_realtime(Blob("audio/pcm", PNG))),
        (ValueError, lambda: session.send_video_realtime(b"GIF89a")),
        (TypeError, lambda: session.send_video_realtime(5)),
        (ValueError, lambda: session.send_video_realtime(JPEG, excess="thin")),
        (FormatError, lambda: session.send_audio_realtime(b"odd")),
        (FormatError, lambda: session.send_audio_realtime(np.zeros(5))),
        (FormatError, lambda: session.send_audio_realtime(np.zeros((5, 2), "i2"))),
        (ValueError, lambda: session.send_audio_realtime(b"\0\0", 12_345)),
    ]
    for error, call in wrong:
        with pytest.raises(error):
            call()
    session.send_text_realtime("the only one")
    assert far.hears(1) == [{"realtimeInput": {"text": "the only one"}}]


# Real time


def test_signals(far, session):
    """Each is a message of its own."""
    session.send_text_realtime("hello")
    session.send_activity_start()
    session.send_activity_end()
    session.send_audio_stream_end()
    assert far.hears(4) == [
        {"realtimeInput": {"text": "hello"}},
        {"realtimeInput": {"activityStart": {}}},
        {"realtimeInput": {"activityEnd": {}}},
        {"realtimeInput": {"audioStreamEnd": True}},
    ]


@pytest.mark.parametrize("make", [bytes, lambda b: np.frombuffer(b, "<i2")])
def test_audio(far, session, make):
    """It goes out sample by sample, in messages of 100 ms at most, with its rate."""
    data = np.arange(5000, dtype="<i2").tobytes()
    session.send_audio_realtime(make(data))
    session.send_audio_realtime(make(b""))
    far.hears(4)
    samples, types = far.audio()
    assert samples.tobytes() == data
    assert types == {"audio/pcm;rate=16000"}
    sizes = [len(m["realtimeInput"]["audio"]["data"]) * 3 // 4 for m in far.hears(4)]
    assert max(sizes) <= 3202


def test_a_ready_blob(far, session):
    """It is sent as it is, also as a dict."""
    session.send_audio_realtime(Blob("audio/pcm;rate=8000", b"\1\0"))
    session.send_audio_realtime({"mime_type": "audio/opus", "data": b"\1\2\3"})
    blobs = [m["realtimeInput"]["audio"] for m in far.hears(2)]
    assert blobs == [
        {"mimeType": "audio/pcm;rate=8000", "data": b64(b"\1\0")},
        {"mimeType": "audio/opus", "data": b64(b"\1\2\3")},
    ]


def tone(rate, seconds=0.5, frequency=440.0):
    at = np.arange(round(rate * seconds)) / rate
    return np.round(12_000 * np.sin(2 * np.pi * frequency * at)).astype(np.int16)


@pytest.mark.parametrize("rate", [8000, 24_000, 48_000])
@pytest.mark.parametrize("end", ["send_audio_stream_end", "send_activity_end"])
def test_other_rates(far, session, rate, end):
    """Blocks of any length are resampled without a seam; nothing is missing."""
    sent, at = tone(rate), 0
    for count in [1, 160, 7, 999, 333] * 100:
        session.send_audio_realtime(sent[at : at + count], rate)
        at += count
    getattr(session, end)()
    far.until(lambda far: far.got and "audio" not in far.got[-1]["realtimeInput"])
    samples, types = far.audio()
    assert types == {"audio/pcm;rate=16000"}
    assert len(samples) == len(sent) * 16_000 // rate  # the exact rate, no drift
    middle = slice(200, -200)  # at the ends the filter meets silence
    error = samples[middle] - tone(16_000, len(sent) / rate)[middle].astype(float)
    assert np.sqrt(np.mean(error**2)) < 120  # of 12,000: -40 dB


def test_a_change_of_rate(far, session):
    """What the old rate still owes goes out before the new one's audio."""
    for rate in (8000, 16_000, 48_000, 16_000):
        session.send_audio_realtime(tone(rate, 0.1), rate)
    session.send_text_realtime("end")
    far.until(lambda far: far.got and "text" in far.got[-1]["realtimeInput"])
    samples, _ = far.audio()
    assert len(samples) == 4 * 1600


def test_audio_that_found_no_room(far):
    """It is refused whole; what is resampled begins anew, so nothing comes twice."""
    reading = threading.Event()
    far.answers = lambda _: (reading.wait(SOON), ())[1]  # one message, then deaf
    options = SessionOptions(send_queue=2, write_buffer=1, send_buffer=4096)
    with far.model(options=options).connect() as session:
        full = None
        for _ in range(10_000):
            try:
                session.send_audio_realtime(tone(8000, 0.1), 8000, block=False)
            except SendQueueFull as exc:
                full = exc
                break
        assert full is not None
        assert session._speech.rest() == b""
        reading.set()


@pytest.mark.parametrize(
    ("image", "mime_type", "sent"),
    [
        (JPEG, None, "image/jpeg"),
        (bytearray(PNG), None, "image/png"),
        (b"RIFF....WEBP", "image/webp", "image/webp"),
        (Blob("image/jpeg", JPEG), None, "image/jpeg"),
        ({"mimeType": "image/png", "data": PNG}, None, "image/png"),
    ],
)
def test_images(far, session, image, mime_type, sent):
    """What they are is seen by their first bytes, or said."""
    assert session.send_video_realtime(image, mime_type=mime_type) is True
    assert far.hears(1)[0]["realtimeInput"]["video"]["mimeType"] == sent


def test_one_image_a_second(far):
    """More is refused, or thinned out, by the session's clock."""
    clock = VirtualClock()
    options = SessionOptions(clock=clock)
    with far.model(options=options).connect() as session:
        assert session.send_video_realtime(JPEG)
        clock.advance(0.25)
        with pytest.raises(InvalidState, match=r"0\.25 s ago"):
            session.send_video_realtime(JPEG)
        assert session.send_video_realtime(JPEG, excess="drop") is False
        assert session.images_dropped == 1
        clock.advance(0.75)
        assert session.send_video_realtime(PNG, excess="drop") is True
        far.hears(2)
    kinds = [m["realtimeInput"]["video"]["mimeType"] for m in far.got]
    assert kinds == ["image/jpeg", "image/png"]


def test_an_image_that_was_not_sent(far):
    """It does not count as the last one."""
    session = far.model().session()
    with pytest.raises(InvalidState, match="not open"):
        session.send_video_realtime(JPEG)
    with session:
        assert session.send_video_realtime(JPEG)


@pytest.mark.parametrize("verb", ["send_media_chunks", "send_media_stream"])
def test_obsolete_ones(far, session, verb):
    """They warn, in the caller's line, and send one message for each chunk."""
    chunks = [Blob("audio/pcm", b"\1\0"), {"mime_type": "image/png", "data": PNG}]
    with pytest.warns(DeprecationWarning, match=f"{verb} is obsolete") as caught:
        getattr(session, verb)(iter(chunks))
    assert caught[0].filename == __file__
    found = [m["realtimeInput"]["mediaChunks"] for m in far.hears(2)]
    assert [[c["mimeType"] for c in each] for each in found] == [
        ["audio/pcm"],
        ["image/png"],
    ]


def test_a_stream_that_breaks(far, session):
    """What its iterator raises comes out; what came before was sent."""

    def stream():
        yield Blob("audio/pcm", b"\1\0")
        raise OSError("the microphone was pulled out")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(OSError, match="pulled out"):
            session.send_media_stream(stream())
    assert len(far.hears(1)) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.send("a"),
        lambda s: s.send_text_realtime("a"),
        lambda s: s.send_audio_realtime(b"\0\0"),
        lambda s: s.send_audio_realtime(b"\0\0" * 800, 8000),
        lambda s: s.send_video_realtime(JPEG),
        lambda s: s.send_audio_stream_end(),
        lambda s: s.send_activity_start(),
        lambda s: s.send_activity_end(),
        lambda s: s.send_function_responses([{"id": "c", **NO_ID}]),
        lambda s: s.send_context_update(tools=[]),
        lambda s: s.resume(),
    ],
)
@pytest.mark.parametrize("who", ["we", "they"])
def test_after_the_end(far, session, call, who):
    """Every verb says that it is over, whoever closed, with code and reason."""
    if who == "we":
        session.close()
    else:
        far.say(update())
        far.end(1011, "Deadline expired")
        session.wait_closed(SOON)
    assert session.is_closed
    with pytest.raises(SessionClosed) as caught:
        call(session)
    if who == "they":
        assert (caught.value.code, caught.value.reason) == (1011, "Deadline expired")


# Receiving


def test_typed_messages(far, session):
    """Each kind is a class of its own, with what came in `raw`."""
    said = [
        says("Good ", "morning", audio(np.arange(480, dtype=np.int16))),
        content(outputTranscription={"text": "Good"}, generationComplete=True),
        {"toolCall": {"functionCalls": [{"id": "c", "name": "f", "args": {"a_b": 1}}]}},
        {"toolCallCancellation": {"ids": ["c"]}},
        {"goAway": {"timeLeft": "3.5s"}},
        {"somethingNew": {"of": 1}},
        update(),
        {**DONE, "usageMetadata": {"totalTokenCount": 18}},
    ]
    far.say(*said)
    got = [message for _, message in zip(said, session.receive(SOON), strict=False)]
    assert [message.raw for message in got] == said
    first, second, call, cancelled, leaving, new, resumable, last = got
    assert first.text == "Good morning"
    assert first.audio.tolist() == list(range(480))
    assert first.sample_rate == 24_000
    assert second.output_transcription.text == "Good"
    assert (second.text, second.audio) == (None, None)
    assert isinstance(call, ToolCall)
    assert call.function_calls[0].args == {"a_b": 1}
    assert isinstance(cancelled, ToolCallCancellation)
    assert cancelled.ids == ("c",)
    assert leaving.time_left == 3.5
    assert isinstance(new, UnknownMessage)
    assert isinstance(resumable, SessionResumptionUpdate)
    assert (last.turn_complete, last.usage_metadata.total_token_count) == (True, 18)
    assert session.usage.total_token_count == 18
    assert session.session_id == "s-1"
    with pytest.raises(AttributeError):
        last.turn_complete = False


def test_listeners_get_the_same(far, session):
    """A `message` event carries the typed message."""
    seen = Seen(session, "message")
    far.say(says("hello"))
    assert seen.comes()[0].data.text == "hello"
    assert next(session.receive(SOON)).text == "hello"


def test_receive_goes_on_behind_a_turn(far, session):
    """It ends with the session, not with the turn."""
    far.say(says("one"), DONE, says("two"), DONE)
    far.end()
    kinds = [m.text or m.turn_complete for m in session.receive(SOON)]
    assert kinds == ["one", True, "two", True]


def test_receive_turn(far, session):
    """One turn each time; what comes behind it waits for the next."""
    far.say(says("one"), DONE, update(), says("two"), INTERRUPTED, DONE)
    assert [m.text for m in session.receive_turn(SOON)] == ["one", None]
    second = list(session.receive_turn(SOON))
    assert second[0].new_handle == HANDLE
    assert second[-1].turn_complete
    with pytest.raises(ReceiveTimeout):
        next(session.receive_turn(0.01))


def test_receive_turn_of_several(far, session):
    """A model that thinks on completes turns before it is idle."""
    far.say(
        content(turnComplete=True, interactionStatus="IN_PROGRESS"),
        content(turnComplete=True, interactionStatus="IDLE"),
        content(turnComplete=True, interactionStatus="INTERACTION_STATUS_UNSPECIFIED"),
    )
    assert len(list(session.receive_turn(SOON))) == 2
    assert len(list(session.receive_turn(SOON))) == 1


def test_receive_turn_until_the_end(far, session):
    """A session that ends badly in a turn raises, behind what came."""
    far.say(says("half an ans"))
    far.end(1011, "Internal error")
    turn = session.receive_turn(SOON)
    assert next(turn).text == "half an ans"
    with pytest.raises(SessionClosed, match="Internal error"):
        next(turn)


def test_one_consumer(far, session):
    """Two threads would share the messages: the second one is told."""
    failed, taking = [], session.receive(SOON)
    far.say(says("mine"), says("mine, too"))
    assert next(taking).text == "mine"

    def other():
        try:
            next(session.receive(SOON))
        except ConcurrencyError as exc:
            failed.append(exc)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(SOON)
    assert len(failed) == 1
    assert next(taking).text == "mine, too"


def test_not_from_a_listener(far, session):
    """It would wait for itself: receive() and resume() say so."""
    failed = []

    def listener(event):
        for call in (session.receive, lambda: session.resume({})):
            try:
                call()
            except InvalidState as exc:
                failed.append(str(exc))

    session.add_event_listener("message", listener)
    seen = Seen(session, "message")
    far.say(says("hello"))
    seen.comes()
    assert len(failed) == 2
    assert all("listener" in text for text in failed)


# Audio that flows


def test_a_microphone(far):
    """Its audio goes out at 16 kHz; where it ends, that is said."""
    feed = Feed(48_000)
    with far.model().connect() as session:
        link = feed.send_media_to(session)
        feed.give(4800)
        feed.over()
        link.wait(SOON)
        far.until(
            lambda far: far.got and far.got[-1]["realtimeInput"].get("audioStreamEnd")
        )
    samples, types = far.audio()
    assert len(samples) == 1600
    assert types == {"audio/pcm;rate=16000"}


def test_a_microphone_that_is_stopped(far, session):
    """The service is told that nothing more comes, as often as that happens."""
    for count in (1, 2):
        feed = Feed()
        link = feed.send_media_to(session)
        feed.give(320)
        far.until(lambda far, count=count: len(far.audio()[0]) == 320 * count)
        link.stop()
        ends = [{"realtimeInput": {"audioStreamEnd": True}}] * count
        far.until(
            lambda far, ends=ends: (
                [m for m in far.got if "audioStreamEnd" in m["realtimeInput"]] == ends
            )
        )


def test_a_microphone_by_hand(far):
    """Without automatic detection that must not be said."""
    feed = Feed()
    with far.model(config=MANUAL).connect() as session:
        session.send_activity_start()
        link = feed.send_media_to(session)
        feed.give(320)
        feed.over()
        link.wait(SOON)
        session.send_activity_end()
        far.until(lambda far: {"realtimeInput": {"activityEnd": {}}} in far.got)
    assert len(far.got) == 3


def test_a_session_takes_no_parameters(session):
    """Streams have no names here."""
    with pytest.raises(TypeError, match="parameters"):
        Feed().send_media_to(session, tag="voice")


def test_a_speaker(far):
    """All audio parts are heard, in order, each turn announced and ended."""
    ear = Ear(24_000)
    session = far.model().session()
    seen = Seen(session, "media-started", "media-ended")
    session.send_media_to(ear)
    with session:
        block = np.arange(4800, dtype=np.int16)
        far.say(
            says(audio(block[:1200]), "and", audio(block[1200:2400])),
            says(audio(block[2400:])),
            content(generationComplete=True),
            DONE,
        )
        seen.comes(2)
        assert ear.hears(4800)
        assert np.array_equal(ear.heard, block)
    assert [event.type for event in seen.events] == ["media-started", "media-ended"]


def test_nobody_receives_but_a_speaker(far):
    """Audio that is heard may leave its message; who takes none is not blamed."""
    session = far.model(options=SessionOptions(receive_queue=1)).session()
    errors = Seen(session, "error")
    ear = Ear(24_000)
    session.send_media_to(ear)
    with session:
        far.say(*[sounds(n, 0.02) for n in range(5)], says("bye"), update(), DONE)
        assert ear.hears(5 * 480)
        far.end()
        session.wait_closed(SOON)
    assert session.stats.receive_dropped == 7
    assert errors.events == []


def test_the_speaker_is_gone_and_nobody_receives(far):
    """Then what is said is lost, and that is told."""
    session = far.model(options=SessionOptions(receive_queue=1)).session()
    errors = Seen(session, "error")
    ear = Ear(24_000)
    link = session.send_media_to(ear)
    with session:
        far.say(sounds(1, 0.02), DONE)
        assert ear.hears(480)
        link.stop()
        far.say(sounds(2, 0.02), DONE)
        assert "receive()" in str(errors.comes()[0].error)


def test_a_speaker_and_a_consumer_that_is_gone(far):
    """Who has received once wants the messages: what cannot be kept is told."""
    session = far.model(options=SessionOptions(receive_queue=1)).session()
    errors = Seen(session, "error")
    ear = Ear(24_000)
    session.send_media_to(ear)
    with session:
        far.say(sounds(1, 0.02))
        assert next(session.receive(SOON)).audio is not None
        far.say(sounds(2, 0.02), DONE, DONE)
        assert ear.hears(960)
    assert session.stats.receive_dropped > 0
    assert "receive()" in str(errors.comes()[0].error)


def test_nobody_receives_at_all(far):
    """That is told once."""
    session = far.model(options=SessionOptions(receive_queue=1)).session()
    errors = Seen(session, "error")
    with session:
        far.say(says("one"), says("two"), says("three"))
        assert "receive()" in str(errors.comes()[0].error)
        far.say(DONE)
        far.end()
        session.wait_closed(SOON)
    assert len(errors.events) == 1


# Another connection


def test_resume(far, session):
    """By the latest handle, with the same setup; nothing is told, nothing lost."""
    seen = Seen(session, "open", "close")
    far.say({**update(), "usageMetadata": {"totalTokenCount": 5}})
    for message in session.receive(SOON):
        if message.type == "sessionResumptionUpdate":
            break
    session.resume()
    first, second = far.setups
    assert first.pop("sessionResumption") == {}
    assert second.pop("sessionResumption") == {"handle": HANDLE}
    assert first == second
    assert session.usage.total_token_count == 5
    assert session.resumption_handle == HANDLE
    session.send("on the second")
    far.hears(1)
    far.say(update("n3xt-handle-0123"), says("welcome back"))
    assert next(session.receive(SOON)).new_handle == "n3xt-handle-0123"
    assert next(session.receive(SOON)).text == "welcome back"
    assert session.resumption_handle == "n3xt-handle-0123"
    session.resume()
    assert far.setups[2]["sessionResumption"] == {"handle": "n3xt-handle-0123"}
    assert seen.events == []
    assert not session.is_closed


def test_resume_with_a_handle(far, session):
    """One that was kept elsewhere; it is the latest then."""
    session.resume({"handle": "k3pt-elsewhere"})
    assert far.setups[1]["sessionResumption"] == {"handle": "k3pt-elsewhere"}
    assert session.resumption_handle == "k3pt-elsewhere"


def test_resume_without_a_handle(far, session):
    """The service has sent none yet, or none that is good."""
    far.say(update("", resumable=False), update("n0t-now", resumable=False))
    messages = session.receive(SOON)
    assert [next(messages).resumable for _ in range(2)] == [False, False]
    assert session.resumption_handle is None
    with pytest.raises(InvalidState, match="no resumption handle"):
        session.resume()


def test_resume_what_cannot_be(far):
    """A session that was opened without the setting cannot be resumed."""
    with (
        far.model().connect() as session,
        pytest.raises(InvalidState, match="Cannot resume session"),
    ):
        session.resume({"handle": "h"})
    assert len(far.setups) == 1


def test_resume_is_refused(far, session):
    """The session goes on as it was, with the handle that it had."""
    far.say(update())
    assert next(session.receive(SOON)).new_handle == HANDLE
    first = far.conn
    far.first = (b"\x88\x06\x03\xf0gone",)  # Close 1008
    with pytest.raises(SetupError) as caught:
        session.resume({"handle": "0ld-handle"})
    assert (caught.value.code, caught.value.reason) == (1008, "gone")
    assert not session.is_closed
    assert session.resumption_handle == HANDLE
    session.send("still the first")
    far.hears(1)
    first.send(b"\x81\x02{}")
    assert next(session.receive(SOON)).type == "unknown"


def test_receive_survives_a_resumption(far, session):
    """A loop that runs meanwhile goes on with what the new connection brings."""
    got, taken = [], threading.Event()

    def consume():
        for message in session.receive(SOON):
            got.append(message)
            if isinstance(message, ServerContent):
                taken.set()

    thread = threading.Thread(target=consume)
    thread.start()
    far.say(update(), says("one"), DONE)
    assert taken.wait(SOON)
    taken.clear()
    session.resume()
    taken.clear()
    far.say(says("two"), DONE)
    assert taken.wait(SOON)
    far.end()
    thread.join(SOON)
    said = [m.text for m in got if isinstance(m, ServerContent)]
    assert said == ["one", None, "two", None]


def test_nothing_is_lost_between(far, session):
    """Threads that send meanwhile notice nothing; each message goes out once."""
    far.say(update())
    assert next(session.receive(SOON)).new_handle == HANDLE
    over = threading.Event()
    sent = [0, 0]

    def send(which):
        while not over.is_set():
            session.send(f"{which} {sent[which]}", turn_complete=False)
            sent[which] += 1

    threads = [threading.Thread(target=send, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for count in range(1, 6):
        far.hears(100 * count)
        session.resume()
    over.set()
    for thread in threads:
        thread.join(SOON)
    turns = [m["clientContent"]["turns"] for m in far.hears(sum(sent))]
    got = [turn["parts"][0]["text"] for (turn,) in turns]
    wanted = [f"{which} {n}" for which in (0, 1) for n in range(sent[which])]
    assert sorted(got) == sorted(wanted)
    assert len(far.setups) == 6


def test_resume_while_audio_flows(far, session):
    """A microphone's link goes on by the new connection, sample by sample."""
    far.say(update())
    assert next(session.receive(SOON)).new_handle == HANDLE
    feed = Feed()
    link = feed.send_media_to(session, paced=False)
    for count in range(1, 4):
        feed.give(3200)
        far.until(lambda far, count=count: len(far.audio()[0]) == 3200 * count)
        session.resume()
    link.stop()
    samples, _ = far.audio()
    assert np.array_equal(samples, np.arange(9600))


def test_resume_while_a_turn_sounds(far):
    """What the old connection has said is heard, then what the new one says."""
    ear = Ear(24_000)
    session = far.model().session({"handle": HANDLE})
    session.send_media_to(ear)
    with session:
        far.say(sounds(1, 0.1))
        assert next(session.receive(SOON)).audio is not None
        far.say(DONE)
        session.resume()
        far.say(sounds(2, 0.1), DONE)
        assert ear.hears(4800)
    assert np.array_equal(ear.heard, np.repeat([1, 2], 2400))


# The end


def test_close(far, session):
    """It says goodbye, flushes what was sent, and may be called again."""
    for number in range(5):
        session.send(f"{number}")
    session.close()
    session.close()
    assert len(far.got) == 5
    assert far.closed == [b"\x03\xe8"]
    assert session.is_closed
    assert (session.close_code, session.in_conversation) == (1000, False)


def test_finish(far, session):
    """No more input: the service is told so where it listens itself."""
    session.send_audio_realtime(b"\0\0")
    session.finish()
    with pytest.raises(InvalidState):
        session.send("too late")
    far.until(lambda far: far.got[-1:] == [{"realtimeInput": {"audioStreamEnd": True}}])
    far.say(says("I heard"), DONE)
    assert [m.text for m in session.receive_turn(SOON)] == ["I heard", None]


@pytest.mark.parametrize("asks", [True, False])
def test_a_finished_session_ends(far, asks):
    """By itself and well, behind the last answer, or at once if there is none."""
    options = SessionOptions(linger_timeout=0.05)
    session = far.model(options=options).connect()
    messages = session.receive(SOON)
    if asks:
        session.send("a question")
    session.finish()
    if asks:
        far.hears(1)
        far.say(says("an answer"), DONE)
    assert [m.text for m in messages] == (["an answer", None] if asks else [])
    assert session.wait_closed(SOON).code == 1000


def test_behind_a_resumption_an_answer_is_waited_for(far):
    """What the first connection has left open nobody knows."""
    options = SessionOptions(linger_timeout=0.05)
    session = far.model(options=options).connect({})
    messages = session.receive(SOON)
    far.say(update(HANDLE))
    next(messages)
    session.resume(timeout=SOON)
    session.finish()
    far.say(says("where were we"), DONE)
    assert [m.text for m in messages] == ["where were we", None]
    assert session.wait_closed(SOON).code == 1000


@pytest.mark.parametrize("code", [1000, 1007])
def test_a_close_that_repeats_secrets(far, code):
    """Neither key nor handle comes out by it, whatever the code."""
    session = far.model().connect({})
    far.say(update(HANDLE))
    next(session.receive(SOON))
    far.end(code, f"{KEY} {HANDLE}")
    event = session.wait_closed(SOON)
    assert event.reason == "*** ***"
    with pytest.raises(SessionClosed) as info:
        session.send("late")
    shown = f"{event!r} {info.value!r} {info.value} {event.error!r} {event.error}"
    assert KEY not in shown
    assert HANDLE not in shown
