"""Figures for people: aligned, with units, and only what has happened."""

from voxsync import Stats
from voxsync.session.tables import table


def test_nothing_has_happened():
    """Nothing is said."""
    assert table(Stats()) == ""


def test_all_of_it():
    """Each figure has its place, and each number its unit."""
    stats = Stats(
        bytes_sent=1_234_567,
        bytes_received=999,
        messages_sent=1234,
        messages_received=1,
        audio_sent=12.345,
        audio_received=3.0,
        send_queue=2,
        send_queue_highest=16,
        send_blocked=1.5,
        send_refused=1,
        unsent=3,
        inbox=1,
        inbox_highest=256,
        reading_blocked=0.25,
        receive_queue=0,
        receive_queue_highest=7,
        receive_dropped=2,
        listener_errors=1,
        listener_seconds=2.0,
        listener_highest=0.0305,
        listener_slowest="app.on_message",
        audio_unlinked=0.1,
        audio_refused=0.2,
        audio_gated=0.3,
        audio_dropped=0.4,
        audio_lost=0.5,
        ping_round_trip=0.0123,
        open_seconds=0.05,
        first_result=1.25,
        first_result_of_audio=0.75,
    )
    assert table(stats) == str(stats)
    assert str(stats).splitlines() == [
        "connected in     50.0 ms",
        "sent             1.23 MB in 1,234 messages, 12.35 s of audio",
        "received         999 B in 1 message, 3.00 s of audio",
        "first result     1.25 s after opening, 750.0 ms after the first audio",
        "ping round trip  12.3 ms",
        "send queue       16 at most, 2 now; senders waited 1.50 s",
        "inbox            256 at most, 1 now; reading stopped for 250.0 ms",
        "receive queue    7 at most",
        "listeners        2.00 s; the longest call 30.5 ms: app.on_message; 1 error",
        "not linked       0.10 s of audio, in its messages only",
        "lost             0.20 s of audio that came too far ahead",
        "lost             0.30 s of audio behind an interruption",
        "lost             0.40 s of audio that a sink was too slow for",
        "lost             0.50 s of audio that never came, now silence",
        "lost             1 message refused, the send queue was full",
        "lost             3 messages accepted and not sent",
        "lost             2 messages that receive() will not see",
    ]


def test_what_there_was_of_it():
    """A session without audio, listeners or losses."""
    stats = Stats(
        bytes_sent=15, messages_sent=1, send_queue_highest=1, first_result=0.0
    )
    assert str(stats).splitlines() == [
        "sent          15 B in 1 message",
        "first result  0.0 ms after opening",
        "send queue    1 at most",
    ]
