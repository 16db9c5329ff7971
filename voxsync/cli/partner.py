"""Somebody to talk with offline: ears, a brain and a voice for a `GeminiService`."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from voxsync.cli.exits import Usage
from voxsync.errors import MissingExtra
from voxsync.simulators.gemini_brain import Call, EchoBrain, PhraseBrain
from voxsync.simulators.recogniser import open_recogniser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from voxsync.simulators.gemini_brain import Answer, Brain, HeardTurn
    from voxsync.simulators.recogniser import Recogniser
    from voxsync.simulators.voice import Voice

__all__ = ["BRAINS", "RECOGNISERS", "VOICES", "SmallTalk", "open_ears", "open_voice"]

RECOGNISERS: tuple[Literal["phrases", "dictation", "none"], ...] = (
    "phrases",
    "dictation",
    "none",
)
"""What `open_ears` knows."""

VOICES = ("flite", "espeak", "tone", "any")
"""What `open_voice` knows."""

# What the shipped list of phrases can ask for, and a few words more.
_ANSWERS = {
    "good morning": "Good morning to you.",
    "hello": "Hello. It is good to hear you.",
    "how are you": "I am fine, thank you.",
    "weather": "I cannot see the sky from here, but it sounds like sunshine.",
    "joke": "Why did the packet cross the network? To get to the other socket.",
    "turn on": "It is on now.",
    "turn off": "It is off now.",
    "open the door": "The door is open.",
    "timer": "The timer is set.",
    "music": "I would rather listen to you.",
    "volume": "I speak as loud as I can.",
    "call my mother": "I am calling your mother.",
    "quick brown fox": "The dog was not amused.",
    "stop": "I am quiet.",
}
# Of a function's name; shorter ones (get, set) say nothing.
_SHORTEST_WORD = 4


class SmallTalk:
    """Answers a few everyday phrases, and repeats what it has no answer to.

    Where the client has declared a function and a word of its name is said, that is
    called, without arguments, and what it returns is told.

    Args:
        now: What time it is.
    """

    def __init__(self, now: Callable[[], dt.datetime] = dt.datetime.now) -> None:
        self._now = now
        self._known = PhraseBrain(_ANSWERS, otherwise=None)

    def answer(self, turn: HeardTurn) -> Answer | Call | str:
        """See `Brain`."""
        words = set(re.findall(r"\w+", turn.text.casefold()))
        if not turn.results:
            for name in turn.tools:
                if words & set(_words_of(name)):
                    return Call(name)
        known = self._known.answer(turn)
        if known.text:
            return known
        if {"what", "time"} <= words:
            return f"It is {self._now():%H:%M}."
        if turn.text:
            return f"You said: {turn.text.strip()}"
        return "I did not understand that."


def _words_of(name: str) -> list[str]:
    """`set_lampLight` as `lamp` and `light`."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).replace("_", " ").casefold()
    return [each for each in spaced.split() if len(each) >= _SHORTEST_WORD]


BRAINS: dict[str, Callable[[], Brain]] = {"talk": SmallTalk, "echo": EchoBrain}
"""Who may answer."""


def open_ears(
    name: Literal["phrases", "dictation", "none"], phrases: Path | None = None
) -> Recogniser | None:
    """One of `RECOGNISERS`; None for "none".

    Args:
        name: Which.
        phrases: A list for "phrases", one phrase a line; None = the shipped one.

    Raises:
        Usage: A list where it is of no use, or one that does not suit.
        MissingExtra: The recogniser is not installed.
        OSError: The list cannot be read.
    """
    if phrases is not None and name != "phrases":
        raise Usage(f"--phrases is of no use to --recogniser {name}")
    if name == "none":
        return None
    try:
        return open_recogniser(name, phrases=phrases)
    except ValueError as exc:
        raise Usage(f"--phrases: {exc}") from exc


def open_voice(name: str, say: Callable[[str], object]) -> Voice:
    """One of `VOICES`; for "any" the best that is there.

    Args:
        name: Which.
        say: Takes a line for people, where nothing better is there than tones.

    Raises:
        MissingExtra: It is not installed.
    """
    from voxsync.simulators import voice  # noqa: PLC0415 - numpy

    makers: dict[str, Callable[[], Voice]] = {
        "flite": voice.FliteVoice,
        "espeak": voice.EspeakVoice,
        "tone": voice.ToneVoice,
    }
    if name in makers:
        return makers[name]()
    for each in ("flite", "espeak"):
        with suppress(MissingExtra):
            return makers[each]()
    say("no voice is installed (flite, espeak-ng): answers are tones")
    return voice.ToneVoice()
