"""One connection, driven by hand: what the loop, other threads and the end do to it."""

import socket
import threading

import pytest

from voxsync.dialects.plain import PlainDialect
from voxsync.errors import (
    ConnectError,
    MediaError,
    OpenTimeout,
    SessionClosed,
    SetupError,
)
from voxsync.session.commands import FINISH, Inject
from voxsync.session.connection import Connection
from voxsync.session.delivery import Delivery
from voxsync.session.figures import Figures
from voxsync.session.lifecycle import ReadyState
from voxsync.session.options import SessionOptions
from voxsync.session.outbox import Outbox
from voxsync.session.receiver import Receiver
from voxsync.session.streams import Streams
from voxsync.session.tapping import Taps
from voxsync.wire import Close, Role, Text, Wire


class Owner:
    """What of a session outlives a connection; its events, in order."""

    id = "test"

    def __init__(self, **options):
        self.options = SessionOptions(**options)
        self._outbox = Outbox(self.options.send_queue, lambda: SessionClosed("over"))
        self._receiver = Receiver(self.options.receive_queue)
        self._taps = Taps()
        self._figures = Figures()
        self._delivery = Delivery(
            "voxsync-events-test",
            self,
            dispatcher=None,
            limit=self.options.inbox,
            resume=lambda: None,
            watch=lambda: False,
        )
        self.events = []
        self.gate = threading.Event()
        self.gate.set()

    def _secrets(self):
        return ()

    def _make_streams(self):
        return Streams(self)

    def _ended_badly(self, error):
        self.broke = error

    def _ending(self):
        self._receiver.closing()

    def _arrived(self, events):
        pass

    def _received(self, event):
        self.gate.wait(5)

    def _took(self, events):
        return False

    def _ended(self, event):
        self._receiver.end(event.error)

    def _told(self, event):
        pass

    def _emit(self, event):
        self.events.append(event)

    def _wants(self, event):
        return True

    @property
    def kinds(self):
        return [str(event.type) for event in self.events]


class Rig:
    """A connection without a loop, and the peer's wire."""

    def __init__(self, dialect=None, **options):
        self.owner = Owner(**{"ping_timeout": None, **options})
        dialect = dialect or PlainDialect("ws://test/")
        self.connection = Connection(self.owner, dialect, Role.CLIENT, None)
        self.peer = Wire(Role.SERVER)

    def open(self):
        self.connection.opening.finish()
        self.connection.engine.opened(0.0)
        self.connection.fill(0.0)
        return self

    def say(self, *texts, now=0.0):
        for text in texts:
            self.peer.send_text(text)
        self.hand_over(now)

    def hand_over(self, now=0.0):
        data = bytes(self.peer.out)
        self.peer.out.clear()
        self.connection.received(data, now)

    def write(self, now=0.0):
        out = self.connection.out
        while out:
            data = bytes(out)
            out.clear()
            self.connection.wrote(len(data), now)
            self.peer.receive(data)
        return self.peer.messages(1 << 20)


@pytest.fixture
def rig():
    """Makes rigs; each is ended, and so is its events thread."""
    made = []

    def make(*args, **options):
        made.append(Rig(*args, **options))
        return made[-1]

    yield make
    for each in made:
        each.owner.gate.set()
        each.connection.detached()
        each.owner._delivery.join(5)
        assert each.owner.kinds[-1] == "close"
        assert each.owner.kinds.count("close") == 1


def test_commands_go_from_the_queue_to_the_wire(rig):
    """I2: in order; FINISH is a command like others, raw bytes go between."""
    r = rig().open()
    injected = Wire(Role.CLIENT)
    injected.send_text("raw")
    for item in ("a", Inject(bytes(injected.out)), FINISH):
        r.owner._outbox.put(item)
    r.connection.fill(0.0)
    assert r.write() == [Text("a"), Text("raw")]
    assert repr(FINISH) == "FINISH"


def test_only_as_many_as_there_is_room_for(rig):
    """I8: the queue stays the bound; what was written makes room for the next."""
    r = rig(write_buffer=10).open()
    for text in ("long enough", "second"):
        r.owner._outbox.put(text)
    r.connection.fill(0.0)
    assert r.owner._outbox.qsize() == 1
    assert r.write() == [Text("long enough"), Text("second")]


def test_the_state_that_is_shown(rig):
    """A request to end shows at once, before the I/O thread has seen it."""
    r = rig()
    connection = r.connection
    assert connection.state is ReadyState.CONNECTING
    r.open()
    assert connection.state is ReadyState.OPEN
    connection.close_request = (1000, "")
    assert connection.state is ReadyState.CLOSING
    connection.tick(0.0)
    connection.fill(0.0)
    assert r.owner._outbox.is_shut
    assert r.write() == [Close(1000, "")]
    r.hand_over()
    assert connection.ending
    assert not connection.half_closed
    connection.eof(None, 0.0)
    assert connection.done
    connection.detached()
    assert connection.state is ReadyState.CLOSED
    assert connection.close_event.was_clean


def test_cancel_is_seen_at_the_next_tick(rig):
    """I5: no `error` event, for the application wanted it; the rest is unsent."""
    r = rig().open()
    r.owner._outbox.put("never")
    r.owner._outbox.put(FINISH)
    r.connection.cancelled = True
    assert r.connection.state is ReadyState.CLOSING
    r.connection.tick(0.0)
    r.connection.fill(0.0)
    assert r.connection.done
    r.connection.detached()
    r.owner._delivery.join(5)
    close = r.owner.events[-1]
    assert r.owner.kinds == ["open", "close"]
    assert (close.code, close.unsent) == (1006, 1)  # FINISH is no message
    assert isinstance(close.error, SessionClosed)
    assert close.error.unsent == 1


def test_a_full_inbox_stops_the_reading(rig):
    """I8: the rest is decoded when there is room again."""
    r = rig(inbox=2).open()
    r.owner.gate.clear()
    r.say(*"abcdef")
    assert not r.connection.reading
    assert r.connection.engine.wire.has_more
    r.owner.gate.set()
    while not r.connection.reading:
        r.owner._delivery.join(0.001)
        r.connection.tick(0.0)
    while len(r.owner.events) < 7:
        r.owner._delivery.join(0.001)
    assert [event.data for event in r.owner.events[1:]] == list("abcdef")


def test_the_end_of_tcp_gives_out_all_that_was_read(rig):
    """Room or not: what came before the end counts."""
    r = rig(inbox=2).open()
    r.owner.gate.clear()
    r.say(*"abcdef")
    r.connection.eof(ConnectionResetError("reset"), 0.0)
    assert r.connection.done
    r.owner.gate.set()
    r.connection.detached()
    r.owner._delivery.join(5)
    assert r.owner.kinds == ["open", *["message"] * 6, "error", "close"]


def test_a_close_frame_behind_a_full_inbox(rig):
    """It is found at the end of TCP, and the end is clean."""
    r = rig(inbox=1).open()
    r.owner.gate.clear()
    for text in "ab":
        r.peer.send_text(text)
    r.peer.send_close(1000)
    r.hand_over()
    r.connection.eof(None, 0.0)
    r.connection.eof(None, 0.0)  # told twice is told once
    r.connection.detached()
    assert r.connection.close_event.was_clean


def test_a_service_that_plays_deaf(rig):
    """A test service stops reading; nothing but the end changes that."""
    r = rig().open()
    r.connection.reading_stopped = True
    r.connection.fill(0.0)
    assert not r.connection.reading
    r.connection.fill(0.0)
    r.connection.received(b"", 0.0)
    r.connection.tick(0.0)
    assert not r.connection.reading
    assert r.connection.engine.deadline() is None


def test_deadlines(rig):
    """The opening's while CONNECTING, or an earlier one; the engine's afterwards."""
    r = rig(open_timeout=10.0, idle_timeout=1e-6)
    assert r.connection.deadline() == r.connection.opening.due
    r.connection.engine._keepalive.start(0.0)
    assert r.connection.deadline() == pytest.approx(1e-6)
    r = rig()
    r.open()
    assert r.connection.deadline() is None


class Silent(PlainDialect):
    """A service whose own handshake never comes to an end."""

    def opened(self):
        return ()


def test_a_handshake_of_the_services_own_has_the_same_deadline(rig):
    """OpenTimeout, although the upgrade succeeded."""
    r = rig(Silent("ws://test/"), open_timeout=1e-9)
    r.open()
    assert r.connection.state is ReadyState.CONNECTING
    r.connection.tick(0.0)
    r.connection.fill(0.0)
    assert r.connection.done
    r.connection.detached()
    error = r.connection.close_event.error
    assert isinstance(error, OpenTimeout)


def test_nothing_is_due_yet(rig):
    """A tick in time leaves an opening alone."""
    r = rig(Silent("ws://test/")).open()
    r.connection.tick(0.0)
    assert r.connection.engine.ended is None


@pytest.mark.parametrize(("code", "reason"), [(4001, "no seat"), (1005, "")])
def test_an_end_before_open_is_a_connect_error(rig, code, reason):
    """With the service's words, or at least its code."""
    r = rig(Silent("ws://test/")).open()
    r.peer.send_close(code if reason else None, reason)
    r.hand_over()
    r.connection.eof(None, 0.0)
    r.connection.detached()
    error = r.connection.close_event.error
    assert type(error) is SetupError
    assert (reason or str(code)) in str(error)
    assert (error.code, error.reason) == (code, reason)
    r.owner._delivery.join(5)
    assert r.owner.kinds == ["error", "close"]


def test_waking_what_does_not_run_yet(rig):
    """Flags are read when it begins; there is nobody to notify."""
    rig().connection.wake()


def test_watching(rig):
    """True while there is something to watch; giving up ends the session at once."""
    r = rig()
    assert r.connection.watch()
    r.connection.cancelled = True
    assert not r.connection.watch()
    assert not r.connection.watch()
    close = r.connection.close_event
    assert (close.code, close.reason) == (
        1006,
        "cancelled before the session was open",
    )
    assert isinstance(close.error, ConnectError)
    r.owner._delivery.join(5)
    assert r.owner.kinds == ["close"]  # by us: no `error`


def test_giving_up_too_late_is_left_to_the_io_thread(rig):
    """Between the look and the deed the I/O thread went on to its loop."""
    r = rig()
    r.connection.cancelled = True
    abandon = r.connection.opening.abandon
    r.connection.opening.abandon = lambda: r.connection.opening.finish() and abandon()
    assert not r.connection.watch()
    assert r.connection.close_event is None


def test_waiting_for_open(rig):
    """It ends with OPEN, or with the caller's own deadline."""
    rig().open().connection.wait_open(5.0)
    r = rig()
    r.connection.wait_open(0.01)
    assert isinstance(r.connection.close_event.error, OpenTimeout)
    assert "0.01 s" in str(r.connection.close_event.error)


def test_a_socket_that_comes_after_giving_up_is_closed(rig):
    """The I/O thread was stuck in a system call; it owns nothing afterwards."""
    r = rig()
    ours, theirs = socket.socketpair()

    def opener(connection):
        connection.cancelled = True
        assert not connection.watch()
        connection.opening.connected(ours)
        return ours, b""

    with theirs:
        r.connection.run(opener)
        assert ours.fileno() == -1
        assert theirs.recv(1) == b""


def test_giving_up_breaks_the_socket_under_the_dialler(rig):
    """Its blocked read returns; the error that this makes is not what is told."""
    r = rig()
    ours, theirs = socket.socketpair()

    def opener(connection):
        connection.opening.connected(ours)
        connection.cancelled = True
        connection.watch()
        assert ours.recv(1) == b""  # shut down, so this does not block
        ours.close()
        raise ConnectError("the connection broke")

    with theirs:
        r.connection.run(opener)
    assert "cancelled" in r.connection.close_event.reason


def test_giving_up_a_socket_that_is_gone(rig):
    """Nothing to shut down is no error."""
    r = rig()
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()
    r.connection.opening.connected(ours)
    r.connection.cancelled = True
    r.connection.watch()
    assert r.connection.close_event is not None


def test_what_the_dialler_says_is_what_is_told(rig):
    """Its error, as `error` and in `close`."""
    r = rig()
    error = ConnectError("no route")

    def opener(connection):
        raise error

    r.connection.run(opener)
    r.owner._delivery.join(5)
    assert r.owner.kinds == ["error", "close"]
    assert r.owner.events[0].error is error
    assert r.connection.close_event.reason == "no route"


def test_a_bug_on_the_io_thread_still_ends_in_one_close(rig, caplog):
    """I1: logged with its traceback; the reason shows nothing of the inside."""
    r = rig()

    def opener(connection):
        raise KeyError("planted")

    r.connection.run(opener)
    close = r.connection.close_event
    assert (close.code, close.reason) == (1006, "internal error")
    assert isinstance(close.error.__cause__, KeyError)
    assert "Traceback" in caplog.text


def test_a_whole_life_in_a_loop(rig):
    """Bytes behind the upgrade, messages, FINISH, the end; the socket is closed."""
    r = rig()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5)
    r.peer.send_text("early")
    rest = bytes(r.peer.out)
    r.peer.out.clear()
    thread = threading.Thread(target=r.connection.run, args=(lambda _: (ours, rest),))
    thread.start()
    r.connection.wait_open(5)
    r.owner._outbox.put("hello")
    r.connection.wake()
    r.connection.close_request = (1000, "done")
    r.connection.wake()
    found = []
    with theirs:
        while not any(isinstance(each, Close) for each in found):
            r.peer.receive(theirs.recv(4096))
            found += r.peer.messages(10)
        theirs.sendall(r.peer.out)
    thread.join(5)
    assert found == [Text("hello"), Close(1000, "done")]
    r.owner._delivery.join(5)
    assert r.owner.kinds == ["open", "message", "close"]
    assert ours.fileno() == -1


def test_a_loop_that_fails(rig, monkeypatch, caplog):
    """I1: the session ends all the same, and says that it was not the peer."""
    r = rig()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    monkeypatch.setattr(r.connection, "received", lambda data, now: 1 / 0)
    with theirs:
        theirs.sendall(b"x")
        r.connection.run(lambda _: (ours, b""))
    close = r.connection.close_event
    assert (close.code, close.reason) == (1006, "the loop failed")
    assert ours.fileno() == -1
    assert "ZeroDivisionError" in caplog.text


class Strict(PlainDialect):
    """A service with a verdict of its own."""

    def verdict(self, code, reason, *, by_us, was_clean):
        error = MediaError("the work was not done")
        error.__cause__ = EOFError("because")
        return error


def test_the_verdict_is_the_services(rig):
    """Whatever error it is, with the cause that it gave itself."""
    r = rig(Strict("ws://test/")).open()
    r.connection.engine.fail(OSError("wire cut"))
    r.connection.fill(0.0)
    r.connection.detached()
    error = r.connection.close_event.error
    assert type(error) is MediaError
    assert isinstance(error.__cause__, EOFError)
