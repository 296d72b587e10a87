"""Embeddings of remote services. Knows how each SDK is asked and how many texts it takes; counts what it used."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from coachwork.errors import NotInstalled, ProviderFault
from coachwork.messages import Usage
from coachwork.providers.services import Service, WireName
from coachwork.providers.wire import Meter, Purpose

if TYPE_CHECKING:
    from pydantic_ai.providers import Provider

    from coachwork.providers.wire import Vectors

_BYTES_A_TOKEN = 4  # of English, where a provider does not count for us: the Gemini API


@dataclass(frozen=True)
class _Made:
    rows: Sequence[Sequence[float]]
    usage: Usage


_Ask = Callable[["Provider[Any]", str, Sequence[str], Purpose], Awaitable[_Made]]


async def embed(
    service: Service, provider: "Provider[Any]", full: str, texts: Sequence[str], purpose: Purpose, meter: Meter
) -> "Vectors":
    """Texts as float32 vectors of length 1, one row a text. `full` is our name of the model, `provider:name`.

    Raises ProviderFault where an answer does not hold one vector of the same size for each text.
    """
    try:
        import numpy as np
    except ImportError as error:
        raise NotInstalled(
            f"Embeddings need a package that is not installed: {error}", hint='pip install "coachwork[knowledge]"'
        ) from error
    ask, model = _ASKS.get(service.wire, _layer), full.partition(":")[2]
    rows: list[Sequence[float]] = []
    for first in range(0, len(texts), service.embed_at_once):
        some = texts[first : first + service.embed_at_once]
        made = await ask(provider, model, some, purpose)
        meter.usage += made.usage if made.usage.input_tokens else _estimated(some)
        if len(made.rows) != len(some):
            raise ProviderFault(f"{full!r} gave {len(made.rows)} vectors for {len(some)} texts.", model=full)
        rows.extend(made.rows)
    sizes = {len(row) for row in rows}
    if len(sizes) > 1 or 0 in sizes:
        raise ProviderFault(f"{full!r} gave vectors of different sizes: {sorted(sizes)}.", model=full)
    vectors = np.asarray(rows, dtype=np.float32).reshape(len(rows), -1)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return unit


def _estimated(texts: Sequence[str]) -> Usage:
    return Usage(input_tokens=sum(math.ceil(len(text.encode()) / _BYTES_A_TOKEN) for text in texts), estimated=True)


async def _openai(provider: "Provider[Any]", model: str, texts: Sequence[str], _purpose: Purpose) -> _Made:
    """By the SDK itself: pydantic-ai's own layer would want tiktoken, which nothing here uses."""
    from coachwork.providers.openai_errors import raised_as_theirs

    with raised_as_theirs(model):
        response = await provider.client.embeddings.create(model=model, input=list(texts))
    rows = sorted(response.data, key=lambda row: row.index or 0)
    counted = response.usage
    return _Made([row.embedding for row in rows], Usage(input_tokens=(counted and counted.prompt_tokens) or 0))


async def _layer(provider: "Provider[Any]", model: str, texts: Sequence[str], purpose: Purpose) -> _Made:
    """By pydantic-ai's layer, which knows how each service tells a query from a passage."""
    result = await _embedder(provider, model).embed(
        list(texts), input_type="query" if purpose == "query" else "document"
    )
    return _Made(result.embeddings, replace(Usage(), input_tokens=result.usage.input_tokens))


def _embedder(provider: "Provider[Any]", model: str) -> Any:
    from importlib import import_module

    kinds = {"google": "GoogleEmbeddingModel", "cohere": "CohereEmbeddingModel", "bedrock": "BedrockEmbeddingModel"}
    made = getattr(import_module(f"pydantic_ai.embeddings.{provider.name}"), kinds[provider.name])
    return made(model, provider=provider)


_ASKS: dict[WireName, _Ask] = {
    "openai-responses": _openai,
    "openai-chat": _openai,
    "openrouter": _openai,
    "ollama": _openai,
    "azure": _openai,
    "azure-responses": _openai,
}
