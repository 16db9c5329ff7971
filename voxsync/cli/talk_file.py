"""`voxsync talk --input FILE`: one question from a file, the answer into another."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from voxsync import media
from voxsync.audio import AudioFormat
from voxsync.audio.convert import Converter
from voxsync.audio.pcm import int16_to_bytes
from voxsync.audio.resample import Resampler
from voxsync.cli.exits import Exit, Usage, explain, plain
from voxsync.cli.progress import Progress
from voxsync.cli.recording import BLOCK_S, open_sound
from voxsync.cli.script import Script
from voxsync.cli.stats import shown
from voxsync.cli.talk_text import fell_silent
from voxsync.errors import (
    FormatError,
    InvalidState,
    ReceiveTimeout,
    SessionClosed,
    VoxsyncError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from voxsync.cli.progress import LiveLine
    from voxsync.gemini import LiveGenerativeModel, LiveSession, ServerContent

__all__ = ["talk_file"]

_HEARD = AudioFormat()  # 16 kHz: what the service takes
_SPOKEN_RATE = 24_000
_TIMEOUT_S = 10.0
# How long a model may think before each piece of its answer.
_PATIENCE_S = 60.0
_RAW = (".raw", ".pcm")


def talk_file(
    model: LiveGenerativeModel,
    source: Path,
    target: Path | None,
    line: LiveLine,
    *,
    stats: bool = False,
) -> Exit:
    """Say what is in a file, as fast as it goes, and take the answer.

    The whole file is one turn: the model must be made without detection of activity.

    Args:
        model: To whom.
        source: A WAV file.
        target: Where the answer goes; None = only its words are printed.
        line: Where progress is shown.
        stats: Show the session's figures at the end.

    Raises:
        FormatError, OSError: A file is not what it should be.
        ConnectError, SessionClosed, ReceiveTimeout: What the session failed by.
        VoxsyncError: The model said nothing, where there is a `target`.

    Thread: the main one.
    """
    if source.suffix.lower() in _RAW:
        raise Usage(f"--input {source}: a WAV file is needed, which says its rate")
    with open_sound(source, None) as sound:
        sound.add_event_listener(
            "error", lambda event: line.say(f"voxsync: {explain(event.error)}")
        )
        if not sound.duration:
            raise FormatError(f"{source}: there is no audio in it")
        script = Script()
        session = model.session()
        session.add_event_listener("message", script.heard)
        progress = Progress(line, source.name, sound.duration)
        sender = _Sender(session, sound, progress)
        with ExitStack() as stack:
            # The audio is taken from the messages.
            stack.enter_context(shown(session, line, wanted=stats, audio_unlinked=0.0))
            stack.callback(_print, line, script)
            stack.enter_context(session.connect(_TIMEOUT_S))
            stack.callback(sender.stop)
            answer = stack.enter_context(_Answer(target))
            sender.thread.start()
            try:
                _receive(session, sender, answer)
                session.close()
            except SessionClosed as exc:
                raise (sender.error or exc) from exc.__cause__
            except KeyboardInterrupt:
                session.cancel()
                line.clear()
                line.say("voxsync: interrupted")
                return Exit.INTERRUPTED
            finally:
                line.clear()
                answer.tell(line)
    if sender.error is not None:
        raise sender.error
    if target is not None and not answer.frames:
        raise VoxsyncError("the model said nothing that could be heard")
    return Exit.OK


def _receive(session: LiveSession, sender: _Sender, answer: _Answer) -> None:
    """Take the whole turn, whenever it begins."""
    while True:
        try:
            for message in session.receive_turn(_PATIENCE_S):
                if message.type == "serverContent":
                    answer.add(message)
        except ReceiveTimeout:
            if not sender.thread.is_alive():
                raise fell_silent(_PATIENCE_S) from None
            # A long file on a slow line: the model's time has not begun.
        else:
            return


def _print(line: LiveLine, script: Script) -> None:
    line.clear()
    for each in script.finish():
        print(plain(each), flush=True)


class _Sender:
    """Sends a file on a thread of its own, as the main one has to take the answer.

    Attributes:
        thread: To be started.
        error: What the file failed by; None = it did not.
    """

    def __init__(
        self, session: LiveSession, sound: media.WavReader, progress: Progress
    ) -> None:
        self.error: Exception | None = None
        self._session = session
        self._sound = sound
        self._progress = progress
        self.thread = threading.Thread(
            target=self._run, name="voxsync-cli-sender", daemon=True
        )

    def stop(self) -> None:
        """End it; it is over when this returns."""
        if self.thread.ident is not None:
            if not self._session.is_closed:
                self._session.cancel()  # else it may wait for room
            self.thread.join()

    def _run(self) -> None:
        try:
            self._send()
        except (InvalidState, SessionClosed):
            pass  # the main thread, which receives, is told why
        except (VoxsyncError, OSError) as exc:
            self.error = exc
            self._session.cancel()

    def _send(self) -> None:
        session, sound = self._session, self._sound
        own = AudioFormat(sample_rate=sound.sample_rate)
        converter = Converter(own, _HEARD)
        frames, sent = max(1, round(own.sample_rate * BLOCK_S)), 0
        session.send_activity_start()
        with suppress(media.EndOfStream):
            while True:
                block = sound.read(frames)
                if block is None:
                    continue
                session.send_audio_realtime(converter.convert(int16_to_bytes(block)))
                sent += len(block)
                self._progress.sent(sent / own.sample_rate)
        session.send_audio_realtime(converter.flush())
        session.send_activity_end()


class _Answer:
    """The audio of an answer on its way into a file, which is only there if it is.

    Args:
        path: The file; None = nowhere, only counted.

    Attributes:
        frames: How many have come, at 24 kHz.
    """

    def __init__(self, path: Path | None) -> None:
        self.frames = 0
        self._path = path
        self._writer: media.WavWriter | None = None
        self._resampler: Resampler | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._writer = media.WavWriter(self._path, _SPOKEN_RATE)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._writer is not None:
            self._writer.close()
            if not self.frames and self._path is not None and self._path.is_file():
                self._path.unlink()

    def add(self, message: ServerContent) -> None:
        """Take what is in a message."""
        block = message.audio
        if block is None:
            return
        rate = message.sample_rate or _SPOKEN_RATE
        if rate != _SPOKEN_RATE:  # no model has another today
            if self._resampler is None or self._resampler.source_rate != rate:
                self._resampler = Resampler(rate, _SPOKEN_RATE)
            block = self._resampler.process(block)
        self.frames += len(block)
        if self._writer is not None:
            self._writer.write(block)

    def tell(self, line: LiveLine) -> None:
        """Say where the answer is."""
        if self._path is not None and self.frames:
            seconds = self.frames / _SPOKEN_RATE
            line.say(f"{plain(str(self._path))}: {seconds:.2f} s, {_SPOKEN_RATE} Hz")
