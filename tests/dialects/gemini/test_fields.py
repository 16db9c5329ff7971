"""Fields that are checked, and keys in two cases."""

# ruff: noqa: RUF009 - option() makes a dataclasses.field of immutable things
import json
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini.fields import (
    WireObject,
    boolean,
    camel,
    choice,
    each,
    member,
    nested,
    number,
    option,
    recased,
    snake,
    sort_keys,
    string,
    strings,
    struct,
    to_wire,
    whole,
)

# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORDS = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), min_size=1)


class Colour(StrEnum):
    RED = "COLOUR_RED"
    BLUE = "COLOUR_BLUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner(WireObject):
    high_value: int | None = option(whole(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer(WireObject):
    the_inner: Inner | None = option(nested(Inner))
    user_data: dict | None = option(struct)


@pytest.mark.parametrize(
    ("snaky", "camelly"),
    [
        ("mime_type", "mimeType"),
        ("text", "text"),
        ("lat_lng", "latLng"),
        ("a_b_c", "aBC"),
        ("x_2", "x2"),
        ("_private", "_private"),
        ("", ""),
    ],
)
def test_camel(snaky, camelly):
    """A letter behind an underscore becomes a capital; other names stay."""
    assert camel(snaky) == camelly
    assert camel(camelly) == camelly


@pytest.mark.parametrize(
    ("camelly", "snaky"),
    [("mimeType", "mime_type"), ("text", "text"), ("URL", "URL"), ("aB", "a_b")],
)
def test_snake(camelly, snaky):
    """A capital behind a small letter gets an underscore; other names stay."""
    assert snake(camelly) == snaky
    assert snake(snaky) == snaky


@CALM
@given(WORDS)
def test_every_name_survives_the_way_there_and_back(words):
    """Names of words that begin with letters come back as they went."""
    words = [words[0], *("q" + word for word in words[1:])]
    name = "_".join(word + "x" for word in words)
    assert snake(camel(name)) == name


def test_member_takes_both_cases():
    """The name on the wire is looked for first, then the one of Python."""
    assert member({"mimeType": 1, "mime_type": 2}, "mimeType") == 1
    assert member({"mime_type": 2}, "mimeType") == 2
    assert member({"mimeType": None, "mime_type": 2}, "mimeType", 3) is None
    assert member({}, "mimeType", 3) == 3


@pytest.mark.parametrize(
    ("kind", "good", "sent"),
    [
        (string, "a", "a"),
        (string, Colour.RED, "COLOUR_RED"),
        (strings, ("a", "b"), ["a", "b"]),
        (boolean, False, False),
        (number(), -1.5, -1.5),
        (number(0, 1), 1, 1),
        (number(0), 7, 7),
        (whole(), -7, -7),
        (whole(1), 1, 1),
        (choice(Colour), Colour.RED, "COLOUR_RED"),
        (choice(Colour), "COLOUR_BLUE", "COLOUR_BLUE"),
        (each(whole(0)), (1, 2), [1, 2]),
        (each(whole(0)), [], []),
        (nested(Inner), Inner(high_value=1), {"highValue": 1}),
        (
            nested(Inner),
            {"high_value": 1, "so_new": {"a_b": 1}},
            {"highValue": 1, "soNew": {"a_b": 1}},
        ),
        (struct, MappingProxyType({"a_b": 1}), {"a_b": 1}),
        (recased(), {"a_b": {"c_d": 1}, "eF": None}, {"aB": {"c_d": 1}, "eF": None}),
        (recased(aB=recased()), {"a_b": {"c_d": 1}}, {"aB": {"cD": 1}}),
        (recased(aB=recased()), {"a_b": None}, {"aB": None}),
        (recased(aB=recased()), {}, {}),
    ],
)
def test_what_kinds_take(kind, good, sent):
    """A value that makes sense stands on the wire as JSON has it."""
    found = kind("x", good)
    assert found == sent
    assert type(found) is type(json.loads(json.dumps(found)))


@pytest.mark.parametrize(
    ("kind", "bad", "error", "words"),
    [
        (string, "", ValueError, "x is empty"),
        (string, 1, TypeError, "x must be a str, not int"),
        (strings, "ab", TypeError, "x must be a list or tuple, not str"),
        (strings, ["a", ""], ValueError, r"x\[1\] is empty"),
        (boolean, 1, TypeError, "x must be a bool, not int"),
        (number(), True, TypeError, "x must be a number, not bool"),
        (number(), "1", TypeError, "x must be a number, not str"),
        (number(), float("nan"), ValueError, "x must be finite, not nan"),
        (number(), float("inf"), ValueError, "x must be finite"),
        (number(0), -1, ValueError, "x must be 0 or more, not -1"),
        (number(0, 1), 1.5, ValueError, "x must be from 0 to 1, not 1.5"),
        (number(high=1), 2, ValueError, "x must be at most 1, not 2"),
        (whole(), 1.0, TypeError, "x must be a whole number, not float"),
        (whole(), True, TypeError, "x must be a whole number, not bool"),
        (whole(1), 0, ValueError, "x must be 1 or more, not 0"),
        (choice(Colour), "RED", ValueError, "one of COLOUR_RED, COLOUR_BLUE, not 'R"),
        (choice(Colour), 1, TypeError, "x must be Colour or its name as a str"),
        (each(whole(0)), {1}, TypeError, "x must be a list or tuple, not set"),
        (each(whole(0)), [1, -1], ValueError, r"x\[1\] must be 0 or more"),
        (nested(Inner), 1, TypeError, "x must be Inner or a dict, not int"),
        (nested(Inner), {"highValue": -1}, ValueError, "Inner.high_value must be 0"),
        (nested(Inner), {1: 1}, TypeError, "a key of x must be a str, not int"),
        (struct, [1], TypeError, "x must be a mapping, not list"),
        (recased(), [1], TypeError, "x must be a dict, not list"),
        (recased(aB=recased()), {"a_b": 1}, TypeError, "x.aB must be a dict, not int"),
        (recased(), {"a_b": 1, "aB": 2}, ValueError, "x has 'aB' twice"),
    ],
)
def test_what_kinds_refuse(kind, bad, error, words):
    """What makes no sense is refused by its name; its value may be a secret."""
    with pytest.raises(error, match=words):
        kind("x", bad)


def test_an_object_on_the_wire():
    """Names are re-cased, None is left out, the application's own stays."""
    assert Outer().wire() == {}
    outer = Outer(the_inner=Inner(high_value=0), user_data={"my_key": None})
    assert outer.wire() == {"theInner": {"highValue": 0}, "userData": {"my_key": None}}


def test_an_object_is_checked_when_it_is_made():
    """The mistake is told where it stands, by class and field."""
    with pytest.raises(TypeError, match=r"Outer\.user_data must be a mapping, not int"):
        Outer(user_data=1)
    with pytest.raises(ValueError, match=r"Inner\.high_value must be 0 or more"):
        Outer(the_inner={"highValue": -1})


@pytest.mark.parametrize(
    "given",
    [
        Outer(the_inner=Inner(high_value=1), user_data={"a_b": 1}),
        Outer(the_inner={"highValue": 1}, user_data={"a_b": 1}),
        {"theInner": {"highValue": 1}, "userData": {"a_b": 1}},
        {"the_inner": {"high_value": 1}, "user_data": {"a_b": 1}},
        MappingProxyType({"the_inner": Inner(high_value=1), "userData": {"a_b": 1}}),
    ],
)
def test_dicts_stand_for_objects(given):
    """An object and a dict in either case, at any depth, are sent alike."""
    wanted = {"theInner": {"highValue": 1}, "userData": {"a_b": 1}}
    assert to_wire("x", given, Outer) == wanted


def test_what_is_not_known_goes_along():
    """Keys newer than this library are sent, re-cased, with their values as are."""
    sent = to_wire("x", {"new_thing": {"a_b": 1}, "userData": None}, Outer)
    assert sent == {"newThing": {"a_b": 1}}


def test_a_key_in_both_cases_is_refused():
    """Nobody can say which of the two was meant."""
    with pytest.raises(ValueError, match=r"x has 'userData' twice, once in each case"):
        to_wire("x", {"user_data": {}, "userData": {}}, Outer)


@CALM
@given(st.dictionaries(st.text(max_size=8), st.integers(), max_size=6))
def test_no_key_is_lost(given):
    """Every key is in one of the two heaps, or named as being there twice."""
    if len({camel(key) for key in given}) < len(given):
        with pytest.raises(ValueError, match="twice"):
            sort_keys("x", given, ())
        return
    known, extra = sort_keys("x", given, ())
    assert known == {}
    assert sorted(extra.values()) == sorted(given.values())
