"""The engine is pure: bytes, commands and time in, bytes and events out."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsync.dialects.base import (
    Audio,
    ClearAudio,
    Deliver,
    Dialect,
    Finished,
    Ready,
    Refused,
    Reply,
    Report,
    StreamEnded,
    StreamStarted,
    UpgradeRequest,
)
from voxsync.errors import ProtocolError, SetupError
from voxsync.session.engine import Engine
from voxsync.session.lifecycle import ReadyState
from voxsync.session.options import SessionOptions
from voxsync.session.streams import Streams
from voxsync.wire import Binary, Close, Keepalive, Ping, Pong, Role, Text, Wire

CONNECTING, OPEN, CLOSING, CLOSED = ReadyState


OUTPUTS = {
    "ready": Ready(),
    "refused": Refused("no such model"),
    "finished": Finished(),
    "reply": Reply("answer"),
    "started": StreamStarted("a", "pcm", {"k": 1}),
    "ended": StreamEnded("a", {"bytes": 2}),
    "audio": Audio("a", b"\0\0"),
    "clear": ClearAudio("a"),
}


class Fake(Dialect):
    """A service whose messages are the outputs' names; ready at once or when told."""

    def __init__(self, *, ready=True, on_finish=(), on_closing=()):
        self.ready = ready
        self.on_finish = on_finish
        self.on_closing = on_closing

    def request(self):
        return UpgradeRequest(url="ws://test/")

    def opened(self):
        return (Ready(),) if self.ready else (Reply("setup"),)

    def encode(self, command):
        if command == "bad":
            raise ValueError("this cannot be sent")
        if command == "local":
            return (Deliver("local"), Reply("local"))
        return () if command == "" else (Reply(command),)

    def finish(self):
        return self.on_finish

    def closing(self):
        return self.on_closing

    def decode(self, data):
        if data == "bad":
            raise ProtocolError("nonsense", raw=data)
        yield OUTPUTS.get(data) or Deliver(data)
        if data == "late":  # a generator finds out only while it is iterated
            raise ProtocolError("half of it was nonsense", raw=data)

    def verdict(self, code, reason, *, by_us, was_clean):
        raise AssertionError("the engine does not judge")


OPTIONS = {
    "close_timeout": 5.0,
    "eof_timeout": 1.0,
    "write_timeout": None,
    "ping_interval": None,
    "ping_timeout": None,
    "finish_timeout": None,
    "linger_timeout": 2.0,
}


class Rig:
    """An engine, and the service's end of its connection."""

    def __init__(self, *, dialect=None, on_audio=None, role=Role.CLIENT, **options):
        self.options = SessionOptions(**{**OPTIONS, **options})
        self.engine = Engine(
            role=role,
            wire=Wire(role, max_message_size=self.options.max_message_size),
            dialect=dialect or Fake(),
            keepalive=Keepalive(
                ping_interval=self.options.ping_interval,
                ping_timeout=self.options.ping_timeout,
                idle_timeout=self.options.idle_timeout,
                write_timeout=self.options.write_timeout,
            ),
            options=self.options,
            target=self,
            streams=Streams(self, on_audio=on_audio),
        )
        other = Role.SERVER if role is Role.CLIENT else Role.CLIENT
        self.peer = Wire(other)

    def write(self, now=0.0, most=None):
        """Let the socket take bytes, and the peer read them."""
        data = bytes(self.engine.out[:most])
        if data:
            del self.engine.out[: len(data)]
            self.engine.wrote(len(data), now)
            self.peer.receive(data)
        return self.peer.messages(1 << 20)

    def read(self, now=0.0):
        """Hand over what the peer has to say."""
        data = bytes(self.peer.out)
        self.peer.out.clear()
        if data:
            self.engine.receive(data, now)
            self.engine.decode(1 << 20, now)

    def say(self, *texts, now=0.0):
        for text in texts:
            self.peer.send_text(text)
        self.read(now)

    @property
    def kinds(self):
        return [str(event.type) for event in self.engine.events]


def opened(now=0.0, **settings):
    rig = Rig(**settings)
    rig.engine.opened(now)
    return rig


def closing(rig, *, now=0.0, code=1000, reason=""):
    """The application's close(), with nothing queued."""
    rig.engine.close(code, reason, now)
    rig.engine.flushed(0.0)


# Opening


def test_a_service_without_rules_is_open_at_once():
    """The upgrade alone opens it; the `open` event is about the session (I1)."""
    rig = Rig()
    assert rig.engine.state is CONNECTING
    rig.engine.opened(3.0)
    assert rig.engine.state is OPEN
    assert rig.engine.opened_at == 3.0
    assert rig.kinds == ["open"]
    assert rig.engine.events[0].target is rig


def test_a_service_may_be_ready_later_than_the_upgrade():
    """It says hello first; OPEN is when the service answers, and only once."""
    rig = opened(dialect=Fake(ready=False))
    assert rig.engine.state is CONNECTING
    assert rig.write() == [Text("setup")]
    rig.say("ready", now=2.0)
    assert (rig.engine.state, rig.engine.opened_at) == (OPEN, 2.0)
    rig.say("ready", now=3.0)
    assert rig.kinds == ["open"]
    assert rig.engine.opened_at == 2.0


def test_ready_is_too_late_when_the_session_is_closing():
    """I1: no `open` for a session that the application closed before."""
    rig = opened(dialect=Fake(ready=False))
    closing(rig)
    rig.say("ready", now=1.0)
    assert (rig.engine.state, rig.kinds) == (CLOSING, [])
    assert rig.engine.opened_at is None


def test_a_refusal_after_the_upgrade_is_an_error():
    """SetupError with the service's words; we say goodbye properly."""
    rig = opened(dialect=Fake(ready=False))
    rig.say("refused")
    assert rig.engine.state is CLOSING
    rig.engine.flushed(0.0)
    assert rig.write()[-1] == Close(1000, "")
    rig.read()
    rig.engine.eof(None, 0.0)
    ended = rig.engine.ended
    assert (ended.code, ended.was_clean, ended.by_us) == (1000, True, False)
    assert isinstance(ended.cause, SetupError)
    assert "no such model" in str(ended.cause)
    assert rig.kinds == []


def test_the_peer_may_close_before_it_was_ready():
    """CLOSING without OPEN, with its code and reason."""
    rig = opened(dialect=Fake(ready=False))
    rig.peer.send_close(4001, "no seat")
    rig.read()
    assert rig.engine.state is CLOSING
    rig.engine.eof(None, 0.0)
    assert (rig.engine.ended.code, rig.engine.ended.reason) == (4001, "no seat")
    assert rig.engine.opened_at is None


# Messages


def test_messages_go_out_in_the_order_of_the_commands():
    """I2: text and binary, as the dialect made them; the count follows."""
    rig = opened()
    for command in ("a", b"b", "c"):
        rig.engine.command(command, 0.0)
    assert rig.engine.messages_sent == rig.engine.unsent == 3
    assert rig.write() == [Text("a"), Binary(b"b"), Text("c")]
    assert rig.engine.unsent == 0
    assert rig.engine.bytes_sent > 0


def test_messages_are_delivered_in_wire_order():
    """I7: and counted; the limit leaves the rest for the next call."""
    rig = opened()
    for text in "abc":
        rig.peer.send_text(text)
    rig.peer.send_binary(b"d")
    rig.engine.receive(bytes(rig.peer.out), 0.0)
    rig.engine.decode(2, 0.0)
    assert [e.data for e in rig.engine.events[1:]] == ["a", "b"]
    assert rig.engine.wire.has_more
    rig.engine.decode(9, 0.0)
    assert [e.data for e in rig.engine.events[1:]] == ["a", "b", "c", b"d"]
    assert rig.engine.messages_received == 4
    assert rig.engine.bytes_received == len(rig.peer.out)


def test_unsent_counts_messages_of_which_a_byte_is_missing():
    """I2: partial writes; bytes of control frames and injected ones are no messages."""
    rig = opened()
    sizes = []
    for command in (b"x" * 10, b"y" * 20, b"z" * 300):
        rig.engine.command(command, 0.0)
        sizes.append(len(rig.engine.out))
    rig.engine.inject(b"\x82")
    rig.engine.wire.send_ping()
    assert rig.engine.unsent == 3
    rig.write(most=sizes[0] - 1)
    assert rig.engine.unsent == 3
    rig.write(most=1)
    assert rig.engine.unsent == 2
    rig.write(most=sizes[2] - sizes[0] - 1)
    assert rig.engine.unsent == 1
    rig.write(most=1)
    assert rig.engine.unsent == 0
    assert rig.engine.out[:1] == b"\x82"


def test_commands_are_taken_while_there_is_room():
    """I8: not above write_buffer, not after the Close frame, not after the end."""
    rig = opened(write_buffer=100)
    assert rig.engine.takes_commands
    rig.engine.command(bytes(100), 0.0)
    assert not rig.engine.takes_commands
    rig.write()
    assert rig.engine.takes_commands
    rig.engine.close(1000, "", 0.0)
    assert rig.engine.takes_commands  # what was accepted before still goes out
    rig.engine.flushed(0.0)
    assert not rig.engine.takes_commands
    rig.engine.cancel()
    assert not rig.engine.takes_commands


def test_injected_bytes_stand_between_the_messages():
    """Raw, in order, whatever they are."""
    rig = opened()
    rig.engine.command("a", 0.0)
    before = bytes(rig.engine.out)
    rig.engine.inject(b"\xff\xff")
    assert bytes(rig.engine.out) == before + b"\xff\xff"
    assert rig.engine.messages_sent == 1


def test_a_command_may_mean_nothing_or_an_event():
    """The dialect decides what goes out and what comes back at once."""
    rig = opened()
    rig.engine.command("", 0.0)
    assert not rig.engine.out
    rig.engine.command("local", 0.0)
    assert rig.kinds == ["open", "message"]
    assert rig.write() == [Text("local")]


def test_a_command_that_the_dialect_refuses_ends_the_session():
    """I2: it was accepted and cannot go out, so it is counted and told as the cause."""
    rig = opened()
    rig.engine.command("good", 0.0)
    rig.write()
    rig.engine.command("bad", 0.0)
    ended = rig.engine.ended
    assert (ended.code, ended.was_clean, ended.by_us) == (1006, False, False)
    assert ended.reason == "this cannot be sent"
    assert isinstance(ended.cause, ValueError)
    assert rig.engine.unsent == 1


@pytest.mark.parametrize("text", ["bad", "late"])
def test_a_message_that_makes_no_sense_keeps_the_session_going(text):
    """An `error` event with the raw message; what is around it arrives."""
    rig = opened()
    rig.say("before", text, "after")
    assert rig.engine.state is OPEN
    seen = [getattr(e, "data", None) for e in rig.engine.events if e.type == "message"]
    assert seen == (["before", "after"] if text == "bad" else ["before", text, "after"])
    (error,) = [e.error for e in rig.engine.events if e.type == "error"]
    assert isinstance(error, ProtocolError)
    assert error.raw == text


def test_a_dialect_may_answer():
    """A reply goes out by itself; behind the Close frame it is dropped."""
    rig = opened()
    rig.say("reply")
    assert rig.write() == [Text("answer")]
    rig.peer.send_text("reply")
    rig.peer.send_close(1000)
    rig.read()
    assert rig.write() == [Close(1000, "")]
    assert rig.engine.unsent == 0
    assert rig.engine.ended is None


def test_streams_are_announced():
    """`media-started` and `media-ended` carry what the far end said."""
    rig = opened()
    rig.say("started", "audio", "ended")
    assert rig.kinds == ["open", "media-started"]  # its one sample is still to be heard
    rig.engine.tick(1.0)
    _, started, ended = rig.engine.events
    assert (started.type, started.tag, started.encoding) == (
        "media-started",
        "a",
        "pcm",
    )
    assert started.custom_parameters == {"k": 1}
    assert (ended.type, ended.tag, ended.media_info) == (
        "media-ended",
        "a",
        {"bytes": 2},
    )


def test_audio_takes_the_short_way():
    """To the hook, at once and in order; it is no event."""
    heard = []
    rig = opened(on_audio=heard.append)
    rig.say("started", "audio", "clear", "ended")
    rig.engine.tick(0.0)
    assert heard == [Audio("a", b"\0\0"), ClearAudio("a")]
    assert rig.kinds == ["open", "media-started", "media-ended"]


def test_audio_that_nobody_listens_to_starts_and_ends_all_the_same():
    """One second after it ran out, by the engine's own deadline."""
    rig = opened()
    rig.say("audio")
    assert rig.kinds == ["open", "media-started"]
    due = rig.engine.deadline()
    assert due == pytest.approx(1.0, abs=0.01)
    rig.engine.tick(due)
    assert rig.kinds == ["open", "media-started", "media-ended"]
    assert rig.engine.events[-1].media_info.reason == "silence"
    assert rig.engine.deadline() is None


def test_the_end_of_the_connection_ends_what_plays():
    """`media-ended` comes before `close` (I1)."""
    rig = opened()
    rig.say("audio")
    rig.engine.cancel()
    assert rig.kinds == ["open", "media-started", "media-ended"]
    assert rig.engine.events[-1].media_info.reason == "close"


# finish()


def test_the_last_word_leads_to_a_close_after_a_moment():
    """Finished, linger, Close 1000, the peer's answer, its end of TCP."""
    rig = opened(finish_timeout=60.0)
    rig.engine.finish(0.0)
    assert rig.engine.deadline() == 60.0
    rig.say("finished", now=1.0)
    assert rig.engine.deadline() == 3.0
    rig.engine.tick(2.9)
    assert rig.engine.state is OPEN
    rig.engine.tick(3.0)
    rig.engine.flushed(0.0)
    assert rig.engine.state is CLOSING
    assert rig.engine.deadline() == 8.0
    assert rig.write(3.0) == [Close(1000, "")]
    rig.read(3.1)
    assert rig.engine.ending
    assert rig.engine.deadline() == pytest.approx(4.1)
    rig.engine.eof(None, 3.2)
    ended = rig.engine.ended
    assert (ended.code, ended.was_clean, ended.by_us) == (1000, True, True)


def test_a_service_that_closes_after_its_last_word_is_not_closed():
    """The linger is over with the peer's Close."""
    rig = opened()
    rig.say("finished")
    rig.peer.send_close(1000, "bye")
    rig.read(1.0)
    assert rig.engine.deadline() == 2.0  # eof_timeout
    rig.engine.eof(None, 1.5)
    assert rig.engine.ended.by_us is False
    assert rig.engine.ended.reason == "bye"


def test_finish_may_be_the_end_at_once():
    """Where the dialect has nothing to wait for."""
    rig = opened(dialect=Fake(on_finish=(Finished(),)), finish_timeout=1.0)
    rig.engine.finish(0.0)
    assert rig.engine.deadline() == 2.0
    rig.engine.tick(2.0)
    assert rig.engine.state is CLOSING


def test_a_service_that_goes_silent_after_finish_is_given_up():
    """Any byte is a sign of life; then finish_timeout runs anew."""
    rig = opened(finish_timeout=10.0)
    rig.say("one", now=5.0)
    assert rig.engine.deadline() is None
    rig.engine.finish(5.0)
    rig.say("two", now=14.0)
    rig.engine.tick(15.0)
    assert rig.engine.ended is None
    rig.engine.tick(24.0)
    ended = rig.engine.ended
    assert (ended.code, ended.was_clean, ended.by_us) == (1006, False, False)
    assert "silent for 10 s after finish" in ended.reason
    assert isinstance(ended.cause, TimeoutError)


def test_silence_after_finish_is_not_held_against_a_peer_that_is_not_read():
    """A slow listener stops the reading; the clock starts anew behind that."""
    rig = opened(finish_timeout=10.0)
    rig.engine.finish(0.0)
    rig.engine.pause(1.0)
    assert rig.engine.deadline() is None
    rig.engine.tick(100.0)
    assert rig.engine.ended is None
    rig.engine.resume(100.0)
    assert rig.engine.deadline() == 110.0


def test_finish_may_wait_without_limit():
    """finish_timeout None: nothing is due."""
    rig = opened()
    rig.engine.finish(0.0)
    assert rig.engine.deadline() is None
    rig.say("late", now=1e6)
    rig.engine.tick(1e9)
    assert rig.engine.ended is None


# close()


def test_close_sends_what_is_queued_first():
    """The Close frame follows `flushed`; the reason is kept, the answer has none."""
    rig = opened()
    rig.engine.close(4000, "done", 0.0)
    assert rig.engine.state is CLOSING
    rig.engine.command("queued", 0.0)
    rig.engine.flushed(0.0)
    rig.engine.flushed(0.0)
    assert rig.write() == [Text("queued"), Close(4000, "done")]
    rig.read()
    rig.engine.eof(None, 0.5)
    ended = rig.engine.ended
    assert (ended.code, ended.reason) == (4000, "done")
    assert (ended.was_clean, ended.by_us, ended.cause) == (True, True, None)
    assert rig.engine.state is CLOSED


def test_last_words_go_before_the_close_frame():
    """Once, behind all that was queued; not where the peer closes first."""
    rig = opened(dialect=Fake(on_closing=(Reply("stop"),)))
    rig.engine.flushed(0.0)
    rig.engine.close(1000, "", 0.0)
    rig.engine.command("queued", 0.0)
    rig.engine.flushed(0.0)
    rig.engine.flushed(0.0)
    assert rig.write() == [Text("queued"), Text("stop"), Close(1000, "")]
    rig = opened(dialect=Fake(on_closing=(Reply("stop"),)))
    rig.peer.send_close(1000)
    rig.read()
    rig.engine.flushed(0.0)
    assert rig.write() == [Close(1000, "")]


def test_what_a_dialect_reports_is_told():
    """As an `error` event; the session goes on."""
    error = ProtocolError("odd")
    rig = opened(dialect=Fake(on_finish=(Report(error),)))
    rig.engine.finish(0.0)
    assert rig.kinds == ["open", "error"]
    assert rig.engine.events[1].error is error
    assert rig.engine.state is OPEN


def test_flushed_without_a_close_is_nothing():
    """An empty queue does not end a session."""
    rig = opened()
    rig.engine.flushed(0.0)
    assert not rig.engine.out


def test_close_is_idempotent_and_harmless_after_the_end():
    """The first code counts."""
    rig = opened()
    rig.engine.close(4000, "first", 0.0)
    rig.engine.close(4001, "second", 3.0)
    assert rig.engine.deadline() == 5.0
    rig.engine.flushed(0.0)
    assert rig.write() == [Close(4000, "first")]
    rig.engine.cancel()
    rig.engine.close(4002, "third", 4.0)
    assert rig.engine.state is CLOSED


def test_the_peers_own_words_win():
    """Both close at once: its code and reason are what is told."""
    rig = opened()
    closing(rig, code=4000, reason="ours")
    rig.peer.send_close(4005, "theirs")
    rig.read()
    rig.engine.eof(None, 0.0)
    assert (rig.engine.ended.code, rig.engine.ended.reason) == (4005, "theirs")


def test_another_code_does_not_get_our_reason():
    """An answer with a different code has no reason at all."""
    rig = opened()
    closing(rig, code=4000, reason="ours")
    rig.peer.send_close(1000)
    rig.read()
    rig.engine.eof(None, 0.0)
    assert (rig.engine.ended.code, rig.engine.ended.reason) == (1000, "")


def test_messages_arrive_while_closing():
    """Until the peer's Close."""
    rig = opened()
    closing(rig)
    rig.say("still here")
    assert rig.kinds == ["open", "message"]


def test_a_closing_handshake_has_a_limit():
    """close_timeout; 1006, not by the peer's will."""
    rig = opened(close_timeout=2.0)
    closing(rig, now=10.0)
    rig.write(10.0)
    rig.engine.tick(11.9)
    assert rig.engine.ended is None
    rig.engine.tick(12.0)
    ended = rig.engine.ended
    assert (ended.code, ended.was_clean) == (1006, False)
    assert "more than 2 s" in ended.reason


def test_the_peer_closes_first():
    """It is answered with its own code, and TCP is left to it for eof_timeout."""
    rig = opened()
    rig.peer.send_close(4003, "idle")
    rig.read(1.0)
    assert rig.engine.state is CLOSING
    assert rig.engine.ending
    assert not rig.engine.half_closed
    assert rig.write(1.0) == [Close(4003, "")]
    rig.engine.close(1000, "too late", 1.5)
    rig.engine.tick(1.9)
    assert rig.engine.ended is None
    rig.engine.tick(2.0)
    ended = rig.engine.ended
    assert (ended.code, ended.reason, ended.by_us) == (4003, "idle", False)
    assert ended.was_clean


def test_a_server_ends_tcp_itself():
    """RFC 6455, 7.1.1: once the handshake is done the writing side is shut."""
    rig = opened(role=Role.SERVER)
    rig.peer.send_close(1000)
    rig.read()
    assert rig.engine.half_closed


def test_silence_after_the_handshake_is_right():
    """Neither ping nor idleness nor a stall spoils a clean end."""
    rig = opened(
        idle_timeout=0.1,
        ping_interval=0.05,
        ping_timeout=0.05,
        write_timeout=0.1,
        eof_timeout=1.0,
    )
    rig.peer.send_close(1000)
    rig.read(0.0)
    rig.engine.pending(0.0)
    assert rig.engine.deadline() == 1.0
    rig.engine.tick(0.5)
    assert rig.engine.ended is None
    rig.engine.tick(1.0)
    assert rig.engine.ended.was_clean


# Ends of other kinds


def test_cancel_is_now():
    """Code 1006, by us; nothing may follow."""
    rig = opened()
    rig.engine.command("x", 0.0)
    rig.engine.cancel("enough")
    ended = rig.engine.ended
    assert (ended.code, ended.reason, ended.by_us) == (1006, "enough", True)
    assert rig.engine.state is CLOSED
    assert rig.engine.unsent == 1


def test_the_first_end_counts():
    """I1: whatever else breaks is not told again."""
    rig = opened()
    rig.engine.fail(OSError("first"))
    first = rig.engine.ended
    rig.engine.cancel()
    rig.engine.fail(OSError("second"))
    rig.engine.eof(None, 1.0)
    rig.engine.tick(99.0)
    assert rig.engine.ended is first


def test_a_cause_without_words_is_named():
    """The reason is never empty."""
    rig = opened()
    rig.engine.fail(TimeoutError())
    assert rig.engine.ended.reason == "TimeoutError"


@pytest.mark.parametrize("error", [None, ConnectionResetError("reset")])
def test_the_end_of_tcp_without_a_close_frame(error):
    """1006, with the system's error as cause where there is one."""
    rig = opened()
    rig.engine.eof(error, 0.0)
    ended = rig.engine.ended
    assert (ended.code, ended.was_clean, ended.by_us) == (1006, False, False)
    assert isinstance(ended.cause, ConnectionResetError)
    assert error is None or ended.cause is error


FAULTS = {
    "reserved bits": (b"\xf1\x00", 1002),
    "not UTF-8": (b"\x81\x01\xff", 1007),
    "too big": (b"\x82\x7f" + (1 << 62).to_bytes(8, "big"), 1009),
    "masked": (b"\x82\x80\0\0\0\0", 1002),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("way", ["eof", "timeout"])
def test_a_broken_rule_earns_its_code(name, way):
    """Messages before it are delivered; the Close says the code; the end is ours."""
    data, code = FAULTS[name]
    rig = opened()
    rig.peer.send_text("before")
    rig.peer.out.extend(data)
    rig.read(0.0)
    assert rig.kinds == ["open", "message"]
    assert rig.engine.state is CLOSING
    assert rig.write()[-1].code == code
    if way == "eof":
        rig.engine.eof(ConnectionResetError(), 0.5)
    else:
        rig.engine.tick(1.0)
    ended = rig.engine.ended
    assert (ended.code, ended.was_clean, ended.by_us) == (code, False, False)
    assert isinstance(ended.cause, ProtocolError)
    assert ended.cause.code == code


def test_a_fault_while_we_close_is_still_told():
    """Its code wins over 1006."""
    rig = opened()
    closing(rig)
    rig.peer.out.extend(FAULTS["masked"][0])
    rig.read()
    rig.engine.eof(None, 0.0)
    assert rig.engine.ended.code == 1002


# Keepalive


def test_a_stall_is_an_end():
    """No byte taken for write_timeout; a byte starts the clock anew."""
    rig = opened(write_timeout=10.0)
    rig.engine.command(bytes(100), 0.0)
    rig.engine.pending(0.0)
    rig.write(5.0, most=1)
    rig.engine.tick(10.0)
    assert rig.engine.ended is None
    assert rig.engine.deadline() == 15.0
    rig.engine.tick(15.0)
    assert "took no byte for 10 s" in rig.engine.ended.reason


def test_silence_is_answered_with_a_ping():
    """Its pong is life and gives the round trip; an unasked one gives nothing."""
    rig = opened(ping_interval=20.0, ping_timeout=5.0)
    rig.peer.send_pong(b"unasked")
    rig.read(0.0)
    assert rig.engine.ping_round_trip is None
    rig.engine.tick(20.0)
    assert rig.write(20.0) == [Ping(b"")]
    rig.read(20.25)
    assert rig.engine.ping_round_trip == 0.25
    assert rig.engine.deadline() == 40.25


def test_no_answer_to_a_ping_is_an_end():
    """After ping_timeout."""
    rig = opened(ping_interval=20.0, ping_timeout=5.0)
    rig.engine.tick(20.0)
    rig.engine.tick(24.9)
    assert rig.engine.ended is None
    rig.engine.tick(25.0)
    assert "no answer to a ping for 5 s" in rig.engine.ended.reason


def test_no_ping_behind_the_close_frame():
    """Nothing may follow it (RFC 6455, 5.5.1)."""
    rig = opened(ping_interval=2.0, close_timeout=5.0)
    closing(rig)
    rig.write()
    rig.engine.tick(2.0)
    assert not rig.engine.out


def test_idleness_is_an_end():
    """No byte for idle_timeout, pings or not."""
    rig = opened(idle_timeout=30.0)
    rig.engine.tick(30.0)
    assert "no byte for 30 s" in rig.engine.ended.reason


def test_our_own_pause_proves_nothing():
    """While we do not read, silence is ours; afterwards it is counted anew."""
    rig = opened(idle_timeout=30.0)
    rig.engine.pause(1.0)
    assert rig.engine.deadline() is None
    rig.engine.tick(100.0)
    assert rig.engine.ended is None
    rig.engine.resume(100.0)
    assert rig.engine.deadline() == 130.0


def test_pings_of_the_peer_are_answered():
    """By the wire itself, with their data; they are no events."""
    rig = opened()
    rig.peer.send_ping(b"there?")
    rig.read()
    assert rig.kinds == ["open"]
    assert rig.write() == [Pong(b"there?")]


# Any order of things

SMALL = st.integers(0, 400)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("command"), SMALL),
        st.tuples(st.just("write"), SMALL),
        st.tuples(st.just("say"), st.sampled_from(["m", "bad", *OUTPUTS])),
        st.tuples(st.just("cut"), SMALL),  # hand over a part of the peer's bytes
        st.tuples(st.just("wait"), st.floats(0, 4)),
        st.tuples(st.just("decode"), st.integers(1, 3)),
        st.tuples(
            st.sampled_from(
                ["ping", "pause", "finish", "close", "peer_close", "flush", "garbage"]
            ),
            st.just(0),
        ),
        st.tuples(st.sampled_from(["eof", "reset", "cancel"]), st.just(0)),
    ),
    max_size=60,
)


class Storm:
    """Does anything in any order, as the connection that owns the engine may."""

    def __init__(self, *, ready):
        self.rig = Rig(
            dialect=Fake(ready=ready),
            write_buffer=1000,
            ping_interval=3.0,
            ping_timeout=3.0,
            write_timeout=4.0,
            finish_timeout=5.0,
            idle_timeout=9.0,
        )
        self.engine = self.rig.engine
        self.now = 0.0
        self.accepted, self.arrived, self.said = [], [], []
        self.garbage = self.paused = self.finished = False
        self.engine.opened(0.0)
        self.check()

    def do(self, step, value):
        engine, peer = self.engine, self.rig.peer
        if step == "command":
            if engine.takes_commands and engine.state is not CONNECTING:
                self.accepted.append(b"%d:" % len(self.accepted) + bytes(value))
                engine.command(self.accepted[-1], self.now)
                engine.pending(self.now)
        elif step == "write":
            for message in self.rig.write(self.now, value):
                if type(message) is Binary:
                    self.arrived.append(message.data)
        elif step == "say":
            if not peer.close_sent and not self.garbage:
                text = f"m{len(self.said)}" if value == "m" else value
                if value == "m":
                    self.said.append(text)
                peer.send_text(text)
        elif step == "ping":
            if not peer.close_sent and not self.garbage:
                peer.send_ping(b"p")
        elif step == "garbage":
            if not peer.close_sent:
                peer.out.extend(b"\xff\xff")
                self.garbage = True
        elif step == "cut":
            data = bytes(peer.out[:value])
            del peer.out[:value]
            if data:
                engine.receive(data, self.now)
        elif step == "decode":
            engine.decode(value, self.now)
        elif step == "wait":
            self.now += value
            engine.tick(self.now)
        elif step == "pause":
            self.paused = not self.paused
            (engine.pause if self.paused else engine.resume)(self.now)
        elif step == "finish":
            if not self.finished and engine.takes_commands:
                self.finished = True
                engine.finish(self.now)
        elif step == "close":
            engine.close(4000, "ours", self.now)
        elif step == "flush":
            engine.flushed(self.now)
        elif step == "peer_close":
            if not self.garbage:
                peer.send_close(4001, "theirs")
        elif step == "eof":
            engine.eof(None, self.now)
        elif step == "reset":
            engine.eof(ConnectionResetError("reset"), self.now)
        else:
            engine.cancel()

    def check(self):
        engine = self.engine
        kinds = self.rig.kinds
        # I1: `open` at most once and before all that needs an open session.
        assert kinds.count("open") <= 1
        assert (engine.opened_at is not None) is ("open" in kinds)
        assert "close" not in kinds  # that is the owner's, once, when all is gone
        assert (engine.ended is not None) is (engine.state is CLOSED)
        # I2: a prefix of what was accepted arrives; the rest is counted.
        assert self.arrived == self.accepted[: len(self.arrived)]
        # I7: wire order, nothing twice, nothing invented.
        data = [
            e.data
            for e in engine.events
            if e.type == "message" and e.data.startswith("m")
        ]
        assert data == self.said[: len(data)]
        due = engine.deadline()
        assert due is None or math.isfinite(due)


@settings(max_examples=400, deadline=None)
@given(STEPS, st.booleans())
def test_no_order_of_things_breaks_the_invariants(steps, ready):
    """I1, I2 and I7 hold after every step, and every closing session comes to its end.

    Commands, bytes in pieces, partial writes, time, end of stream, close, cancel.
    """
    storm = Storm(ready=ready)
    engine = storm.engine
    for step, value in steps:
        storm.do(step, value)
        storm.check()
        if engine.ended is not None:
            break
    if engine.ended is None:  # close() is bounded, whatever came before
        engine.close(1000, "", storm.now)
        storm.do("wait", 6.0)
        storm.check()
        assert engine.ended is not None
    unsent = engine.unsent
    replies = engine.messages_sent - len(storm.accepted)
    assert engine.messages_sent - unsent >= len(storm.arrived)
    # What did not arrive was counted, up to the dialect's own replies in between.
    assert len(storm.accepted) - len(storm.arrived) <= unsent
    assert unsent <= len(storm.accepted) - len(storm.arrived) + replies


def test_pure():
    """The engine never asks for the time: the same story gives the same bytes."""
    stories = []
    for _ in range(2):
        rig = opened(role=Role.SERVER, ping_interval=1.0)
        rig.engine.command("a", 0.0)
        rig.engine.tick(1.0)
        closing(rig, now=1.5, code=1001, reason="bye")
        stories.append((bytes(rig.engine.out), rig.engine.deadline()))
    assert stories[0] == stories[1]
