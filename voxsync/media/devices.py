"""What a sound device is, and which one is meant."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from voxsync.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Direction: TypeAlias = Literal["input", "output"]

__all__ = ["AudioDevice", "check_device", "find_device"]

_NODES = Path("/dev/snd")


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioDevice:
    """A sound device as the system lists it.

    Attributes:
        index: What `Microphone(device=...)` and `Speaker(device=...)` take. It may
            change when devices come and go; a part of the name does not.
        name: As the sound system calls it.
        host_api: The sound system: "ALSA", "Core Audio", "Windows WASAPI", ...
        max_input_channels: 0 = it is no microphone.
        max_output_channels: 0 = it is no speaker.
        default_sample_rate: Frames per second that it prefers.
        is_default_input: Whether `Microphone()` uses it.
        is_default_output: Whether `Speaker()` uses it.
    """

    index: int
    name: str
    host_api: str
    max_input_channels: int
    max_output_channels: int
    default_sample_rate: int
    is_default_input: bool = False
    is_default_output: bool = False

    def channels(self, direction: Direction) -> int:
        """How many channels it has in that `direction`, "input" or "output"."""
        if direction == "input":
            return self.max_input_channels
        return self.max_output_channels

    def is_default(self, direction: Direction) -> bool:
        """Whether it is the one to use in that `direction` where none is named."""
        if direction == "input":
            return self.is_default_input
        return self.is_default_output

    def __repr__(self) -> str:
        ways = []
        if self.max_input_channels:
            ways.append(
                f"{self.max_input_channels} in{' (default)' * self.is_default_input}"
            )
        if self.max_output_channels:
            ways.append(
                f"{self.max_output_channels} out{' (default)' * self.is_default_output}"
            )
        return (
            f"<AudioDevice {self.index} {self.name!r} {self.host_api}, "
            f"{', '.join(ways) or 'no channels'}, {self.default_sample_rate} Hz>"
        )


def check_device(wanted: object) -> None:
    """Refuse what names no device.

    Raises:
        TypeError: Neither an index nor a name nor None.
        ValueError: A negative index, or an empty name.
    """
    if wanted is None:
        return
    if isinstance(wanted, bool) or not isinstance(wanted, (int, str)):
        raise TypeError(
            f"device must be an index, a part of a name, or None for the default, "
            f"not {wanted!r}; see voxsync.audio_devices()"
        )
    if isinstance(wanted, int) and wanted < 0:
        raise ValueError(f"device index must be 0 or more, not {wanted}")
    if isinstance(wanted, str) and not wanted.strip():
        raise ValueError("device name is empty: None means the default device")


def find_device(
    devices: Sequence[AudioDevice], wanted: int | str | None, direction: Direction
) -> AudioDevice:
    """The one device that is meant.

    Args:
        devices: What there is.
        wanted: An index; a part of a name in any case, where the whole name wins
            over parts; None = the default.
        direction: "input" or "output".

    Raises:
        DeviceError: There is none, or more than one; it lists what there is.
    """
    usable = [device for device in devices if device.channels(direction)]
    if not usable:
        raise DeviceError(f"there is no sound {direction} device: {_advice()}")
    if wanted is None:
        found = [d for d in usable if d.is_default(direction)] or usable[:1]
        return found[0]
    if isinstance(wanted, int):
        found = [device for device in usable if device.index == wanted]
        said = f"no {direction} device has the index {wanted}"
    else:
        text = wanted.strip().casefold()
        found = [device for device in usable if device.name.casefold() == text]
        found = found or [d for d in usable if text in d.name.casefold()]
        said = f"no {direction} device has {wanted!r} in its name"
    if len(found) == 1:
        return found[0]
    if found:
        said = f"{len(found)} {direction} devices have {wanted!r} in their names"
        usable = found
    listed = "; ".join(f"{device.index}: {device.name}" for device in usable)
    raise DeviceError(f"{said}; choose one by its index or whole name: {listed}")


def _advice() -> str:
    """What to look at where there is no device."""
    closed = [node for node in _nodes() if not os.access(node, os.R_OK | os.W_OK)]
    if closed:
        return (
            f"no permission for {closed[0]} and {len(closed) - 1} more; add the user "
            "to the group that owns them (audio), and log in again"
        )
    return (
        "check that one is plugged in, that the sound server (PulseAudio, PipeWire) "
        "runs, and that this user may use it (PULSE_SERVER, its cookie)"
    )


def _nodes() -> list[Path]:
    try:
        return sorted(_NODES.glob("pcm*"))
    except OSError:
        return []
