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
from coachwork.messages import (
    Audio,
    FinishReason,
    Message,
    ModelRequest,
    Moderation,
    Source,
    SourceFound,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    Transcript,
    Usage,
)
from coachwork.providers.wire import Abilities, ChatEvent, End, Meter, Provider, Purpose

_ABILITIES = Abilities(
    kinds=frozenset({"chat", "embed", "transcribe", "moderate", "rerank"}),
    schema="native",
    tools="native",
    thinking=True,
    probabilities=True,
    media=("image/", "audio/", "application/pdf"),
)


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


Piece: TypeAlias = str | TextDelta | ThinkingDelta | ToolCallDelta | ToolCallPart | Source | Fail | Pause | Cut
Answer: TypeAlias = str | Mapping[str, Any] | ToolCallPart | Fail | Sequence[Piece]
Delta: TypeAlias = TextDelta | ThinkingDelta | ToolCallDelta | SourceFound
Answering: TypeAlias = Callable[[ModelRequest], Awaitable[Answer]]


@dataclass(frozen=True)
class Line:
    """One answer of a script. `when` is text that the request must contain; `times` its uses, None for ever.

    `finish_reason` None is "tool_call" where a tool is called, else "stop". `usage` is what this answer counts,
    None for the fake's own; `delay` is in seconds between its pieces, None for the fake's own.
    """

    answer: Answer
    when: str = ""
    times: int | None = 1
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    probabilities: tuple[tuple[str, float], ...] = ()
    thinking_signature: str = ""
    delay: float | None = None


def line(
    answer: Answer,
    *,
    when: str = "",
    times: int | None = 1,
    finish_reason: FinishReason | None = None,
    usage: Usage | None = None,
    probabilities: Sequence[tuple[str, float]] = (),
    thinking_signature: str = "",
    delay: float | None = None,
) -> Line:
    """A line of a script; see `Line` for what its parts mean."""
    return Line(answer, when, times, finish_reason, usage, tuple(probabilities), thinking_signature, delay)


def calls(name: str, *, id: str = "", **arguments: Any) -> ToolCallPart:
    """A tool call as an answer, or a piece of one: `script(calls("search", query="refund"), "It takes 14 days.")`."""
    return ToolCallPart(id or f"call_{name}", name, json.dumps(arguments, ensure_ascii=False))


def script(*lines: Answer | Line, **options: Any) -> "FakeModel":
    """A fake that gives these answers: a line with `when` to the calls that contain it, the others in order."""
    return FakeModel(lines, **options)


class FakeModel(Provider):
    """Answers from lines, or from `async def answer(request) -> str | dict | tool call | list of pieces`.

    Text and arguments of tools stream in `chunk` characters, `delay` seconds apart. A dict is answered as JSON.
    `requests` holds what was asked. `check_used()` at the end raises UnusedLine; use it as a context manager to
    have it called. `billed=True` makes it cost what `[models."fake:…"]` says, so that budgets can be tried.
    `moderations` maps words to the category for which a text that holds them is flagged.
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
        transcript: str | Transcript = "",
        dimensions: int = 8,
        billed: bool = False,
        moderations: Mapping[str, str] | None = None,
        abilities: Abilities | None = None,
    ) -> None:
        self._answering = answers if callable(answers) else None
        self._lines = [] if callable(answers) else [a if isinstance(a, Line) else Line(a) for a in answers]
        self._used = [0] * len(self._lines)
        self._chunk, self._delay, self._usage = chunk, delay, usage
        self._transcript = transcript if isinstance(transcript, Transcript) else _spoken(transcript)
        self._dimensions, self._moderations = dimensions, dict(moderations or {})
        self._abilities = abilities or _ABILITIES
        self.billed = billed
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
        return self._abilities

    async def stream(self, model: str, request: ModelRequest, meter: Meter) -> AsyncIterator[ChatEvent]:
        self.requests.append(request)
        written = await self._line(request)
        delay = self._delay if written.delay is None else written.delay
        meter.usage = Usage(input_tokens=_words(request), output_tokens=0)
        told, called = 0, 0
        for piece in _pieces(written.answer):
            if isinstance(piece, Cut):
                return
            if isinstance(piece, Fail):
                raise piece.error
            if isinstance(piece, Pause):
                await (asyncio.Event().wait() if piece.seconds is None else asyncio.sleep(piece.seconds))
                continue
            for delta in _deltas(piece, self._chunk, called):
                told += 1
                meter.usage = Usage(meter.usage.input_tokens, told)
                yield delta
                await asyncio.sleep(delay)
            called += isinstance(piece, ToolCallPart)
        finish = written.finish_reason or ("tool_call" if _calls_a_tool(written.answer) else "stop")
        used = written.usage or self._usage or meter.usage
        yield End(finish, used, written.probabilities, written.thinking_signature)

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
        meter.usage = Usage(audio_seconds=self._transcript.seconds)
        return self._transcript

    async def rerank(self, model: str, query: str, texts: Sequence[str], meter: Meter) -> list[float]:
        """The share of the query's words that stand in a text."""
        wanted = set(re.findall(r"\w+", query.lower()))
        meter.usage = Usage(input_tokens=sum(len(f"{query} {text}".split()) for text in texts), searches=1)
        return [len(wanted & set(re.findall(r"\w+", text.lower()))) / max(len(wanted), 1) for text in texts]

    async def moderate(self, model: str, texts: Sequence[str], meter: Meter) -> list[Moderation]:
        """A text is flagged for the categories of the words it holds, none where no words were given."""
        meter.usage = Usage(input_tokens=sum(len(text.split()) for text in texts))
        return [self._judged(text) for text in texts]

    def _judged(self, text: str) -> Moderation:
        found = {category for word, category in self._moderations.items() if word.lower() in text.lower()}
        scores = {category: float(category in found) for category in self._moderations.values()}
        return Moderation(flagged=bool(found), scores=scores)

    async def _line(self, request: ModelRequest) -> Line:
        if self._answering is not None:
            return Line(await self._answering(request))
        asked = _asked(request)
        for wanted in (True, False):  # a line that names this call is meant before one that only comes next
            for number, written in enumerate(self._lines):
                free = written.times is None or self._used[number] < written.times
                if free and bool(written.when) == wanted and written.when.lower() in asked.lower():
                    self._used[number] += 1
                    return written
        raise UnexpectedCall(_unexpected(asked, self._lines, self._used))


def _spoken(text: str) -> Transcript:
    return Transcript(text=text, language="en", seconds=1.0)


def _pieces(answer: Answer) -> list[Piece]:
    if isinstance(answer, str | Fail | ToolCallPart):
        return [answer]
    if isinstance(answer, Mapping):
        return [json.dumps(answer)]
    return list(answer)


def _calls_a_tool(answer: Answer) -> bool:
    return any(isinstance(piece, ToolCallPart | ToolCallDelta) for piece in _pieces(answer))


def _deltas(piece: object, chunk: int, index: int) -> list[Delta]:
    """A piece as it streams. `index` is the number of the tool call, if it is one."""
    match piece:
        case str():
            return [TextDelta(part) for part in _chunks(piece, chunk)]
        case ToolCallPart():
            begun = ToolCallDelta(index, piece.id, piece.name)
            return [begun, *(ToolCallDelta(index, arguments=part) for part in _chunks(piece.arguments, chunk))]
        case Source():
            return [SourceFound(piece)]
        case TextDelta() | ThinkingDelta() | ToolCallDelta():
            return [piece]
    raise TypeError(f"an answer of the fake model holds {piece!r}, which is no piece of one")


def _chunks(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _asked(request: ModelRequest) -> str:
    return "\n".join(f"[{message.role}] {_text(message)}" for message in request.messages)


def _text(message: Message) -> str:
    """What a message says, and what its tools gave: a script may wait for either."""
    given = [message.text, *(part.content for part in message.parts if isinstance(part, ToolResultPart))]
    return "\n".join(text for text in given if text) or "(no text)"


def _words(request: ModelRequest) -> int:
    return sum(len(message.text.split()) for message in request.messages)


def _shown(written: Line) -> str:
    return f"{f'when {written.when!r}: ' if written.when else ''}{written.answer!r}"[:300]


def _unexpected(asked: str, lines: Sequence[Line], used: Sequence[int]) -> str:
    shown = "".join(f"\n  used {times}x  {_shown(written)}" for written, times in zip(lines, used, strict=True))
    head = f"The fake model was asked something its script has no line for:\n{asked[:2000]}"
    return f"{head}\n\nThe script:{shown or ' empty'}"
