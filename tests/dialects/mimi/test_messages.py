"""Options and results of the mimi service."""

import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.dialects.mimi import (
    AsrResult,
    AsrWord,
    NictOptions,
    NictV1Item,
    NictV1Result,
    NictV2Result,
    NictV2Segment,
    UnknownResult,
    parse_result,
)
from voxsync.dialects.mimi.messages import join_text

DATA = pathlib.Path(__file__).parents[2] / "data"
ASR, V1, V2 = "asr#mimilvcsr", "asr#nictlvcsr", "asr#nictlvcsr2"


def golden(name):
    lines = (DATA / f"mimi_{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def parsed(kind, response, language="ja", status="recog-in-progress"):
    return parse_result(
        {"type": kind, "status": status, "response": response}, language
    )


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (
            {},
            (
                "response_format=v2;progressive=false;temporary=true;"
                "temporary_interval=1500"
            ),
        ),
        (
            {"progressive": True, "temporary": False, "temporary_interval": 300},
            (
                "response_format=v2;progressive=true;temporary=false;"
                "temporary_interval=300"
            ),
        ),
        ({"response_format": "v1", "progressive": True}, "response_format=v1"),
    ],
)
def test_nict_header(options, value):
    """The options header has the official SDK's order and lower-case booleans."""
    assert NictOptions(**options).header_value == value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"response_format": "v3"}, "'v1' or 'v2'"),
        ({"temporary_interval": 0}, "1 or more"),
        ({"temporary_interval": 1.5}, "whole milliseconds"),
    ],
)
def test_nict_options_are_checked(options, words):
    """A value the service does not know is refused where it is written."""
    with pytest.raises(ValueError, match=words):
        NictOptions(**options)


def test_asr():
    """An asr result has its words, with readings and times."""
    *_, last = golden("asr")
    result = parse_result(last, "ja")
    assert type(result) is AsrResult
    assert result.response[2] == AsrWord("ナガレル", "流れる", 600, 1080)
    assert result.text == "川が流れる"
    assert result.type == ASR
    assert result.session_id == "3d0b7c52-0000-4000-8000-00000000000a"
    assert result.raw is last


def test_only_recog_finished_is_final():
    """`is_final` is the status recog-finished; other words are tolerated."""
    finals = [parse_result(obj, "ja").is_final for obj in golden("asr")]
    assert finals == [False, False, False, True]
    odd = parsed(ASR, [], status="recog-paused")
    assert (odd.is_final, odd.status) == (False, "recog-paused")


def test_key_order_does_not_matter():
    """The service's key order varies by engine."""
    obj = golden("asr")[2]
    mixed = dict(reversed(obj.items()))
    assert parse_result(mixed, "ja") == parse_result(obj, "ja")


def test_nict_v1():
    """A v1 result has a word's grammar in fields; markers are no text."""
    (obj,) = golden("nict_v1")
    result = parse_result(obj, "ja")
    assert type(result) is NictV1Result
    assert result.text == "川が流れる"
    assert result.response[2] == NictV1Item(
        "流れる",
        "ナガレル",
        "流れる",
        "動詞-自立",
        "一段",
        "基本形",
        "",
        "流れる|ナガレル|流れる|動詞-自立|一段|基本形||",
    )
    assert [item.is_marker for item in result.response] == [False] * 3 + [True] * 2


@pytest.mark.parametrize("text", ["", "川", "川|カワ", "川|||||||||||", None])
def test_nict_v1_fields_may_be_few_or_many(text):
    """A short or long list of fields is read as far as it goes."""
    (item,) = parsed(V1, [{"result": text}]).response
    assert item.surface == (text or "").partition("|")[0]
    assert item.proper_noun_class == ""
    assert item.raw == (text or "")


def test_nict_v1_marks_do_not_leave_spaces():
    """In a language with spaces markers vanish with theirs."""
    items = [{"result": f"{word}|||x"} for word in ("good", "", "day")]
    assert parsed(V1, [*items, {"result": "|||UTT-END"}], "en").text == "good day"


def test_nict_v2():
    """A v2 result has segments that say whether they are fixed."""
    first, *_, last = (parse_result(obj, "ja") for obj in golden("nict_v2"))
    assert type(first) is NictV2Result
    assert first.response == (NictV2Segment("川が", ("川", "が"), False, 200),)
    assert last.text == "川が流れる。鳥が鳴く。"
    assert [segment.determined for segment in last.response] == [True, True]


@pytest.mark.parametrize(
    ("status", "determined", "read"),
    [
        ("recog-in-progress", None, False),
        ("recog-finished", None, True),
        ("recog-finished", False, False),
        ("recog-in-progress", True, True),
        ("recog-finished", "yes", False),
    ],
)
def test_nict_v2_determined_has_a_default(status, determined, read):
    """Where `determined` is missing, the last message counts as fixed."""
    item = {"result": "川", "determined": determined}
    (segment,) = parsed(V2, [item], status=status).response
    assert segment.determined is read


def test_nict_v2_odd_words():
    """Words that are no text are left out; no list of words is no words."""
    odd = [{"result": "川", "words": ["川", None, 3]}, {"result": "川", "words": "川"}]
    found = [segment.words for segment in parsed(V2, odd).response]
    assert found == [("川",), ()]


@pytest.mark.parametrize(
    ("time", "read"),
    [
        ([10, 20], (10, 20)),
        ([10, 20, 30], (10, 20)),
        ([10], (10, None)),
        ([], (None, None)),
        (None, (None, None)),
        (10, (None, None)),
        ([None, "20"], (None, None)),
        ([10.4, 19.6], (10, 20)),
        ([float("nan"), float("inf")], (None, None)),
        ([True, 20], (None, 20)),
    ],
)
def test_times(time, read):
    """Times are read as far as they are numbers, and None otherwise."""
    (word,) = parsed(ASR, [{"result": "川", "time": time}]).response
    assert (word.start_ms, word.end_ms) == read


@pytest.mark.parametrize("kind", [ASR, V1, V2])
@pytest.mark.parametrize("response", [None, [], [None]])
def test_nothing_said(kind, response):
    """An absent, empty or null response is a result without text."""
    result = parsed(kind, response)
    assert not isinstance(result, UnknownResult)
    assert result.response == ()
    assert result.text == ""
    assert parse_result({"type": kind}, "ja").status == ""


@pytest.mark.parametrize("kind", [ASR, V1, V2])
@pytest.mark.parametrize("response", ["text", {}, 3, ["text"], [[]], [{"result": 3}]])
def test_odd_shapes_are_unknown(kind, response):
    """A known type in a shape never seen is UnknownResult with all of it."""
    result = parsed(kind, response, status="recog-finished")
    assert type(result) is UnknownResult
    assert result.raw["response"] == response
    assert (result.type, result.text, result.is_final) == (kind, "", True)


@pytest.mark.parametrize(
    "obj", [{}, {"type": None}, {"type": 3, "status": [], "session_id": {}}]
)
def test_missing_common_keys_are_empty(obj):
    """An object without type, status or session id is still a result."""
    result = parse_result(obj, "ja")
    assert type(result) is UnknownResult
    assert (result.type, result.status, result.session_id) == ("", "", "")


def test_results_can_be_compared_and_hashed():
    """Results are values, though a JSON object is in them."""
    objects = golden("nict_v2")
    assert len({parse_result(obj, "ja") for obj in [*objects, *objects]}) == 3
    assert "raw" not in repr(parse_result(objects[0], "ja"))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", "a b"),
        ("JA", "a b"),
        ("zh-TW", "a b"),
        ("zh_CN", "a b"),
        ("cmn-Hans-CN", "a b"),
        ("th", "a b"),
        ("my", "a b"),
        ("en", "a b"),
        ("ko", "a b"),
        ("pt-BR", "a b"),
    ],
)
def test_join_text(language, text):
    """Languages that write spaces get one between pieces, never two."""
    spaced = language in ("en", "ko", "pt-BR")
    parts = ["a", "", " b "] if spaced else ["a", "", " ", "b"]
    assert join_text(parts, language) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["result", "time", "words", "determined", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from([ASR, V1, V2, "lid"]) | JSON,
            "status": st.sampled_from(["recog-finished", "recog-in-progress"]) | JSON,
            "session_id": JSON,
            "response": JSON,
            "x": JSON,
        },
    )
)
def test_no_object_is_refused(obj):
    """Whatever the object, there is a result, and nothing of the object is lost."""
    result = parse_result(obj, "en")
    assert result.raw is obj
    assert isinstance(result.text, str)
    assert result.is_final is (obj.get("status") == "recog-finished")


def test_the_room_loads_its_names_when_asked():
    """All public names resolve; others are attribute errors."""
    from voxsync.dialects import mimi

    assert all(getattr(mimi, name) is not None for name in mimi.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mimi.nonsense
