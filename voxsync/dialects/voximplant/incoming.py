"""One stream that comes in: what its start declares, its samples, its gaps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from voxsync.audio.format import AudioFormat
from voxsync.audio.pcm import looks_like_wav
from voxsync.dialects.base import Audio, Report
from voxsync.errors import FormatError, ProtocolError

if TYPE_CHECKING:
    from voxsync.audio.convert import Decoder
    from voxsync.dialects.base import Output
    from voxsync.dialects.voximplant.messages import Start

__all__ = ["LATE_IN_A_ROW", "IncomingStream", "ReceivedStats", "declared_format"]

LATE_IN_A_ROW = 5
"""So many chunks in a row that seem late are those of a sender that began anew, or
that does not count (compare RFC 3550, A.1): the fifth is heard, four are lost."""

_MOST_CONCEALED = 1  # seconds per gap
# Names that say a rate, besides those of G.711 and Opus.
_NAMED_RATES = {"pcm8": 8000, "pcm16": 16000, "slin16": 16000}
_USUAL_RATES = {"ulaw": 8000, "alaw": 8000, "opus": 48000}
# Those that can be made into one another (`voxsync.audio.resample.RATES`). A stream at
# any other would fail only later, in whatever it flows to.
_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
_MOST_CHANNELS = 2
_SHOWN = 60  # characters of the peer's that a message of ours repeats


@dataclass(slots=True)
class ReceivedStats:
    """What came in under one tag: of its last stream, and summed over all of them.

    Attributes:
        encoding: Of the last stream: VoxEngine's name of what it is, else the name
            that its start declared.
        sample_rate: Of the last stream, in Hz.
        messages: Media messages.
        frames: Samples in them, without those that were dropped.
        lost: Chunks that never came, or too late, by their numbers.
        concealed: Samples of silence put in for them, at most 1 s each time.
        late: Chunks that were dropped: late, or a second time there.
        declared_bytes: `bytesSent` of the last stop; None = it did not say.
        declared_ms: `duration` of the last stop, in milliseconds, likewise.
    """

    encoding: str = ""
    sample_rate: int = 0
    messages: int = 0
    frames: int = 0
    lost: int = 0
    concealed: int = 0
    late: int = 0
    declared_bytes: int | None = None
    declared_ms: int | None = None


def declared_format(start: Start) -> tuple[AudioFormat, str, str]:
    """What a start declares: the format, VoxEngine's name for it, what is odd about it.

    Returns:
        The format as it is decoded; the name: the declared one where VoxEngine has
        none; and a sentence on what was contradictory or missing, else "".

    Raises:
        ProtocolError: The encoding is not known, or a rate or number of channels that
            cannot be played.
    """
    shown = repr(start.encoding[:_SHOWN])
    declared = start.sample_rate
    try:
        form = AudioFormat.from_voximplant(start.encoding, declared)
    except FormatError:
        raise ProtocolError(
            f"the encoding {shown} of stream {start.tag[:_SHOWN]!r} is not known: send "
            "PCM8, PCM16, ULAW, ALAW or OPUS; its media is dropped"
        ) from None
    if form.sample_rate not in _RATES:
        raise ProtocolError(
            f"stream {start.tag[:_SHOWN]!r} has a sampleRate of {form.sample_rate}: "
            f"send one of {', '.join(map(str, _RATES))}; its media is dropped"
        )
    odd = ""
    if form.encoding == "pcm16":
        usual = _NAMED_RATES.get(start.encoding.strip().lower())
    else:
        usual = _USUAL_RATES[form.encoding]
    if declared is None:
        odd = f"{shown} is declared without a sampleRate"
    elif usual is not None and declared != usual:
        odd = f"{shown} is declared with a sampleRate of {declared}"
    if start.channels != 1 and form.encoding != "opus":
        if not 1 <= start.channels <= _MOST_CHANNELS:
            raise ProtocolError(
                f"stream {start.tag[:_SHOWN]!r} has {start.channels} channels: send "
                "one; its media is dropped"
            )
        form = AudioFormat(form.encoding, form.sample_rate, start.channels)
    try:
        name = form.voximplant_name
    except FormatError:
        name = start.encoding
    if odd:
        odd = (
            f"stream {start.tag[:_SHOWN]!r}: {odd}; it is taken as {form.encoding} at "
            f"{form.sample_rate} Hz"
        )
    return form, name, odd


class IncomingStream:
    """Makes audio of one stream's payloads; gaps become silence, late chunks nothing.

    Args:
        tag: Of the stream.
        form: Of the payloads.
        stats: To count in.

    Attributes:
        stats: What it counts in.
        bad: Payloads that could not be decoded.
        sample_rate: Of the audio it gives, in Hz.

    Raises:
        MissingExtra: It is Opus, and the extra `opus` is not installed.
    """

    def __init__(self, tag: str, form: AudioFormat, stats: ReceivedStats) -> None:
        self.tag = tag
        self.stats = stats
        self.bad = 0
        self.sample_rate = form.sample_rate
        self._decoder: Decoder | None = None
        self._has_header = form.encoding != "opus"  # it could have, by mistake
        if (form.encoding, form.channels) != ("pcm16", 1):
            from voxsync.audio.convert import Decoder  # noqa: PLC0415 - numpy

            self._decoder = Decoder(form)
        self._next: int | None = None  # the chunk that is due; None = any
        self._end: int | None = None  # where the last piece ended, in samples
        self._counts = True  # whether the sender's numbers are of any use
        self._late: list[int] = []  # numbers of chunks in a row that seemed late
        self._told_gap = self._told_header = False
        # For the next message that comes through: one that raises can tell nothing.
        self._reports: list[Output[str]] = []

    def take(
        self, chunk: int | None, timestamp: int | None, data: bytes
    ) -> list[Output[str]]:
        """One media message.

        Args:
            chunk: Its number; None = it has none.
            timestamp: Where it begins, in samples; None = it does not say.
            data: Its payload.

        Raises:
            FormatError: The payload is not of the stream's format. Its chunk counts
                as lost when the next one comes.
        """
        stats = self.stats
        stats.messages += 1
        due = self._next
        if chunk is not None and due is not None and chunk < due and self._counts:
            if not self._began_anew(chunk):
                stats.late += 1
                return []
            due = chunk
        pcm = data
        if data[:2] == b"RI" and self._has_header:  # RIFF, RIFX
            pcm = self._without_header(data)
        if self._decoder is not None:
            pcm = self._decoder.decode(pcm).astype("<i2", copy=False).tobytes()
        elif len(pcm) % 2:
            raise FormatError(f"{len(pcm)} bytes are not whole 16-bit samples")
        frames = len(pcm) // 2
        silence = 0
        if chunk is not None and self._counts:
            if due is not None and chunk > due:
                silence = self._missing(chunk - due, timestamp, frames)
            self._next = chunk + 1
            self._late.clear()
        if timestamp is not None:
            self._end = timestamp + frames
        outputs, self._reports = self._reports, []
        if silence:
            stats.concealed += silence
            outputs.append(Audio(self.tag, bytes(2 * silence), self.sample_rate))
        if pcm:
            stats.frames += frames
            outputs.append(Audio(self.tag, pcm, self.sample_rate))
        return outputs

    def _began_anew(self, chunk: int) -> bool:
        """Whether a chunk that seems late is none, because the numbers are."""
        late = self._late
        late.append(chunk)
        if len(late) < LATE_IN_A_ROW:
            return False
        climbs = all(b == a + 1 for a, b in pairwise(late))
        late.clear()
        self._counts = climbs
        self._next, self._end = chunk, None
        what = (
            "began to count its chunks anew"
            if climbs
            else "does not count its chunks: from here on losses cannot be seen"
        )
        self._report(f"{what}; {LATE_IN_A_ROW - 1} were taken for late")
        return True

    def _missing(self, lost: int, timestamp: int | None, frames: int) -> int:
        """Samples of silence that stand for lost chunks."""
        self.stats.lost += lost
        missing = lost * frames
        if timestamp is not None and self._end is not None:
            skipped = timestamp - self._end
            # One sample to one second each, or the timestamps are no such thing.
            missing = skipped if lost <= skipped <= lost * self.sample_rate else missing
        silence = min(missing, _MOST_CONCEALED * self.sample_rate)
        if not self._told_gap:
            self._told_gap = True
            self._report(
                f"lost {lost} chunks on its way, {silence} samples of silence stand "
                "for them; this is told once, the statistics go on counting"
            )
        return silence

    def _without_header(self, data: bytes) -> bytes:
        """The samples behind the header of a WAV file, where there is one."""
        if not looks_like_wav(data):
            return data
        if not self._told_header:
            self._told_header = True
            self._report(
                "has the header of a WAV file in it, which is passed over: send "
                "samples only"
            )
        at = data.find(b"data", 12)
        return b"" if at < 0 else data[at + 8 :]

    def _report(self, what: str) -> None:
        error = ProtocolError(f"stream {self.tag[:_SHOWN]!r} {what}")
        self._reports.append(Report(error))
