"""Texts to vectors by a route. The same chain as a chat call: routes, limits, prices and rows are one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coachwork.messages import Usage
from coachwork.models.office import CallEvent, Send, Value
from coachwork.models.routes import Target
from coachwork.providers.wire import End, Meter, Purpose

if TYPE_CHECKING:
    from coachwork.providers.wire import Vectors


@dataclass(frozen=True)
class Embeddings:
    """Vectors of length 1: float32, one row a text. `cost_nano` in 1e-9 USD, None where unknown.

    `counts` is what a ranking by them counts in a search, as in `Abilities`.
    """

    vectors: "Vectors"
    model: str
    dimensions: int
    usage: Usage
    cost_nano: int | None
    counts: float = 1.0
    cached: bool = False


def embedding(texts: Sequence[str], purpose: Purpose) -> Send:
    """How the last link of the chain asks for these vectors."""

    async def send(target: Target, meter: Meter) -> AsyncIterator[CallEvent]:
        yield Value(await target.provider.embed(target.name, texts, purpose, meter))
        yield End("stop", meter.usage)

    return send
