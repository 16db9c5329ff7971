"""How a Live session fails and ends: codes, reasons, and nothing lost before it.

The service is the one of `voxsync.simulators.gemini`, with a fault.
"""

import threading

import numpy as np
import pytest

from tests.gemini.far import DONE, KEY, SOON, Far, Seen, content, says
from voxsync.clocks import VirtualClock
from voxsync.errors import ConnectError, OpenTimeout, SessionClosed, SetupError
from voxsync.gemini import GoAway, LiveGenerativeModel
from voxsync.session import SessionOptions
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import Answer, ScriptedBrain
from voxsync.simulators.gemini_faults import fault

CONFIG = {
    "output_audio_transcription": {},
    "realtime_input_config": {"automatic_activity_detection": {"disabled": True}},
}
ANSWER = Answer(text="Good morning", audio=np.arange(24_000, dtype=np.int16))


class Silence:
    """A voice that is never heard: the answers bring their audio."""

    def say(self, text):
        return ()


@pytest.fixture
def serve():
    """Starts services; each answers every turn with the same second of audio."""
    started = []

    def start(*faults, **settings):
        settings = {"paced": False, "voice": Silence(), **settings}
        brain = ScriptedBrain([ANSWER], repeat=True)
        service = GeminiService(brain=brain, faults=faults, **settings)
        started.append(service)
        return service.start()

    yield start
    for service in started:
        service.close()


def model(service, **options):
    return LiveGenerativeModel(
        "gemini-live",
        api_key=KEY,
        base_url=service.url,
        config=CONFIG,
        options=SessionOptions(**options),
    )


def take(session, got):
    """All messages of the session, until it ends one way or the other."""
    got.extend(session.receive(SOON))


# Before it is open


@pytest.mark.parametrize(
    ("settings", "code", "reason", "hint"),
    [
        (
            {"at": "setup", "code": 1007, "reason": "Request contains an argument."},
            1007,
            "Request contains an argument.",
            "check the key, the fields",
        ),
        (
            {"at": "setup", "code": 1008, "reason": "Operation is not implemented."},
            1008,
            "Operation is not implemented.",
            "check that this model exists",
        ),
        ({"at": "setup", "code": 4242, "reason": "whatever"}, 4242, "whatever", ""),
        ({"at": "setup", "code": 1000, "reason": "bye"}, 1000, "bye", ""),
    ],
)
def test_the_setup_is_refused(serve, settings, code, reason, hint):
    """Code and words are the service's; what may be wrong is ours to add."""
    service = serve(fault("close", **settings))
    with pytest.raises(SetupError) as caught:
        model(service).connect()
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert reason in str(caught.value)
    assert hint[1:] in str(caught.value)  # it may begin a sentence


def test_the_quota_is_used_up(serve):
    """It comes as code 1011."""
    with pytest.raises(SetupError, match="quota") as caught:
        model(serve(fault("quota"))).connect()
    assert caught.value.code == 1011
    assert caught.value.reason.startswith("You exceeded your current quota")


def test_an_unknown_model(serve):
    """The service does not know it, or it cannot talk live."""
    with pytest.raises(SetupError, match="models/gemini-live is not found") as caught:
        model(serve(models={"another"})).connect()
    assert caught.value.code == 1008


def test_a_long_reason_is_cut_off(serve):
    """A Close frame holds 123 bytes; that there may have been more is said."""
    service = serve(fault("close", code=1007, reason="x" * 123, at="setup"))
    with pytest.raises(SetupError, match="may be cut off"):
        model(service).connect()


def test_a_handle_that_is_too_old(serve):
    """A refused handle is a refused setup."""
    with pytest.raises(SetupError) as caught:
        model(serve()).connect({"handle": "n0t-one-of-yours"})
    assert caught.value.code in (1007, 1008)
    assert "n0t-one-of-yours" not in str(caught.value)


def test_no_answer_to_the_setup(serve):
    """There is a limit: the one given, or the options' own."""
    service = serve(fault("no_setup_complete"))
    with pytest.raises(OpenTimeout, match=r"0\.1 s"):
        model(service).connect(timeout=0.1)
    with pytest.raises(TimeoutError, match=r"0\.2 s"):
        model(service, open_timeout=0.2).connect(timeout=None)
    assert service.wait_record(2).close_code is not None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wrong_first", "serverContent"),
        ("error_message", "500 INTERNAL: An error."),
        ("unknown_message", "unheardOf"),
        ("usage_only", "usageMetadata"),
        ("malformed_json", "not JSON"),
        ("null", "no sense"),
        ("list", "no sense"),
    ],
)
def test_the_first_message_is_wrong(serve, name, words):
    """Nothing but the answer to the setup will do; what came is said."""
    service = serve(fault(name, at="setup"))
    with pytest.raises(SetupError, match=words) as caught:
        model(service).connect()
    assert words in caught.value.reason
    assert service.wait_record().close_code is not None


@pytest.mark.parametrize(("name", "at"), [("fin", "setup"), ("rst", "setup")])
def test_the_service_goes_before_it_answers(serve, name, at):
    """TCP ends: a ConnectError, with its cause."""
    with pytest.raises(ConnectError) as caught:
        model(serve(fault(name, at=at))).connect()
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_listeners_are_told_of_a_refusal(serve):
    """`error` with what connect() raises, then `close`."""
    session = model(serve(fault("quota"))).session()
    seen = Seen(session, "open", "error", "close")
    with pytest.raises(SetupError):
        session.connect()
    error, close = seen.comes(2)
    assert isinstance(error.error, SetupError)
    assert (close.type, close.code) == ("close", 1011)


# While it goes on


def test_go_away(serve):
    """It is announced, and what comes until then is delivered; the end is a good one.

    `is_closed` is true then, and receive() just ends.
    """
    clock = VirtualClock()
    service = serve(fault("go_away", seconds=5.0), clock=clock)
    with model(service).connect({}) as session:
        session.send("hello")
        messages, got = session.receive(SOON), []
        while not session.resumption_handle or len(got) < 10:
            got.append(next(messages))
        clock.advance(5.0)
        got.extend(messages)
        assert session.is_closed
        assert (session.close_code, session.close_reason) == (1000, "gone away")
        assert session.resumption_handle
    assert isinstance(got[0], GoAway)
    assert got[0].time_left == 5.0
    assert sum(len(m.audio) for m in got if getattr(m, "inline", ())) == 24_000


def test_go_on_after_go_away(serve):
    """Resumed in time, the session does not notice."""
    service = serve(lifetime=60.0, go_away_before=60.0)
    with model(service).connect({}) as session:
        session.send("hello")
        list(session.receive_turn(SOON))
        assert next(session.receive(SOON)).resumable
        session.resume()
        session.send("again")
        assert list(session.receive_turn(SOON))[-1].turn_complete
    first, second = service.wait_record(1), service.wait_record(2)
    assert second.resumed == first.session_id
    assert first.close_code == 1000


@pytest.mark.parametrize(
    ("name", "settings", "code", "words"),
    [
        ("fin", {}, 1006, "ended TCP"),
        ("rst", {}, 1006, "reset"),
        ("close", {"code": 1011, "reason": "Deadline expired."}, 1011, "Deadline"),
        ("close", {"code": 1007, "reason": "Invalid argument."}, 1007, "Invalid"),
        ("close", {"code": 1008, "reason": "Policy."}, 1008, "Policy"),
        ("close_empty", {}, None, ""),
    ],
)
def test_the_service_goes_in_a_turn(serve, name, settings, code, words):
    """What was said before is delivered, then the end with code and reason."""
    service = serve(fault(name, at="turn", **settings))
    session = model(service).connect()
    seen = Seen(session, "message", "error", "close")
    session.send("hello")
    event = session.wait_closed(SOON)
    got = []  # nobody has received so far: all of it is still there
    if code is None:
        take(session, got)
        assert event.error is None
    else:
        with pytest.raises(SessionClosed) as caught:
            take(session, got)
        assert caught.value.code == event.code == code
        assert words in caught.value.reason
        assert words in event.reason
        assert [e.error for e in seen.events if e.type == "error"] == [caught.value]
    assert session.is_closed
    assert got[-1].turn_complete
    assert sum(len(m.audio) for m in got if m.inline) == 24_000
    assert "".join(m.output_transcription.text for m in got if m.output_transcription)
    assert seen.events[-1].type == "close"
    assert [e.data for e in seen.events if e.type == "message"] == got


def test_a_blackhole(serve):
    """Nothing is read or sent: a ping finds out, and receive() says so."""
    service = serve(fault("blackhole", seconds=60.0))
    session = model(service, ping_interval=0.2, ping_timeout=0.4).connect()
    session.send("hello")
    with pytest.raises(SessionClosed, match=r"no answer to a ping for 0\.4 s"):
        take(session, [])
    assert session.is_closed
    assert session.close_code == 1006


def test_a_blackhole_that_ends(serve):
    """Who has patience gets it all."""
    service = serve(fault("blackhole", seconds=0.3))
    with model(service).connect() as session:
        session.send("hello")
        got = list(session.receive_turn(SOON))
    assert sum(len(m.audio) for m in got if m.inline) == 24_000


class Hole:
    """Reads pings, and answers them when it is let."""

    def __init__(self):
        self.pinged = threading.Event()
        self.back = threading.Event()

    def __call__(self, conn):
        conn.read_frame()
        conn.send(b"\x82\x14" + b'{"setupComplete":{}}')
        conn.read_frame()
        self.pinged.set()
        self.back.wait(SOON)
        conn.send(b"\x8a\x00")  # a pong is a byte
        conn.echo_until_close()


@pytest.mark.parametrize("seconds", [10, 21])
def test_ten_seconds(seconds):
    """With usual options 10 s of nothing are borne, and 21 behind a ping are not."""
    hole, clock = Hole(), VirtualClock()
    with Far() as far:
        far.peer.script = hole
        session = far.model(options=SessionOptions(clock=clock)).connect()
        clock.advance(20.5)  # of silence
        assert hole.pinged.wait(SOON)
        clock.advance(seconds)
        if seconds > 20:
            event = session.wait_closed(SOON)
            assert (event.code, event.was_clean) == (1006, False)
            assert "ping for 20 s" in event.reason
        hole.back.set()
        session.close()
        assert session.close_code == (1006 if seconds > 20 else 1000)


# What the service should not send


@pytest.mark.parametrize(
    "name", ["malformed_json", "null", "list", "bad_base64", "nested_json", "not_utf8"]
)
def test_nonsense(serve, name):
    """It is an `error` event with the message; the session goes on.

    Text that is no UTF-8 breaks WebSocket's own rules: that is its end.
    """
    service = serve(fault(name, at="ready"))
    session = model(service).session()
    errors = Seen(session, "error")
    with session.connect():
        if name == "not_utf8":
            assert session.wait_closed(SOON).code == 1007
            return
        session.send("hello")
        assert list(session.receive_turn(SOON))[-1].turn_complete
        assert "ProtocolError" in repr(errors.comes()[0].error)
    assert len(errors.events) == 1


@pytest.mark.parametrize("name", ["snake_case", "url_safe", "bare_mime", "setup_true"])
def test_other_spellings(serve, name):
    """All that JSON and base64 allow is understood, pretty or not."""
    service = serve(fault(name), pretty=True, binary=False)
    with model(service).connect() as session:
        session.send("hello")
        got = list(session.receive_turn(SOON))
    audio = np.concatenate([m.audio for m in got if m.inline])
    assert np.array_equal(audio, ANSWER.audio)


def test_half_samples(serve):
    """A part with half a sample at its end: the rest is heard; that is told."""
    session = model(serve(fault("odd_bytes"))).session()
    errors = Seen(session, "error")
    with session.connect():
        session.send("hello")
        got = list(session.receive_turn(SOON))
        assert "no whole 16-bit samples" in str(errors.comes()[0].error)
    assert all(m.audio is not None for m in got if m.inline)
    assert got[-1].turn_complete


def test_a_turn_without_an_end():
    """A limit on each message is all that helps; the session goes on."""
    story = [says("and then")]
    with Far(answers=lambda _: story) as far, far.model().connect() as session:
        session.send("tell me a story")
        assert next(session.receive(SOON)).text == "and then"
        with pytest.raises(TimeoutError):
            next(session.receive_turn(0.05))
        far.say(content(generationComplete=True), DONE)
        assert len(list(session.receive_turn(SOON))) == 2


# What happened is what is said


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (fault("fin", at="setup"), "the connection broke before the service answered"),
        (fault("rst", at="setup"), "before the service answered the setup"),
        (fault("malformed_json", at="setup"), "the answer to the setup makes no sense"),
    ],
)
def test_what_was_no_refusal(serve, faults, words):
    """A connection that broke, or an answer that is none, refuses nothing."""
    with pytest.raises(SetupError, match=words) as caught:
        model(serve(faults)).connect()
    assert "refused" not in str(caught.value)


def test_a_message_that_came_was_too_big(serve):
    """It is not for us to send smaller ones."""
    service = serve(fault("huge_message", at="turn", count=2000))
    session = model(service, max_message_size=1500).connect()
    session.send("a")
    with pytest.raises(SessionClosed, match="max_message_size") as caught:
        list(session.receive(SOON))
    assert caught.value.code == 1009
    assert "a message that came has" in str(caught.value)
    assert "send smaller" not in str(caught.value)


def test_nobody_noticed(serve, caplog):
    """The session that broke under a `with` is spoken of at its end."""
    with model(serve(fault("fin", at="message"))).connect() as session:
        session.send("a")
        assert session._connection.io_done.wait(SOON)
    (record,) = [each for each in caplog.records if session.id in each.message]
    assert record.levelname == "WARNING"
    assert "close code 1006" in record.message
