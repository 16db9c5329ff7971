import json

from voxsync.dialects.mimi import NictOptions, NictV1Result, Transcript, parse_result
from voxsync.simulators.mimi_request import MimiRequest
from voxsync.simulators.mimi_results import (
    AsrWriter,
    NictV1Writer,
    NictV2Writer,
    writers_for,
)
from voxsync.simulators.recogniser import Hypothesis, Word

ID = "6f1c2a34-0000-4000-8000-000000000001"
SUN = Word("朝日", 0, 300)
GA = Word("が", 300, 400)
UP = Word("昇る", 840, 1200)


def guess(*words):
    return said(*words, final=False)


def said(*words, final=True):
    return Hypothesis(
        text=" ".join(word.text for word in words),
        is_final=final,
        start_ms=words[0].start_ms if words else 0,
        end_ms=words[-1].end_ms if words else None,
        words=words,
    )


def message(kind, status, *response):
    return {
        "type": kind,
        "session_id": ID,
        "status": f"recog-{status}",
        "response": list(response),
    }


def read(texts):
    return [json.loads(text) for text in texts]


def word(text, start, end):
    return {"pronunciation": text, "result": text, "time": [start, end]}


def segment(result, words, time, determined):
    return {"result": result, "words": words, "determined": determined, "time": time}


def test_asr_repeats_the_whole_hypothesis():
    """Every message has all words from the beginning, with times in ms."""
    writer, kind = AsrWriter(ID, "ja"), "asr#mimilvcsr"
    first, second = word("朝日", 0, 300), word("が", 300, 400)
    third = word("昇る", 840, 1200)
    assert writer.heard([], 100) == []
    assert read(writer.heard([guess(SUN)], 300)) == [
        message(kind, "in-progress", first)
    ]
    assert read(writer.heard([said(SUN, GA)], 400)) == [
        message(kind, "in-progress", first, second)
    ]
    assert read(writer.heard([guess(UP)], 1200)) == [
        message(kind, "in-progress", first, second, third)
    ]
    assert json.loads(writer.finished([])) == message(
        kind, "finished", first, second, third
    )


def test_words_without_times_are_spread_evenly():
    """Where the engine gives a text only, its words share the segment's time."""
    writer = AsrWriter(ID, "en")
    text = Hypothesis(text="a b", is_final=False, start_ms=100, end_ms=None)
    (made,) = read(writer.heard([text], 300))
    assert made["response"] == [word("a", 100, 200), word("b", 200, 300)]


def test_a_withdrawn_hypothesis_is_gone():
    """An empty text takes back what was not fixed, for every engine."""
    asr = AsrWriter(ID, "ja")
    asr.heard([guess(SUN)], 300)
    (made,) = read(asr.heard([said()], 400))
    assert made["response"] == []
    for progressive in (False, True):
        v2 = NictV2Writer(ID, "ja", progressive=progressive, temporary_ms=100)
        transcript = Transcript("ja")
        for text in v2.heard([guess(SUN)], 300) + v2.heard([said()], 320):
            transcript.add(parse_result(json.loads(text), "ja"))
        assert transcript.text == ""
        assert v2.heard([], 400) == []


def test_v1_says_all_at_the_end():
    """One message: 8 fields an item, a marker per sentence, one per utterance."""
    writer = NictV1Writer(ID, "ja")
    assert writer.heard([said(SUN, GA)], 400) == []
    made = json.loads(writer.finished([said(Word("a|b", 500, 600))]))
    assert made == message(
        "asr#nictlvcsr",
        "finished",
        {"result": "朝日|朝日|朝日|||||"},
        {"result": "が|が|が|||||"},
        {"result": "|||SENT-START-END||||"},
        {"result": "a｜b|a｜b|a｜b|||||"},  # noqa: RUF001
        {"result": "|||SENT-START-END||||"},
        {"result": "|||UTT-END||||"},
    )
    result = parse_result(made, "ja")
    assert isinstance(result, NictV1Result)
    assert result.text == "朝日がa｜b"  # noqa: RUF001
    assert [item.is_marker for item in result.response].count(True) == 3
    assert {item["result"].count("|") for item in made["response"]} == {7}


def test_v2_without_options_is_one_message():
    """Neither progressive nor temporary: one final message with everything."""
    writer = NictV2Writer(ID, "ja", progressive=False, temporary_ms=None)
    assert writer.heard([said(SUN, GA)], 400) == []
    assert json.loads(writer.finished([said(UP)])) == message(
        "asr#nictlvcsr2",
        "finished",
        segment("朝日が", ["朝日", "が"], 0, True),
        segment("昇る", ["昇る"], 840, True),
    )


def test_v2_progressive_leaves_the_tail_for_the_end():
    """Fixed segments come at once; recog-finished has only what is left."""
    writer = NictV2Writer(ID, "ja", progressive=True, temporary_ms=None)
    assert writer.heard([guess(SUN)], 300) == []
    assert read(writer.heard([said(SUN, GA)], 400)) == [
        message(
            "asr#nictlvcsr2",
            "in-progress",
            segment("朝日が", ["朝日", "が"], 0, True),
        )
    ]
    assert json.loads(writer.finished([said(UP)]))["response"] == [
        segment("昇る", ["昇る"], 840, True)
    ]


def test_v2_temporary_follows_audio_time():
    """What is not fixed comes once per interval of audio, however late it is asked."""
    writer = NictV2Writer(ID, "ja", progressive=False, temporary_ms=500)
    assert writer.heard([guess(SUN)], 499) == []
    temporary = message(
        "asr#nictlvcsr2", "in-progress", segment("朝日", ["朝日"], 0, False)
    )
    assert read(writer.heard([], 500)) == [temporary]
    assert writer.heard([], 999) == []
    assert read(writer.heard([], 2100)) == [temporary]
    assert writer.heard([], 2499) == []
    assert read(writer.heard([], 2500)) == [temporary]


def test_words_are_joined_as_the_language_does():
    """Spaces stand between words where the language writes them."""
    words = (Word("good", 0, 100), Word("morning", 100, 200))
    for language, text in (("en", "good morning"), ("ja", "goodmorning")):
        writer = NictV2Writer(ID, language, progressive=False, temporary_ms=None)
        made = json.loads(writer.finished([said(*words)]))
        assert made["response"][0]["result"] == text


def test_every_engine_gets_its_writer():
    """The options decide which version of nict-asr writes."""
    for nict, expected in (
        (NictOptions(response_format="v1"), [AsrWriter, NictV1Writer]),
        (NictOptions(), [AsrWriter, NictV2Writer]),
    ):
        request = MimiRequest(("asr", "nict-asr"), "ja", None, None, nict, "")
        assert [type(each) for each in writers_for(request, ID)] == expected
