import pytest

from voxsync.cli.subtitles import Cue, cues_of, srt, vtt
from voxsync.dialects.mimi.messages import parse_result
from voxsync.mimi import Transcript


def transcript(language, *messages):
    found = Transcript(language)
    for message in messages:
        found.add(parse_result(message, language))
    return found


def asr(*words, status="recog-finished"):
    return {
        "type": "asr#mimilvcsr",
        "status": status,
        "response": [
            {"pronunciation": "", "result": text, "time": [start, end]}
            for text, start, end in words
        ],
    }


def v2(*segments):
    return {
        "type": "asr#nictlvcsr2",
        "status": "recog-finished",
        "response": [
            {"result": text, "words": [], "determined": True, "time": start}
            for text, start in segments
        ],
    }


def v1(*surfaces):
    response = [{"result": f"{surface}|||||||"} for surface in surfaces]
    return {
        "type": "asr#nictlvcsr",
        "status": "recog-finished",
        "response": response,
    }


def test_segments_are_cues_up_to_the_next_one():
    """nict-asr v2 gives starts; the last cue ends with the recording."""
    found = cues_of(transcript("en", v2(("a b", 0), ("c", 1500))), 4.25)
    assert found == [Cue("a b", 0, 1500), Cue("c", 1500, 4250)]


@pytest.mark.parametrize(
    ("seconds", "end"), [(None, 6500), (100.0, 6500), (3.0, 3000), (1.0, 1501)]
)
def test_the_last_cue_has_an_end(seconds, end):
    """Five seconds, but no longer than the recording, and never before its start."""
    found = cues_of(transcript("en", v2(("a", 0), ("c", 1500))), seconds)
    assert found[-1] == Cue("c", 1500, end)


@pytest.mark.parametrize(("seconds", "end"), [(2.5, 2500), (None, 5000)])
def test_without_times_there_is_one_cue_for_the_whole(seconds, end):
    """nict-asr v1 gives no times."""
    found = cues_of(transcript("ja", v1("朝日", "が")), seconds)
    assert found == [Cue("朝日が", 0, end)]


def test_nothing_heard_is_no_cue():
    """An empty transcript makes an empty file."""
    assert cues_of(Transcript(), 3.0) == []
    assert srt([]) == ""
    assert vtt([]) == "WEBVTT\n"


def test_words_are_put_together():
    """`asr` gives words: a cue is cut at pauses, at 6 s and at sentence ends."""
    words = [("a", 0, 100), ("b.", 200, 300), ("c", 300, 400), ("d", 1300, 1400)]
    words += [("e", 1400, 7200), ("f", 7300, 7500)]
    found = cues_of(transcript("en", asr(*words)), 10.0)
    assert found == [
        Cue("a b.", 0, 300),
        Cue("c", 300, 400),
        Cue("d e", 1300, 7200),
        Cue("f", 7300, 7500),
    ]


def test_words_are_put_together_up_to_two_lines():
    """Wide characters count twice; Japanese words join without spaces."""
    words = [("漢字" * 5, at * 100, at * 100 + 100) for at in range(6)]
    found = cues_of(transcript("ja", asr(*words)), 1.0)
    assert [len(cue.text) for cue in found] == [40, 20]


def test_srt():
    """SubRip: numbers, a comma in the times, an empty line between cues."""
    cues = [Cue("a\nb", 0, 1500), Cue("c", 3_600_000, 3_661_001)]
    assert srt(cues) == (
        "1\n00:00:00,000 --> 00:00:01,500\na b\n\n2\n01:00:00,000 --> 01:01:01,001\nc\n"
    )


def test_vtt():
    """WebVTT: a header, a point in the times, markup escaped."""
    assert vtt([Cue("a < b & c --> d", 0, 1500)]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &lt; b &amp; c --&gt; d\n"
    )
