"""Streams: when audio can be heard, told as events; time is an argument."""

import pytest

from voxsync.dialects.base import Audio, ClearAudio, StreamEnded, StreamStarted
from voxsync.events import MediaInfo
from voxsync.session.streams import Streams

SECOND = bytes(32000)  # 16 kHz


def kinds(events):
    return [(str(e.type), e.tag) for e in events]


def test_audio_starts_a_burst_and_silence_ends_it():
    """One second after the audio ran out, not after it came."""
    streams = Streams("session")
    (started,) = streams.apply(Audio("a", SECOND), 10.0)
    assert kinds([started]) == [("media-started", "a")]
    assert started.target == "session"
    assert (started.encoding, started.custom_parameters) == ("", None)
    assert streams.apply(Audio("a", SECOND), 10.5) == []  # sounds until 12.0
    assert streams.deadline() == 13.0
    assert streams.tick(12.99) == []
    (ended,) = streams.tick(13.0)
    assert ended.media_info == MediaInfo(
        duration=2, seconds=2.0, burst_seconds=2.0, reason="silence"
    )
    assert streams.deadline() is None


def test_a_second_burst_starts_again_and_counts_on():
    """VoxEngine's rule: started at each burst, duration cumulative."""
    streams = Streams(None)
    streams.apply(StreamStarted("a", "PCM16", {"k": 1}), 0.0)
    streams.apply(Audio("a", SECOND), 0.0)
    streams.tick(2.0)
    (started,) = streams.apply(Audio("a", SECOND[:16000]), 5.0)
    assert (started.encoding, started.custom_parameters) == ("PCM16", {"k": 1})
    (ended,) = streams.tick(6.5)
    assert ended.media_info == MediaInfo(
        duration=1, seconds=1.5, burst_seconds=0.5, reason="silence"
    )


def test_an_announcement_alone_is_no_sound():
    """`media-started` tells of audio."""
    streams = Streams(None)
    assert streams.apply(StreamStarted("a", "PCM16"), 0.0) == []
    assert streams.apply(StreamEnded("a"), 1.0) == []
    assert streams.end() == []


def test_the_far_ends_own_words_are_kept():
    """What a service says at the end of a stream is not ours to rephrase."""
    streams = Streams(None)
    streams.apply(Audio("a", SECOND), 0.0)
    (ended,) = streams.apply(StreamEnded("a", {"bytesSent": 7}), 0.2)
    assert ended.media_info == {"bytesSent": 7}


def test_announced_again_is_ended_before():
    """A second start of a playing tag is stop and start."""
    streams = Streams(None)
    streams.apply(Audio("a", SECOND), 0.0)
    (ended,) = streams.apply(StreamStarted("a", "ULAW"), 0.5)
    assert ended.media_info.reason == "stop"
    (started,) = streams.apply(Audio("a", SECOND), 0.6)
    assert started.encoding == "ULAW"


def test_tags_do_not_know_each_other():
    """Each has its own bursts."""
    streams = Streams(None)
    streams.apply(Audio("a", SECOND), 0.0)
    streams.apply(Audio("b", SECOND), 0.5)
    assert kinds(streams.tick(2.0)) == [("media-ended", "a")]
    assert kinds(streams.tick(2.5)) == [("media-ended", "b")]


def test_a_late_block_after_the_end_was_due_starts_anew():
    """The end comes first, also when nobody ticked in time."""
    streams = Streams(None)
    streams.apply(Audio("a", SECOND), 0.0)
    events = streams.apply(Audio("a", SECOND), 7.0)
    assert kinds(events) == [("media-ended", "a"), ("media-started", "a")]


@pytest.mark.parametrize("by_us", [True, False])
@pytest.mark.parametrize("tag", ["a", None])
def test_a_clear_lets_the_audio_run_out_now(by_us, tag):
    """By the far end or by the application; what did not sound is not counted."""
    streams = Streams(None)
    streams.apply(Audio("a", SECOND), 0.0)
    streams.apply(Audio("b", SECOND), 0.0)
    if by_us:
        streams.clear_soon(tag)
        assert streams.tick(0.25) == []
    else:
        assert streams.apply(ClearAudio(tag), 0.25) == []
    ended = streams.tick(1.25)
    assert kinds(ended) == [("media-ended", t) for t in ("a", "b") if tag in (None, t)]
    assert ended[0].media_info.seconds == 0.25


def test_a_clear_before_any_stream_is_forgotten():
    """It must not hit a stream that comes later."""
    streams = Streams(None)
    streams.clear_soon(None)
    streams.tick(0.0)
    streams.apply(Audio("a", SECOND), 1.0)
    assert streams.tick(1.5) == []
    assert streams.deadline() == 3.0


def test_the_end_ends_all():
    """`media-ended` precedes `close` for every tag that plays (I1)."""
    streams = Streams(None)
    streams.apply(Audio("a", SECOND), 0.0)
    streams.apply(Audio("b", SECOND), 0.1)
    ended = streams.end()
    assert kinds(ended) == [("media-ended", "a"), ("media-ended", "b")]
    assert {e.media_info.reason for e in ended} == {"close"}


def test_a_peer_cannot_fill_the_memory_with_tags():
    """Silent streams are forgotten, the oldest first."""
    streams = Streams(None)
    streams.apply(Audio("mine", SECOND * 100), 0.0)
    for number in range(1000):
        streams.apply(StreamStarted(str(number), "PCM16"), 0.0)
    assert len(streams._streams) == 64
    assert kinds(streams.end()) == [("media-ended", "mine")]


def test_a_peer_that_plays_on_all_tags_loses_the_oldest():
    """The bound holds even then, and each that started is ended."""
    streams = Streams(None)
    events = []
    for number in range(100):
        events += streams.apply(Audio(str(number), SECOND), 0.0)
    assert len(streams._streams) == 64
    events += streams.end()
    for kind in ("media-started", "media-ended"):
        assert [t for k, t in kinds(events) if k == kind] == [
            str(number) for number in range(100)
        ]
