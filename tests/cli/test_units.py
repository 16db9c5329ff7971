import io
import threading

import pytest

from voxsync.cli.progress import LiveLine
from voxsync.cli.units import follow, held, microphone_for, speaker_for, tell
from voxsync.errors import DeviceError, MediaError
from voxsync.media import BufferSink, CallbackSink, Source, ToneSource, UnitStats


class Device(Source):
    """Stands for a microphone or speaker that prefers some rate."""

    preferred = 44100

    def __init__(self, device, *, sample_rate=None, name):
        super().__init__(sample_rate or self.preferred, name)
        self.device = device
        self.asked = sample_rate


@pytest.fixture(params=[("Microphone", microphone_for), ("Speaker", speaker_for)])
def find(request, monkeypatch):
    name, function = request.param
    monkeypatch.setattr(f"voxsync.media.{name}", Device, raising=False)
    return function


@pytest.mark.parametrize(
    ("preferred", "rate", "asked"),
    [
        (44100, 16000, None),
        (48000, 48000, None),
        (96000, 96000, None),
        (96000, 16000, 16000),
        (44100, 96000, 96000),
    ],
)
def test_the_device_keeps_its_rate_where_we_can_resample(
    find, monkeypatch, preferred, rate, asked
):
    """Else the sound system has to."""
    monkeypatch.setattr(Device, "preferred", preferred)
    found = find(rate, "usb", LiveLine(io.StringIO()))
    assert (found.device, found.asked) == ("usb", asked)
    assert found.name in ("microphone", "speaker")


def test_losses_are_told_and_the_end_is_not(find):
    """What ends a link comes out of it as an exception."""
    out = io.StringIO()
    found = find(16000, None, LiveLine(out))
    found._failed(DeviceError("unplugged"))
    found._tell_once("lost", MediaError("12 frames\nare lost"))
    for thread in threading.enumerate():
        if thread.name.startswith("voxsync-unit-"):
            thread.join(10)
    assert out.getvalue() == "voxsync: 12 frames are lost\n"


def test_a_link_is_followed_to_its_end():
    """Drawn at once, and again while it goes on."""
    drawn, sink = [], BufferSink()
    link = ToneSource(440, 0.35).send_media_to(sink)
    follow(link, lambda: drawn.append(link.stats.seconds))
    assert len(sink.frames) == 5600
    assert len(drawn) >= 2
    assert drawn == sorted(drawn)


@pytest.mark.parametrize("error", [TimeoutError("by the far end"), OSError(28, "full")])
def test_what_ends_a_link_comes_out(error):
    """Also what looks like our own time being over."""

    def take(block):
        raise error

    sink = CallbackSink(take)
    tell(sink, LiveLine(io.StringIO()))
    with pytest.raises(type(error)) as caught:
        follow(ToneSource(440).send_media_to(sink), lambda: None)
    assert caught.value is error


def test_a_link_that_is_over_already():
    """Nothing is drawn any more."""
    link = ToneSource(440, 0.02).send_media_to(BufferSink(), paced=False)
    link.wait(10)
    follow(link, pytest.fail)


def test_ctrl_c_gets_through(interrupt):
    """In the midst of it; the link is the caller's to stop."""
    source = ToneSource(440)
    link = source.send_media_to(BufferSink())
    with pytest.raises(KeyboardInterrupt):
        follow(link, interrupt)
    assert link.is_active
    source.close()


def test_a_link_is_followed_as_long_as_that_is_wanted():
    """Then it is the caller's to stop."""
    source, sink = ToneSource(440), BufferSink()
    link = source.send_media_to(sink)
    follow(link, lambda: None, lambda: sink.stats.seconds < 0.2)
    assert link.is_active
    assert sink.stats.seconds >= 0.2
    source.close()


@pytest.mark.parametrize(("latency", "most"), [(None, 0.0), (0.3, 0.3)])
def test_what_is_held_is_what_is_told_and_more(latency, most):
    """Our buffers, the sound system's, and what that does not tell."""

    class Known:
        stats = UnitStats(buffered=0.1, latency=latency)

    assert most + 0.1 + 0.2 <= held(Known) <= most + 0.1 + 0.3
