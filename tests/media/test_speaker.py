"""The speaker, with a sound card in the test's hands; a real one: tests/sound."""

import numpy as np
import pytest

from tests.media.fake_sound import raised, until
from tests.media.toys import SOON, Errors, Feed, in_thread, numbered
from voxsync.errors import DeviceError, InvalidState, MediaError
from voxsync.media import portaudio, watchdog
from voxsync.media.speaker import Speaker

QUEUE = 960  # frames of 60 ms
BUFFER = 160  # of 10 ms
TAIL = 4  # callbacks of silence until the last audio is heard: latency and two more


@pytest.fixture
def speaker(sound):
    speaker = Speaker(sample_rate=16000, queue_seconds=0.06, name="box").open()
    yield speaker
    speaker.close()


def play(sound, times=1):
    """So many callbacks' worth of what is heard."""
    return np.concatenate(
        [np.frombuffer(sound.stream.run(), np.int16) for _ in range(times)]
    )


def test_what_it_is(sound):
    """The device's own rate unless another is wished for; closed at first."""
    speaker = Speaker(name="box")
    assert speaker.sample_rate == 48000
    assert speaker.device.name == "Speakers"
    assert repr(speaker) == "<Speaker box on 'Speakers' 48000 Hz, closed>"
    assert sound.streams == []
    assert speaker.is_clock
    with pytest.raises(NotImplementedError):
        speaker.take(b"")


@pytest.mark.parametrize("seconds", [0, -1, 11])
def test_queue(seconds):
    """A queue needs some length, and more than seconds are never wanted."""
    with pytest.raises(ValueError, match="queue_seconds"):
        Speaker(queue_seconds=seconds)


def test_write(sound, speaker):
    """What is written is heard in order, then silence; the figures tell of it."""
    speaker.write(numbered(1, QUEUE))
    assert speaker.stats.buffered == 0.06
    assert play(sound, 6).tolist() == numbered(1, QUEUE).tolist()
    assert not play(sound).any()
    assert speaker.stats.frames == QUEUE
    assert speaker.stats.latency == 0.02
    assert speaker.stats.buffered == 0
    assert speaker.level.peak > -40
    speaker.write(bytes(20))
    assert len(play(sound)) == BUFFER  # never less, though there were 10


def test_a_short_rest(sound, speaker):
    """The last block need not fill the device's: silence follows."""
    speaker.write(numbered(1, 200))
    heard = play(sound, 2)
    assert heard[:200].tolist() == numbered(1, 200).tolist()
    assert not heard[200:].any()


def test_write_waits(sound, speaker):
    """The device is the clock: who writes more waits for room."""
    writing = in_thread(lambda: speaker.write(numbered(1, QUEUE + BUFFER)))
    until(lambda: len(speaker._buffer) == QUEUE)
    assert play(sound)[0] == 1
    writing()
    assert play(sound, 6)[-1] == QUEUE + BUFFER


def test_drain(sound, speaker):
    """It is over when silence has followed the last sample to the ear."""
    speaker.write(numbered(1, BUFFER))
    assert not speaker.drain(0.01)
    play(sound, TAIL)
    assert not speaker.drain(0)
    draining = in_thread(speaker.drain)
    play(sound)
    assert draining()
    assert speaker.drain(0)
    speaker.write(numbered(1, 1))
    assert not speaker.drain(0)
    speaker.close()
    assert speaker.drain()  # nothing will come of it any more


def test_leaving(sound):
    """`with` waits for the rest when all went well, and not when it did not."""
    with Speaker(sample_rate=16000, queue_seconds=0.06) as speaker:
        speaker.write(numbered(1, BUFFER))
        draining = in_thread(lambda: play(sound, TAIL + 1))
    draining()
    assert not speaker.is_open
    with (
        pytest.raises(KeyError),
        Speaker(sample_rate=16000, queue_seconds=0.06) as speaker,
    ):
        speaker.write(numbered(1, BUFFER))
        raise KeyError
    assert sound.stream.is_closed


def test_clear(sound, speaker):
    """At once nothing is left, also of what a write waits with."""
    writing = in_thread(lambda: speaker.write(numbered(1, 5 * QUEUE)))
    until(lambda: len(speaker._buffer) == QUEUE)
    speaker.clear()
    writing()
    assert not play(sound).any()
    speaker.write(numbered(7, BUFFER))
    assert play(sound).tolist() == numbered(7, BUFFER).tolist()
    assert speaker.stats.underflows == 0  # that gap was meant


def test_gaps(sound, speaker):
    """A gap within audio is counted and told once; a pause is none."""
    errors = Errors(speaker)
    play(sound, 3)
    speaker.write(numbered(1, BUFFER))
    play(sound, 30)  # 0.3 s: a pause
    speaker.write(numbered(1, BUFFER))
    assert speaker.stats.underflows == 0
    for _ in range(2):
        play(sound, 2)
        speaker.write(numbered(1, BUFFER))
        play(sound)
    assert speaker.stats.underflows == 2
    sound.stream.run(flags=4)
    assert speaker.stats.underflows == 3
    speaker.look()
    speaker.look()
    assert errors.come()
    assert isinstance(errors.seen[0], MediaError)
    assert "gap" in str(errors.seen[0])


def test_what_is_flagged_while_nothing_plays_is_no_gap(sound, speaker):
    """It is counted; it is told when audio was there to be broken by it."""
    errors = Errors(speaker)
    sound.stream.run(flags=4)
    speaker.look()
    assert speaker.stats.underflows == 1
    speaker.write(numbered(1, 2 * BUFFER))
    play(sound)
    speaker.look()
    assert not errors.seen
    sound.stream.run(flags=4)
    speaker.look()
    assert errors.come()
    assert speaker.stats.underflows == 2


def test_the_rest_behind_a_pause_is_no_gap(sound):
    """What the resampler held back comes when the source has paused: that was meant."""
    speaker, feed = Speaker(sample_rate=48000, queue_seconds=0.5), Feed()
    link = feed.send_media_to(speaker)
    for utterance in range(1, 4):
        feed.give(1600)
        until(lambda: speaker.stats.buffered > 0.09)
        play(sound, 15)  # all that came, and 50 ms of silence
        assert speaker.stats.frames < utterance * 4800
        until(lambda: speaker.stats.buffered > 0)  # the rest
        play(sound, 30)
        assert speaker.stats.frames == utterance * 4800
    assert speaker.stats.underflows == 0
    link.stop()
    speaker.close()


def test_link(sound):
    """A link opens the device, feeds it at its pace, and waits until all is heard."""
    speaker, feed = Speaker(sample_rate=16000, queue_seconds=0.06), Feed()
    link = feed.send_media_to(speaker)
    assert speaker.is_open
    feed.give(640)
    feed.over()
    until(lambda: len(speaker._buffer) == 640)
    assert play(sound, 4).tolist() == numbered(0, 640).tolist()
    with pytest.raises(TimeoutError):
        link.wait(0.01)
    play(sound, TAIL)
    link.wait(SOON)
    assert speaker.is_open
    speaker.close()


def test_stopped_link(sound, speaker):
    """A link that waits for room ends when it is stopped."""
    feed = Feed()
    link = feed.send_media_to(speaker)
    feed.give(5 * QUEUE)
    until(lambda: len(speaker._buffer) == QUEUE)
    link.stop()
    assert not link.is_active
    assert speaker.is_open


def test_close(sound, speaker):
    """Now: the link ends without an error, a writer is told, nothing is left."""
    feed = Feed()
    link = feed.send_media_to(speaker)
    feed.give(5 * QUEUE)
    until(lambda: len(speaker._buffer) == QUEUE)
    speaker.close()
    speaker.close()
    link.wait(SOON)
    assert sound.stream.is_closed
    speaker.open()
    assert not play(sound).any()

    def write():
        with pytest.raises(InvalidState, match="closed while"):
            speaker.write(numbered(1, 5 * QUEUE))
        return True

    writing = in_thread(write)
    until(lambda: len(speaker._buffer) == QUEUE)
    speaker.close()
    assert writing()


def test_open_fails(sound):
    """Writing raises it, a link does, and neither leaves anything behind."""
    speaker, feed = Speaker(sample_rate=16000, queue_seconds=0.06), Feed()
    sound.failures["open"] = [OSError(-9985, "busy") for _ in range(2)]
    with pytest.raises(DeviceError, match="busy"):
        speaker.write(bytes(320))
    with pytest.raises(DeviceError, match="busy"):
        feed.send_media_to(speaker)
    assert feed.links == ()
    speaker.write(numbered(1, BUFFER))
    assert play(sound)[0] == 1
    speaker.close()


def test_lost(sound, quick, monkeypatch):
    """Link, writer and who drains end by the error; the next write opens it anew."""
    speaker, feed = Speaker(sample_rate=16000, queue_seconds=0.06), Feed()
    errors = Errors(speaker)
    link = feed.send_media_to(speaker)
    feed.give(5 * QUEUE)
    draining = in_thread(lambda: raised(DeviceError, speaker.drain))
    assert errors.come()
    with pytest.raises(DeviceError, match="lost") as caught:
        link.wait(SOON)
    assert caught.value is errors.seen[0] is speaker.error
    assert draining() is speaker.error
    assert speaker.stats.buffered == 0
    monkeypatch.setattr(watchdog, "TICK", SOON)
    speaker.write(numbered(1, BUFFER))
    assert speaker.error is None
    assert play(sound)[0] == 1
    speaker.close()


def test_lost_twice(sound, speaker):
    """What is told of a stream that was closed meanwhile is let be."""
    stream = speaker._port._stream
    speaker.close()
    speaker.lost(stream, DeviceError("late"))
    assert speaker.error is None


def test_another_process(sound, speaker, monkeypatch):
    """After a fork, writing is refused, and closing lets the parent's device alone."""
    with monkeypatch.context() as patch:
        patch.setattr(portaudio.os, "getpid", lambda: -1)
        with pytest.raises(InvalidState, match="forked"):
            speaker.write(bytes(320))
        speaker.close()
    assert speaker.is_open
