"""The figures: a frozen snapshot, all zero before there is a connection."""

import dataclasses

import pytest

from tests.peers import close_frame, frame
from voxsync import PlainSession, Stats
from voxsync.errors import SendQueueFull


def test_before_the_connection():
    """Nothing has been counted yet."""
    assert PlainSession("ws://127.0.0.1:9/").stats == Stats()


def test_a_snapshot_does_not_change(echo, make):
    """Each reading is an object of its own, frozen."""
    session = make(echo.url).connect()
    before = session.stats
    session.send_text("x")
    assert next(session.receive(timeout=5)) == "x"
    assert before.messages_sent == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.messages_sent = 1
    assert session.stats.messages_sent == 1


def test_figures_of_a_session(echo, make):
    """Messages, bytes with their frames, times and marks."""
    session = make(echo.url).connect()
    for _ in range(3):
        session.send_binary(bytes(100))
    messages = session.receive(timeout=5)
    for _ in range(3):
        next(messages)
    session.close()
    stats = session.stats
    assert (stats.messages_sent, stats.messages_received) == (3, 3)
    assert stats.bytes_sent == 3 * (2 + 4 + 100) + 2 + 4 + 2  # and the Close frame
    assert stats.bytes_received == 3 * (2 + 100) + 2 + 2
    assert 1 <= stats.send_queue_highest <= 3
    assert (stats.send_queue, stats.inbox, stats.unsent) == (0, 0, 0)
    assert 0 < stats.open_seconds < 10
    assert (stats.ping_round_trip, stats.listener_errors) == (None, 0)


def test_a_session_that_never_opened(make, peer):
    """There is no time to OPEN."""

    def script(conn):
        conn.send(b"HTTP/1.1 503 No\r\n\r\n")

    session = make(peer(script, upgrade=False).url).connect(wait=False)
    session.wait_closed(5)
    assert session.stats.open_seconds is None


def test_what_was_refused_and_what_waited(make, peer):
    """I8: refusals, seconds of waiting, the queue, and at the end the unsent."""
    session = make(
        peer(lambda conn: conn.until_stopped(), receive_buffer=4096).url,
        send_queue=2,
        send_buffer=4096,
    ).connect()
    with pytest.raises(SendQueueFull):
        while True:
            session.send_binary(bytes(60_000), timeout=0.05)
    stats = session.stats
    assert (stats.send_refused, stats.send_queue, stats.send_queue_highest) == (1, 2, 2)
    assert stats.send_blocked >= 0.05
    session.cancel()
    close = session.wait_closed(5)
    assert session.stats.unsent == close.unsent >= 2


def test_listener_errors_are_counted(make, peer):
    """I9: also those of listeners to errors."""

    def script(conn):
        conn.send(frame(1, b"x") + close_frame())
        conn.read_frame()

    session = make(peer(script).url)
    session.on_message = lambda event: 1 / 0
    session.connect()
    session.wait_closed(5)
    assert session.stats.listener_errors == 1
