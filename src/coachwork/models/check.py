"""One tiny real question to a model, and how it went. Knows what to ask of each kind; costs what it costs."""

import io
import time
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coachwork.errors import CoachworkError
from coachwork.messages import Audio, Message, ModelRequest
from coachwork.providers.wire import Kind

if TYPE_CHECKING:
    from coachwork.models.facade import Models

_QUESTION = ModelRequest((Message.of("user", "Reply with one word: ready"),), max_tokens=200)


@dataclass(frozen=True)
class ModelCheck:
    """The result of a question. `answer` is its text, or what came; times in seconds, cost in 1e-9 USD."""

    model: str
    kind: Kind
    ok: bool
    answer: str
    seconds: float
    first_token_seconds: float | None
    cost_nano: int | None
    problem: str = ""
    hint: str = ""


async def check(models: "Models", model: str, kind: Kind) -> ModelCheck:
    """Ask one model, without its route."""
    ask: dict[Kind, Callable[[Models, str], Awaitable[tuple[str, float | None, int | None]]]] = {
        "chat": _chat,
        "embed": _embed,
        "transcribe": _listen,
        "moderate": _moderate,
    }
    began = time.monotonic()
    try:
        answer, first, cost = await ask[kind](models, model)
    except CoachworkError as error:
        return ModelCheck(model, kind, False, "", time.monotonic() - began, None, None, error.message, error.hint)
    return ModelCheck(model, kind, True, answer, time.monotonic() - began, first, cost)


async def _chat(models: "Models", model: str) -> tuple[str, float | None, int | None]:
    reply = await models.complete(model, _QUESTION)
    return reply.text.strip(), reply.first_token_seconds, reply.cost_nano


async def _embed(models: "Models", model: str) -> tuple[str, float | None, int | None]:
    made = await models.embed(model, ["ready"], purpose="query")
    return f"{made.dimensions} numbers", None, made.cost_nano


async def _listen(models: "Models", model: str) -> tuple[str, float | None, int | None]:
    heard = await models.transcribe(model, Audio(silence(1.0)))
    return f"heard {heard.transcript.seconds:g} s", None, heard.cost_nano


async def _moderate(models: "Models", model: str) -> tuple[str, float | None, int | None]:
    made = await models.moderate(model, ["ready"])
    return "flagged" if made.moderations[0].flagged else "not flagged", None, made.cost_nano


def silence(seconds: float) -> bytes:
    """A wav file, 16 kHz mono, in which nothing is said."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(b"\0\0" * int(16_000 * seconds))
    return file.getvalue()
