"""Values of the service: read with patience, refused by name."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini.reading import (
    duration,
    enum,
    flag,
    listed,
    members,
    obj,
    pcm_rate,
    read_members,
    read_object,
    require_shallow,
    seconds,
    text,
    whole,
)
from voxsync.errors import ProtocolError

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(), st.integers(), max_size=2),
)


def nested(levels):
    """An object of so many levels, lists among them."""
    found = {}
    for level in range(levels - 1, 0, -1):
        found = {"a": found} if level % 2 else [found]
    return found


@pytest.mark.parametrize("kind", [str, str.encode])
def test_objects_in_text_and_binary(kind):
    """Printed nicely or not."""
    assert read_object(kind('\n{ "a":\t["\u00e9"]\n}\n')) == {"a": ["\u00e9"]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"a":1}{"b":2}', "not JSON"),
        (b"\xff{}", "not JSON"),
        (b"\x00\x01\x02", "not JSON"),
        ('{"a":NaN}', "not JSON"),
        ('{"a":-Infinity}', "not JSON"),
        ('{"a":' + "9" * 5000 + "}", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ("[]", r"not an object \(list\)"),
        ("null", "not an object"),
        ('"text"', "not an object"),
        ("1e999", "not an object"),
    ],
)
def test_what_is_no_object(data, words):
    """It is told with what came."""
    with pytest.raises(ProtocolError, match=words) as caught:
        read_object(data)
    assert caught.value.raw == data
    assert caught.value.code is None


@pytest.mark.parametrize("levels", [1, 2, 99, 100])
def test_shallow_enough(levels):
    """A hundred levels are what others take, too."""
    require_shallow(nested(levels))


@pytest.mark.parametrize("levels", [101, 102, 500])
def test_too_deep(levels):
    """Deeper ones would break a repr or a comparison later."""
    with pytest.raises(ProtocolError, match="100 levels"):
        require_shallow(nested(levels))


TABLE = read_members(some_text=text, is_so=flag)


def test_members_in_both_cases():
    """Unknown ones are passed over, and null is absent."""
    assert members({"someText": "a", "other": 1}, "x", TABLE) == {"some_text": "a"}
    assert members({"some_text": "a", "is_so": True}, "x", TABLE) == {
        "some_text": "a",
        "is_so": True,
    }
    assert members({"someText": None}, "x", TABLE) == {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "x must be an object, not list"),
        ({"someText": 5}, "x.someText must be a string, not int"),
        ({"is_so": 1}, "x.is_so must be true or false, not int"),
    ],
)
def test_members_that_are_wrong(value, words):
    """The message names the place."""
    with pytest.raises(ProtocolError, match=words):
        members(value, "x", TABLE)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (text, "", ""),
        (obj, {"a": 1}, {"a": 1}),
        (flag, True, True),
        (flag, False, False),
        (flag, "true", True),
        (flag, "false", False),
        (whole, 42, 42),
        (whole, "42", 42),
        (whole, "-1", -1),
        (whole, str(2**63 - 1), 2**63 - 1),
        (whole, -(2**63), -(2**63)),
        (enum, "IDLE", "IDLE"),
        (enum, 7, "7"),
        (seconds, "1.5s", 1.5),
        (listed(text), [], ()),
        (listed(whole), ["1", 2], (1, 2)),
    ],
)
def test_values(read, value, expected):
    """What proto3 JSON may write."""
    found = read(value, "x")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (text, 1),
        (obj, "a"),
        (flag, "True"),
        (flag, 0),
        (flag, None),
        (whole, True),
        (whole, 1.0),
        (whole, "1.0"),
        (whole, "\u0663"),
        (whole, ""),
        (whole, 2**63),
        (whole, "9" * 19),
        (whole, "9" * 5000),
        (enum, 2**70),
        (enum, []),
        (seconds, 5),
        (listed(text), "ab"),
        (listed(text), [None]),
    ],
)
def test_values_that_are_wrong(read, value):
    """They are refused by the name of their place, not repeated."""
    with pytest.raises(ProtocolError, match="x must be") as caught:
        read(value, "x")
    assert len(str(caught.value)) < 100


@settings(deadline=None)  # a busy machine is no fault of a test's
@given(ANYTHING)
def test_readers_raise_nothing_else(value):
    """Whatever comes."""
    for read in (text, obj, flag, whole, enum, seconds, listed(whole)):
        try:
            read(value, "x")
        except ProtocolError:
            continue
    assert duration(value) is None or isinstance(duration(value), float)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("58.2s", 58.2),
        ("3.000000001s", 3.000000001),
        ("0s", 0.0),
        ("-2s", -2.0),
        ("58", None),
        ("s", None),
        (".5s", None),
        ("1e400s", None),
        ("infs", None),
        ("1" * 13 + "s", None),
        ("1s\n", None),
        (58.2, None),
        (None, None),
    ],
)
def test_durations(value, expected):
    """Seconds, with all their digits."""
    assert duration(value) == expected


@pytest.mark.parametrize(
    ("mime_type", "expected"),
    [
        ("audio/pcm;rate=24000", 24000),
        ("audio/pcm", 24000),
        ("Audio/PCM; Rate = 16000", 16000),
        ('audio/L16;codec=pcm;rate="44100"', 44100),
        ("audio/raw;channels=1", 24000),
        ("audio/pcm;rate=1", 1),
        ("audio/pcm;rate=384000", 384000),
        ("audio/pcm;rate=384001", None),
        ("audio/pcm;rate=0", None),
        ("audio/pcm;rate=" + "9" * 5000, None),
        ("audio/pcm;rate=fast", None),
        ("audio/pcm;rate=-5", None),
        ("audio/wav", None),
        ("audio/x-wav;rate=24000", None),
        ("audio/mpeg", None),
        ("audio/ogg; codecs=opus", None),
        ("audio/wavelet", 24000),
        ("video/mp4", None),
        ("image/jpeg", None),
        ("", None),
    ],
)
def test_what_can_sound(mime_type, expected):
    """Raw samples at a rate that makes sense."""
    assert pcm_rate(mime_type) == expected


def test_long_values():
    """Long ones are looked at once; else these would not end."""
    assert pcm_rate("audio/pcm" + ";rate " * 200_000) == 24000
    assert pcm_rate("audio/pcm;" + " " * 1_000_000) == 24000
    require_shallow(read_object(json.dumps({"a": [[]] * 300_000})))
