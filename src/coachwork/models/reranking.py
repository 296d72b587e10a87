"""Texts to scores by a route whose model is a reranker. The same chain as a chat call: routes, limits, prices and rows
are one.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from coachwork.messages import Attempt, Usage
from coachwork.models.office import CallEvent, Send, Value
from coachwork.models.routes import Target
from coachwork.providers.wire import End, Meter


@dataclass(frozen=True)
class Reranked:
    """How well each text answers the query, from 0 to 1, in order. `cost_nano` in 1e-9 USD, None where unknown.

    `attempts` are those that failed before.
    """

    scores: list[float]
    model: str
    usage: Usage
    cost_nano: int | None
    cached: bool = False
    attempts: tuple[Attempt, ...] = ()


def reranking(query: str, texts: Sequence[str]) -> Send:
    """How the last link of the chain asks for these scores."""

    async def send(target: Target, meter: Meter) -> AsyncIterator[CallEvent]:
        yield Value(await target.provider.rerank(target.name, query, texts, meter))
        yield End("stop", meter.usage)

    return send
