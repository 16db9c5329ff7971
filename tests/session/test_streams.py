"""Streams: when audio can be heard, told as events; time is an argument."""

import collections

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsync.dialects.base import Audio, ClearAudio, StreamEnded, StreamStarted
from voxsync.errors import MediaError
from voxsync.events import ErrorEvent, MediaInfo
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


def test_a_burst_is_on_from_its_start_to_its_end():
    """As the two events tell, for whoever comes in between."""
    streams = Streams(None)
    assert not streams.is_playing("a")
    streams.apply(StreamStarted("a", "PCM16"), 0.0)
    assert not streams.is_playing("a")
    streams.apply(Audio("a", SECOND), 0.0)
    assert streams.is_playing("a")
    assert not streams.is_playing("b")
    streams.tick(1.99)
    assert streams.is_playing("a")
    streams.tick(2.0)
    assert not streams.is_playing("a")


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
    assert streams.apply(StreamEnded("a", {"bytesSent": 7}), 0.2) == []
    (ended,) = streams.tick(1.0)
    assert ended.media_info == {"bytesSent": 7}


def test_words_of_an_end_that_was_none_are_forgotten():
    """More audio came after it, without an announcement."""
    streams = Streams(None)
    streams.apply(Audio("a", SECOND), 0.0)
    streams.apply(StreamEnded("a", {"bytesSent": 7}), 0.2)
    streams.apply(Audio("a", SECOND), 0.5)
    (ended,) = streams.tick(3.0)
    assert ended.media_info.reason == "silence"


def test_the_far_ends_stop_ends_it_when_all_was_heard():
    """Neither before nor a second after; at once where all has sounded already."""
    streams = Streams(None)
    streams.apply(Audio("a", SECOND), 0.0)
    assert streams.apply(StreamEnded("a"), 0.2) == []
    assert streams.deadline() == 1.0
    assert streams.tick(0.99) == []
    (ended,) = streams.tick(1.0)
    assert ended.media_info == MediaInfo(
        duration=1, seconds=1.0, burst_seconds=1.0, reason="stop"
    )
    streams.apply(Audio("a", SECOND), 2.0)
    (ended,) = streams.apply(StreamEnded("a"), 3.5)
    assert ended.media_info.reason == "stop"
    assert streams.apply(StreamEnded("b"), 4.0) == []


def test_whole_seconds_are_whole():
    """A hundred blocks of 20 ms are 2 s, whatever their sum looks like."""
    for start in (0.0, 0.1, 12345.678, 987654.321):
        streams = Streams(None)
        for number in range(100):
            streams.apply(Audio("a", bytes(640)), start + 0.019 * number)
        (ended,) = streams.tick(start + 3.001)
        assert ended.media_info.duration == 2


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


# What is too much


def limited(seconds=10.0, **more):
    heard = []
    return Streams("session", on_audio=heard.append, limit=seconds, **more), heard


def seconds_of(heard):
    return sum(audio.seconds for audio in heard)


def test_what_is_too_far_ahead_is_refused():
    """12 s at once: 10 are kept, the newest 2 are not; told once, then counted."""
    streams, heard = limited()
    events = []
    for _ in range(600):
        events += streams.apply(Audio("a", bytes(640)), 12345.678)
    assert [type(e).__name__ for e in events] == ["MediaStartedEvent", "ErrorEvent"]
    assert isinstance(events[1].error, MediaError)
    assert events[1].target == "session"
    assert len(heard) == 500  # no piece of one besides
    assert streams.refused == pytest.approx(2.0)
    (ended,) = streams.tick(12356.679)
    assert ended.media_info.duration == 10


def test_of_a_message_that_does_not_fit_the_beginning_is_kept():
    """To the sample; another stream has room of its own."""
    streams, heard = limited(1.5)
    pcm = bytes(range(256)) * 250  # 2 s
    streams.apply(Audio("a", pcm), 0.0)
    assert heard == [Audio("a", pcm[:48000])]
    assert streams.refused == pytest.approx(0.5)
    streams.apply(Audio("b", SECOND), 0.0)
    assert streams.refused == pytest.approx(0.5)


def test_there_is_room_again_when_audio_was_heard():
    """And a new stream of the tag tells anew."""
    streams, heard = limited(1.0)
    streams.apply(Audio("a", SECOND), 0.0)
    (error,) = streams.apply(Audio("a", SECOND), 0.0)
    assert isinstance(error, ErrorEvent)
    assert streams.apply(Audio("a", SECOND[:16000]), 0.5) == []
    assert seconds_of(heard) == 1.5
    streams.apply(StreamStarted("a", "PCM16"), 0.5)
    # What the stream before sent is in the same ear.
    events = streams.apply(Audio("a", SECOND), 1.0)
    assert sorted(str(event.type) for event in events) == ["error", "media-started"]
    assert seconds_of(heard) == 2.0


def test_a_clear_makes_room():
    """What was not heard is out of the way, also what a stream before had sent."""
    streams, heard = limited(1.0)
    streams.apply(StreamStarted("a", "PCM16"), 0.0)
    streams.apply(Audio("a", SECOND), 0.0)
    streams.apply(StreamStarted("a", "PCM16"), 0.25)
    streams.clear_soon("a")
    streams.apply(Audio("a", SECOND), 0.25)
    assert streams.refused == 0
    assert seconds_of(heard) == 2.0
    (ended,) = streams.tick(2.25)
    assert ended.media_info.seconds == pytest.approx(1.0)


# The gate


def test_behind_a_gate_nothing_is_heard():
    """What is still on its way goes, until the far end begins anew."""
    streams, heard = limited()
    streams.apply(Audio("a", SECOND), 0.0)
    streams.clear_soon("a", gate=True)
    assert streams.apply(Audio("a", SECOND), 0.25) == []
    assert heard[1:] == [ClearAudio("a")]
    assert streams.gated == 1.0
    (ended,) = streams.tick(1.25)
    assert (ended.media_info.reason, ended.media_info.seconds) == ("clear", 0.25)
    assert streams.apply(StreamStarted("a", "PCM16"), 2.0) == []
    (started,) = streams.apply(Audio("a", SECOND), 2.0)
    assert started.type == "media-started"
    assert heard[2:] == [Audio("a", SECOND)]


@pytest.mark.parametrize("tag", ["a", None])
def test_a_gate_is_opened(tag):
    """By the application; another stream's is not its affair."""
    streams, _ = limited()
    for name in "ab":
        streams.apply(Audio(name, SECOND), 0.0)
    streams.clear_soon(None, gate=True)
    streams.open_gate_soon(tag)
    for name in "ab":
        streams.apply(Audio(name, SECOND), 0.5)
    assert streams.gated == (1.0 if tag else 0.0)


def test_a_clear_opens_no_gate():
    """Nor does it shut one."""
    streams, _ = limited()
    streams.apply(Audio("a", SECOND), 0.0)
    streams.clear_soon("a")
    streams.apply(Audio("a", SECOND), 0.1)
    assert streams.gated == 0
    streams.clear_soon("a", gate=True)
    streams.clear_soon("a")
    streams.apply(Audio("a", SECOND), 0.2)
    assert streams.gated == 1.0


# Held until the listeners were told


def held(**more):
    return limited(holds=lambda tag: True, **more)


def test_audio_waits_for_the_listeners():
    """All of a burst, in order; what comes then goes straight on."""
    streams, heard = held()
    (started,) = streams.apply(Audio("a", SECOND[:640]), 0.0)
    streams.apply(Audio("a", SECOND[:320]), 0.1)
    assert heard == []
    streams.told_soon(started)
    assert streams.tick(0.2) == []
    assert [len(audio.pcm) for audio in heard] == [640, 320]
    streams.apply(Audio("a", SECOND), 0.3)
    assert len(heard) == 3


def test_who_links_beforehand_does_not_wait():
    """Nor does a stream that nobody could link."""
    for holds in (None, lambda tag: tag != "a"):
        heard = []
        streams = Streams(None, on_audio=heard.append, holds=holds)
        streams.apply(Audio("a", SECOND), 0.0)
        assert len(heard) == 1


def test_each_burst_waits_for_its_own_listeners():
    """A second burst, while those of the first hang, does not go with the first."""
    streams, heard = held()
    (first,) = streams.apply(Audio("a", b"\1\0"), 0.0)
    streams.tick(5.0)
    (second,) = streams.apply(Audio("a", b"\2\0"), 6.0)
    assert heard == []
    streams.told_soon(first)
    streams.tick(6.1)
    assert heard == [Audio("a", b"\1\0")]
    streams.told_soon(second)
    streams.told_soon(second)  # of something that is done, nothing follows
    streams.tick(6.2)
    assert heard == [Audio("a", b"\1\0"), Audio("a", b"\2\0")]


def test_of_a_burst_that_was_never_told_the_next_one_takes_care():
    """Nothing is held for ever, and nothing overtakes."""
    streams, heard = held()
    streams.apply(Audio("a", b"\1\0"), 0.0)
    streams.tick(5.0)
    (second,) = streams.apply(Audio("a", b"\2\0"), 6.0)
    streams.told_soon(second)
    streams.tick(6.1)
    assert heard == [Audio("a", b"\1\0"), Audio("a", b"\2\0")]


def test_a_new_stream_of_the_tag_waits_behind_the_old_one():
    """Announced again while the listeners of its last burst are still at it."""
    streams, heard = held()
    (first,) = streams.apply(Audio("a", b"\1\0"), 0.0)
    streams.apply(StreamStarted("a", "PCM16"), 0.0)
    (second,) = streams.apply(Audio("a", b"\2\0"), 0.1)
    streams.told_soon(first)
    streams.tick(0.2)
    assert heard == [Audio("a", b"\1\0")]
    streams.told_soon(second)
    streams.tick(0.3)
    assert heard == [Audio("a", b"\1\0"), Audio("a", b"\2\0")]


def test_what_is_held_is_bounded():
    """Though it sounds meanwhile, as far as events go: listeners may hang."""
    streams, heard = held(seconds=2.0)
    events = streams.apply(Audio("a", SECOND), 0.0)
    events += streams.apply(Audio("a", SECOND), 1.0)
    events += streams.apply(Audio("a", SECOND), 2.0)
    assert streams.refused == 1.0
    streams.told_soon(events[0])
    streams.apply(Audio("a", SECOND), 2.5)
    assert seconds_of(heard) == 3.0


def test_a_clear_drops_what_is_held():
    """What comes then still waits for the same listeners."""
    streams, heard = held()
    (started,) = streams.apply(Audio("a", b"\1\0"), 0.0)
    streams.clear_soon("a")
    streams.apply(Audio("a", b"\2\0"), 0.1)
    assert heard == []
    streams.told_soon(started)
    streams.tick(0.2)
    assert heard == [Audio("a", b"\2\0")]


def test_the_rate_of_what_waits_is_known():
    """So that a link is made for it at once."""
    streams, _ = held()
    assert streams.rate_of_held("a") is None
    (started,) = streams.apply(Audio("a", bytes(320), 8000), 0.0)
    assert streams.rate_of_held("a") == 8000
    streams.told_soon(started)
    streams.tick(0.1)
    assert streams.rate_of_held("a") is None


def test_the_end_holds_nothing_back():
    """Once its listeners were told; nor does a stream that is forgotten."""
    streams, heard = held()
    (first,) = streams.apply(Audio("a", SECOND), 0.0)
    streams.apply(Audio("b", SECOND), 0.0)
    streams.end()
    assert (seconds_of(heard), streams.holds("a")) == (0.0, True)
    streams.told(first)
    assert (seconds_of(heard), streams.holds("a")) == (1.0, False)
    streams.told(None)
    assert (seconds_of(heard), streams.holds("b")) == (2.0, False)
    streams, heard = held()
    for number in range(65):
        streams.apply(Audio(str(number), SECOND), 0.0)
    assert [audio.tag for audio in heard] == ["0"]


# Whatever happens

TAGS = ("", "a")
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["audio"] * 5
            + ["start", "stop", "clear", "gate", "open", "far clear", "told", "link"]
        ),
        st.sampled_from(TAGS),
        st.integers(1, 30),  # blocks of 100 ms
        st.integers(0, 1500),  # ms later
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps=steps)
def test_whatever_happens(steps):
    """Events alternate, what came is given on or counted, and nothing is kept."""
    heard, linked = [], set()
    streams = Streams(
        None, on_audio=heard.append, holds=lambda tag: tag not in linked, limit=2.0
    )
    events, untold, sent = [], collections.deque(), collections.Counter()
    dropped = False  # what a clear drops of what is held is counted nowhere
    now = 0.0

    def note(new):
        events.extend(new)
        untold.extend(e for e in new if e.type == "media-started")

    for what, tag, blocks, later in steps:
        now += later / 1000
        due = streams.deadline()
        if due is not None and due <= now:
            note(streams.tick(now))
        if what == "audio":
            sent[tag] += blocks
            note(streams.apply(Audio(tag, bytes(3200 * blocks)), now))
        elif what == "start":
            note(streams.apply(StreamStarted(tag, "PCM16"), now))
        elif what == "stop":
            note(streams.apply(StreamEnded(tag), now))
        elif what == "far clear":
            dropped = True
            note(streams.apply(ClearAudio(tag), now))
        elif what == "told":
            if untold:
                streams.told_soon(untold.popleft())
        elif what == "link":
            linked ^= {tag}
        elif what == "open":
            streams.open_gate_soon(tag)
        else:
            dropped = True
            streams.clear_soon(tag, gate=what == "gate")
    note(streams.tick(now))
    while untold:
        streams.told_soon(untold.popleft())
    note(streams.tick(now))
    assert not any(stream.held for stream in streams._streams.values())
    played = dict.fromkeys(TAGS, 0.0)
    note(streams.end())
    assert streams.deadline() is None

    for tag in TAGS:
        own = [e for e in events if getattr(e, "tag", None) == tag]
        assert [str(e.type) for e in own] == ["media-started", "media-ended"] * (
            len(own) // 2
        )
        for event in own[1::2]:
            info = event.media_info
            played[tag] += info.burst_seconds
            assert 0 <= info.burst_seconds <= info.seconds + 1e-6
            assert info.duration == int(info.seconds + 1e-6)
    given_on = sum(a.seconds for a in heard if isinstance(a, Audio))
    accepted = sum(sent.values()) / 10 - streams.refused - streams.gated
    if not dropped:
        assert given_on == pytest.approx(accepted, abs=1e-4)
        assert sum(played.values()) == pytest.approx(accepted, abs=1e-4)
    assert given_on <= accepted + 1e-4
    assert sum(played.values()) <= accepted + 1e-4


def test_a_forgotten_stream_is_told():
    """When it makes room, and again if it was linked only after that."""
    forgotten = []
    streams = Streams(None, forget=forgotten.append, holds=lambda tag: True)
    (started,) = streams.apply(Audio("first", SECOND), 0.0)
    streams.apply(StreamEnded("first"), 2.0)
    for number in range(64):
        streams.apply(StreamStarted(str(number), "PCM16"), 3.0)
    assert forgotten == ["first"]
    streams.told_soon(started)
    streams.tick(3.0)
    assert forgotten == ["first", "first"]
