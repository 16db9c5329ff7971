import gc
import importlib.util
import io
import json
import os
import selectors
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

from voxsync.errors import InvalidState, MissingExtra, VoxsyncError
from voxsync.simulators import dictation
from voxsync.simulators.dictation import DictationRecogniser, serve
from voxsync.simulators.recogniser import Hypothesis, Word

DATA = Path(dictation.__file__).parent / "data"
SENTENCE = (DATA / "sense_and_sensibility.txt").read_text().splitlines()[1]


def second_sentence():
    """Return the shortest sentence of the recording, quiet before and after it."""
    with wave.open(str(DATA / "sense_and_sensibility.wav")) as file:
        file.setpos(int(7.3 * 16000))
        return file.readframes(int(4.3 * 16000))


SHORT = second_sentence()


def message(body):
    return len(body).to_bytes(4, "little") + body


def messages(data):
    found = []
    while data:
        length = int.from_bytes(data[:4], "little")
        found.append(json.loads(data[4 : 4 + length]))
        data = data[4 + length :]
    return found


def descriptors():
    gc.collect()
    folder = Path("/proc/self/fd")
    return sorted(folder.iterdir()) if folder.is_dir() else []


def child_of(monkeypatch, program):
    """Let streams start a child that runs `program` instead of the recogniser."""

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    monkeypatch.setattr(dictation, "_start_child", start)


def opened(**settings):
    recogniser = DictationRecogniser(**settings)
    return recogniser.open(sample_rate=16000, language="en")


def test_most_words_of_a_sentence_are_understood():
    """Free dictation in the child gets at least half of a read sentence's words."""
    stream = opened()
    try:
        found = []
        for at in range(0, len(SHORT), 3200):
            found += stream.feed(SHORT[at : at + 3200])
        found += stream.finish()
    finally:
        stream.close()
    finals = [each for each in found if each.is_final]
    heard = {word.text for each in finals for word in each.words}
    wanted = set(SENTENCE.split())
    assert len(heard & wanted) >= len(wanted) / 2, heard
    assert " ".join(each.text for each in finals).split() == [
        word.text for each in finals for word in each.words
    ]
    assert any(not each.is_final for each in found)
    assert stream._child.returncode is not None


def test_the_childs_answers_do_not_depend_on_the_chunks():
    """Served in one piece or in odd ones, the audio gives the same hypotheses."""
    answers = []
    for size in (len(SHORT), 7001):
        parts = [SHORT[at : at + size] for at in range(0, len(SHORT), size)]
        sink = io.BytesIO()
        serve(io.BytesIO(b"".join(map(message, [*parts, b""]))), sink)
        *found, last = messages(sink.getvalue())
        assert last == {"done": True}
        answers.append([each for one in found for each in one["hypotheses"]])
    assert answers[0] == answers[1]
    assert answers[0][-1]["is_final"]


def test_a_killed_child_is_an_error_not_a_hang():
    """When the child dies, `finish` raises, and everything is released."""
    before = descriptors()
    stream = opened()
    stream._child.kill()
    with pytest.raises(VoxsyncError, match="exit code -9"):
        stream.finish()
    assert stream._child.returncode == -signal.SIGKILL
    assert descriptors() == before
    with pytest.raises(InvalidState):
        stream.feed(bytes(2))
    stream.close()


def test_a_child_that_dies_before_reading_fails_feed(monkeypatch):
    """A child that never reads and ends makes `feed` raise, however much is fed."""
    child_of(monkeypatch, "import sys; sys.exit(3)")
    stream = opened()
    with pytest.raises(VoxsyncError, match="dictation process"):
        stream.feed(bytes(400_000))
    stream.close()


def test_a_child_that_stops_reading_fails_feed(monkeypatch):
    """A closed input of a child that lives on is seen as the end of its work."""
    child_of(
        monkeypatch,
        "import os, sys, time; os.close(0); os.write(1, b'\\x02\\0\\0\\0{}'); "
        "time.sleep(60)",
    )
    stream = opened()
    # The child's word proves that its input is closed by now.
    with selectors.PollSelector() as poll:
        poll.register(stream._stdout, selectors.EVENT_READ)
        assert poll.select(20)
    with pytest.raises(VoxsyncError, match="stopped reading"):
        stream.feed(bytes(2))


def test_a_stuck_child_is_killed_after_the_timeout():
    """A child that neither reads nor answers is given up after `timeout`."""
    stream = opened(timeout=0.2)
    os.kill(stream._child.pid, signal.SIGSTOP)
    with pytest.raises(VoxsyncError, match=r"did nothing for 0\.2 s"):
        stream.feed(bytes(400_000))
    assert stream._child.returncode == -signal.SIGKILL


def test_a_full_pipe_from_the_child_does_not_block(monkeypatch):
    """A child that writes more than a pipe holds before it reads is no deadlock."""
    program = """
import sys, json
one = {"text": "x" * 1000, "is_final": True, "start_ms": 0, "end_ms": 1,
       "words": [{"text": "x", "start_ms": 0, "end_ms": 1}]}
def put(message):
    body = json.dumps(message).encode()
    sys.stdout.buffer.write(len(body).to_bytes(4, "little") + body)
for _ in range(300):
    put({"hypotheses": [one]})
sys.stdout.buffer.flush()
while sys.stdin.buffer.read(4) != bytes(4):
    sys.stdin.buffer.read(32000)
put({"done": True})
"""
    child_of(monkeypatch, program)
    stream = opened()
    found = [*stream.feed(bytes(320_000)), *stream.finish()]
    assert len(found) == 300
    assert found[0] == Hypothesis(
        text="x" * 1000,
        is_final=True,
        start_ms=0,
        end_ms=1,
        words=(Word("x", 0, 1),),
    )


def test_an_error_in_the_child_is_told(monkeypatch):
    """What went wrong in the child stands in the exception of the parent."""
    text = json.dumps({"error": "MemoryError: none left"})
    child_of(
        monkeypatch,
        "import sys; sys.stdin.buffer.read(4); "
        f"sys.stdout.buffer.write({message(text.encode())!r})",
    )
    stream = opened()
    with pytest.raises(VoxsyncError, match="failed: MemoryError: none left"):
        stream.finish()


def test_close_half_way_leaves_nothing():
    """`close` in the middle kills and reaps within a second; no descriptor is left."""
    before = descriptors()
    stream = opened()
    stream.feed(SHORT[:64000])
    started = time.monotonic()
    stream.close()
    stream.close()
    assert time.monotonic() - started < 1
    assert stream._child.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(stream._child.pid, 0)
    assert descriptors() == before
    with pytest.raises(InvalidState):
        stream.finish()


def test_the_child_ends_with_its_parent():
    """A child whose input ends goes away by itself, with a lower priority until then.

    The low priority is seen from outside, once the child has said that it runs.
    """
    child = dictation._start_child()
    with child:
        child.stdin.write(message(SHORT))
        assert len(child.stdout.read(4)) == 4
        assert os.getpriority(os.PRIO_PROCESS, child.pid) >= min(
            19, os.getpriority(os.PRIO_PROCESS, 0) + 10
        )
        child.stdin.close()
        child.stdout.read()
        assert child.wait(30) == 0


def test_the_child_is_found_from_anywhere(monkeypatch, tmp_path):
    """The child imports this package whatever the folder and PYTHONPATH are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    stream = opened()
    assert stream.finish() == []
    monkeypatch.delenv("PYTHONPATH")
    assert opened().finish() == []


def test_the_child_reports_what_it_cannot_do(monkeypatch):
    """An exception while serving becomes a message; a parent that left, silence."""
    sink = io.BytesIO()
    serve(io.BytesIO(b"\x01"), sink)
    assert messages(sink.getvalue())[0]["error"].startswith("error: unpack")
    serve(io.BytesIO(), empty := io.BytesIO())
    assert empty.getvalue() == b""

    class Gone(io.BytesIO):
        def write(self, data):
            raise BrokenPipeError

    serve(io.BytesIO(message(b"")), Gone())


def test_main_serves_the_standard_streams(monkeypatch):
    """The child's program lowers its priority, ignores Ctrl-C and serves its pipes."""
    seen = []
    monkeypatch.setattr(os, "nice", seen.append)
    monkeypatch.setattr(signal, "signal", lambda *args: seen.append(args))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(message(b""))))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(sink := io.BytesIO()))
    dictation.main()
    assert seen == [(signal.SIGINT, signal.SIG_IGN), 10]
    assert messages(sink.getvalue()) == [{"done": True}]


def test_a_child_that_cannot_be_killed_is_left(monkeypatch):
    """`close` gives up waiting after its second rather than hang."""
    child_of(monkeypatch, "import sys; sys.stdin.read()")
    stream = opened()
    child = stream._child
    monkeypatch.setattr(dictation, "_REAP_S", 0)
    monkeypatch.setattr(child, "kill", lambda: None)
    stream.close()
    assert stream._stdin.closed
    assert child.wait(20) == 0


def test_what_is_missing_is_told_at_once(monkeypatch):
    """No package, no pollable pipes, a wrong rate: told before any process starts."""
    with pytest.raises(ValueError, match="16000"):
        DictationRecogniser().open(sample_rate=44100, language="en")
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(MissingExtra, match=r"pip install 'voxsync\[demo\]'"):
            DictationRecogniser()
    with monkeypatch.context() as patch:
        patch.delattr(selectors, "PollSelector")
        with pytest.raises(VoxsyncError, match="phrase recogniser"):
            DictationRecogniser()
