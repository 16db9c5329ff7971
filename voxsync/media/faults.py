"""What PortAudio's error numbers mean for the person in front of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.errors import DeviceError

if TYPE_CHECKING:
    from voxsync.media.devices import AudioDevice

__all__ = [
    "BUSY",
    "CHANNELS",
    "NO_ANSWER",
    "RATE",
    "device_error",
    "lost_error",
    "unanswered_error",
]

RATE = -9997
CHANNELS = -9998
BUSY = -9985
NO_ANSWER = "the sound system does not answer"

# After "cannot open <device>: ". PortAudio's own words are of no help: "Illegal
# combination of I/O devices" is what it says when the sound server is not there.
_ADVICE = {
    RATE: "it does not offer {rate} frames per second; try sample_rate={default}, "
    "what it prefers: voxsync resamples for whatever is linked to it",
    CHANNELS: "it offers neither mono nor stereo",
    -9996: "it is no such device any more; look at voxsync.audio_devices()",
    -9994: "it does not offer 16-bit samples",
    BUSY: "it is busy: another program, or another unit of this one, holds it; close "
    "that, or choose a device that can be shared (a sound server's)",
    -9993: "it went away, the sound server does not run, or this user has no "
    "permission to use it",
    -9999: "the sound server or the driver refused it; check that the device is "
    "there and that the server runs",
}


def device_error(
    error: OSError, device: AudioDevice | None = None, rate: int = 0
) -> DeviceError:
    """What PyAudio raised, as a `DeviceError` that says what to do.

    Args:
        error: PyAudio's, whose errno is PortAudio's number.
        device: The one to be opened; None = PortAudio was being started.
        rate: Frames per second that were asked for.
    """
    code = error.errno
    known = _ADVICE.get(code or 0, "")
    said = f"{error.strerror or error} (PortAudio {code})"
    if device is None:
        return DeviceError(f"the sound system failed: {said}", portaudio_code=code)
    advice = known.format(rate=rate, default=device.default_sample_rate)
    return DeviceError(
        f"cannot open {device.name!r} (device {device.index}): "
        + (f"{advice}. {said}" if advice else said),
        portaudio_code=code,
    )


def unanswered_error(what: str, seconds: float) -> DeviceError:
    """The sound system hangs."""
    return DeviceError(
        f"{NO_ANSWER}: it took more than {seconds:g} s to {what}; the sound server "
        "or a driver hangs. Try again once it is restarted"
    )


def lost_error(device: AudioDevice, seconds: float) -> DeviceError:
    """A device that was open went away."""
    return DeviceError(
        f"lost the sound device {device.name!r}: it did not stir for "
        f"{seconds:.1f} s. It was unplugged or suspended, or its sound server ended "
        "or hangs; once it is back, it can be opened again"
    )
