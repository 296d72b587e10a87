"""What the models of one search cost together. Knows sums; asks through the models it is given."""

from collections.abc import Sequence
from typing import Literal

from coachwork.knowledge.embedder import Embedded
from coachwork.knowledge.query import SearchModels
from coachwork.knowledge.rerank import Ranked
from coachwork.messages import ModelRequest, Reply


class Billed:
    """The same models, with what was asked of them added up: `nano` in 1e-9 USD, None once a price is unknown."""

    def __init__(self, models: SearchModels) -> None:
        self._models = models
        self.nano: int | None = 0

    async def embed(self, route: str, texts: Sequence[str], *, purpose: Literal["passage", "query"]) -> Embedded:
        made = await self._models.embed(route, texts, purpose=purpose)
        self._add(made.cost_nano)
        return made

    async def complete(self, route: str, request: ModelRequest) -> Reply:
        reply = await self._models.complete(route, request)
        self._add(reply.cost_nano)
        return reply

    async def rerank(self, route: str, query: str, texts: Sequence[str]) -> Ranked:
        made = await self._models.rerank(route, query, texts)
        self._add(made.cost_nano)
        return made

    def reranks(self, route: str) -> bool:
        return self._models.reranks(route)

    def cost_of_embedding(self, model: str, tokens: int) -> int | None:
        return self._models.cost_of_embedding(model, tokens)

    def _add(self, nano: int | None) -> None:
        self.nano = None if self.nano is None or nano is None else self.nano + nano
