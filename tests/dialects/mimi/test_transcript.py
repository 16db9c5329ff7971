"""The text of a session by each engine's own rule."""

import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.dialects.mimi import Segment, Transcript, parse_result

DATA = pathlib.Path(__file__).parents[2] / "data"
ASR, V1, V2 = "asr#mimilvcsr", "asr#nictlvcsr", "asr#nictlvcsr2"


def golden(name):
    lines = (DATA / f"mimi_{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def message(kind, *items, final=False):
    status = "recog-finished" if final else "recog-in-progress"
    return {"type": kind, "status": status, "response": list(items)}


def segment(text, determined, time=None):
    return {"result": text, "determined": determined, "time": time}


def told(objects, language="ja"):
    transcript = Transcript(language)
    for obj in objects:
        transcript.add(parse_result(obj, language))
    return transcript


def steps(objects):
    """(final_text, pending_text) after each message."""
    transcript, seen = Transcript("ja"), []
    for obj in objects:
        transcript.add(parse_result(obj, "ja"))
        seen.append((transcript.final_text, transcript.pending_text))
        assert transcript.text == transcript.final_text + transcript.pending_text
    assert transcript.is_final
    return seen


def test_nothing_yet():
    """Before the first result all is empty."""
    transcript = Transcript()
    assert transcript.language == "ja"
    assert (transcript.text, transcript.segments, transcript.types) == ("", (), ())
    assert not transcript.is_final


def test_asr_replaces():
    """Each asr message holds the whole text; only the last is final."""
    assert steps(golden("asr")) == [
        ("", ""),
        ("", "皮"),
        ("", "川が"),
        ("川が流れる", ""),
    ]


def test_nict_v1_says_all_at_once():
    """The one v1 message is the text."""
    transcript = told(golden("nict_v1"))
    assert transcript.final_text == transcript.text == "川が流れる"
    assert transcript.segments == (Segment("川が流れる", None, None, True),)


def test_nict_v2_progressive():
    """With progressive results the last message holds the tail only."""
    assert steps(golden("nict_v2_progressive")) == [
        ("", "皮が"),
        ("", "川が流れ"),
        ("川が流れる。", ""),
        ("川が流れる。", "取り"),
        ("川が流れる。鳥が鳴く。", ""),
    ]


def test_nict_v2_at_the_end():
    """Without progressive results the last message holds everything."""
    assert steps(golden("nict_v2")) == [
        ("", "川が"),
        ("", "川が流れる鳥"),
        ("川が流れる。鳥が鳴く。", ""),
    ]


def test_hypotheses_of_one_message_belong_together():
    """Several temporary items in a message are one hypothesis."""
    transcript = told(
        [
            message(V2, segment("old", False)),
            message(V2, segment("a", True), segment("b", False), segment("c", False)),
        ],
        "en",
    )
    assert transcript.text == "a b c"
    assert (transcript.final_text, transcript.pending_text) == ("a", "b c")


def test_a_hypothesis_yields_to_what_is_fixed_behind_it():
    """A determined item discards the temporary ones before it."""
    transcript = told([message(V2, segment("b", False), segment("a", True))])
    assert transcript.text == "a"


def test_an_empty_hypothesis_takes_the_old_one_back():
    """A temporary item without text leaves nothing pending."""
    transcript = told(
        [message(V2, segment("b", False)), message(V2, segment("", False))]
    )
    assert transcript.text == ""


def test_the_last_message_leaves_nothing_of_old_hypotheses():
    """recog-finished without a response ends what was pending."""
    transcript = told(
        [
            message(V2, segment("a", True), segment("b", False)),
            message(V2, segment("", True), final=True),
        ]
    )
    assert (transcript.text, transcript.is_final) == ("a", True)


def test_a_progress_message_without_items_changes_nothing():
    """An empty in-progress message of v2 keeps what was pending."""
    transcript = told([message(V2, segment("b", False)), message(V2)])
    assert transcript.pending_text == "b"


@pytest.mark.parametrize("name", ["asr", "nict_v1", "nict_v2", "nict_v2_progressive"])
def test_a_repeated_last_message_changes_nothing(name):
    """What comes after an engine's last word is ignored."""
    objects = golden(name)
    assert told([*objects, objects[-1]]).segments == told(objects).segments


def test_asr_segments_have_their_times():
    """Words carry start and end; a word without text is no segment."""
    words = [
        {"result": "川", "time": [0, 100]},
        {"result": "", "time": [100, 110]},
        {"result": "が", "time": [120]},
        {"result": "鳴", "time": [300, 400]},
    ]
    assert told([message(ASR, *words, final=True)]).segments == (
        Segment("川", 0, 100, True),
        Segment("が", 120, 300, True),
        Segment("鳴", 300, 400, True),
    )


def test_nict_v2_segments_end_where_the_next_starts():
    """Where only starts are told, the next start is the end; the last has none."""
    transcript = told(
        [message(V2, segment("a", True, 0)), message(V2, segment("b", False, 840))]
    )
    assert transcript.segments == (
        Segment("a", 0, 840, True),
        Segment("b", 840, None, False),
    )


@pytest.mark.parametrize(("first", "second"), [(None, 5), (5, None), (9, 5)], ids=str)
def test_no_end_is_made_up(first, second):
    """Without a start on both sides, or with time running back, there is no end."""
    made = message(V2, segment("a", True, first), segment("b", True, second))
    assert told([made]).segments[0].end_ms is None


def test_engines_keep_their_own_text():
    """Interleaved engines do not mix; the first seen is the transcript's."""
    first, second = golden("asr"), golden("nict_v2_progressive")
    mixed = [obj for pair in zip(second, first, strict=False) for obj in pair]
    transcript = told([*mixed, second[-1]])
    assert transcript.types == (V2, ASR)
    assert transcript.text == told(second).text
    assert transcript.for_type(V2).segments == transcript.segments
    assert transcript.for_type(ASR).text == "川が流れる"
    assert transcript.for_type(ASR).is_final


def test_a_view_is_live():
    """What is added later is seen by a view made before."""
    transcript = Transcript("ja")
    view = transcript.for_type(ASR)
    assert view.text == ""
    transcript.add(parse_result(golden("asr")[-1], "ja"))
    assert view.text == "川が流れる"


def test_engines_without_words_do_not_hide_the_text():
    """A first result of an unknown type is not taken for the text."""
    odd = {"type": "lid#x", "status": "recog-finished", "response": [{"lang": "ja"}]}
    alone = told([odd])
    assert (alone.text, alone.is_final, alone.types) == ("", True, ("lid#x",))
    both = told([odd, *golden("asr")])
    assert both.text == "川が流れる"
    assert both.for_type("lid#x").is_final


def test_an_unreadable_last_message_keeps_what_was_heard():
    """An odd final message ends the text but does not take it away."""
    odd = {"type": ASR, "status": "recog-finished", "response": "?"}
    transcript = told([golden("asr")[2], odd])
    assert (transcript.text, transcript.is_final) == ("川が", True)


ITEMS = st.builds(
    segment,
    st.sampled_from(["", "a", "b c", "d."]),
    st.booleans() | st.none(),
    st.none() | st.integers(0, 9),
)
MESSAGES = st.lists(
    st.builds(
        lambda kind, items, final: message(kind, *items, final=final),
        st.sampled_from([ASR, V1, V2, "other"]),
        st.lists(ITEMS, max_size=3),
        st.booleans(),
    ),
    max_size=8,
)


@given(MESSAGES)
def test_the_same_messages_give_the_same_text(objects):
    """A transcript depends on its messages only, and its parts make the whole."""
    one, other = told(objects, "en"), told(objects, "en")
    assert one.segments == other.segments
    assert one.text == " ".join(s.text for s in one.segments)
    parts = (one.final_text, one.pending_text)
    assert one.text == " ".join(part for part in parts if part)
    final = [s.is_final for s in one.segments]
    assert final == sorted(final, reverse=True)


@given(MESSAGES)
def test_engines_are_independent(objects):
    """What one engine says does not depend on what others say in between."""
    mixed = told(objects, "en")
    for kind in mixed.types:
        alone = told([obj for obj in objects if obj["type"] == kind], "en")
        assert mixed.for_type(kind).segments == alone.segments
