"""Keeps ALSA and JACK from printing their probing on stderr."""

from __future__ import annotations

import ctypes
import os

__all__ = ["silence_libraries"]

_ALSA = "libasound.so.2"
_JACK = "libjack.so.0"


def silence_libraries() -> list[str]:
    """Stop the sound libraries' chatter; ours and everybody else's is still seen.

    PortAudio asks ALSA and JACK for every device they know of, and both print what
    they do not find: some 80 lines. Set `VOXSYNC_SOUND_CHATTER=1` to read them.
    What PortAudio itself prints when a device is torn away (`Expression '...'
    failed`) stays: it offers no hook.

    Returns:
        The libraries that were silenced; none where they are not installed.

    Thread: any; before PortAudio is initialised.
    """
    if os.environ.get("VOXSYNC_SOUND_CHATTER"):
        return []
    # The handlers are a real C function that does nothing (whatever it is called
    # with), not Python callbacks: they need no GIL on threads of the sound libraries
    # and nothing dangles when the interpreter ends. NULL would mean the printer.
    # File descriptor 2 is never touched: it is everybody's.
    nothing = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    done = []
    for library, setters in (
        (_ALSA, ["snd_lib_error_set_handler"]),
        (_JACK, ["jack_set_error_function", "jack_set_info_function"]),
    ):
        try:
            loaded = ctypes.CDLL(library)
            for setter in setters:
                function = getattr(loaded, setter)
                function.argtypes = [ctypes.c_void_p]
                function(nothing)
        except (OSError, AttributeError):
            continue  # not there: nothing that could chatter
        done.append(library)
    return done
