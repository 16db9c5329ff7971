"""Tables of fields: both spellings, every kind, and what breaks them."""

import pytest

from voxsync.simulators.gemini_schema import (
    ANY,
    BOOL,
    BYTES,
    INTEGER,
    NUMBER,
    STRUCT,
    TEXT,
    BadRequest,
    Reader,
    choice,
    fields,
    many,
)

TABLE = fields(
    someText=TEXT,
    isIt=BOOL,
    howMuch=NUMBER,
    howMany=INTEGER,
    rawData=BYTES,
    freeForm=STRUCT,
    whatever=ANY,
    oneOf=choice("RED", "GREEN"),
    names=many(TEXT),
)


def read(value, *, strict=True):
    reader = Reader(strict=strict)
    return TABLE(reader, value, "it"), reader.unknown


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"someText": "a"}, {"someText": "a"}),
        ({"some_text": "a", "is_it": True}, {"someText": "a", "isIt": True}),
        ({"howMuch": 1}, {"howMuch": 1}),
        ({"howMany": "-12"}, {"howMany": -12}),
        ({"howMany": 3.0}, {"howMany": 3}),
        ({"rawData": "-_8="}, {"rawData": b"\xfb\xff"}),
        ({"rawData": "+/8"}, {"rawData": b"\xfb\xff"}),
        ({"rawData": ""}, {"rawData": b""}),
        ({"freeForm": {"snake_case": 1}}, {"freeForm": {"snake_case": 1}}),
        ({"whatever": [None]}, {"whatever": [None]}),
        ({"oneOf": "RED"}, {"oneOf": "RED"}),
        ({"names": ["a", "b"]}, {"names": ["a", "b"]}),
        ({"someText": None}, {}),
    ],
)
def test_values_are_read(given, meant):
    """Names come out in lowerCamelCase, values as what they mean."""
    assert read(given) == (meant, [])


@pytest.mark.parametrize(
    ("given", "rule", "words"),
    [
        ({"someText": 1}, "wrong_type", "it.someText must be a string, not a number"),
        ({"isIt": "true"}, "wrong_type", "a boolean, not a string"),
        ({"howMuch": True}, "wrong_type", "a number, not a boolean"),
        ({"howMany": "3x"}, "wrong_type", "a whole number"),
        ({"howMany": 3.5}, "wrong_type", "a whole number"),
        ({"howMany": True}, "wrong_type", "a whole number"),
        ({"rawData": "%%%%"}, "bad_base64", "it.rawData is not base64"),
        ({"rawData": "Ü"}, "bad_base64", "it.rawData is not base64"),
        ({"rawData": 3}, "wrong_type", "base64"),
        ({"freeForm": []}, "wrong_type", "an object, not a list"),
        ({"oneOf": "BLUE"}, "bad_value", "RED, GREEN, not 'BLUE'"),
        ({"oneOf": {}}, "bad_value", "not an object"),
        ({"names": "ab"}, "wrong_type", "a list"),
        ({"names": ["a", None]}, "wrong_type", "it.names[1] must be a string"),
        ({"someText": "a", "some_text": "b"}, "field_twice", "is there twice"),
        ({"other": 1}, "unknown_field", "it has no field 'other'"),
        ([], "wrong_type", "it must be an object"),
    ],
)
def test_what_is_wrong_is_named(given, rule, words):
    """The close reason says where, what was expected, and what came."""
    with pytest.raises(BadRequest) as caught:
        read(given)
    assert caught.value.rule == rule
    assert caught.value.code == 1007
    assert words in str(caught.value)


def test_unknown_fields_may_be_borne():
    """Then they are told of, so many at most."""
    assert read({"other": 1, "isIt": False}, strict=False) == (
        {"isIt": False},
        ["it.other"],
    )
    many_of_them = {str(number): 1 for number in range(3000)}
    assert len(read(many_of_them, strict=False)[1]) == 1000
