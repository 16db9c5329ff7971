"""Who speaks when: how the service is to hear that, and what it makes of it."""

# ruff: noqa: RUF009 - option() makes a dataclasses.field of immutable things
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.fields import (
    WireObject,
    boolean,
    choice,
    nested,
    option,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ActivityHandling",
    "AutomaticActivityDetection",
    "EndSensitivity",
    "RealtimeInputConfig",
    "StartSensitivity",
    "TurnCoverage",
]


class StartSensitivity(StrEnum):
    """How readily the service takes sound for speech that begins."""

    HIGH = "START_SENSITIVITY_HIGH"
    LOW = "START_SENSITIVITY_LOW"


class EndSensitivity(StrEnum):
    """How readily the service takes silence for the end of speech."""

    HIGH = "END_SENSITIVITY_HIGH"
    LOW = "END_SENSITIVITY_LOW"


class ActivityHandling(StrEnum):
    """What the user's speech does to the model's."""

    START_OF_ACTIVITY_INTERRUPTS = "START_OF_ACTIVITY_INTERRUPTS"
    NO_INTERRUPTION = "NO_INTERRUPTION"


class TurnCoverage(StrEnum):
    """Which of the input belongs to the user's turn."""

    TURN_INCLUDES_ONLY_ACTIVITY = "TURN_INCLUDES_ONLY_ACTIVITY"
    TURN_INCLUDES_ALL_INPUT = "TURN_INCLUDES_ALL_INPUT"
    TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO = (
        "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AutomaticActivityDetection(WireObject):
    """How the service hears that the user speaks.

    Attributes:
        disabled: It does not: `send_activity_start` and `send_activity_end` tell it.
        start_of_speech_sensitivity: Default HIGH (Vertex AI: LOW).
        end_of_speech_sensitivity: Likewise.
        prefix_padding_ms: Speech of so many milliseconds counts as begun.
        silence_duration_ms: Silence of so many milliseconds ends it.
    """

    disabled: bool | None = option(boolean)
    start_of_speech_sensitivity: StartSensitivity | str | None = option(
        choice(StartSensitivity)
    )
    end_of_speech_sensitivity: EndSensitivity | str | None = option(
        choice(EndSensitivity)
    )
    prefix_padding_ms: int | None = option(whole(0))
    silence_duration_ms: int | None = option(whole(0))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RealtimeInputConfig(WireObject):
    """What the service makes of audio and video as they come.

    Attributes:
        automatic_activity_detection: How it hears that the user speaks.
        activity_handling: Whether that interrupts the model (default).
        turn_coverage: Which input belongs to the user's turn; the default depends on
            the model.
    """

    automatic_activity_detection: (
        AutomaticActivityDetection | Mapping[str, Any] | None
    ) = option(nested(AutomaticActivityDetection))
    activity_handling: ActivityHandling | str | None = option(choice(ActivityHandling))
    turn_coverage: TurnCoverage | str | None = option(choice(TurnCoverage))
