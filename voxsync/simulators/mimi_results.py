"""From hypotheses to the messages of mimi's engines, in their exact shapes.

Each writer is one engine in one session. What it writes depends on the hypotheses
and on the amount of audio alone, never on time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from voxsync.dialects.mimi.messages import join_text
from voxsync.simulators.recogniser import Hypothesis, Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voxsync.simulators.mimi_request import MimiRequest

__all__ = ["AsrWriter", "NictV1Writer", "NictV2Writer", "ResultWriter", "writers_for"]

_IN_PROGRESS = "recog-in-progress"
_FINISHED = "recog-finished"


class ResultWriter(Protocol):
    """One engine in one session."""

    def heard(self, hypotheses: Sequence[Hypothesis], audio_ms: int) -> list[str]:
        """The messages due now that `audio_ms` of audio have come, maybe none."""
        ...

    def finished(self, hypotheses: Sequence[Hypothesis]) -> str:
        """The last message."""
        ...


def writers_for(request: MimiRequest, session_id: str) -> list[ResultWriter]:
    """One writer for each engine that was asked for, in that order."""
    made: list[ResultWriter] = []
    for engine in request.engines:
        if engine == "asr":
            made.append(AsrWriter(session_id, request.language))
        elif request.nict.response_format == "v2":
            nict = request.nict
            made.append(
                NictV2Writer(
                    session_id,
                    request.language,
                    progressive=nict.progressive,
                    temporary_ms=nict.temporary_interval if nict.temporary else None,
                )
            )
        else:
            made.append(NictV1Writer(session_id, request.language))
    return made


class _Heard:
    """The hypotheses of a session: the fixed ones, and the one that is not."""

    def __init__(self) -> None:
        self.fixed: list[Hypothesis] = []
        self.open: Hypothesis | None = None

    def take(self, hypotheses: Iterable[Hypothesis]) -> None:
        """Take in what became known. An empty text withdraws, and is kept nowhere."""
        for hypothesis in hypotheses:
            self.open = None
            if not hypothesis.text:
                continue
            if hypothesis.is_final:
                self.fixed.append(hypothesis)
            else:
                self.open = hypothesis

    def all(self) -> list[Hypothesis]:
        """All of them, in order."""
        return self.fixed + ([] if self.open is None else [self.open])


def _message(kind: str, session_id: str, status: str, response: list[Any]) -> str:
    obj = {
        "type": kind,
        "session_id": session_id,
        "status": status,
        "response": response,
    }
    return json.dumps(obj, ensure_ascii=False, separators=(",", ":"))


def _words(hypothesis: Hypothesis, end_ms: int) -> list[Word]:
    """The words with times; spread evenly where the engine gave none."""
    if hypothesis.words:
        return list(hypothesis.words)
    texts = hypothesis.text.split()
    start = hypothesis.start_ms
    end = max(start, end_ms if hypothesis.end_ms is None else hypothesis.end_ms)
    step = (end - start) / max(len(texts), 1)
    return [
        Word(text, round(start + at * step), round(start + (at + 1) * step))
        for at, text in enumerate(texts)
    ]


class AsrWriter:
    """`asr`: every message holds the whole hypothesis from the beginning."""

    TYPE = "asr#mimilvcsr"

    def __init__(self, session_id: str, language: str) -> None:
        """Write for one session; `language` has no influence here."""
        del language
        self._session_id = session_id
        self._heard = _Heard()
        self._audio_ms = 0

    def heard(self, hypotheses: Sequence[Hypothesis], audio_ms: int) -> list[str]:
        """A message whenever something became known."""
        self._audio_ms = audio_ms
        if not hypotheses:
            return []
        self._heard.take(hypotheses)
        return [self._write(_IN_PROGRESS)]

    def finished(self, hypotheses: Sequence[Hypothesis]) -> str:
        """All words."""
        self._heard.take(hypotheses)
        return self._write(_FINISHED)

    def _write(self, status: str) -> str:
        response = [
            {
                # There is no dictionary of readings here; a word reads as written.
                "pronunciation": word.text,
                "result": word.text,
                "time": [word.start_ms, word.end_ms],
            }
            for hypothesis in self._heard.all()
            for word in _words(hypothesis, self._audio_ms)
        ]
        return _message(self.TYPE, self._session_id, status, response)


class NictV1Writer:
    """`nict-asr` v1: one message, the last."""

    TYPE = "asr#nictlvcsr"

    def __init__(self, session_id: str, language: str) -> None:
        """Write for one session; `language` has no influence here."""
        del language
        self._session_id = session_id
        self._heard = _Heard()

    def heard(self, hypotheses: Sequence[Hypothesis], audio_ms: int) -> list[str]:
        """Nothing."""
        del audio_ms
        self._heard.take(hypotheses)
        return []

    def finished(self, hypotheses: Sequence[Hypothesis]) -> str:
        """All words, each sentence with its marker, and the utterance's."""
        self._heard.take(hypotheses)
        items: list[str] = []
        for hypothesis in self._heard.all():
            # The grammar of the words is not known: surface, reading, base form.
            for word in _words(hypothesis, hypothesis.start_ms):
                text = word.text.replace("|", "｜")  # noqa: RUF001 - its full-width twin
                items.append(f"{text}|{text}|{text}|||||")
            items.append("|||SENT-START-END||||")
        items.append("|||UTT-END||||")
        response = [{"result": item} for item in items]
        return _message(self.TYPE, self._session_id, _FINISHED, response)


class NictV2Writer:
    """`nict-asr` v2: segments, once fixed or while they are not.

    Args:
        session_id: UUID text.
        language: Decides whether words are joined with spaces.
        progressive: Send each fixed segment at once; the last message then holds
            only what is left.
        temporary_ms: Send what is not fixed (or was not sent) about every so many ms
            of audio; None = do not.
    """

    TYPE = "asr#nictlvcsr2"

    def __init__(
        self,
        session_id: str,
        language: str,
        *,
        progressive: bool,
        temporary_ms: int | None,
    ) -> None:
        self._session_id = session_id
        self._language = language
        self._progressive = progressive
        self._temporary_ms = temporary_ms
        self._due_ms = temporary_ms or 0
        self._heard = _Heard()
        self._shown = False  # the client holds a temporary text

    def heard(self, hypotheses: Sequence[Hypothesis], audio_ms: int) -> list[str]:
        """Fixed segments if wanted, and a temporary text if one is due."""
        self._heard.take(hypotheses)
        messages: list[str] = []
        if self._progressive and self._heard.fixed:
            fixed, self._heard.fixed = self._heard.fixed, []
            messages += [self._write(_IN_PROGRESS, [each], True) for each in fixed]
            self._shown = False
        rest = self._heard.all()
        if self._shown and not rest:
            # What was shown is withdrawn; nothing else would tell the client.
            messages.append(self._write(_IN_PROGRESS, [_NOTHING], self._progressive))
            self._shown = False
        if self._temporary_ms is not None and audio_ms >= self._due_ms:
            self._due_ms += self._temporary_ms * (
                1 + (audio_ms - self._due_ms) // self._temporary_ms
            )
            if rest:
                messages.append(self._write(_IN_PROGRESS, rest, False))
                self._shown = True
        return messages

    def finished(self, hypotheses: Sequence[Hypothesis]) -> str:
        """What was not sent as fixed before."""
        self._heard.take(hypotheses)
        return self._write(_FINISHED, self._heard.all(), True)

    def _write(
        self, status: str, hypotheses: Iterable[Hypothesis], determined: bool
    ) -> str:
        response = []
        for hypothesis in hypotheses:
            words = [word.text for word in _words(hypothesis, hypothesis.start_ms)]
            response.append(
                {
                    "result": join_text(words, self._language),
                    "words": words,
                    "determined": determined,
                    "time": hypothesis.start_ms,
                }
            )
        return _message(self.TYPE, self._session_id, status, response)


_NOTHING = Hypothesis(text="", is_final=True, start_ms=0, end_ms=0)
