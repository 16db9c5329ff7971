"""`resume()` in the middle of a turn, and closes: no answer goes missing untold."""

import socket
import threading

import pytest

from tests.gemini.far import (
    DONE,
    HANDLE,
    INTERRUPTED,
    SOON,
    Far,
    Seen,
    says,
    update,
    wire,
)
from tests.media.toys import Ear, Feed
from voxsync.conversation import AudioConversation
from voxsync.errors import AnswerCutOff, InvalidState, SessionClosed
from voxsync.gemini import LiveGenerativeModel
from voxsync.gemini.turns import TurnsDialect
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import PhraseBrain

LONG = 600.0  # seconds; nobody waits that long
FORTY = " ".join(f"word{n}" for n in range(40))
CALL = {"toolCall": {"functionCalls": [{"id": "c-1", "name": "now", "args": {}}]}}
RESULT = {"id": "c-1", "name": "now", "response": {}}


@pytest.fixture
def far():
    with Far() as far:
        yield far


@pytest.fixture
def session(far):
    """One that can be resumed: the handle has been taken already."""
    with far.model().connect({}) as session:
        far.say(update())
        assert next(session.receive(SOON)).new_handle == HANDLE
        yield session
        session.cancel()


class Resuming:
    """`resume()` on a thread, waiting for the turn: the second connection is there."""

    def __init__(self, far, session, timeout=LONG):
        self.first, self.error = far.conn, None
        self.session, self.timeout = session, timeout
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        far.until(lambda far: len(far.setups) == 2)
        place, gate = session._connection.place, threading.Event()
        while place._parting is None and self.thread.is_alive():
            gate.wait(0.005)

    def run(self):
        try:
            self.session.resume(timeout=self.timeout)
        except Exception as exc:
            self.error = exc

    def say(self, *messages):
        """On the first connection."""
        self.first.send(wire(*messages))

    def over(self):
        """Wait until it has returned; what it raised."""
        self.thread.join(SOON)
        assert not self.thread.is_alive()
        return self.error


def texts(messages):
    return [message.text for message in messages]


def place(far, number=1):
    """Those messages that came on that connection."""
    return [m for m, at in zip(far.got, far.at, strict=True) if at == number]


# The turn is waited for


def test_the_answer_comes_first(far, session):
    """All of it, from the old connection; what is typed meanwhile goes to the new."""
    errors = Seen(session, "error")
    session.send("a question")
    far.hears(1)
    resuming = Resuming(far, session)
    session.send("another")
    session.send_text_realtime("and this")
    resuming.say(says("an"), says("answer"), DONE)
    assert texts(session.receive_turn(SOON)) == ["an", "answer", None]
    assert resuming.over() is None
    far.hears(3)
    assert list(far.at) == [1, 2, 2]
    far.say(says("one more"), DONE)
    assert texts(session.receive_turn(SOON)) == ["one more", None]
    assert errors.events == []


def test_a_turn_goes_on_in_all_its_parts(far, session):
    """Its functions are answered, and who speaks is heard, on the old connection."""
    session.send("a question")
    far.hears(1)
    resuming = Resuming(far, session)
    resuming.say(CALL)
    assert next(session.receive(SOON)).type == "toolCall"
    session.send_function_responses([RESULT])
    session.send_audio_realtime(b"\0\0")
    far.hears(3)
    resuming.say(says("it is late"), INTERRUPTED, DONE)
    assert texts(session.receive_turn(SOON)) == ["it is late", None, None]
    assert resuming.thread.is_alive()  # who cut in is still to be answered
    resuming.say(says("yes"), DONE)
    assert texts(session.receive_turn(SOON)) == ["yes", None]
    assert resuming.over() is None
    assert list(far.at) == [1, 1, 1]


def test_a_question_and_resume():
    """At once, at a service that speaks as long as it takes: all of it is heard."""
    brain = PhraseBrain({}, otherwise="one two three")
    config = {"output_audio_transcription": {}}
    with GeminiService(brain=brain) as there:
        model = LiveGenerativeModel("m", api_key="k", base_url=there.url, config=config)
        with model.connect({}) as session:
            for resumes in (False, True):
                session.send("Hello")
                if resumes:
                    session.resume(timeout=LONG)
                turn = list(session.receive_turn(SOON))
                said = [getattr(m, "output_transcription", None) for m in turn]
                assert "".join(s.text for s in said if s).split() == [
                    "one",
                    "two",
                    "three",
                ]
                if not resumes:  # the handle comes behind the turn
                    assert next(session.receive(SOON)).resumable
    assert there.wait_record(2).resumed == there.wait_record(1).session_id


def test_audio_alone_is_not_waited_for(far, session):
    """A microphone is always on."""
    session.send_audio_realtime(b"\0\0")
    far.hears(1)
    session.resume(timeout=LONG)
    assert len(far.setups) == 2


# The turn is lost


@pytest.mark.parametrize("said", [[], [says("an")]])
def test_the_time_is_up(far, session, said):
    """What is lost is told: behind what had come, once; then all goes on."""
    errors = Seen(session, "error")
    session.send("a question")
    far.hears(1)
    far.say(*said)
    session.resume(timeout=0.3)
    (event,) = errors.comes()
    assert isinstance(event.error, AnswerCutOff)
    assert "cut off" in str(event.error)
    got = []
    with pytest.raises(AnswerCutOff) as info:
        for message in session.receive_turn(SOON):
            got.append(message.text)
    assert info.value is event.error
    assert got == (["an"] if said else [])
    session.send("again")
    far.hears(2)
    far.say(says("here"), DONE)
    assert texts(session.receive_turn(SOON)) == ["here", None]
    assert len(errors.events) == 1


def test_who_waits_is_told(far, session, caplog):
    """Also where nobody listens to errors: that is logged."""
    caught = []

    def take():
        try:
            list(session.receive_turn(LONG))
        except AnswerCutOff as exc:
            caught.append(exc)

    session.send("a question")
    far.hears(1)
    taker = threading.Thread(target=take)
    taker.start()
    session.resume(timeout=0.2)
    taker.join(SOON)
    assert len(caught) == 1
    assert "before it was begun" in caplog.text


def test_receive_goes_on(far, session):
    """It knows no turns; who reads on by it has passed what was lost."""
    session.send("a question")
    far.hears(1)
    messages = session.receive(SOON)
    far.say(says("an"))
    assert next(messages).text == "an"
    session.resume(timeout=0.2)
    far.say(says("other"), DONE, says("third"), DONE)
    assert texts([next(messages), next(messages)]) == ["other", None]
    messages.close()
    assert texts(session.receive_turn(SOON)) == ["third", None]


def test_not_beyond_the_announced_end(far, session):
    """A GoAway says how long there is time."""
    session.send("a question")
    far.hears(1)
    far.say({"goAway": {"timeLeft": "0.3s"}})
    assert next(session.receive(SOON)).time_left == 0.3
    session.resume(timeout=LONG)
    with pytest.raises(AnswerCutOff):
        list(session.receive_turn(SOON))


@pytest.mark.parametrize("how", ["close", "fin"])
def test_the_service_ends_the_old_one(far, session, how):
    """Meanwhile: the session goes on by the new one, with what is lost told."""
    seen = Seen(session, "error", "close")
    session.send("a question")
    far.hears(1)
    resuming = Resuming(far, session)
    resuming.say(says("an"))
    if how == "close":
        resuming.first.send(b"\x88\x02\x03\xe8")
    else:
        resuming.first.sock.shutdown(socket.SHUT_RDWR)
    assert resuming.over() is None
    with pytest.raises(AnswerCutOff):
        list(session.receive_turn(SOON))
    session.send("again")
    far.hears(2)
    assert list(far.at) == [1, 2]
    far.say(says("here"), DONE)
    assert texts(session.receive_turn(SOON)) == ["here", None]
    assert [event.type for event in seen.events] == ["error"]


# The end, meanwhile


def test_closed_meanwhile(far, session):
    """What was typed goes out, and all is over; nothing was lost by resuming."""
    seen = Seen(session, "error", "close")
    session.send("a question")
    far.hears(1)
    resuming = Resuming(far, session)
    session.send("held back")
    session.close()
    assert isinstance(resuming.over(), SessionClosed)
    assert (session.close_code, len(place(far))) == (1000, 2)
    assert [event.type for event in seen.events] == ["close"]


def test_cancelled_meanwhile(far, session):
    """At once."""
    seen = Seen(session, "close")
    session.send("a question")
    far.hears(1)
    resuming = Resuming(far, session)
    session.cancel()
    assert isinstance(resuming.over(), SessionClosed)
    session.wait_closed(SOON)
    assert len(seen.comes()) == 1


def test_ctrl_c_meanwhile(far, session, monkeypatch):
    """The new one is given up; the old one goes on, and takes what was held back."""
    session.send("a question")
    far.hears(1)
    first, here = far.conn, threading.current_thread()

    def interrupted(dialect):
        if threading.current_thread() is here:
            session.send("held back")
            raise KeyboardInterrupt
        return True

    with monkeypatch.context() as patch:
        patch.setattr(TurnsDialect, "owes", property(interrupted))
        with pytest.raises(KeyboardInterrupt):
            session.resume()
    far.hears(2)
    assert list(far.at) == [1, 1]
    first.send(wire(says("an answer"), DONE))
    assert texts(session.receive_turn(SOON)) == ["an answer", None]


# Words


def test_before_the_first_turn_is_over(far):
    """There is no handle yet: it is said when one comes."""
    with (
        far.model().connect({}) as session,
        pytest.raises(InvalidState, match="behind each turn"),
    ):
        session.resume()


def test_in_a_listener(far, session):
    """It is said what to do, and that works."""
    moved, told = threading.Event(), []

    def move():
        session.resume(timeout=SOON)
        moved.set()

    def leave(event):
        if event.data.type == "goingAwayNotice":
            try:
                session.resume()
            except InvalidState as exc:
                told.append(str(exc))
            threading.Thread(target=move).start()

    session.on_message = leave
    far.say({"goAway": {"timeLeft": "60s"}})
    assert moved.wait(SOON)
    assert "threading.Thread(target=session.resume)" in told[0]
    assert len(far.setups) == 2


# A close in mid-answer


def service():
    brain = PhraseBrain({}, otherwise=FORTY)
    return GeminiService(brain=brain, lifetime=1.0, go_away_before=0.3)


def test_the_service_closes_in_mid_answer():
    """With 1000: the answer is not complete, and receive_turn() says so at its end."""
    with service() as there:
        model = LiveGenerativeModel("m", api_key="k", base_url=there.url)
        session = model.connect()
        errors = Seen(session, "error")
        session.send("Hello")
        got = []
        with pytest.raises(SessionClosed, match="before the model's answer") as info:
            got.extend(session.receive_turn(SOON))
        with pytest.raises(SessionClosed):
            list(session.receive(SOON))
    assert (info.value.code, session.close_code) == (1000, 1000)
    assert "not complete" in info.value.reason
    assert "reached its age" in info.value.reason
    assert [event.error for event in errors.comes()] == [info.value]


def test_a_conversation_in_mid_answer():
    """Raises it from `wait()`."""
    with service() as there:
        model = LiveGenerativeModel("m", api_key="k", base_url=there.url)
        session = model.connect()
        talk = AudioConversation(session, microphone=Feed(), speaker=Ear(24_000))
        with talk:
            session.send("Hello")
            with pytest.raises(SessionClosed, match="before the model's answer"):
                talk.wait(SOON)


@pytest.mark.parametrize("who", ["we", "they"])
def test_a_good_close(far, session, who):
    """We may leave in mid-answer; the service may when it owes nothing."""
    seen = Seen(session, "error", "close")
    session.send("a question")
    far.hears(1)
    if who == "we":
        session.close()
    else:
        far.say(says("an answer"), DONE)
        far.end()
    assert session.wait_closed(SOON).error is None
    assert texts(session.receive(SOON)) == ([] if who == "we" else ["an answer", None])
    assert [event.type for event in seen.events] == ["close"]
