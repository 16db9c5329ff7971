"""Keeping sound libraries from printing; that they do not is seen in tests/sound."""

import ctypes

from voxsync.media import quiet


class Library:
    """Notes the handlers it is given."""

    def __init__(self, *functions):
        self.handlers = {}
        for name in functions:
            setattr(self, name, self._setter(name))

    def _setter(self, name):
        def setter(handler):
            self.handlers[name] = handler

        return setter


def test_every_handler_is_set(monkeypatch):
    """A real C function that does nothing, never NULL, which means the printer."""
    alsa = Library("snd_lib_error_set_handler")
    jack = Library("jack_set_error_function", "jack_set_info_function")
    real = ctypes.CDLL
    known = {quiet._ALSA: alsa, quiet._JACK: jack}
    monkeypatch.setattr(
        quiet.ctypes, "CDLL", lambda name: known.get(name) or real(name)
    )
    monkeypatch.delenv("VOXSYNC_SOUND_CHATTER", raising=False)
    monkeypatch.delenv("JACK_NO_START_SERVER", raising=False)
    assert quiet.silence_libraries() == [quiet._ALSA, quiet._JACK]
    handlers = {**alsa.handlers, **jack.handlers}
    assert len(handlers) == 3
    assert all(handler.value for handler in handlers.values())
    assert quiet.os.environ["JACK_NO_START_SERVER"] == "1"


def test_libraries_that_are_not_there(monkeypatch):
    """A system without ALSA or JACK has nothing to silence."""
    monkeypatch.setattr(quiet, "_ALSA", "libnosuch.so.1")
    monkeypatch.setattr(quiet, "_JACK", "libc.so.6")  # without those functions
    monkeypatch.delenv("VOXSYNC_SOUND_CHATTER", raising=False)
    assert quiet.silence_libraries() == []


def test_the_switch(monkeypatch):
    """Who looks for a fault in the sound system wants to read it all."""
    monkeypatch.setenv("VOXSYNC_SOUND_CHATTER", "1")
    assert quiet.silence_libraries() == []
