"""Each defect that the Gemini notes verified in other clients: ours is free of it.

The docstrings say what theirs do: Firebase's JavaScript (notes, 1.4, 1.5, 3.2, 3.3,
4.3), and python-genai (1.7, 3.2). What its helper for conversations does wrong with
function calls is in `tests/conversation`.
"""

import threading

import numpy as np
import pytest

from tests.gemini.far import (
    DONE,
    INTERRUPTED,
    READY,
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
from tests.peers import close_frame, frame
from tests.server.conftest import until
from voxsync.clocks import VirtualClock
from voxsync.errors import (
    ConcurrencyError,
    OpenTimeout,
    SessionClosed,
    SetupError,
)
from voxsync.session import SessionOptions


@pytest.fixture
def far():
    with Far() as made:
        yield made


@pytest.fixture
def session(far):
    with far.model().connect({}) as made:
        yield made


def texts(messages):
    return [message.text for message in messages]


# Opening


def test_no_limit_for_the_handshake(far):
    """Firebase, genai: a service that never answers is waited for without end."""
    far.first = (b"\x8a\x00",)  # a pong
    with pytest.raises(OpenTimeout):
        far.model().connect(timeout=0.05)


def test_code_and_reason_are_lost(far):
    """Firebase: why the setup was refused is logged, and not in the error."""
    far.first = (close_frame(1007, "API key not valid."),)
    with pytest.raises(SetupError) as caught:
        far.model().connect()
    assert (caught.value.code, caught.value.reason) == (1007, "API key not valid.")


def test_any_first_message_is_taken(far):
    """Genai: whatever comes first counts as the answer to the setup."""
    far.first = (DONE, READY)
    with pytest.raises(SetupError, match="serverContent"):
        far.model().connect()


@pytest.mark.parametrize("value", [True, {}, None, 0])
def test_the_type_of_setup_complete(far, value):
    """The key counts, not what is behind it."""
    far.first = ({"setupComplete": value},)
    with far.model().connect() as session:
        assert session.session_id is None


def test_a_forbidden_code_is_sent(far):
    """Firebase: a wrong handshake is closed with 1011, which pages may not send."""
    far.first = (DONE,)
    with pytest.raises(SetupError):
        far.model().connect()
    far.until(lambda far: far.closed)
    code = int.from_bytes(far.closed[0][:2], "big")
    assert code in (1000, 1002, 1007, 1008)


def test_a_message_right_behind_the_setup(far):
    """What comes along with the answer to the setup is not overlooked."""
    far.first = (READY, says("one"), says("two"))
    with far.model().connect() as session:
        messages = session.receive(SOON)
        assert texts([next(messages), next(messages)]) == ["one", "two"]


# Messages


def test_ids_of_a_cancellation(far, session):
    """Firebase: they are looked for under another name, and undefined."""
    far.say({"toolCallCancellation": {"ids": ["c-7", "c-8"]}})
    assert next(session.receive(SOON)).ids == ("c-7", "c-8")


def test_usage_is_dropped(far, session):
    """Firebase: beside a serverContent it is lost, and alone it is unknown."""
    far.say({**DONE, "usageMetadata": {"totalTokenCount": 18}})
    message = next(session.receive(SOON))
    assert message.turn_complete
    assert message.usage_metadata.total_token_count == 18
    far.say({"usageMetadata": {"totalTokenCount": 19}})
    assert next(session.receive(SOON)).usage_metadata.total_token_count == 19
    assert session.usage.total_token_count == 19


def test_an_unknown_message(far, session):
    """Genai: it raises an exception of the wrong type, and the session is dead."""
    far.say({"brandNew": {"a_b": 1}}, says("and on"))
    messages = session.receive(SOON)
    assert next(messages).raw == {"brandNew": {"a_b": 1}}
    assert next(messages).text == "and on"


@pytest.mark.parametrize("junk", [b"", b"[]", b"null", b'"text"', b"{nonsense"])
def test_junk(far, session, junk):
    """Firebase: bad JSON ends receive() for good. Genai: "" and [] are messages."""
    errors = Seen(session, "error")
    far.say(frame(1, junk), says("and on"))
    assert next(session.receive(SOON)).text == "and on"
    assert len(errors.comes()) == 1


@pytest.mark.parametrize("opcode", [1, 2])
def test_text_or_binary(far, session, opcode):
    """Firebase for iOS: text is ignored."""
    far.say(frame(opcode, b'{"serverContent":{"turnComplete":true}}'))
    assert next(session.receive(SOON)).turn_complete


def test_all_audio_parts(far):
    """Firebase: of several audio parts in a message the first is played."""
    ear = Ear(24_000)
    session = far.model().session()
    session.send_media_to(ear)
    block = np.arange(1440, dtype=np.int16)
    with session:
        far.say(says(*[audio(block[n : n + 480]) for n in (0, 480, 960)]))
        message = next(session.receive(SOON))
        assert ear.hears(1440)
    assert np.array_equal(message.audio, block)
    assert np.array_equal(ear.heard, block)


def test_an_odd_length(far, session):
    """Firebase: such a chunk is skipped. Here all whole samples of it are used."""
    errors = Seen(session, "error")
    far.say(says(audio(b"\1\0\2\0\3")))
    assert next(session.receive(SOON)).audio.tolist() == [1, 2]
    assert len(errors.comes()) == 1


# The stream of messages


def test_queued_messages_at_the_close(far, session):
    """Firebase: 5 messages and a close, nobody pulling yet: none is delivered."""
    far.say(*[says(f"{n}") for n in range(5)], DONE)
    far.end(1000)
    session.wait_closed(SOON)
    assert texts(session.receive()) == [*"01234", None]


def test_a_slow_consumer_at_the_close(far, session):
    """Firebase: a consumer that is slow gets 2 of 5."""
    closed = threading.Event()
    session.add_event_listener("close", lambda event: closed.set())
    far.say(*[says(f"{n}") for n in range(5)])
    far.end(1011, "Internal error")
    got = []
    with pytest.raises(SessionClosed, match="Internal error"):
        for message in session.receive(SOON):
            closed.wait(SOON)
            got.append(message.text)
    assert got == list("01234")


def test_a_break_kills_the_stream(far, session):
    """Firebase: behind a break, receive() ends at once."""
    far.say(*[says(f"{n}") for n in range(4)])
    for message in session.receive(SOON):
        assert message.text == "0"
        break
    for message in session.receive(SOON):
        assert message.text == "1"
        break
    far.say(DONE)
    assert texts(session.receive_turn(SOON)) == ["2", "3", None]


def test_an_error_kills_the_stream(far, session):
    """Firebase: so does an exception that leaves the loop."""
    far.say(says("one"), says("two"))
    with pytest.raises(ZeroDivisionError):
        for message in session.receive(SOON):
            assert 1 / (len(message.text) - 3)
    assert next(session.receive(SOON)).text == "two"


def test_two_consumers_share(far, session):
    """Firebase: two loops get every other message."""
    messages, failed = session.receive(SOON), []
    far.say(*[says(f"{n}") for n in range(4)])
    assert next(messages).text == "0"

    def other():
        try:
            list(session.receive(SOON))
        except ConcurrencyError as exc:
            failed.append(exc)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(SOON)
    assert len(failed) == 1
    assert texts([next(messages) for _ in range(3)]) == ["1", "2", "3"]


def test_closed_by_the_service(far, session):
    """Firebase: is_closed stays false, the reason is logged, the loop just ends."""
    far.end(1008, "Session was terminated.")
    with pytest.raises(SessionClosed, match="Session was terminated"):
        next(session.receive(SOON))
    assert session.is_closed
    assert session.close_code == 1008
    with pytest.raises(SessionClosed, match="Session was terminated"):
        session.send("too late")


def test_a_good_end_raises(far, session):
    """Genai: even code 1000 comes out of receive() as an APIError."""
    far.say(says("bye"), DONE)
    far.end(1000)
    assert texts(session.receive(SOON)) == ["bye", None]


def test_receive_ends_with_the_turn(far, session):
    """Genai: who waits on believes the session dead. Here it ends with the latter."""
    far.say(says("one"), DONE, says("two"), DONE)
    far.end()
    assert texts(session.receive(SOON)) == ["one", None, "two", None]


def test_a_handle_behind_the_turn(far, session):
    """Genai: it comes when receive() has ended, and nobody sees it."""
    known = threading.Event()
    session.add_event_listener(
        "message", lambda event: event.data.type.startswith("session") and known.set()
    )
    far.say(says("one"), DONE, update("b3hind-the-turn"))
    assert len(list(session.receive_turn(SOON))) == 2
    assert known.wait(SOON)
    assert session.resumption_handle == "b3hind-the-turn"


def test_a_blocked_program(far):
    """Genai: while the event loop is blocked no ping is answered, and 1011 comes."""
    free, inside = threading.Event(), threading.Event()
    session = far.model().session()

    def listener(event):
        inside.set()
        free.wait(SOON)

    session.add_event_listener("message", listener)
    with session:
        far.say(says("one"))
        assert inside.wait(SOON)
        far.say(frame(9, b"are you there"))
        far.until(lambda far: far.pongs == [b"are you there"])
        free.set()


# Audio out


def test_the_rate_of_the_microphone(far, session):
    """Firebase: a 48 kHz microphone arrives at 16,125 Hz, 375 messages a second."""
    feed = Feed(48_000, seconds=60)
    link = feed.send_media_to(session, paced=False)
    for _ in range(375):
        feed.give(128)
    feed.over()
    link.wait(SOON)
    session.send_text_realtime("end")
    far.until(lambda far: "text" in (far.got or [{}])[-1].get("realtimeInput", {}))
    samples, types = far.audio()
    assert len(samples) == 16_000
    assert types == {"audio/pcm;rate=16000"}
    assert len([m for m in far.got if "audio" in m["realtimeInput"]]) <= 51


def test_aliases(far, session):
    """Firebase: it drops samples without a filter: 10 kHz come back as 6 kHz."""
    at = np.arange(48_000) / 48_000
    whistle = np.round(12_000 * np.sin(2 * np.pi * 10_000 * at)).astype(np.int16)
    session.send_audio_realtime(whistle, 48_000)
    session.send_audio_stream_end()
    far.until(lambda far: "audioStreamEnd" in str((far.got or [""])[-1]))
    samples, _ = far.audio()
    assert np.abs(samples[500:-500].astype(int)).max() < 12  # -60 dB


def test_the_end_of_the_audio(far, session):
    """Firebase: stopping says nothing, and what was said waits for an answer."""
    feed = Feed()
    link = feed.send_media_to(session)
    feed.give(320)
    far.hears(1)
    link.stop()
    far.until(lambda far: far.got[-1] == {"realtimeInput": {"audioStreamEnd": True}})


# Audio in


def test_interruption_comes_first(far):
    """What an interruption brings along is new: it is heard, what was before is not."""
    clock = VirtualClock()
    ear = Ear(24_000)
    session = far.model(options=SessionOptions(clock=clock)).session()
    link = session.send_media_to(ear)
    with session:
        messages = session.receive(SOON)
        far.say(sounds(1, 5.0))
        next(messages)
        new = audio(np.full(480, 2, np.int16))
        far.say(content(interrupted=True, modelTurn={"parts": [new]}))
        assert next(messages).interrupted
        assert link.stats.buffered <= 0.05

        def heard():
            clock.advance(0.02)
            return np.count_nonzero(ear.heard == 2)

        until(lambda: heard() == 480)
    assert np.count_nonzero(ear.heard == 1) < 24_000  # of 120,000


def test_a_link_that_is_stopped_takes_nothing_along(far, session):
    """Firebase: after stop(), the next message is swallowed."""
    link = session.send_media_to(Ear(24_000))
    far.say(says("1"), sounds(1, 0.02))
    messages = session.receive(SOON)
    assert next(messages).text == "1"
    link.stop()
    assert next(messages).audio is not None
    far.say(says("2"))
    assert next(messages).text == "2"
    assert not session.is_closed


# Resumption


def test_the_setup_is_changed(far):
    """Firebase: resuming writes the handle into the setup of the model."""
    model = far.model()
    with model.connect({}) as session:
        session.resume({"handle": "h-1"})
    with model.connect({}):
        pass
    assert [setup["sessionResumption"] for setup in far.setups] == [
        {},
        {"handle": "h-1"},
        {},
    ]


def test_the_loop_ends(far, session):
    """Firebase: a running receive() ends with the old connection."""
    messages = session.receive(SOON)
    session.resume({"handle": "h-1"})
    far.say(says("on the new one"))
    assert next(messages).text == "on the new one"


def test_a_failed_resumption_closes(far, session):
    """Firebase: the old connection is closed first; if the new one fails, all is."""
    old = far.conn
    far.first = (close_frame(1008, "session not found"),)
    with pytest.raises(SetupError, match="session not found"):
        session.resume({"handle": "h-1"})
    assert not session.is_closed
    old.send(frame(2, b'{"serverContent":{"turnComplete":true}}'))
    assert next(session.receive(SOON)).turn_complete


def test_messages_are_lost_between(far):
    """Firebase: what the old connection still brings is dropped."""
    turn = [says("one"), INTERRUPTED, DONE]
    with far.model().connect({}) as session:
        far.say(*turn)
        session.resume({"handle": "h-1"})  # what is on its way comes first
        far.say(says("two"))
        messages = session.receive(SOON)
        assert texts([next(messages) for _ in range(4)]) == ["one", None, None, "two"]
