"""What a provider fulfils, and what it gives back. The plug-in point of this room: ours are written through it too.

Knows one provider and one model at a time; routes, retries, prices and records are `models`' business.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from coachwork.errors import ModelError, Rejected
from coachwork.messages import (
    Audio,
    FinishReason,
    ModelRequest,
    Moderation,
    SourceFound,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Transcript,
    Usage,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors: TypeAlias = npt.NDArray[np.float32]

Kind = Literal["chat", "embed", "transcribe", "moderate", "rerank"]
Purpose = Literal["passage", "query"]


@dataclass(frozen=True)
class End:
    """The last event of an answer that came whole. A stream that stops without it was cut.

    `declined`: what the model said instead of an answer where the wire has a place for that (`refusal`).
    """

    finish_reason: FinishReason
    usage: Usage
    probabilities: tuple[tuple[str, float], ...] = ()
    thinking_signature: str = ""
    declined: str = ""


ChatEvent: TypeAlias = TextDelta | ThinkingDelta | ToolCallDelta | SourceFound | End


@dataclass
class Meter:
    """What a call has used so far. The provider keeps it current, so a call that is cut off is still booked."""

    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class Abilities:
    """What a model can do, as data. `context` in tokens, None where unknown; `media` are media type prefixes.

    `schema` is how an answer is held to a schema: by the model's own decoder (`native`), by a tool it
    must call, or only by asking (`prompted`). `tools` is how it asks for a tool: by its own wire
    (`native`), or only well under a schema (`schema`). `at_once` is how many calls it takes at the same time.
    What does not stream gives its answer in one piece. `counts` is what a ranking by its vectors counts in a search,
    against 1 for that of a model that reads a text whole.
    """

    kinds: frozenset[Kind] = frozenset({"chat"})
    schema: Literal["native", "tool", "prompted"] = "prompted"
    tools: Literal["native", "schema"] = "schema"
    thinking: bool = False
    probabilities: bool = False
    media: tuple[str, ...] = ()
    context: int | None = None
    at_once: int | None = None
    streams: bool = True
    counts: float = 1.0


class Provider:
    """A way to reach models. Subclass it, say what you can, and raise errors of the ModelError branch only.

    `keys` are environment variables of which one must be set, empty where none is needed. `billed`
    is False where a call costs nothing; `price_table` is this provider's name in genai-prices.
    """

    name: str
    keys: tuple[str, ...] = ()
    billed: bool = True
    price_table: str = ""

    def problem(self, model: str) -> ModelError | None:
        """Why `model` can't be asked at all: no such model, its file is missing. Cheap, without a connection."""
        return None

    def abilities(self, model: str) -> Abilities:
        return Abilities()

    def stream(self, model: str, request: ModelRequest, meter: Meter) -> AsyncIterator[ChatEvent]:
        """Answer a chat request as events, the last of them an End. Closing the iterator stops the work."""
        raise Rejected(f"{self.name}:{model} does not chat.", model=f"{self.name}:{model}")

    async def embed(self, model: str, texts: Sequence[str], purpose: Purpose, meter: Meter) -> "Vectors":
        """Texts as float32 vectors of shape (len(texts), dimensions), each of length 1."""
        raise Rejected(f"{self.name}:{model} makes no embeddings.", model=f"{self.name}:{model}")

    async def transcribe(self, model: str, audio: Audio, meter: Meter) -> Transcript:
        raise Rejected(f"{self.name}:{model} does not listen.", model=f"{self.name}:{model}")

    async def moderate(self, model: str, texts: Sequence[str], meter: Meter) -> list[Moderation]:
        """One judgement a text, in their order."""
        raise Rejected(f"{self.name}:{model} does not moderate.", model=f"{self.name}:{model}")

    async def rerank(self, model: str, query: str, texts: Sequence[str], meter: Meter) -> list[float]:
        """How well each text answers the query, from 0 to 1, in their order."""
        raise Rejected(f"{self.name}:{model} does not rank passages.", model=f"{self.name}:{model}")

    async def close(self) -> None:
        """Give back connections and memory."""
