"""Audio that moves: units, the links between them, devices, files, clocks.

May import: errors, clocks, audio, events, numpy; PyAudio inside functions only.
Threads: one per running link (`voxsync-link-…`), one for a unit's listeners while it
has something to tell (`voxsync-unit-…`), one for each call into PortAudio
(`voxsync-portaudio-…`), one that looks after open devices (`voxsync-watchdog`), and
PortAudio's own, on which callbacks never wait.

Inside, audio is mono int16 numpy, shape `(frames,)`; other formats exist only at the
edges (device, file, service).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.audio.pcm import Level
    from voxsync.media.buffer import PcmBuffer
    from voxsync.media.callback import BufferSink, CallbackSink, CallbackSource
    from voxsync.media.clock import Metronome
    from voxsync.media.delay import Delay
    from voxsync.media.generators import SilenceSource, ToneSource
    from voxsync.media.link import Link, LinkStats
    from voxsync.media.microphone import Microphone
    from voxsync.media.playout import Playout
    from voxsync.media.portaudio import AudioDevice, audio_devices
    from voxsync.media.sink import Sink
    from voxsync.media.source import EndOfStream, Source
    from voxsync.media.speaker import Speaker
    from voxsync.media.unit import MediaUnit, UnitStats
    from voxsync.media.wavreader import WavReader
    from voxsync.media.wavwriter import WavWriter

__all__ = [
    "AudioDevice",
    "BufferSink",
    "CallbackSink",
    "CallbackSource",
    "Delay",
    "EndOfStream",
    "Level",
    "Link",
    "LinkStats",
    "MediaUnit",
    "Metronome",
    "Microphone",
    "PcmBuffer",
    "Playout",
    "SilenceSource",
    "Sink",
    "Source",
    "Speaker",
    "ToneSource",
    "UnitStats",
    "WavReader",
    "WavWriter",
    "audio_devices",
]

# Where each name lives: a program pays (numpy, PyAudio) for what it uses.
_HOMES = {
    "AudioDevice": "voxsync.media.portaudio",
    "BufferSink": "voxsync.media.callback",
    "CallbackSink": "voxsync.media.callback",
    "CallbackSource": "voxsync.media.callback",
    "Delay": "voxsync.media.delay",
    "EndOfStream": "voxsync.media.source",
    "Level": "voxsync.audio.pcm",
    "Link": "voxsync.media.link",
    "LinkStats": "voxsync.media.link",
    "MediaUnit": "voxsync.media.unit",
    "Metronome": "voxsync.media.clock",
    "Microphone": "voxsync.media.microphone",
    "PcmBuffer": "voxsync.media.buffer",
    "Playout": "voxsync.media.playout",
    "SilenceSource": "voxsync.media.generators",
    "Sink": "voxsync.media.sink",
    "Source": "voxsync.media.source",
    "Speaker": "voxsync.media.speaker",
    "ToneSource": "voxsync.media.generators",
    "UnitStats": "voxsync.media.unit",
    "WavReader": "voxsync.media.wavreader",
    "WavWriter": "voxsync.media.wavwriter",
    "audio_devices": "voxsync.media.portaudio",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'voxsync.media' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
