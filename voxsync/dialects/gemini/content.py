"""What the model says: its words and sounds, and how its turn stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, cast

from voxsync.audio.pcm import bytes_to_int16
from voxsync.dialects.gemini.blob import Blob
from voxsync.dialects.gemini.parts import Content, Part
from voxsync.dialects.gemini.reading import pcm_rate
from voxsync.dialects.gemini.servermessage import ServerMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ServerContent", "Transcription", "WordInfo"]

Inline: TypeAlias = tuple[tuple[str, bytes], ...]
"""MIME types and bytes, in the order of the parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordInfo:
    """One `word` of a transcription.

    From `start_offset` to `end_offset`, seconds from the start of the audio.
    """

    word: str = ""
    start_offset: float | None = None
    end_offset: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """A fragment of what was said; join them.

    Attributes:
        text: With the spaces that belong to it.
        finished: Nothing more of this one comes; not every service says so.
        language_code: e.g. `"en-US"`; None = the service did not say, as below.
        speaker_label: Who spoke.
        words: One by one, if the session asked for that.
        start_offset, end_offset: Seconds from the start of the audio.
    """

    text: str = ""
    finished: bool = False
    language_code: str | None = None
    speaker_label: str | None = None
    words: tuple[WordInfo, ...] = ()
    start_offset: float | None = None
    end_offset: float | None = None


class _TurnOfInline:
    """Makes `model_turn` of inline data when it is first asked for.

    Two threads may both make it: the turns are equal, and the last one stays.
    """

    def __get__(self, message: ServerContent | None, _: object = None) -> object:
        if message is None:
            return None  # the field's default
        kept = message.__dict__
        parts = tuple(
            Part(inline_data=Blob(mime_type, data), raw=raw)
            for (mime_type, data), raw in zip(
                kept["_inline"], kept["_raw_parts"], strict=True
            )
        )
        turn = kept["model_turn"] = Content(kept["_role"], parts)
        return turn


_LATER = cast("Content | None", _TurnOfInline())


@dataclass(frozen=True, kw_only=True, repr=False)
class ServerContent(ServerMessage):
    """The model's words and sounds, and how its turn stands.

    Attributes:
        model_turn: What the model says; None = nothing.
        turn_complete: The model waits for input.
        generation_complete: All that it wanted to say is said; it may still sound.
        interrupted: The user cut in: what has not sounded yet must not.
        input_transcription: What the user said.
        output_transcription: What the model says.
        interim_input_transcription: What the user seems to say, so far.
        turn_complete_reason: e.g. `"NEED_MORE_INPUT"`; None = none was given.
        waiting_for_input: The model wants more before it says anything.
        interaction_status: `"IN_PROGRESS"` = more turns will come without input,
            `"IDLE"` = none; None = the model does not say.
        grounding_metadata: Sources of what was said, as they came.
        url_context_metadata: Likewise, of pages that the model has read.
    """

    type: ClassVar[Literal["serverContent"]] = "serverContent"
    model_turn: Content | None = _LATER
    turn_complete: bool = False
    generation_complete: bool = False
    interrupted: bool = False
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interim_input_transcription: Transcription | None = None
    turn_complete_reason: str | None = None
    waiting_for_input: bool = False
    interaction_status: str | None = None
    grounding_metadata: Mapping[str, object] | None = None
    url_context_metadata: Mapping[str, object] | None = None

    @classmethod
    def of_inline(
        cls,
        role: str | None,
        inline: Inline,
        raw_parts: list[dict[str, object]],
        raw: dict[str, object],
    ) -> ServerContent:
        """A message of nothing but `inline` data; its turn is made if it is wanted.

        By `role`, and of the `raw_parts` and the whole message, `raw`, as they came.
        """
        message: ServerContent = object.__new__(cls)
        kept = message.__dict__
        kept["raw"] = raw
        kept["_role"] = role
        kept["_inline"] = inline
        kept["_raw_parts"] = raw_parts
        return message

    @property
    def inline(self) -> Inline:
        """MIME type and bytes of every part that has inline data, in order."""
        found: Inline | None = self.__dict__.get("_inline")
        if found is not None:
            return found
        if self.model_turn is None:
            return ()
        blobs = [part.inline_data for part in self.model_turn.parts]
        return tuple([(b.mime_type, b.data) for b in blobs if b is not None])

    @property
    def text(self) -> str | None:
        """What the model says in words, without its thoughts; None = nothing."""
        if "_inline" in self.__dict__ or self.model_turn is None:
            return None
        parts = self.model_turn.parts
        return "".join([p.text for p in parts if p.text and not p.thought]) or None

    @property
    def sample_rate(self) -> int | None:
        """Of the audio, in Hz; None = there is none."""
        rates = (pcm_rate(mime_type) for mime_type, _ in self.inline)
        return next((rate for rate in rates if rate is not None), None)

    @property
    def audio(self) -> NDArray[np.int16] | None:
        """The samples of all audio parts: mono, int16, `(frames,)`; None = no audio.

        Half a sample at the end of a part is left out, and so are parts of another
        rate than the first one's, which no service is known to send: see `inline`.
        """
        wanted = None
        pieces = []
        for mime_type, data in self.inline:
            rate = pcm_rate(mime_type)
            if wanted is None:
                wanted = rate
            if rate is not None and rate == wanted:
                pieces.append(data[: len(data) & ~1])
        if wanted is None:
            return None
        return bytes_to_int16(pieces[0] if len(pieces) == 1 else b"".join(pieces))
