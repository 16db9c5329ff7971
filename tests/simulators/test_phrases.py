import itertools
import random
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

import voxsync.simulators
from voxsync.errors import InvalidState, MissingExtra
from voxsync.simulators import phrases as module
from voxsync.simulators.phrases import PhraseRecogniser, edits

DATA = Path(voxsync.simulators.__file__).parent / "data"
SENTENCES = (DATA / "sense_and_sensibility.txt").read_text().splitlines()


def recording():
    with wave.open(str(DATA / "sense_and_sensibility.wav")) as file:
        return file.readframes(file.getnframes())


PCM = recording()
# The second sentence, with quiet before and after it.
SHORT = PCM[int(7.3 * 16000) * 2 : int(11.6 * 16000) * 2]


@pytest.fixture(scope="module")
def shipped():
    return PhraseRecogniser()


def pieces(pcm, size):
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


def decode(recogniser, parts):
    stream = recogniser.open(sample_rate=16000, language="en")
    try:
        found = [each for part in parts for each in stream.feed(part)]
        return [*found, *stream.finish()]
    finally:
        stream.close()


def texts(found):
    return [each.text for each in found if each.is_final]


def test_the_recording_is_understood(shipped):
    """All five sentences of a human reader come out right, with sensible times."""
    found = decode(shipped, pieces(PCM, 3200))
    finals = [each for each in found if each.is_final]
    assert [each.text for each in finals] == SENTENCES
    before = 0
    for each in finals:
        assert before <= each.start_ms < each.end_ms <= len(PCM) // 32
        before = each.end_ms
        assert " ".join(word.text for word in each.words) == each.text
        times = [t for word in each.words for t in (word.start_ms, word.end_ms)]
        assert times == sorted(times)
        assert each.start_ms <= times[0]
        assert times[-1] <= each.end_ms


def test_temporary_texts_come_while_the_sentence_is_said(shipped):
    """Temporary hypotheses grow during a sentence and never repeat themselves."""
    found = decode(shipped, pieces(SHORT, 640))
    temporary = [each for each in found if not each.is_final]
    assert len(temporary) >= 3
    assert all(a.text != b.text for a, b in itertools.pairwise(temporary))
    assert {each.end_ms for each in temporary} == {None}
    assert {each.start_ms for each in found} == {found[-1].start_ms}
    assert found[-1].text == SENTENCES[1]


def test_the_answers_do_not_depend_on_the_chunks(shipped):
    """The same audio gives the same hypotheses in 10 ms, 32 KiB or random pieces."""
    rng = random.Random(5)
    parts, at = [], 0
    while at < len(SHORT):
        size = rng.randrange(1, 5000)
        parts.append(SHORT[at : at + size])
        at += size
    answers = [decode(shipped, pieces(SHORT, n)) for n in (320, 640, 3200, 32768)]
    answers.append(decode(shipped, parts))
    assert texts(answers[0]) == [SENTENCES[1]]
    assert all(answer == answers[0] for answer in answers)


def test_a_used_engine_has_no_memory(shipped):
    """A stream on a lent engine answers exactly as one on a new engine."""
    first = decode(PhraseRecogniser(), [SHORT])
    decode(shipped, [PCM[: 8 * 32000]])
    assert decode(shipped, [SHORT]) == first


def test_audio_that_ends_in_a_word_is_still_decided(shipped):
    """Speech open at the end of the audio becomes final by `finish`."""
    stream = shipped.open(sample_rate=16000, language="en")
    # The last word has just been said; no pause has been heard yet.
    found = stream.feed(SHORT[: int(3.45 * 16000) * 2 + 1])
    assert not any(each.is_final for each in found)
    assert texts(stream.finish()) == [SENTENCES[1]]
    with pytest.raises(InvalidState):
        stream.feed(b"")
    with pytest.raises(InvalidState):
        stream.finish()
    stream.close()


def test_speech_that_is_not_on_the_list_is_rejected():
    """A list without the sentences gives no text, and withdraws what it guessed."""
    commands = [p for p in PhraseRecogniser().phrases if p not in SENTENCES]
    found = decode(PhraseRecogniser(commands), [PCM])
    assert set(texts(found)) == {""}
    guess = ""
    for each in found:
        # A withdrawal comes only where there is something to withdraw.
        assert each.text or guess
        guess = "" if each.is_final else each.text
    assert guess == ""
    # What rejects is the comparison of sounds: without it, wrong phrases come out.
    assert any(texts(decode(PhraseRecogniser(commands, reject=1e9), [PCM])))


def test_half_a_phrase_is_none():
    """A sentence of which only the first words were said is not accepted."""
    found = decode(PhraseRecogniser([SENTENCES[0]]), [PCM[: 3 * 32000], bytes(32000)])
    assert not any(texts(found))


def test_silence_and_noise_give_nothing(shipped):
    """Digital silence, an empty stream and soft noise are no speech."""
    noise = np.random.default_rng(3).normal(0, 30, 32000).astype("<i2").tobytes()
    assert decode(shipped, []) == []
    assert decode(shipped, [bytes(32000)]) == []
    assert not any(texts(decode(shipped, [noise])))


def test_endless_speech_is_cut(shipped, monkeypatch):
    """Speech without a pause is decided in parts, whose times follow each other."""
    monkeypatch.setattr(module, "_MAX_SEGMENT_BLOCKS", 40)
    found = decode(shipped, [PCM[: 3 * 32000]])
    starts = sorted({each.start_ms for each in found})
    assert len(starts) >= 3
    assert all(start % 800 == starts[0] % 800 for start in starts)


def test_two_streams_at_once_are_independent(shipped):
    """Two sessions in two threads both understand every word of theirs."""
    first, second = PCM[: 8 * 32000], PCM[int(7.3 * 32000) & ~1 : 12 * 32000]
    ready = threading.Barrier(2, timeout=20)
    answers = {}

    def run(name, pcm):
        ready.wait()
        answers[name] = texts(decode(shipped, pieces(pcm, 3200)))

    threads = [
        threading.Thread(target=run, args=pair, name="voxsync-test")
        for pair in (("first", first), ("second", second))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert answers == {"first": [SENTENCES[0]], "second": [SENTENCES[1]]}


def test_engines_are_lent_and_kept_within_a_bound(monkeypatch):
    """Closing gives the engine back once; the surplus is dropped."""
    monkeypatch.setattr(module, "_MAX_IDLE_ENGINES", 1)
    recogniser = PhraseRecogniser(["yes"])
    one = recogniser.open(sample_rate=16000, language="en")
    two = recogniser.open(sample_rate=16000, language="en")
    assert recogniser._idle == []
    one.feed(PCM[: 2 * 32000])  # closed in the middle of a sentence
    for stream in (one, one, two):
        stream.close()
    assert len(recogniser._idle) == 1
    with pytest.raises(InvalidState):
        one.feed(b"")
    assert decode(recogniser, [bytes(640)]) == []


def test_a_list_comes_from_a_file(tmp_path):
    """Comments, blank lines, case, punctuation and repetitions do not matter."""
    file = tmp_path / "list.txt"
    text = "\ufeff# mine\n\nGood morning!\n  # no\ngood-morning\nDon\u2019t, stop.\n"
    file.write_text(text, encoding="utf-8")
    recogniser = PhraseRecogniser.from_file(file)
    assert recogniser.phrases == ("good morning", "don't stop")


def test_unknown_words_are_named():
    """Words outside the dictionary are refused when the list is made, all of them."""
    with pytest.raises(ValueError, match="'zzyzx', 'voxsync'"):
        PhraseRecogniser(["hello zzyzx", "voxsync"])
    with pytest.raises(ValueError, match=r"'\|'"):
        PhraseRecogniser(["yes | no"])
    with pytest.raises(ValueError, match="empty"):
        PhraseRecogniser(["", " ... "])


def test_other_sample_rates_are_refused(shipped):
    """Only 16 kHz can be opened, and the error says so."""
    with pytest.raises(ValueError, match="16000"):
        shipped.open(sample_rate=8000, language="en")


def test_a_missing_package_names_the_extra(monkeypatch):
    """Without pocketsphinx, the error holds the command that brings it."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(MissingExtra, match=r"pip install 'voxsync\[demo\]'"):
        PhraseRecogniser(["yes"])


def test_a_decoder_without_a_result_never_matches(shipped):
    """Where the free decoder heard nothing at all, no phrase is accepted."""
    engine = shipped._load()
    engine.start()
    engine.process(SHORT[: 2 * 32000])
    engine._grammar.end_utt()
    engine._sounds.end_utt()

    class Deaf:
        def hyp(self):
            return None

    engine._sounds = Deaf()
    assert engine._distance([]) == float("inf")


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3)],
)
def test_edits(one, other, count):
    """Edits are counted as Levenshtein did."""
    assert edits(one, other) == edits(other, one) == count
