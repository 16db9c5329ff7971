"""Media units as the commands use them: opened at a rate, watched, waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync import media
from voxsync.cli.exits import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.cli.progress import LiveLine
    from voxsync.events import ErrorEvent

__all__ = ["follow", "microphone_for", "speaker_for", "tell"]

_LOOK_UP_S = 0.1


def microphone_for(
    rate: int, device: int | str | None, line: LiveLine
) -> media.Microphone:
    """A microphone whose audio can be had at `rate`; its losses are told.

    It works at the rate that the device prefers, and we resample: better than most
    sound systems do. Where we cannot, the sound system has to.

    Raises:
        DeviceError, MissingExtra: See `Microphone`.
    """
    found = media.Microphone(device, name="microphone")
    if not _resampled(found.sample_rate, rate):
        found = media.Microphone(device, sample_rate=rate, name="microphone")
    tell(found, line)
    return found


def speaker_for(rate: int, device: int | str | None, line: LiveLine) -> media.Speaker:
    """A speaker for audio of such a rate; see `microphone_for`."""
    found = media.Speaker(device, name="speaker")
    if not _resampled(found.sample_rate, rate):
        found = media.Speaker(device, sample_rate=rate, name="speaker")
    tell(found, line)
    return found


def _resampled(one: int, other: int) -> bool:
    """Whether we get from one rate to the other."""
    from voxsync.audio.resample import RATES  # noqa: PLC0415 - numpy is slow to import

    return one == other or {one, other} <= set(RATES)


def tell(unit: media.MediaUnit, line: LiveLine) -> None:
    """Have what the unit loses told on the line.

    Not what ends its work: whoever waits for that gets it as an exception.
    """

    def told(event: ErrorEvent) -> None:
        if event.error is not unit.error:
            line.say(f"voxsync: {explain(event.error)}")

    unit.add_event_listener("error", told)


def follow(link: media.Link, draw: Callable[[], None]) -> None:
    """Wait for the end of a link, drawing ten times a second.

    Raises:
        KeyboardInterrupt: Ctrl-C, which is seen at once, or at the next drawing.
        DeviceError, OSError, ...: What ended the link.

    Thread: the main one.
    """
    while link.is_active:
        draw()
        try:
            link.wait(_LOOK_UP_S)
        except TimeoutError:
            continue  # or that was its end: then the next line has it
    link.wait()
