"""What this room needs of the models: texts to vectors. Knows the shape of the question; knows no model."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol


class Embedded(Protocol):
    """Vectors in the order of the texts, each of `dimensions` numbers, and the model that made them."""

    @property
    def vectors(self) -> Any:
        """Rows of floats: lists, or a float32 array (n, dimensions)."""

    @property
    def model(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def cost_nano(self) -> int | None:
        """In 1e-9 US dollars, None where the price is unknown."""

    @property
    def counts(self) -> float:
        """What a ranking by these vectors counts, against 1 for those of a model that reads a text whole."""


class Embedder(Protocol):
    """`coachwork.models.Models` is one."""

    def cost_of_embedding(self, model: str, tokens: int) -> int | None:
        """What a model asks at most for so many tokens, in 1e-9 US dollars; None where nobody knows."""

    async def embed(self, route: str, texts: Sequence[str], *, purpose: Literal["passage", "query"]) -> Embedded: ...
