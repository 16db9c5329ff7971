"""Faults of a session that was dialled; those of one that came in: tests/server."""

import threading

import pytest

from voxsync.errors import SendQueueFull
from voxsync.server import Listener
from voxsync.session import MessageSession, SessionOptions
from voxsync.session.misbehaviour import Misbehaving


class Rude(Misbehaving, MessageSession):
    """A client with manners to lose."""


@pytest.fixture
def both():
    """A rude client and the session of the server that it talks to."""
    made = []

    def make(options=None, server_options=None):
        found, told = [], threading.Event()

        def connected(listener, session):
            found.append(session)
            told.set()

        listener = Listener(options=server_options).start()
        listener.connection.connect(connected, weak=False)
        rude = Rude(listener.url, options).connect(5)
        made.extend((rude, listener))
        assert told.wait(5)
        return rude, found[0]

    yield make
    for one in made:
        if isinstance(one, Rude):
            one.cancel()
        one.close()


def test_it_knows_which_end_it_is(both):
    """A client masks its frames, a server does not."""
    rude, session = both()
    assert rude.masks
    assert not session.masks
    assert not Rude("ws://127.0.0.1:9").masks


def test_injected_bytes_are_in_order(both):
    """I2: between the messages, as they are."""
    rude, session = both()
    rude.send_text("a")
    rude.inject(b"\x81\x81\0\0\0\0b")
    rude.send_text("c")
    messages = session.receive(5)
    assert [next(messages) for _ in range(3)] == ["a", "b", "c"]


def test_pings_are_not_answered(both):
    """The other end gives up."""
    impatient = SessionOptions(ping_interval=0.05, ping_timeout=0.1)
    rude, session = both(server_options=impatient)
    rude.ignore_pings()
    assert session.wait_closed(5).code == 1006


def test_it_does_not_read(both):
    """The other end's messages pile up until it takes no more."""
    small = SessionOptions(send_buffer=4096)
    rude, session = both(server_options=small)
    rude.stop_reading()
    with pytest.raises(SendQueueFull):
        while True:
            session.send_binary(bytes(100_000), timeout=0.1)


def test_it_reads_again(both):
    """And has all that was sent in between."""
    rude, session = both()
    rude.stop_reading()
    while rude._connection.reading:
        assert not rude.pause(0.001)
    session.send_text("for later")
    rude.read_again()
    assert next(rude.receive(5)) == "for later"


@pytest.mark.parametrize("reset", [False, True])
def test_tcp_is_dropped_behind_what_was_sent(both, reset):
    """All messages arrive, and no Close frame."""
    rude, session = both()
    for number in range(50):
        rude.send_text(str(number))
    rude.drop(reset=reset)
    close = session.wait_closed(5)
    assert (close.code, close.was_clean) == (1006, False)
    assert session.stats.messages_received == 50
    assert rude.wait_closed(5).code == 1006


def test_a_reset_before_the_connection_has_a_socket(both):
    """There is nothing to reset; it is cancelled all the same."""
    rude, _ = both()
    rude._connection._channel = None
    rude.drop(reset=True)
    assert rude._connection.cancelled


def test_the_socket_is_wrapped(both):
    """What is written from then on goes through it."""

    class Counted:
        writes = 0

        def __init__(self, sock):
            self.sock = sock

        def send(self, data):
            Counted.writes += 1
            return self.sock.send(bytes(data[:1]))

        def __getattr__(self, name):
            return getattr(self.sock, name)

    rude, session = both()
    rude.wrap_socket(Counted)
    rude.send_text("hello")
    assert next(session.receive(5)) == "hello"
    assert Counted.writes == 2 + 4 + 5


def test_without_a_connection():
    """None of these has anything to do."""
    rude = Rude("ws://127.0.0.1:9")
    rude.stop_reading()
    rude.read_again()
    rude.ignore_pings()
    rude.wrap_socket(lambda sock: sock)
    rude.drop()
    rude.drop(reset=True)
    assert rude.pause(0.0)
