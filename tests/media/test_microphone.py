"""The microphone, with a sound card in the test's hands; a real one: tests/sound."""

import numpy as np
import pytest

from tests.media.fake_sound import raised, until
from tests.media.toys import SOON, Ear, Errors, in_thread, numbered
from voxsync.errors import DeviceError, MediaError
from voxsync.media import portaudio, watchdog
from voxsync.media.microphone import Microphone
from voxsync.media.source import EndOfStream


@pytest.fixture
def microphone(sound):
    with Microphone(sample_rate=16000, name="mic") as microphone:
        yield microphone


def hear(sound, start, count=160, flags=0):
    sound.stream.run(numbered(start, count).tobytes(), flags)


def test_what_it_is(sound):
    """The device's own rate unless another is wished for; closed at first."""
    microphone = Microphone("head", name="mic")
    assert microphone.sample_rate == 16000
    assert microphone.device.name == "Headset"
    assert sound.streams == []
    assert repr(microphone) == "<Microphone mic on 'Headset' 16000 Hz, closed>"
    microphone.mute = True
    assert "closed, muted" in repr(microphone)
    assert Microphone(sample_rate=8000).sample_rate == 8000
    assert (microphone.is_pushed, microphone.is_clock) == (True, True)
    with pytest.raises(DeviceError, match="speakers"):
        Microphone("speakers")  # has no input


def test_read(sound, microphone):
    """What came since the first read, in order, and the figures of it."""
    reading = in_thread(lambda: microphone.read(160))
    until(lambda: microphone._taps)
    hear(sound, 0)
    assert reading().tolist() == numbered(0, 160).tolist()
    hear(sound, 160)
    assert microphone.stats.buffered == 0.01
    assert microphone.stats.frames == 320
    assert microphone.stats.latency == 0.02
    assert microphone.level.peak > -60
    assert microphone.read(160).tolist() == numbered(160, 160).tolist()
    assert microphone.read(160, 0.01) is None


def test_mute(sound, microphone):
    """Silence comes in its place, in time."""
    microphone.read(1, 0.001)
    microphone.mute = True
    hear(sound, 1)
    assert microphone.mute
    assert not microphone.read(160, 1).any()
    assert microphone.level.peak == -120
    microphone.mute = False
    hear(sound, 1)
    assert microphone.read(160, 1).any()


def test_link(sound):
    """A link opens the device, which stays open when the link goes."""
    microphone, ear = Microphone(), Ear()
    microphone.send_media_to(ear)
    for start in range(0, 640, 160):
        hear(sound, start)
    assert ear.hears(640)
    microphone.stop_media_to(ear)
    assert microphone.is_open
    microphone.send_media_to(ear)
    assert len(sound.streams) == 1
    hear(sound, 640)
    hear(sound, 800)
    assert ear.hears(960)
    assert ear.heard.tolist() == numbered(0, 960).tolist()
    microphone.close()
    assert microphone.links == ()
    assert not microphone.is_open


def test_close(sound, microphone):
    """Who reads gets the end; it may be opened again, by reading too."""
    reading = in_thread(lambda: raised(EndOfStream, lambda: microphone.read(160)))
    until(lambda: microphone._taps)
    microphone.close()
    microphone.close()
    assert reading() is not None
    assert microphone.read(160, 0.01) is None
    assert len(sound.streams) == 2
    hear(sound, 5)
    assert microphone.read(160, SOON)[0] == 5


def test_open_fails(sound):
    """The link that opened it fails with it, and leaves nothing."""
    microphone, ear = Microphone(), Ear()
    sound.failures["open"] = [OSError(-9985, "busy")]
    with pytest.raises(DeviceError, match="busy"):
        microphone.send_media_to(ear)
    assert microphone.links == ()
    assert microphone._taps == ()
    microphone.send_media_to(ear)
    microphone.close()


def test_lost(sound, quick):
    """Link and reader end by the error; a listener may link anew at once."""
    microphone, ear = Microphone(), Ear()
    errors = Errors(microphone)
    again = []

    def link_anew(event):
        if not again:  # once: or it would go on after the end of this
            again.append(microphone.send_media_to(Ear()))

    microphone.add_event_listener("error", link_anew)
    link = microphone.send_media_to(ear)
    reading = in_thread(lambda: raised(DeviceError, lambda: microphone.read(160)))
    assert errors.come()
    with pytest.raises(DeviceError, match="lost") as caught:
        link.wait(SOON)
    assert caught.value is errors.seen[0]
    assert reading() is errors.seen[0]
    assert errors.come(2)  # the new link's device is as dead
    microphone.close()
    assert len(again) == 1


def test_lost_between_reads(sound, quick, monkeypatch):
    """Reading raises the error until the device is opened anew."""
    microphone = Microphone()
    errors = Errors(microphone)
    assert microphone.read(160, 0.001) is None
    assert errors.come()
    assert microphone.error is errors.seen[0]
    for _ in range(2):
        with pytest.raises(DeviceError, match="lost"):
            microphone.read(160)
    assert len(sound.streams) == 1
    monkeypatch.setattr(watchdog, "TICK", SOON)
    microphone.open()
    assert microphone.read(160, 0.001) is None
    assert len(sound.streams) == 2
    assert microphone.error is None
    microphone.close()


def test_losses_of_audio(sound, microphone):
    """Overflows and what nobody took are counted, and told once each."""
    errors = Errors(microphone)
    microphone.read(1, 0.001)
    hear(sound, 0, flags=2)
    hear(sound, 0, flags=2)
    for start in range(0, 16000, 160):  # the tap holds half of that
        hear(sound, start)
    microphone.look()
    microphone.look()
    assert microphone.stats.overflows == 2
    assert microphone.stats.dropped == 16320 - 8000
    assert errors.come(2)
    assert [type(error) for error in errors.seen] == [MediaError] * 2
    assert "lost input" in str(errors.seen[0])
    assert "not taken in time" in str(errors.seen[1])
    assert microphone.read(8000).tolist() == numbered(8000, 8000).tolist()


def test_it_gives_nothing_to_play(microphone):
    """Its stream has no output."""
    with pytest.raises(NotImplementedError):
        microphone.give(160)


def test_another_process(sound, microphone, monkeypatch):
    """After a fork, closing lets the parent's device alone."""
    with monkeypatch.context() as patch:
        patch.setattr(portaudio.os, "getpid", lambda: -1)
        microphone.close()
    assert microphone.is_open
    assert np.array_equal(microphone.links, ())
