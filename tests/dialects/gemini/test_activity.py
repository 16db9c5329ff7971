"""Who speaks when: what a setup says of it."""

import pytest

from voxsync.dialects.gemini.activity import (
    ActivityHandling,
    AutomaticActivityDetection,
    EndSensitivity,
    RealtimeInputConfig,
    StartSensitivity,
    TurnCoverage,
)

SENT = {
    "automaticActivityDetection": {
        "disabled": False,
        "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
        "endOfSpeechSensitivity": "END_SENSITIVITY_HIGH",
        "prefixPaddingMs": 0,
        "silenceDurationMs": 500,
    },
    "activityHandling": "NO_INTERRUPTION",
    "turnCoverage": "TURN_INCLUDES_ALL_INPUT",
}


@pytest.mark.parametrize(
    "config",
    [
        RealtimeInputConfig(
            automatic_activity_detection=AutomaticActivityDetection(
                disabled=False,
                start_of_speech_sensitivity=StartSensitivity.LOW,
                end_of_speech_sensitivity=EndSensitivity.HIGH,
                prefix_padding_ms=0,
                silence_duration_ms=500,
            ),
            activity_handling=ActivityHandling.NO_INTERRUPTION,
            turn_coverage=TurnCoverage.TURN_INCLUDES_ALL_INPUT,
        ),
        RealtimeInputConfig(
            automatic_activity_detection={
                "disabled": False,
                "start_of_speech_sensitivity": "START_SENSITIVITY_LOW",
                "endOfSpeechSensitivity": EndSensitivity.HIGH,
                "prefix_padding_ms": 0,
                "silenceDurationMs": 500,
            },
            activity_handling="NO_INTERRUPTION",
            turn_coverage="TURN_INCLUDES_ALL_INPUT",
        ),
    ],
)
def test_all_of_it(config):
    """Objects, dicts and enums' values say the same."""
    assert config.wire() == SENT


def test_nothing_is_the_default():
    """What is not said is not sent."""
    assert RealtimeInputConfig().wire() == {}
    config = RealtimeInputConfig(automatic_activity_detection={})
    assert config.wire() == {"automaticActivityDetection": {}}


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"disabled": 1}, TypeError, "disabled must be a bool"),
        ({"prefix_padding_ms": -1}, ValueError, "prefix_padding_ms must be 0 or more"),
        ({"silence_duration_ms": 0.5}, TypeError, "must be a whole number, not float"),
        (
            {"start_of_speech_sensitivity": "HIGH"},
            ValueError,
            "must be one of START_SENSITIVITY_HIGH, START_SENSITIVITY_LOW, not 'HIGH'",
        ),
        (
            {"end_of_speech_sensitivity": StartSensitivity.HIGH},
            ValueError,
            "must be one of END_SENSITIVITY_HIGH, END_SENSITIVITY_LOW",
        ),
    ],
)
def test_detection_is_checked(settings, error, words):
    """A mistake is told by its field, whichever way it is written."""
    with pytest.raises(error, match=words):
        AutomaticActivityDetection(**settings)
    with pytest.raises(error, match=words):
        RealtimeInputConfig(automatic_activity_detection=settings)


@pytest.mark.parametrize("name", ["activity_handling", "turn_coverage"])
def test_names_are_checked(name):
    """Only what the service knows is sent."""
    with pytest.raises(ValueError, match=rf"RealtimeInputConfig\.{name} must be one"):
        RealtimeInputConfig(**{name: "SOMETIMES"})
