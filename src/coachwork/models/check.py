"""One tiny real question to a model, and how it went. Knows what to ask of each kind; costs what it costs."""

import io
import time
import wave
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coachwork.errors import CoachworkError
from coachwork.messages import Audio, Finished, Message, ModelRequest, TextDelta, ThinkingDelta
from coachwork.providers.wire import Kind

if TYPE_CHECKING:
    from coachwork.models.facade import Models

_QUESTION = ModelRequest((Message.of("user", "Reply with three words: ready steady go"),), max_tokens=200)


@dataclass(frozen=True)
class ModelCheck:
    """The result of a question. `answer` is its text, or what came; times in seconds, cost in 1e-9 USD.

    `streamed`: it was seen to come in pieces, None where nothing was to be seen. What else a model can do is
    not asked, but said by the tables: `ModelInfo`.
    """

    model: str
    kind: Kind
    ok: bool
    answer: str
    seconds: float
    first_token_seconds: float | None
    cost_nano: int | None
    problem: str = ""
    hint: str = ""
    streamed: bool | None = None


@dataclass(frozen=True)
class _Seen:
    answer: str
    cost_nano: int | None
    first_token_seconds: float | None = None
    streamed: bool | None = None


async def check(models: "Models", model: str, kind: Kind) -> ModelCheck:
    """Ask one model, without its route."""
    ask: dict[Kind, Callable[[Models, str], Awaitable[_Seen]]] = {
        "chat": _chat,
        "embed": _embed,
        "transcribe": _listen,
        "moderate": _moderate,
        "rerank": _rerank,
    }
    began = time.monotonic()
    try:
        seen = await ask[kind](models, model)
    except CoachworkError as error:
        return ModelCheck(model, kind, False, "", time.monotonic() - began, None, None, error.message, error.hint)
    took = time.monotonic() - began
    return ModelCheck(
        model, kind, True, seen.answer, took, seen.first_token_seconds, seen.cost_nano, streamed=seen.streamed
    )


async def _chat(models: "Models", model: str) -> _Seen:
    pieces, reply = 0, None
    async with aclosing(models.stream(model, _QUESTION)) as events:
        async for event in events:
            pieces += isinstance(event, TextDelta | ThinkingDelta)
            if isinstance(event, Finished):
                reply = event.reply
    assert reply is not None  # a stream ends with Finished or raises
    return _Seen(reply.text.strip(), reply.cost_nano, reply.first_token_seconds, pieces > 1 or None)


async def _embed(models: "Models", model: str) -> _Seen:
    made = await models.embed(model, ["ready"], purpose="query")
    return _Seen(f"{made.dimensions} numbers", made.cost_nano)


async def _listen(models: "Models", model: str) -> _Seen:
    heard = await models.transcribe(model, Audio(silence(1.0)))
    return _Seen(f"heard {heard.transcript.seconds:g} s", heard.cost_nano)


async def _moderate(models: "Models", model: str) -> _Seen:
    made = await models.moderate(model, ["ready"])
    return _Seen("flagged" if made.moderations[0].flagged else "not flagged", made.cost_nano)


async def _rerank(models: "Models", model: str) -> _Seen:
    made = await models.rerank(model, "ready?", ["ready", "a red bicycle"])
    return _Seen(" and ".join(f"{score:.2f}" for score in made.scores), made.cost_nano)


def silence(seconds: float) -> bytes:
    """A wav file, 16 kHz mono, in which nothing is said."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(b"\0\0" * int(16_000 * seconds))
    return file.getvalue()
