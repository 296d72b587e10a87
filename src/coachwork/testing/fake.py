"""A model whose answers a test writes down. Called `fake` everywhere it is seen; it never answers by accident.

    models = Models(config, …, extra_providers={"fake": script("Hello", line('{"team": "billing"}', when="invoice"))})

A call that the script does not expect and a line that no call used are errors that show both.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from coachwork.errors import ModelError
from coachwork.messages import Audio, FinishReason, Message, ModelRequest, TextDelta, ThinkingDelta, Transcript, Usage
from coachwork.providers.wire import Abilities, ChatEvent, End, Kind, Meter, Provider, Purpose


class UnexpectedCall(AssertionError):
    """The fake was asked something its script does not have an answer for."""


class UnusedLine(AssertionError):
    """The script has lines that no call used."""


@dataclass(frozen=True)
class Fail:
    """Raise `error` here: as the whole answer before the first token, or among pieces of text after it."""

    error: ModelError


@dataclass(frozen=True)
class Pause:
    """Wait here, as a slow model does; for ever where `seconds` is None."""

    seconds: float | None = None


@dataclass(frozen=True)
class Cut:
    """End the stream here without its last event, as a lost connection does."""


Piece: TypeAlias = str | TextDelta | ThinkingDelta | Fail | Pause | Cut
Answer: TypeAlias = str | Mapping[str, Any] | Fail | Sequence[Piece]
Answering: TypeAlias = Callable[[ModelRequest], Awaitable[Answer]]


@dataclass(frozen=True)
class Line:
    """One answer of a script. `when` is text that the request must contain; `times` its uses, None for ever."""

    answer: Answer
    when: str = ""
    times: int | None = 1
    finish_reason: FinishReason = "stop"


def line(answer: Answer, *, when: str = "", times: int | None = 1, finish_reason: FinishReason = "stop") -> Line:
    return Line(answer, when, times, finish_reason)


def script(*lines: Answer | Line, **options: Any) -> "FakeModel":
    """A fake that gives these answers: a line with `when` to the calls that contain it, the others in order."""
    return FakeModel(lines, **options)


class FakeModel(Provider):
    """Answers from lines, or from `async def answer(request) -> str | dict | list of pieces`.

    Text streams in `chunk` characters, `delay` seconds apart. A dict is answered as JSON. `requests`
    holds what was asked. `check_used()` at the end raises UnusedLine; use it as a context manager to have it called.
    """

    name = "fake"
    billed = False

    def __init__(
        self,
        answers: Sequence[Answer | Line] | Answering,
        *,
        chunk: int = 12,
        delay: float = 0.0,
        usage: Usage | None = None,
        transcript: str = "",
        dimensions: int = 8,
    ) -> None:
        self._answering = answers if callable(answers) else None
        self._lines = [] if callable(answers) else [a if isinstance(a, Line) else Line(a) for a in answers]
        self._used = [0] * len(self._lines)
        self._chunk, self._delay, self._usage = chunk, delay, usage
        self._transcript, self._dimensions = transcript, dimensions
        self.requests: list[ModelRequest] = []

    def __enter__(self) -> "FakeModel":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None:
            self.check_used()

    def check_used(self) -> None:
        """Raise UnusedLine if a line of the script was never used."""
        pairs = zip(self._lines, self._used, strict=True)
        left = [written for written, used in pairs if (not used if written.times is None else used < written.times)]
        if left:
            shown = "".join(f"\n  {_shown(written)}" for written in left)
            raise UnusedLine(f"{len(left)} of {len(self._lines)} script lines were not used:{shown}")

    def abilities(self, model: str) -> Abilities:
        kinds: frozenset[Kind] = frozenset({"chat", "embed", "transcribe"})
        return Abilities(kinds, schema="native", media=("image/", "audio/", "application/pdf"))

    async def stream(self, model: str, request: ModelRequest, meter: Meter) -> AsyncIterator[ChatEvent]:
        self.requests.append(request)
        answer, finish = await self._answer(request)
        meter.usage = Usage(input_tokens=_words(request), output_tokens=0)
        written = 0
        for piece in _pieces(answer):
            if isinstance(piece, Cut):
                return
            if isinstance(piece, Fail):
                raise piece.error
            if isinstance(piece, Pause):
                await (asyncio.Event().wait() if piece.seconds is None else asyncio.sleep(piece.seconds))
                continue
            for delta in _deltas(piece, self._chunk):
                written += 1
                meter.usage = Usage(meter.usage.input_tokens, written)
                yield delta
                await asyncio.sleep(self._delay)
        yield End(finish, self._usage or meter.usage)

    async def embed(self, model: str, texts: Sequence[str], purpose: Purpose, meter: Meter) -> Any:
        """Vectors by the words of a text: texts that share words are near."""
        import hashlib

        import numpy as np

        vectors = np.full((len(texts), self._dimensions), 1e-6, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, hashlib.blake2b(word.encode(), digest_size=2).digest()[0] % self._dimensions] += 1
        meter.usage = Usage(input_tokens=sum(len(text.split()) for text in texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def transcribe(self, model: str, audio: Audio, meter: Meter) -> Transcript:
        meter.usage = Usage(audio_seconds=1.0)
        return Transcript(text=self._transcript, language="en", seconds=1.0)

    async def _answer(self, request: ModelRequest) -> tuple[Answer, FinishReason]:
        if self._answering is not None:
            return await self._answering(request), "stop"
        asked = _asked(request)
        for wanted in (True, False):  # a line that names this call is meant before one that only comes next
            for number, written in enumerate(self._lines):
                free = written.times is None or self._used[number] < written.times
                if free and bool(written.when) == wanted and written.when.lower() in asked.lower():
                    self._used[number] += 1
                    return written.answer, written.finish_reason
        raise UnexpectedCall(_unexpected(asked, self._lines, self._used))


def _pieces(answer: Answer) -> list[Piece]:
    if isinstance(answer, str | Fail):
        return [answer]
    if isinstance(answer, Mapping):
        return [json.dumps(answer)]
    return list(answer)


def _deltas(piece: str | TextDelta | ThinkingDelta, chunk: int) -> list[TextDelta | ThinkingDelta]:
    if not isinstance(piece, str):
        return [piece]
    return [TextDelta(piece[start : start + chunk]) for start in range(0, len(piece), chunk)]


def _asked(request: ModelRequest) -> str:
    return "\n".join(f"[{message.role}] {_text(message)}" for message in request.messages)


def _text(message: Message) -> str:
    return message.text or "(no text)"


def _words(request: ModelRequest) -> int:
    return sum(len(message.text.split()) for message in request.messages)


def _shown(written: Line) -> str:
    return f"{f'when {written.when!r}: ' if written.when else ''}{written.answer!r}"[:300]


def _unexpected(asked: str, lines: Sequence[Line], used: Sequence[int]) -> str:
    shown = "".join(f"\n  used {times}x  {_shown(written)}" for written, times in zip(lines, used, strict=True))
    head = f"The fake model was asked something its script has no line for:\n{asked[:2000]}"
    return f"{head}\n\nThe script:{shown or ' empty'}"
