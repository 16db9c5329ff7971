"""Figures of a session as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.session.stats import Stats

__all__ = ["table"]

_KILO = 1000


def table(stats: Stats, more: Iterable[tuple[str, str]] = ()) -> str:
    """One line for each thing that can be said, labels and values aligned.

    Left out is what did not happen, so that a loss is seen at once.

    Args:
        stats: The figures.
        more: Labels and values to go below them.
    """
    rows = [
        ("connected in", _seconds(stats.open_seconds)),
        ("sent", _way(stats.bytes_sent, stats.messages_sent, stats.audio_sent)),
        (
            "received",
            _way(stats.bytes_received, stats.messages_received, stats.audio_received),
        ),
        ("first result", _first(stats)),
        ("ping round trip", _seconds(stats.ping_round_trip)),
        (
            "send queue",
            _queue(
                stats.send_queue,
                stats.send_queue_highest,
                _after("senders waited ", stats.send_blocked),
            ),
        ),
        (
            "inbox",
            _queue(
                stats.inbox,
                stats.inbox_highest,
                _after("reading stopped for ", stats.reading_blocked),
            ),
        ),
        ("receive queue", _queue(stats.receive_queue, stats.receive_queue_highest)),
        ("listeners", _listeners(stats)),
        ("not linked", _unlinked(stats.audio_unlinked)),
        *(("lost", words) for words in _losses(stats)),
        *more,
    ]
    said = [(label, words) for label, words in rows if words]
    width = max((len(label) for label, _ in said), default=0)
    return "\n".join(f"{label:<{width}}  {words}" for label, words in said)


def _way(nbytes: int, messages: int, audio: float) -> str:
    if not nbytes:
        return ""
    words = f"{_bytes(nbytes)} in {_count(messages, 'message')}"
    return f"{words}, {audio:.2f} s of audio" if audio else words


def _queue(now: int, highest: int, waited: str = "") -> str:
    if not highest:
        return ""
    words = f"{highest} at most" + (f", {now} now" if now else "")
    return f"{words}; {waited}" if waited else words


def _first(stats: Stats) -> str:
    if stats.first_result is None:
        return ""
    words = f"{_seconds(stats.first_result)} after opening"
    of_audio = stats.first_result_of_audio
    if of_audio is not None:
        words += f", {_seconds(of_audio)} after the first audio"
    return words


def _listeners(stats: Stats) -> str:
    if stats.listener_slowest is None:
        return ""
    words = (
        f"{_seconds(stats.listener_seconds)}; the longest call "
        f"{_seconds(stats.listener_highest)}: {stats.listener_slowest}"
    )
    errors = stats.listener_errors
    return f"{words}; {_count(errors, 'error')}" if errors else words


def _unlinked(seconds: float) -> str:
    """No loss: who wants it finds it in its messages."""
    return f"{seconds:.2f} s of audio, in its messages only" if seconds else ""


def _losses(stats: Stats) -> list[str]:
    audio = [
        (stats.audio_refused, "that came too far ahead"),
        (stats.audio_gated, "behind an interruption"),
        (stats.audio_dropped, "that a sink was too slow for"),
        (stats.audio_lost, "that never came, now silence"),
    ]
    messages = [
        (stats.send_refused, "refused, the send queue was full"),
        (stats.unsent, "accepted and not sent"),
        (stats.receive_dropped, "that receive() will not see"),
    ]
    return [
        *(f"{seconds:.2f} s of audio {why}" for seconds, why in audio if seconds),
        *(f"{_count(count, 'message')} {why}" for count, why in messages if count),
    ]


def _after(words: str, seconds: float) -> str:
    return f"{words}{_seconds(seconds)}" if seconds else ""


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * _KILO:.1f} ms"


def _bytes(count: int) -> str:
    if count < _KILO:
        return f"{count} B"
    if count < _KILO**2:
        return f"{count / _KILO:.1f} kB"
    return f"{count / _KILO**2:.2f} MB"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
