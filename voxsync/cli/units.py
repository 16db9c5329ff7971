"""Media units as the commands use them: opened at a rate, watched, waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync import media
from voxsync.cli.exits import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.cli.progress import LiveLine
    from voxsync.events import ErrorEvent

__all__ = ["follow", "held", "microphone_for", "speaker_for", "tell"]

_LOOK_UP_S = 0.1
# What may be on its way without anybody saying so. Sound systems tell of their own
# buffers only: not of a server behind them (tens of ms), nor of a Bluetooth headset
# (up to 0.2 s). And a block or two are in our threads' hands.
_UNTOLD_S = 0.25


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


def held(microphone: media.Microphone) -> float:
    """Seconds of audio that may be on their way: said already, not yet to be read.

    Who is told to end (Ctrl-C) takes so much more, so that what was said until then is
    not lost. It is a length of audio, not of time: a machine that is late brings it
    late, and a device that brings nothing more is noticed as ever.
    """
    stats = microphone.stats
    return stats.buffered + (stats.latency or 0.0) + _UNTOLD_S


def follow(
    link: media.Link,
    draw: Callable[[], None],
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Wait for the end of a link, drawing ten times a second.

    Args:
        link: The caller's to stop.
        draw: Shows how far it is.
        wanted: Asked as often: False = do not wait any longer.

    Raises:
        KeyboardInterrupt: Ctrl-C, which is seen at once, or at the next drawing.
        DeviceError, OSError, ...: What ended the link.

    Thread: the main one.
    """
    while link.is_active:
        if not wanted():
            return
        draw()
        try:
            link.wait(_LOOK_UP_S)
        except TimeoutError:
            continue  # or that was its end: then the next line has it
    link.wait()
