"""Texts to judgements by a route. The same chain as a chat call: routes, limits, prices and rows are one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from coachwork.messages import Moderation, Usage
from coachwork.models.office import CallEvent, Send, Value
from coachwork.models.routes import Target
from coachwork.providers.wire import End, Meter


@dataclass(frozen=True)
class Moderated:
    """One judgement a text, in their order. `cost_nano` in 1e-9 USD, None where unknown."""

    moderations: list[Moderation]
    model: str
    usage: Usage
    cost_nano: int | None
    cached: bool = False


def moderating(texts: Sequence[str]) -> Send:
    """How the last link of the chain asks for these judgements."""

    async def send(target: Target, meter: Meter) -> AsyncIterator[CallEvent]:
        yield Value(await target.provider.moderate(target.name, texts, meter))
        yield End("stop", meter.usage)

    return send
