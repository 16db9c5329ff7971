"""Recognises free English speech, offline, in a child process for each session.

pocketsphinx's large model holds the interpreter's lock for 100 ms and more at a time,
which would starve every other thread: it runs in a process of its own, at a low
priority. The two speak over pipes, in messages of a 4-byte length (little-endian) and
a body. To the child: audio; an empty body ends it. From the child: JSON, either
{"hypotheses": [...]}, {"done": true} or {"error": "..."}.

Figures: 0.5 s to load, 140 MB, a quarter of the audio's duration on one core.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from voxsync.errors import InvalidState, MissingExtra, VoxsyncError
from voxsync.simulators.phrases import (
    SegmentedStream,
    load_pocketsphinx,
    spoken_words,
)
from voxsync.simulators.recogniser import (
    SAMPLE_RATE,
    Hypothesis,
    Word,
    check_sample_rate,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from voxsync.simulators.recogniser import RecogniserStream

__all__ = ["DictationRecogniser"]

_LENGTH = struct.Struct("<I")
_NICE = 10
_READ_BYTES = 65_536
# What one message to the child holds at most: a second of audio.
_MESSAGE_BYTES = SAMPLE_RATE * 2
_REAP_S = 1.0


class DictationRecogniser:
    """Recognises any English speech at 16 kHz, as well as pocketsphinx can.

    Expect most words of a clear reader, not all. Each stream is a child process that
    starts with `open` and ends with `finish`, `close` or this process. The session's
    language is ignored: all of them are taken for English. Not on Windows.

    Args:
        timeout: Seconds the child may take without reading or answering anything
            before it counts as stuck and is killed.

    Raises:
        MissingExtra: pocketsphinx is not installed.
        VoxsyncError: The system has no pollable pipes (Windows).

    Thread: any; streams are independent of each other.
    """

    def __init__(self, *, timeout: float = 30.0) -> None:
        if importlib.util.find_spec("pocketsphinx") is None:
            raise MissingExtra(
                "offline recognition needs pocketsphinx: pip install 'voxsync[demo]'"
            )
        if not hasattr(selectors, "PollSelector"):
            raise VoxsyncError(
                "dictation needs pipes that can be polled, which this system has not; "
                "use the phrase recogniser"
            )
        self._timeout = timeout

    def open(self, *, sample_rate: int, language: str) -> RecogniserStream:
        """Start a child for one session; the stream must be closed."""
        del language
        check_sample_rate(sample_rate)
        return _ChildStream(self._timeout)


def _start_child() -> subprocess.Popen[bytes]:
    # The child finds this very package, from wherever the program runs.
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    path = root if not inherited else root + os.pathsep + inherited
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "voxsync.simulators.dictation"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "PYTHONPATH": path},
        # Ctrl-C in the terminal is for the program, which then finishes us in order.
        process_group=0,
    )


class _ChildStream:
    """The parent's end: writes and reads at once, so neither pipe can block both.

    Owned by one thread.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._unsent = bytearray()
        self._unread = bytearray()
        self._found: list[Hypothesis] = []
        self._done = False
        self._finished = False
        self._closed = False
        self._child = _start_child()
        self._stdin, self._stdout = _pipes(self._child)
        os.set_blocking(self._stdin.fileno(), False)
        os.set_blocking(self._stdout.fileno(), False)

    def feed(self, pcm: bytes) -> Sequence[Hypothesis]:
        """Hand audio to the child; blocks while its pipe is full."""
        self._check_open()
        for at in range(0, len(pcm), _MESSAGE_BYTES):
            self._put(pcm[at : at + _MESSAGE_BYTES])
        while self._unsent:
            self._exchange(self._timeout)
        self._exchange(0)
        return self._take()

    def finish(self) -> Sequence[Hypothesis]:
        """Wait for the rest of the results; the child is gone afterwards."""
        self._check_open()
        self._finished = True
        self._put(b"")
        while not self._done:
            self._exchange(self._timeout)
        self.close()
        return self._take()

    def close(self) -> None:
        """Kill the child and reap it; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._child.kill()
        try:
            # SIGKILL cannot be refused; only a child stuck inside the kernel lingers,
            # and the interpreter reaps that one later.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_REAP_S)
        finally:
            self._stdin.close()
            self._stdout.close()

    def _check_open(self) -> None:
        if self._finished or self._closed:
            raise InvalidState("the stream has already ended")

    def _put(self, body: bytes) -> None:
        self._unsent += _LENGTH.pack(len(body)) + body

    def _take(self) -> list[Hypothesis]:
        found, self._found = self._found, []
        return found

    def _exchange(self, timeout: float) -> None:
        """Write and read what is possible; with a timeout, at least something."""
        with selectors.PollSelector() as poll:
            poll.register(self._stdout, selectors.EVENT_READ)
            if self._unsent:
                poll.register(self._stdin, selectors.EVENT_WRITE)
            ready = {key.fileobj for key, _ in poll.select(timeout)}
        if not ready and timeout:
            self._fail(f"did nothing for {timeout:g} s")
        # Read first: what a dying child still had to say explains why it died.
        if self._stdout in ready:
            self._read()
        if self._stdin in ready:
            try:
                sent = os.write(self._stdin.fileno(), self._unsent)
            except BrokenPipeError:
                self._fail("stopped reading")
            else:
                del self._unsent[:sent]

    def _read(self) -> None:
        data = os.read(self._stdout.fileno(), _READ_BYTES)
        if not data and not self._done:
            self._fail("ended before its work was done")
        self._unread += data
        while (message := self._next_message()) is not None:
            if "error" in message:
                self._fail(f"failed: {message['error']}")
            self._done = self._done or "done" in message
            self._found += map(_hypothesis, message.get("hypotheses", ()))

    def _next_message(self) -> dict[str, Any] | None:
        if len(self._unread) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._unread)[0]
        if len(self._unread) < end:
            return None
        body = bytes(self._unread[_LENGTH.size : end])
        del self._unread[:end]
        message: dict[str, Any] = json.loads(body)
        return message

    def _fail(self, what: str) -> None:
        self.close()
        code = self._child.returncode
        raise VoxsyncError(f"the dictation process {what} (exit code {code})")


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    # Both were asked for above; a None here would be a bug in subprocess.
    assert child.stdin is not None
    assert child.stdout is not None
    return child.stdin, child.stdout


def _hypothesis(fields: dict[str, Any]) -> Hypothesis:
    words = tuple(Word(**word) for word in fields.pop("words"))
    return Hypothesis(words=words, **fields)


class _LargeModel:
    """The child's engine: pocketsphinx with the language model of its package."""

    def __init__(self) -> None:
        sphinx = load_pocketsphinx()
        self._decoder = sphinx.Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def start(self) -> None:
        self._decoder.start_utt()

    def process(self, block: bytes) -> None:
        self._decoder.process_raw(block, no_search=False, full_utt=False)

    def partial(self) -> str:
        best = self._decoder.hyp()
        return "" if best is None else best.hypstr

    def end(self) -> tuple[str, list[tuple[str, int, int]]]:
        self._decoder.end_utt()
        text = self.partial()
        return (text, spoken_words(self._decoder)) if text else ("", [])


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Be the child: recognise what comes from `source` until it ends or says so."""

    def answer(message: dict[str, object]) -> None:
        body = json.dumps(message).encode()
        sink.write(_LENGTH.pack(len(body)) + body)
        sink.flush()

    def answer_hypotheses(found: Sequence[Hypothesis]) -> None:
        if found:
            answer({"hypotheses": [asdict(each) for each in found]})

    try:
        stream = SegmentedStream(_LargeModel(), lambda: None)
        while header := source.read(_LENGTH.size):
            length = _LENGTH.unpack(header)[0]
            if not length:
                answer_hypotheses(stream.finish())
                answer({"done": True})
                return
            answer_hypotheses(stream.feed(source.read(length)))
    except BrokenPipeError:
        return  # the parent has gone; nobody is left to be told
    except Exception as error:  # noqa: BLE001  # it goes to the parent, who raises it
        answer({"error": f"{type(error).__name__}: {error}"})


def main() -> None:
    """Run the child: low priority, deaf to Ctrl-C, until its input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICE)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
