"""One I/O thread for many connections: it comes and goes with them."""

import socket
import threading
import time

import pytest

from voxsync import PlainSession, SessionOptions
from voxsync.clocks import VirtualClock
from voxsync.errors import SessionClosed
from voxsync.server import Listener
from voxsync.transport import Channel, IOThread

SOON = 10.0


@pytest.fixture
def echo():
    """A server that echoes; its own sessions share a thread as well."""
    io = IOThread()

    def connected(listener, session):
        session.add_event_listener("message", lambda e: session.send_text(e.text))

    with Listener(options=SessionOptions(io=io)) as server:
        server.connection.connect(connected)
        server.io = io
        yield server


def shared():
    """The threads of shared loops."""
    names = [t.name for t in threading.enumerate()]
    return [name for name in names if name.startswith("voxsync-io-shared-")]


def until(there):
    """Wait for something that happens on another thread."""
    end, tick = time.monotonic() + SOON, threading.Event()
    while not there():
        assert time.monotonic() < end
        tick.wait(0.005)


def test_many_sessions_one_thread(echo):
    """Each gets its own answers; the thread goes with the last, and may come again."""
    io = IOThread()
    for _ in range(2):
        options = SessionOptions(io=io)
        sessions = [PlainSession(echo.url, options=options) for _ in range(8)]
        for session in sessions:
            session.connect()
        until(lambda: repr(io) == f"<IOThread {io.name}, 8 sessions>")
        assert sorted(shared()) == sorted([io.name, echo.io.name])
        for number, session in enumerate(sessions):
            session.send_text(str(number))
        answers = [next(session.receive(SOON)) for session in sessions]
        assert answers == [str(number) for number in range(8)]
        for session in sessions:
            session.close()
            assert session.wait_closed(SOON).code == 1000
        until(lambda: not shared())
        assert repr(io) == f"<IOThread {io.name}, 0 sessions>"


def test_cancel_and_drops_reach_theirs_alone(echo):
    """The others go on."""
    io = IOThread()
    one, two, three = (
        PlainSession(echo.url, options=SessionOptions(io=io)).connect()
        for _ in range(3)
    )
    until(lambda: [each.is_active for each in echo.sessions] == [True] * 3)
    one.cancel()
    assert one.wait_closed(SOON).code == 1006
    until(lambda: len(echo.sessions) == 2)  # its other end has noticed, too
    for session in echo.sessions:
        session.send_text("hello")
    assert next(two.receive(SOON)) == next(three.receive(SOON)) == "hello"
    two.close()
    three.close()


class Faulty:
    """A driver with a bug."""

    out = bytearray()
    reading = True
    half_closed = done = ending = False

    def __init__(self):
        self.gone = threading.Event()

    def tick(self, now):
        raise RuntimeError("a bug")

    def detached(self):
        self.gone.set()


def test_a_bug_in_one_takes_no_other_along(echo, caplog):
    """It is logged, its socket is closed, and its owner is told."""
    io = IOThread()
    session = PlainSession(echo.url, options=SessionOptions(io=io)).connect()
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setblocking(False)
        faulty = Faulty()
        io.adopt(Channel(ours, faulty))
        assert faulty.gone.wait(SOON)
        assert theirs.recv(1) == b""
    assert "a bug" in caplog.text
    session.send_text("still here")
    assert next(session.receive(SOON)) == "still here"
    session.close()


def test_comings_and_goings(echo):
    """Many at once, from many threads, while others end: nobody is left behind."""
    io, failed = IOThread(), []

    def live():
        try:
            for number in range(10):
                session = PlainSession(echo.url, options=SessionOptions(io=io))
                with session:
                    session.send_text(str(number))
                    assert next(session.receive(SOON)) == str(number)
        except Exception as exc:
            failed.append(exc)

    threads = [threading.Thread(target=live) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    until(lambda: not shared())


def test_a_sender_that_waits_is_released(echo):
    """I5 holds on a shared thread, too."""
    io = IOThread()
    with Listener(options=SessionOptions(inbox=1)) as deaf:
        gate = threading.Event()
        deaf.connection.connect(
            lambda listener, session: session.add_event_listener(
                "message", lambda event: gate.wait(SOON)
            ),
            weak=False,
        )
        session = PlainSession(deaf.url, options=SessionOptions(io=io)).connect()
        other = PlainSession(echo.url, options=SessionOptions(io=io)).connect()
        ended = []

        def send():
            try:
                while True:
                    session.send_binary(bytes(65536))
            except SessionClosed as exc:
                ended.append(exc)

        thread = threading.Thread(target=send)
        thread.start()
        until(lambda: session.stats.send_queue == session.options.send_queue)
        other.send_text("not held up")
        assert next(other.receive(SOON)) == "not held up"
        session.cancel()
        thread.join(SOON)
        assert len(ended) == 1
        other.close()
        gate.set()


def test_no_other_time():
    """A clock of one session cannot be that of all."""
    with pytest.raises(ValueError, match="clock"):
        SessionOptions(io=IOThread(), clock=VirtualClock())
