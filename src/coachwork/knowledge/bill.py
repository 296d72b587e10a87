"""What the models of one search cost together. Knows sums; asks through the models it is given."""

from collections.abc import Sequence
from typing import Literal

from coachwork.knowledge.embedder import Embedded
from coachwork.knowledge.query import SearchModels
from coachwork.knowledge.rerank import Ranked
from coachwork.messages import Attempt, ModelRequest, Reply


class Billed:
    """The same models, with what was asked of them added up: `nano` in 1e-9 USD, None once a price is unknown.

    `attempts` are those that failed before another model did what was asked.
    """

    def __init__(self, models: SearchModels) -> None:
        self._models = models
        self.nano: int | None = 0
        self.attempts: tuple[Attempt, ...] = ()

    async def embed(self, route: str, texts: Sequence[str], *, purpose: Literal["passage", "query"]) -> Embedded:
        made = await self._models.embed(route, texts, purpose=purpose)
        self._add(made.cost_nano)
        return made

    async def complete(self, route: str, request: ModelRequest, *, after: Sequence[Attempt] = ()) -> Reply:
        reply = await self._models.complete(route, request, after=after)
        self._add(reply.cost_nano)
        self.attempts += tuple(reply.attempts)
        return reply

    async def rerank(self, route: str, query: str, texts: Sequence[str], *, after: Sequence[Attempt] = ()) -> Ranked:
        made = await self._models.rerank(route, query, texts, after=after)
        self._add(made.cost_nano)
        self.attempts += tuple(made.attempts)
        return made

    def ranks_by(self, route: str) -> Sequence[Literal["rerank", "chat"]]:
        return self._models.ranks_by(route)

    def cost_of_embedding(self, model: str, tokens: int) -> int | None:
        return self._models.cost_of_embedding(model, tokens)

    def _add(self, nano: int | None) -> None:
        self.nano = None if self.nano is None or nano is None else self.nano + nano
