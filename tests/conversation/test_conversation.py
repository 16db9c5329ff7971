"""A conversation, over real sockets: from its start to its end."""

import logging
import threading

import numpy as np
import pytest

import voxsync.conversation as door
from tests.conversation.model import SOON, ModelSession, Seen
from tests.media.fake_sound import sound  # noqa: F401 - a fixture
from tests.media.toys import BLOCK, Ear, Feed, in_thread
from voxsync.audio import AudioFormat
from voxsync.conversation import AudioConversation, start_audio_conversation
from voxsync.errors import (
    DeviceError,
    InvalidState,
    MissingExtra,
    SessionClosed,
)
from voxsync.events import QueueDispatcher
from voxsync.media import BufferSink, CallbackSink, CallbackSource, ToneSource
from voxsync.plain import PlainSession
from voxsync.voximplant import WebSocket, WebSocketServer

JPEG = b"\xff\xd8 picture"


def listening(session):
    """What of ours listens to the session."""
    return [
        kind
        for kind in ("message", "close", "media-started", "media-ended")
        if session._listeners.get(kind)
    ]


# Start


def test_a_person_and_a_model_talk(far, converse):
    """Audio both ways; transcripts; the session is open after it, and nothing left."""
    conversation = converse()
    session = conversation.session
    seen = Seen(conversation, "transcript")
    with conversation as same:
        assert same is conversation
        assert session.in_conversation
        assert conversation.is_active
        assert "active" in repr(conversation)
        conversation.mic.give(BLOCK)
        far.hears(lambda far: len(far.audio) == BLOCK)
        far.tell(input_transcription={"text": "Hello"})
        far.tell(output_transcription={"text": "Hi", "finished": True})
        far.speak(0.2)
        assert conversation.ear.hears(3000)
        assert [(e.speaker, e.text, e.is_final) for e in seen.comes(2)] == [
            ("user", "Hello", False),
            ("model", "Hi", True),
        ]
        assert seen.events[0].target is conversation
        assert conversation.levels.output.peak > -60
    assert not conversation.is_active
    assert not session.in_conversation
    assert conversation.error is None
    assert conversation.levels.output.peak == -120
    assert "ended" in repr(conversation)
    conversation.wait(0)
    assert listening(session) == []
    assert session.is_active
    assert far.hears(lambda far: far.marks == ["start", "audio", "end"])


def test_the_next_message_after_it_is_the_programs(far, converse):
    """Nothing of the conversation's takes it."""
    conversation = converse()
    messages = conversation.session.receive(SOON)
    with conversation:
        far.tell(n=1)
        assert next(messages).n == 1
    far.tell(n=2)
    far.tell(n=3)
    assert [next(messages).n for _ in range(2)] == [2, 3]


def test_start_audio_conversation_is_a_start(far, session):
    """With the same arguments; leaving `with` stops it."""
    mic, ear = Feed(), Ear()
    with start_audio_conversation(session, microphone=mic, speaker=ear) as conversation:
        assert isinstance(conversation, AudioConversation)
        assert conversation.is_active
    assert not session.in_conversation


def test_one_session_has_one_conversation_after_the_other(far, session, converse):
    """Never two; and none of them begins twice."""
    first = converse(session).start()
    second = converse(session)
    with pytest.raises(InvalidState, match="has a conversation already"):
        second.start()
    assert first.is_active
    with pytest.raises(InvalidState, match="has a conversation already"):
        first.start()
    first.stop()
    second.start()
    second.stop()
    for ended in (first, second):
        with pytest.raises(InvalidState, match="once"):
            ended.start()
    assert not session.in_conversation


def test_of_many_at_once_one_begins(far, session, converse):
    """Whoever comes first; the others change nothing."""
    gate = threading.Barrier(8)

    def start(conversation):
        gate.wait(SOON)
        try:
            conversation.start()
        except InvalidState:
            return False
        return True

    conversations = [converse(session) for _ in range(8)]
    waits = [in_thread(lambda c=c: start(c)) for c in conversations]
    begun = [wait() for wait in waits]
    assert begun.count(True) == 1
    assert session._conversation is conversations[begun.index(True)]


def test_the_order_of_refusals(make, converse, monkeypatch, sound):  # noqa: F811
    """Closed, then in a conversation, then without sound."""
    session = make()
    conversation = converse(session).start()
    sound.devices.clear()
    sound.defaults = [None, None]
    with pytest.raises(InvalidState, match="already"):
        start_audio_conversation(session)
    session.close()
    with pytest.raises(SessionClosed):
        start_audio_conversation(session)
    conversation.stop()
    with pytest.raises(DeviceError):
        start_audio_conversation(make())


def test_without_pyaudio(session, monkeypatch):
    """The extra is named; nothing is left."""
    monkeypatch.setitem(__import__("sys").modules, "pyaudio", None)
    with pytest.raises(MissingExtra):
        start_audio_conversation(session)
    assert not session.in_conversation
    assert listening(session) == []


def test_a_start_that_fails_leaves_nothing_behind(far, session, converse):
    """Neither links, nor listeners, nor devices; the session is as it was."""
    ear = Ear()

    def fail(frames):
        raise AssertionError("never asked")

    broken = CallbackSource(fail)

    def begin():
        raise DeviceError("no card")

    broken._begin = begin
    conversation = converse(session, microphone=broken, speaker=ear, half_duplex=True)
    with pytest.raises(DeviceError, match="no card"):
        conversation.start()
    assert not session.in_conversation
    assert listening(session) == []
    assert ear._link is None
    assert not session._units().stream("").links
    assert conversation.error is None
    with converse(session, speaker=ear):
        assert session.in_conversation


def test_a_session_that_cannot_talk_yet_or_no_more(far, make, converse):
    """Not connected; finished; over before it began."""
    with pytest.raises(InvalidState, match="not open yet"):
        converse(ModelSession(far.url)).start()
    finished = make()
    finished.finish()
    with pytest.raises(InvalidState, match="finished"):
        converse(finished).start()
    unused = ModelSession(far.url)
    unused.close()
    with pytest.raises(SessionClosed):
        converse(unused).start()


def test_threads_that_the_machine_has_not(session, converse, monkeypatch):
    """All is undone."""
    conversation = converse(session)

    def start():
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(conversation._thread, "start", start)
    with pytest.raises(RuntimeError):
        conversation.start()
    assert not session.in_conversation
    assert listening(session) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"function_handler": "now"}, "function_handler must"),
        ({"video": 7}, "video must"),
        ({"microphone": "default"}, "microphone must"),
        ({"speaker": "default"}, "speaker must"),
    ],
)
def test_arguments_that_make_no_sense(session, arguments, words):
    """Are refused at once."""
    with pytest.raises(TypeError, match=words):
        AudioConversation(session, **arguments)


def test_what_is_no_session_and_what_takes_no_video(make):
    """Is said at once, too."""
    with pytest.raises(TypeError, match="session must be"):
        AudioConversation("ws://")
    with pytest.raises(TypeError, match="no video"):
        AudioConversation(PlainSession("ws://x/"), video=[JPEG])


def test_the_room_has_its_names():
    """And no others."""
    assert [getattr(door, name).__name__ for name in door.__all__] == door.__all__
    with pytest.raises(AttributeError, match="no attribute 'x'"):
        door.x  # noqa: B018


# Barge-in, and what must not disturb it


def interrupted(far, conversation, speaks=3.0):
    """The model speaks, and is interrupted while its audio waits to be heard.

    Returns what waited when the message came.
    """
    ear, session = conversation.ear, conversation.session
    waited = []
    come = threading.Event()

    def look(event):
        if getattr(event.data, "interrupted", False):
            waited.append(conversation._flow._down.stats.buffered)
            come.set()

    session.add_event_listener("message", look)
    ear.uncover(False)
    before = conversation._flow._down.stats.cleared
    far.speak(speaks, 7)
    assert ear.waits.wait(SOON)
    far.tell(interrupted=True)
    assert come.wait(SOON)
    session.remove_event_listener("message", look)
    ear.waits.clear()
    assert conversation._flow._down.stats.cleared > before
    return waited[0]


def deaf_ear():
    return Ear(24_000, clock=True)


def test_an_interruption_empties_playout_before_it_is_told(far, converse):
    """Down to the sink; what comes after it is heard whole."""
    conversation = converse(speaker=deaf_ear()).start()
    assert interrupted(far, conversation) == 0
    conversation.ear.uncover()
    far.speak(0.5, 9)
    assert conversation.ear.hears(12_000)
    assert set(conversation.ear.heard.tolist()) == {9}


def test_a_handler_that_hangs_disturbs_neither_audio_nor_interruption(far, converse):
    """Nor other calls; its answer comes when it comes."""
    hangs, release = threading.Event(), threading.Event()

    def handler(call):
        if call.args.get("hang"):
            hangs.set()
            release.wait(SOON)
        return {"id": call.id}

    conversation = converse(speaker=deaf_ear(), function_handler=handler).start()
    far.call("1", hang=True)
    assert hangs.wait(SOON)
    far.call("2", "3")
    far.hears(lambda far: {a["id"] for a in far.answers} == {"2", "3"})
    assert interrupted(far, conversation) == 0
    conversation.ear.uncover()
    conversation.mic.give(BLOCK)
    far.speak(0.1)
    far.hears(lambda far: len(far.audio) == BLOCK)
    assert conversation.ear.hears(2400)
    release.set()
    far.hears(lambda far: {a["id"] for a in far.answers} == {"1", "2", "3"})


def test_a_handler_that_fails_disturbs_nothing(far, converse):
    """Raises, or returns garbage: the model is told, and the program."""
    fault = ValueError("no such town")

    def handler(call):
        if call.id == "1":
            raise fault
        return object()

    conversation = converse(speaker=deaf_ear(), function_handler=handler)
    errors = Seen(conversation, "error")
    conversation.start()
    far.call("1", "2")
    answers = far.hears(lambda far: len(far.answers) == 2 and far.answers)
    assert {a["id"] for a in answers} == {"1", "2"}
    assert all("error" in a["response"] for a in answers)
    told = errors.comes(2)
    assert fault in [event.error for event in told]
    assert told[0].target is conversation
    assert interrupted(far, conversation) == 0
    assert conversation.is_active
    assert conversation.error is None


def test_a_handler_that_closes_the_session(far, converse):
    """What was said before is heard to the end; then it is over, in good order."""
    closed = []

    def handler(call):
        conversation.session.close()
        closed.append(call.id)

    conversation = converse(speaker=deaf_ear(), function_handler=handler)
    errors = Seen(conversation, "error")
    conversation.start()
    conversation.ear.uncover(False)
    far.speak(1.0)
    assert conversation.ear.waits.wait(SOON)
    far.call("1")
    conversation.session.wait_closed(SOON)
    conversation.ear.uncover()
    conversation.wait(SOON)
    assert len(conversation.ear.heard) == 24_000
    assert conversation._exchange.calls.join(SOON)
    assert closed == ["1"]
    assert conversation.error is None
    assert not errors.events


def test_a_handler_may_stop_the_conversation(far, converse):
    """It does not wait for itself, and nobody gets its answer."""
    came = threading.Event()

    def handler(call, cancelled):
        conversation.stop()
        with pytest.raises(InvalidState, match="cannot wait"):
            conversation.wait()
        assert cancelled.is_set()
        came.set()

    conversation = converse(function_handler=handler).start()
    far.call("1")
    conversation.wait(SOON)
    assert came.wait(SOON)
    assert conversation._exchange.calls.join(SOON)
    assert not far.answers


def test_a_cancelled_call_is_not_answered(far, converse):
    """The handler is told by its second argument."""
    begun = threading.Event()

    def handler(call, cancelled):
        begun.set()
        assert cancelled.wait(SOON)
        return {}

    conversation = converse(function_handler=handler).start()
    far.call("1", "2")
    assert begun.wait(SOON)
    far.tell(interrupted=True, type="serverContent")
    far.tell(ids=["1", "2"])
    assert conversation._exchange.calls.join(SOON)
    assert not far.answers


def test_without_a_handler_the_model_does_not_hang(far, converse):
    """It is told with each call, and the program once."""
    conversation = converse()
    errors = Seen(conversation, "error")
    conversation.start()
    far.call("1", "2")
    far.call("3")
    far.hears(lambda far: {a["id"] for a in far.answers} == {"1", "2", "3"})
    assert "function_handler" in str(errors.comes()[0].error)
    assert conversation._exchange.calls.join(SOON)
    assert len(errors.events) == 1


# Microphone


def test_mute_is_told_the_service_once(far, converse):
    """And nothing of the microphone gets out."""
    conversation = converse()
    mic = conversation.mic
    conversation.mute = True
    conversation.mute = False
    conversation.start()
    mic.give(BLOCK)
    far.hears(lambda far: len(far.audio) == BLOCK)
    conversation.mute = True
    assert conversation.mute is True
    mic.give(BLOCK)
    far.hears(lambda far: far.marks == ["start", "audio", "end"])
    conversation.mute = False
    mic.give(BLOCK)
    far.hears(lambda far: len(far.audio) == 2 * BLOCK)
    assert far.marks == ["start", "audio", "end", "start", "audio"]
    assert far.audio[-1] == 3 * BLOCK - 1


def test_half_duplex_mutes_while_the_model_is_heard(far, converse):
    """From its first sound to a little after its last; then the person is heard."""
    conversation = converse(half_duplex=True)
    session, mic = conversation.session, conversation.mic
    conversation.start()
    gate = conversation._flow._gate
    media = Seen(session, "media-started", "media-ended")  # behind the conversation
    far.speak(0.1)
    assert str(media.comes(1)[0].type) == "media-started"
    assert gate._sounding
    mic.give(BLOCK)
    far.tell(turn_complete=True)
    assert str(media.comes(2)[1].type) == "media-ended"
    assert not gate._sounding
    for _ in range(20):  # 400 ms, of which 250 are the echo's
        mic.give(BLOCK)
    far.hears(lambda far: len(far.audio) and far.audio[-1] == 21 * BLOCK - 1)
    assert far.audio[0] >= BLOCK
    conversation.stop()
    assert "media-started" in listening(session)  # the test's own


def test_half_duplex_where_the_model_speaks_already(far, session, converse):
    """The microphone is shut from the start, until that burst is over."""
    begun = Seen(session, "media-started")
    far.speak(30)
    begun.comes(1)
    conversation = converse(session, half_duplex=True).start()
    media = Seen(session, "media-ended")  # behind the conversation
    conversation.mic.give(BLOCK)
    assert conversation._flow._gate._sounding
    far.tell(interrupted=True)
    media.comes(1)
    assert not conversation._flow._gate._sounding
    for _ in range(20):  # 400 ms, of which 250 are the echo's
        conversation.mic.give(BLOCK)
    far.hears(lambda far: len(far.audio) and far.audio[-1] == 21 * BLOCK - 1)
    assert far.audio[0] >= BLOCK


def test_video_goes_along(far, converse):
    """One picture a second; the first at once."""
    with converse(video=iter([JPEG])):
        far.hears(lambda far: {"image": JPEG.hex()} in far.said)


def test_a_camera_that_fails_does_not_end_it(far, converse):
    """It is told."""
    conversation = converse(video=[b"no picture"])
    errors = Seen(conversation, "error")
    conversation.start()
    assert "neither JPEG" in str(errors.comes()[0].error)
    assert conversation.is_active


def test_a_camera_that_hangs_does_not_hold_up_the_end(far, converse, caplog):
    """It is left to itself, and that is said."""
    hangs, release = threading.Event(), threading.Event()

    def picture():
        hangs.set()
        release.wait(SOON)
        raise StopIteration

    conversation = converse(video=picture).start()
    assert hangs.wait(SOON)
    conversation.stop(0.05)
    release.set()
    assert conversation._exchange.video.join(SOON)
    assert "has not returned yet" in caplog.text
    conversation.wait(SOON)
    assert not conversation.session.in_conversation


# The end


def test_stop_falls_silent_and_waits(far, converse):
    """What waits is not heard; twice is as good as once; the session goes on."""
    conversation = converse(speaker=deaf_ear()).start()
    conversation.ear.uncover(False)
    far.speak(1.0)
    assert conversation.ear.waits.wait(SOON)
    conversation.stop(None)
    conversation.stop()
    conversation.ear.uncover()
    assert not len(conversation.ear.heard)
    assert not conversation.is_active
    assert conversation.session.is_active
    far.tell(n=1)
    assert next(m for m in conversation.session.receive(SOON) if hasattr(m, "n")).n == 1


def test_a_handler_that_hangs_does_not_hold_up_the_end(far, converse, caplog):
    """All else is over; its answer is nobody's."""
    hangs, release = threading.Event(), threading.Event()

    def handler(call):
        hangs.set()
        release.wait(SOON)
        return {}

    conversation = converse(function_handler=handler).start()
    far.call("1")
    assert hangs.wait(SOON)
    conversation.stop()
    assert "has not returned yet" in caplog.text
    assert not conversation.session.in_conversation
    release.set()
    assert conversation._exchange.calls.join(SOON)
    assert not far.answers


def test_stop_before_start(session, converse):
    """Then it never begins."""
    conversation = converse(session)
    with pytest.raises(InvalidState, match="start"):
        conversation.wait(0)
    assert "new" in repr(conversation)
    conversation.stop()
    conversation.wait(0)
    with pytest.raises(InvalidState, match="once"):
        conversation.start()
    assert not session.in_conversation


def test_stop_while_it_begins(far, session, converse):
    """It ends as soon as it has begun."""
    opens, go_on = threading.Event(), threading.Event()
    mic = Feed()
    conversation = converse(session, microphone=mic)
    prepare = conversation._flow.prepare

    def slowly(stack):
        prepare(stack)
        opens.set()
        go_on.wait(SOON)

    conversation._flow.prepare = slowly
    wait = in_thread(conversation.start)
    assert opens.wait(SOON)
    conversation.stop(0.01)
    go_on.set()
    assert wait() is conversation
    conversation.wait(SOON)
    assert conversation.error is None


def test_wait_gives_up_in_time(converse):
    """It goes on."""
    conversation = converse().start()
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        conversation.wait(0.01)
    assert conversation.is_active


def test_listeners_cannot_wait_but_may_stop(far, converse):
    """For they are what it would wait for."""
    conversation = converse()
    results = []
    done = threading.Event()

    def listener(event):
        with pytest.raises(InvalidState, match="cannot wait"):
            conversation.wait()
        conversation.stop()
        results.append(conversation.is_active)
        done.set()

    conversation.add_event_listener("transcript", listener)
    conversation.start()
    far.tell(output_transcription={"text": "bye"})
    assert done.wait(SOON)
    assert results == [False]
    assert conversation.session.is_active


def test_a_units_function_may_stop_it(far, session, converse):
    """It does not wait for itself."""

    def take(block):
        conversation.stop(None)

    conversation = converse(session, speaker=CallbackSink(take)).start()
    far.speak(0.1)
    conversation.wait(SOON)
    assert not session.in_conversation


def test_a_device_that_fails_ends_it_and_not_the_session(far, converse):
    """The error is told once, is in `error`, and `wait` raises it."""
    conversation = converse()
    errors = Seen(conversation, "error")
    conversation.start()
    conversation.mic.over(fault := DeviceError("unplugged"))
    with pytest.raises(DeviceError, match="unplugged"):
        conversation.wait(SOON)
    assert conversation.error is fault
    assert [event.error for event in errors.comes()] == [fault]
    session = conversation.session
    assert session.is_active
    assert not session.in_conversation
    with converse(session):
        far.speak(0.1)
    assert len(errors.events) == 1


def test_a_speaker_that_fails_ends_it(far, converse, caplog):
    """The same; without a listener it is in the log."""
    caplog.set_level(logging.WARNING)

    def take(block):
        raise DeviceError("unplugged")

    conversation = converse(speaker=CallbackSink(take)).start()
    far.speak(0.1)
    with pytest.raises(DeviceError, match="unplugged"):
        conversation.wait(SOON)
    assert "unplugged" in caplog.text
    assert conversation.session.is_active


@pytest.mark.parametrize("dispatched", [False, True])
def test_the_end_of_the_session_ends_it(far, make, converse, dispatched):
    """What was said last is told before; a good end is no error."""
    dispatcher = QueueDispatcher() if dispatched else None
    conversation = converse(make(dispatcher=dispatcher))
    said = Seen(conversation, "transcript")
    conversation.start()
    for n in range(50):
        far.tell(output_transcription={"text": str(n)})
    far.session.close()
    conversation.wait(SOON)
    if dispatched:
        assert not said.events  # the program's loop did not run, and nobody waits
        while dispatcher.pending:
            dispatcher.run_pending()
    assert [event.text for event in said.comes(50)] == [str(n) for n in range(50)]
    assert conversation.error is None
    with pytest.raises(SessionClosed):
        conversation.session._send("late", True, None)


def test_a_session_that_ends_badly(far, converse):
    """Its reason is the conversation's; the session has told it."""
    conversation = converse()
    errors = Seen(conversation, "error")
    conversation.start()
    far.here.wait(SOON)
    far.session.close(4401, "quota")
    with pytest.raises(SessionClosed, match="quota"):
        conversation.wait(SOON)
    assert conversation.error.code == 4401
    assert not errors.events


def test_a_session_that_ends_while_handlers_work(far, converse, caplog):
    """Who comes too late is no fault; those who ask are told."""
    caplog.set_level(logging.INFO)
    begun = threading.Event()

    def handler(call, cancelled):
        begun.set()
        assert cancelled.wait(SOON)
        return {}

    conversation = converse(function_handler=handler).start()
    far.call("1")
    assert begun.wait(SOON)
    far.session.close()
    conversation.wait(SOON)
    assert conversation._exchange.calls.join(SOON)
    assert conversation.error is None


def test_a_listener_with_a_mistake_is_told_of(far, converse, caplog):
    """The others are called, and it goes on (I9); who is too late has made none."""
    caplog.set_level(logging.INFO)
    conversation = converse()
    errors = Seen(conversation, "error")

    def late(event):
        conversation.session.close()
        raise SessionClosed("the session is over")

    conversation.on_transcript = lambda event: 1 / 0
    conversation.start()
    far.tell(output_transcription={"text": "Hi"})
    assert isinstance(errors.comes()[0].error, ZeroDivisionError)
    conversation.on_transcript = late
    far.tell(output_transcription={"text": "Hi"})
    conversation.wait(SOON)
    assert "came too late: the session" in caplog.text
    assert len(errors.events) == 1


def test_a_call_that_hangs_up_is_a_good_end(far, session, converse):
    """Microphone and speaker may be another session's."""
    caller = PlainSession(far.url, audio=AudioFormat()).connect()
    conversation = converse(session, microphone=caller, speaker=caller)
    errors = Seen(conversation, "error")
    conversation.start()
    caller.close()
    conversation.wait(SOON)
    assert conversation.error is None
    assert not errors.events
    assert session.is_active


def test_of_two_failures_the_first_is_told(far, converse):
    """The second is what follows from it."""
    mic = Feed()

    def take(block):
        mic.over(DeviceError("the microphone, too"))
        for link in mic.links:
            link._done.wait(SOON)
        raise DeviceError("the speaker")

    conversation = converse(microphone=mic, speaker=CallbackSink(take))
    errors = Seen(conversation, "error")
    conversation.start()
    far.speak(0.1)
    with pytest.raises(DeviceError, match="the microphone, too"):
        conversation.wait(SOON)
    assert [str(event.error) for event in errors.comes()] == ["the microphone, too"]


def test_a_speaker_that_fails_when_the_session_is_over(far, session, converse):
    """That is why it ended."""

    def take(block):
        session.close()
        raise DeviceError("unplugged")

    conversation = converse(session, speaker=CallbackSink(take)).start()
    far.speak(0.1)
    with pytest.raises(DeviceError, match="unplugged"):
        conversation.wait(SOON)
    assert session.is_closed


def test_an_end_that_fails_is_an_end(session, converse, caplog):
    """It is logged; the session is free again."""
    conversation = converse(session).start()

    def fail():
        raise RuntimeError("its end")

    conversation._stack.callback(fail)
    conversation.stop()
    conversation._thread.join(SOON)
    assert "its end failed" in caplog.text
    assert not session.in_conversation


def test_a_program_that_received_before_still_hears_all(far, make, converse):
    """It need not go on receiving."""
    session = make(receive_queue=4)
    far.tell(n=1)
    assert next(session.receive(SOON)).n == 1
    conversation = converse(session)
    said = Seen(conversation, "transcript")
    conversation.start()
    for n in range(30):
        far.tell(output_transcription={"text": str(n)})
    assert [event.text for event in said.comes(30)] == [str(n) for n in range(30)]


# Any session that carries audio both ways


def test_with_voximplants_websocket():
    """Both ends in a conversation: each hears the other's tone."""
    sockets, come = [], threading.Event()

    def connected(server, websocket):
        sockets.append(websocket)
        come.set()

    server = WebSocketServer()
    server.connection.connect(connected, weak=False)
    with server, WebSocket(server.url) as app:
        assert come.wait(SOON)
        ears = []
        with ToneSource(440) as low, ToneSource(1000) as high:
            conversations = []
            for socket, tone in ((app, low), (sockets[0], high)):
                heard, ear = [], threading.Event()

                def take(block, heard=heard, ear=ear):
                    heard.append(block)
                    if sum(map(len, heard)) >= 4000:
                        ear.set()

                sink = CallbackSink(take)
                ears.append((heard, ear))
                conversations.append(
                    start_audio_conversation(socket, microphone=tone, speaker=sink)
                )
            for _, ear in ears:
                assert ear.wait(SOON)
            for conversation in conversations:
                conversation.stop()
        for (heard, _), wanted in zip(ears, (1000, 440), strict=True):
            wave = np.concatenate(heard)[-2000:]
            spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
            assert np.argmax(spectrum) * 8 == pytest.approx(wanted, abs=16)


def test_with_a_plain_session(far):
    """Bare audio; messages are strings and bytes, which say nothing."""
    with PlainSession(far.url, audio=AudioFormat()) as session:
        sink = BufferSink()
        with start_audio_conversation(
            session, microphone=(mic := Feed()), speaker=sink
        ) as conversation:
            mic.give(BLOCK)
            far.hears(lambda far: len(far.audio) == BLOCK)
            far.session.send_binary(bytes(640))
            far.tell(text="hello")
            messages = session.receive(SOON)
            assert [type(next(messages)) for _ in range(2)] == [bytes, str]
            conversation.mute = True
        assert session.is_active


@pytest.mark.parametrize("flag", [3, "x", None])
def test_flags_are_bools(converse, flag):
    """`"no"` would be taken for yes."""
    with pytest.raises(TypeError, match="half_duplex must be a bool"):
        converse(half_duplex=flag)
    conversation = converse()
    with pytest.raises(TypeError, match="mute must be a bool"):
        conversation.mute = flag
    assert conversation.mute is False


@pytest.mark.parametrize(
    ("timeout", "error"),
    [("x", TypeError), (-1, ValueError), (float("nan"), ValueError)],
)
def test_timeouts_that_are_none(converse, timeout, error):
    """They are refused before anything is done."""
    with converse() as conversation:
        with pytest.raises(error, match="timeout must be"):
            conversation.stop(timeout)
        with pytest.raises(error, match="timeout must be"):
            conversation.wait(timeout)
        assert conversation.is_active
