"""Messages that are like the one before: what they say is what the long way says."""

import json
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini import likeness as module
from voxsync.dialects.gemini.likeness import Likeness
from voxsync.dialects.gemini.parsing import parse
from voxsync.errors import ProtocolError

CALM = settings(deadline=None)
USUAL = "audio/pcm;rate=24000"
PLAIN = '{"serverContent":{"modelTurn":{"role":"model","parts":[{"inlineData":%s}]}}}'


def message(data, mime_type=USUAL, role="model", *, turned=False, **how):
    """A message of one audio part; `turned`: keys in the other order."""
    blob = {"mimeType": mime_type, "data": data}
    turn = {"role": role, "parts": [{"inlineData": blob}]}
    if turned:
        turn["parts"] = [{"inlineData": dict(reversed(blob.items()))}]
        turn = dict(reversed(turn.items()))
    return json.dumps({"serverContent": {"modelTurn": turn}}, **how)


def encoded(pcm):
    return b64encode(pcm).decode()


def said(data, known=None):
    """All that a message says, or that it cannot be read."""
    try:
        (found,) = parse(data, known)
    except ProtocolError as exc:
        return str(exc), exc.raw
    inline = getattr(found, "inline", None)
    return found, json.dumps(found.raw), inline, getattr(found, "model_turn", None)


def learned(*messages):
    known = Likeness()
    for each in messages:
        said(each, known)
    return known


def test_what_is_like_the_one_before_is_read_without_json(monkeypatch):
    known = learned(message(encoded(b"1234")))
    monkeypatch.setattr(module, "read_object", None)
    monkeypatch.setattr("voxsync.dialects.gemini.parsing.read_object", None)
    (found,) = parse(message(encoded(b"56")), known)
    assert found.inline == ((USUAL, b"56"),)
    assert found.raw == json.loads(message(encoded(b"56")))
    assert found.model_turn.role == "model"


@pytest.mark.parametrize("how", [{}, {"indent": 2}, {"separators": (",", ":")}])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", [str, str.encode])
def test_however_it_is_written(how, turned, kind):
    first = kind(message(encoded(b"1234"), turned=turned, **how))
    second = kind(message(encoded(b"5678"), turned=turned, **how))
    known = learned(first)
    assert known.read(second) is not None
    assert said(second, known) == said(second)


@pytest.mark.parametrize(
    "data",
    [
        "",
        encoded(bytes(7)),
        urlsafe_b64encode(b"\xfb\xef\xff").decode(),
        encoded(b"1").rstrip("="),
    ],
)
def test_any_base64_will_do(data):
    known = learned(message(encoded(b"1234")))
    assert known.read(message(data)) is not None
    assert said(message(data), known) == said(message(data))


@pytest.mark.parametrize(
    "other",
    [
        message("no base64"),
        message("AAA\\"),
        message("AAAA", role="user"),
        message("AAAA", "audio/pcm;rate=16000"),
        message("AAAA", indent=1),
        message("AAAA") + " ",
        message("AAAA")[:-1],
        message("AAAA").replace("AAAA", '","data":"BBBB'),
        message("AAAA").encode().replace(b"AAAA", b"\xff"),
        message("AAAA").encode("utf-16"),
        '{"serverContent":{"turnComplete":true}}',
        "",
    ],
)
def test_others_are_read_the_long_way(other):
    known = learned(message(encoded(b"1234")))
    assert known.read(other) is None
    assert said(other, known) == said(other)


def test_head_and_tail_do_not_share_characters():
    known = learned(PLAIN % '{"mimeType":"a","data":"AAAA"}')
    assert known.read(message("AAAA")[:10]) is None
    overlapping = (PLAIN % '{"mimeType":"a","data":"}').replace('"}}', '"}')
    assert said(overlapping, known) == said(overlapping)


@pytest.mark.parametrize(
    "blob",
    [
        '{"mimeType":"a","data":"\\u0041AAA"}',  # it is not written as it reads
        '{"mimeType":"a","data":"\\nnnn"}',
        '{"mimeType":"AAAA","data":"AAAA"}',  # another place
        '{"data":"AAAA","mimeType":"a","data":"AAAA"}',  # the second one counts
        '{"mimeType":"a","data":""}',  # no place at all
    ],
)
def test_what_cannot_be_told_apart_is_not_learned(blob):
    text = PLAIN % blob
    known = Likeness()
    said(text, known)
    assert known.read(text) is None
    assert said(text, known) == said(text)


def test_the_latest_likeness_counts():
    first, second = (message("AAAA", f"audio/pcm;rate={rate}000") for rate in (16, 24))
    known = learned(first, second)
    assert known.read(first) is None
    assert known.read(second) is not None


def test_several_parts_have_no_likeness():
    text = message("AAAA").replace("[{", '[{"inlineData":{"mimeType":"a","data":""}},{')
    assert learned(text).read(text) is None


def test_nothing_long_is_kept():
    text = message("AAAA", "a" * 1000)
    assert learned(text).read(text) is None


def test_who_changes_a_message_changes_no_other():
    text = message("AAAA")
    known = Likeness()
    for _ in range(3):
        (found,) = parse(text, known)
        assert found.raw == json.loads(text)
        turn = found.raw["serverContent"]["modelTurn"]
        turn["parts"][0]["inlineData"]["mimeType"] = "b"
        turn["role"] = "user"
        del found.raw["serverContent"]


PLAIN_TEXT = st.text('AB/+-_=\\"n ü', max_size=6)
MESSAGES = st.builds(
    message,
    st.binary(max_size=9).map(encoded) | PLAIN_TEXT,
    st.sampled_from([USUAL, "AAAA", "ü"]),
    st.sampled_from(["model", "AAAA", 'a"']),
    turned=st.booleans(),
    ensure_ascii=st.booleans(),
)


@given(st.lists(MESSAGES, min_size=1, max_size=6))
@CALM
def test_it_says_the_same_as_the_long_way(texts):
    known = Likeness()
    for text in texts:
        assert said(text, known) == said(text)


@given(MESSAGES, PLAIN_TEXT, st.integers(0, 200), st.integers(0, 200))
@CALM
def test_it_says_the_same_of_what_was_cut_and_mended(text, patch, start, stop):
    known = learned(message("AAAA"), text)
    for whole in (text, message("AAAA")):
        broken = whole[:start] + patch + whole[stop:]
        assert said(broken, known) == said(broken)
