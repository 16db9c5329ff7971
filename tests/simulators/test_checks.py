"""A service that is put together wrongly says so when it is made."""

import pytest

from voxsync.simulators import faults, gemini_faults, voximplant_faults
from voxsync.simulators.checks import check_part, kind_of
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.voice import ToneVoice
from voxsync.simulators.voximplant import VoxEngine

MIMI = faults.fault("close")
GEMINI = gemini_faults.fault("quota")
VOX = voximplant_faults.fault("close")

GEMINI_WRONG = [
    (
        {"faults": ["quota"]},
        r"gemini_faults.fault\('close'\)\]; faults\[0\] is 'quota'",
    ),
    ({"faults": "quota"}, "faults must be a list of faults, .* not 'quota'"),
    ({"faults": GEMINI}, "faults must be a list .* type GeminiFault"),
    ({"faults": [GEMINI, MIMI]}, r"faults\[1\] is the Fault 'close' of another"),
    ({"faults": [VOX]}, "the VoxFault 'close' of another service"),
    ({"faults": 3}, "faults must be a list"),
    (
        {"voice": "flite"},
        r"voice must be .*open_voice\('flite'\).*say\(\).*not 'flite'",
    ),
    ({"voice": ToneVoice}, r"not the class ToneVoice \(make one: ToneVoice\(\)\)"),
    ({"brain": 3}, r"brain must be .*PhraseBrain.*answer\(\).*not 3"),
    ({"brain": 0}, "brain must be .* not 0"),
    ({"recogniser": "phrases"}, r"open_recogniser\('phrases'\).*not 'phrases'"),
    ({"detector": "energy"}, r"detector must be a function.*not 'energy'"),
    ({"keys": 3}, "keys must be a str, several,.* not int"),
    ({"keys": [b"secret"]}, "not list of others"),
    ({"models": "gemini-live"}, r'such as \["gemini-live"\], not'),
    ({"models": [3]}, "models must be several names"),
    ({"paced": "no"}, "paced must be True or False, not 'no'"),
    ({"strict": None}, "strict must be True or False"),
    ({"lifetime": "60"}, "lifetime must be seconds, or None for no limit, not '60'"),
    ({"go_away_before": None}, "go_away_before must be seconds, not"),
    ({"handle_expiry": True}, "handle_expiry must be seconds, not True"),
    ({"clock": 3}, "clock must be a Clock or None, not 3"),
]
MIMI_WRONG = [
    ({"faults": ["close"]}, r"simulators.faults.fault\('close'\)\]; faults\[0\]"),
    ({"faults": [GEMINI]}, "the GeminiFault 'quota' of another service"),
    ({"recogniser": "phrases"}, "recogniser must be .*not 'phrases'"),
    ({"token": 3}, "token must be a str, several,.* not int"),
    ({"token": b"secret"}, "token must be .*, not bytes$"),
    ({"processes": "asr"}, r"processes must be several names.*\[\"asr\"\], not 'asr'"),
    ({"idle_timeout": "3"}, "idle_timeout must be seconds"),
    ({"strict": 1}, "strict must be True or False, not 1"),
    ({"close_codes": [1]}, "close_codes must be a mapping"),
    ({"close_codes": {"idle": "4003"}}, "close_codes must be a mapping"),
]
VOX_WRONG = [
    ({"scenario": "call"}, r"scenario must be a function.*scenario\(engine\).*'call'"),
    ({"faults": ["gaps"]}, r"voximplant_faults.fault\('close'\)\]; faults\[0\]"),
    ({"faults": [MIMI]}, "the Fault 'close' of another service"),
    ({"told": 3}, r"told must be a function.*told\(entry\)"),
    ({"life": None}, "life must be seconds"),
    ({"clock": 3}, r"clock must be Clock\(\.\.\.\) or None, not 3"),
    ({"options": {"inbox": 3}}, r"options must be SessionOptions\(\.\.\.\) or None"),
]


@pytest.mark.parametrize(
    ("service", "wrong", "words"),
    [
        *((GeminiService, *each) for each in GEMINI_WRONG),
        *((MimiService, *each) for each in MIMI_WRONG),
        *((VoxEngine, *each) for each in VOX_WRONG),
    ],
)
def test_what_is_no_such_thing(service, wrong, words):
    """The error names the argument, what is wanted, and what was given."""
    with pytest.raises(TypeError, match=words):
        service(**wrong)


@pytest.mark.parametrize(
    ("service", "wrong"),
    [
        (GeminiService, {"lifetime": -1}),
        (GeminiService, {"go_away_before": float("nan")}),
        (MimiService, {"idle_timeout": -0.1}),
        (VoxEngine, {"life": -1}),
    ],
)
def test_times_that_make_no_sense(service, wrong):
    """Less than nothing, or not a number."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be 0 s or more"):
        service(**wrong)


def test_what_is_right():
    """Lists, generators and functions are taken, and so is any object that fits."""

    class Mute:
        def say(self, text):
            return iter(())

    made = (each for each in [GEMINI])
    GeminiService(faults=made, keys=str.isdigit, voice=Mute(), models={"a"})
    MimiService(faults=(MIMI,), token=["a", "b"], idle_timeout=None)
    VoxEngine(print, faults=[VOX], told=print)


def test_secrets_are_not_shown():
    """Neither a key nor a token is in the error."""
    for service, name in ((GeminiService, "keys"), (MimiService, "token")):
        for wrong in (b"s3cret", [b"s3cret"], ["s3cret", 3]):
            with pytest.raises(TypeError) as caught:
                service(**{name: wrong})
            assert "s3cret" not in str(caught.value)


def test_what_was_given_in_few_words():
    """A long text or an object is told by its type."""
    assert kind_of("x" * 100) == "an object of type str"
    assert kind_of([]) == "an object of type list"
    with pytest.raises(TypeError, match="not an object of type dict"):
        check_part("voice", {}, "say", "a voice")
