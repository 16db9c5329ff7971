"""The one owner of PyAudio: every call into PortAudio in the process is made here.

PortAudio is not thread-safe, hangs while its sound server hangs, and crashes where a
stream is closed under a thread that is inside `read` or `write`. Hence: callback
streams only; one call at a time, each on a thread of its own with a time limit
(`TimedCall`); a watchdog, since a dead device is silent.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from voxsync.errors import DeviceError, InvalidState, MissingExtra
from voxsync.media.devices import AudioDevice, find_device
from voxsync.media.faults import BUSY, CHANNELS, RATE, device_error, unanswered_error
from voxsync.media.quiet import silence_libraries
from voxsync.media.stream import DeviceStream
from voxsync.media.timed import TimedCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyaudio import PyAudio

    from voxsync.media.devices import Direction
    from voxsync.media.stream import StreamUser

__all__ = [
    "AudioDevice",
    "audio_devices",
    "check_process",
    "close_all",
    "close_stream",
    "is_foreign",
    "look_up",
    "open_stream",
]

logger = logging.getLogger("voxsync.media")

T = TypeVar("T")

ANSWER_SECONDS = 5.0
"""How long listing and opening may take."""

CLOSE_SECONDS = 0.9
"""How long closing may keep its caller."""

# In the names of devices that ALSA does not convert for.
_RAW = "(hw:"

# What a second look at the devices cannot change.
_FINAL = (BUSY, RATE, CHANNELS)

_turn = threading.Lock()  # held for every call into PortAudio; guards the next three
_pyaudio: PyAudio | None = None
_open: set[DeviceStream] = set()  # also those that are given up, until they are closed
_process: int | None = None  # that PortAudio was started in


def audio_devices() -> list[AudioDevice]:
    """List the sound devices for input and output.

    The list is fresh: devices that came or went since the last call are seen, unless
    a `Microphone` or `Speaker` is open (PortAudio cannot look while it plays).

    Returns:
        Empty where there is none, or no sound server answers.

    Raises:
        MissingExtra: PyAudio is not installed.
        DeviceError: The sound system does not answer within 5 s, or fails.
        InvalidState: PortAudio was started in the parent of this process.

    Thread: any. Waits up to 5 s.
    """
    _import()
    return _call("list", "list the devices", lambda: _devices(fresh=True))


def look_up(wanted: int | str | None, direction: Direction) -> AudioDevice:
    """The device that is meant, without opening it. Raises as `open_stream`."""
    _import()

    def work() -> AudioDevice:
        return _with_second_look(
            lambda devices: find_device(devices, wanted, direction)
        )

    return _call("find", "look for a device", work)


def open_stream(
    wanted: int | str | None,
    direction: Direction,
    sample_rate: int,
    frames: int,
    user: StreamUser,
) -> DeviceStream:
    """Open a device and let it call its user.

    Args:
        wanted: See `find_device`.
        direction: "input" or "output".
        sample_rate: Frames per second.
        frames: Per callback.
        user: Whose methods are called, from before this returns.

    Raises:
        MissingExtra: PyAudio is not installed.
        DeviceError: There is no such device, it cannot be opened, or the sound
            system does not answer.
        InvalidState: PortAudio was started in the parent of this process.

    Thread: any. Waits up to 5 s.
    """
    _import()

    def attempt(devices: list[AudioDevice]) -> DeviceStream:
        device = find_device(devices, wanted, direction)
        return _open_device(DeviceStream(device, direction, user), sample_rate, frames)

    def work() -> DeviceStream:
        return _with_second_look(attempt)

    return _call("open", "open the device", work, _close_device)


def close_stream(stream: DeviceStream) -> Callable[[float], None]:
    """Begin to close a stream; it calls its user no more.

    Returns:
        What waits up to so many seconds for the end. A close that hangs is left to
        itself and comes to its end with the sound system.

    Thread: any; never waits.
    """
    stream.is_dead = True
    if is_foreign():
        return lambda _: None  # the parent's stream, not ours
    call = TimedCall("close", _turn, lambda: _close_device(stream))

    def wait(seconds: float) -> None:
        try:
            call.result(seconds)
        except TimeoutError:
            logger.warning(
                "%r did not close within %.1f s: the sound system hangs; it is closed "
                "as soon as that answers",
                stream,
                seconds,
            )

    return wait


def close_all() -> None:
    """Close whatever is open. May hang with the sound system."""
    for stream in list(_open):
        stream.is_dead = True
    with _turn:
        for stream in list(_open):
            _close_device(stream)


def check_process() -> None:
    """Refuse to work in a child of the process that PortAudio was started in.

    Raises:
        InvalidState: This is one. No lock is taken: one may be held for ever here.
    """
    if is_foreign():
        raise InvalidState(
            f"sound devices were used in the parent process {_process} before it "
            "forked, and PortAudio does not survive that: use them in one of the two "
            "only, or start the child with the multiprocessing method 'spawn'"
        )


def is_foreign() -> bool:
    """Whether PortAudio was started in the parent of this process."""
    return _process not in (None, os.getpid())


def _import() -> None:
    """See that PyAudio is there and may be used."""
    check_process()
    try:
        import pyaudio  # noqa: F401, PLC0415 - an extra, and slow
    except ImportError as exc:
        raise MissingExtra(
            "microphone and speaker need PyAudio: pip install 'voxsync[audio]'. It "
            "is compiled on Linux and macOS, which needs, before that: "
            "apt install portaudio19-dev python3-dev gcc (Debian, Ubuntu); "
            "dnf install portaudio-devel python3-devel gcc (Fedora); "
            f"brew install portaudio (macOS). [{exc}]"
        ) from exc


def _call(
    name: str, what: str, work: Callable[[], T], undo: Callable[[T], object] = id
) -> T:
    try:
        return TimedCall(name, _turn, work, undo).result(ANSWER_SECONDS)
    except TimeoutError:
        raise unanswered_error(what, ANSWER_SECONDS) from None


# All below is called within the turn, on threads of TimedCall.


def _with_second_look(attempt: Callable[[list[AudioDevice]], T]) -> T:
    """Try with the devices as PortAudio knows them, then with a fresh list.

    The list is as old as PortAudio's start: a device or a sound server that came
    later is not in it, and one that was restarted may need a new start.
    """
    fresh = _pyaudio is None
    try:
        return attempt(_devices(fresh=False))
    except DeviceError as exc:
        if fresh or _open or exc.portaudio_code in _FINAL:
            raise
        first = exc
    try:
        return attempt(_devices(fresh=True))
    except DeviceError as exc:
        exc.portaudio_code = exc.portaudio_code or first.portaudio_code
        raise exc from first


def _devices(*, fresh: bool) -> list[AudioDevice]:
    portaudio = _started(fresh=fresh)
    inputs = _default(portaudio.get_default_input_device_info)
    outputs = _default(portaudio.get_default_output_device_info)
    return list(_listed(portaudio, inputs, outputs))


def _listed(portaudio: PyAudio, inputs: int, outputs: int) -> Iterator[AudioDevice]:
    for index in range(portaudio.get_device_count()):
        info = portaudio.get_device_info_by_index(index)
        name = info["name"]
        if isinstance(name, bytes):  # in no encoding that PyAudio knows
            name = name.decode(errors="replace")
        yield AudioDevice(
            index=index,
            name=name,
            host_api=portaudio.get_host_api_info_by_index(info["hostApi"])["name"],
            max_input_channels=info["maxInputChannels"],
            max_output_channels=info["maxOutputChannels"],
            default_sample_rate=round(info["defaultSampleRate"]),
            is_default_input=index == inputs,
            is_default_output=index == outputs,
        )


def _default(ask: Callable[[], dict[str, Any]]) -> int:
    try:
        return int(ask()["index"])
    except OSError:
        return -1  # there is none


def _started(*, fresh: bool) -> PyAudio:
    global _process, _pyaudio  # noqa: PLW0603 - one per process, as is PortAudio
    import pyaudio  # noqa: PLC0415 - an extra, and slow

    if fresh and _pyaudio is not None and not _open:
        _pyaudio.terminate()
        _pyaudio = None
    if _pyaudio is None:
        silence_libraries()
        _process = os.getpid()
        try:
            _pyaudio = pyaudio.PyAudio()
        except OSError as exc:
            raise device_error(exc) from exc
    return _pyaudio


def _open_device(stream: DeviceStream, sample_rate: int, frames: int) -> DeviceStream:
    """Mono, or stereo where that fails or would be one ear's.

    ALSA's own devices have no mono mostly, and PortAudio plays it on the left then.
    """
    error: DeviceError | None = None
    for channels in (2, 1) if _RAW in stream.device.name else (1, 2):
        try:
            stream.open(_started(fresh=False), sample_rate, frames, channels)
        except OSError as exc:
            # Without a chain: the traceback would hold a stream of PyAudio's, to be
            # closed wherever it dies.
            error = device_error(exc, stream.device, sample_rate)
            if exc.errno != CHANNELS:
                break
        else:
            _open.add(stream)
            return stream
    assert error is not None
    raise error


def _close_device(stream: DeviceStream) -> None:
    if stream in _open:  # once, however many ask
        try:
            stream.close()
        finally:
            _open.discard(stream)
