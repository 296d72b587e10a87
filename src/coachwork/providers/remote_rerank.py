"""Passages put in order by remote rerankers: one request, one score a passage. Knows the endpoints as data, no SDK.

Cohere: https://docs.cohere.com/reference/rerank, Jina: https://jina.ai/reranker, Voyage:
https://docs.voyageai.com/reference/reranker-api; vLLM, llama.cpp, LiteLLM, OpenRouter and others copied Jina's shape.
TEI: https://huggingface.github.io/text-embeddings-inference
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from coachwork.errors import ProviderFault
from coachwork.messages import Usage
from coachwork.providers.openai_errors import status_error
from coachwork.providers.services import RerankName, Service
from coachwork.providers.wire import Meter

_BYTES_A_TOKEN = 4  # of English, where a service does not count for us
_TEXTS_A_SEARCH = 100  # in one of Cohere's search units


@dataclass(frozen=True)
class _Endpoint:
    """Where and how a reranker is asked; `at_once` is how many texts it takes in a request."""

    path: str
    texts: str = "documents"
    at_once: int = 1000


_ENDPOINTS: dict[RerankName, _Endpoint] = {
    "jina": _Endpoint("/rerank"),
    "cohere": _Endpoint("/v2/rerank"),
    "tei": _Endpoint("/rerank", texts="texts", at_once=32),
}


async def rerank(
    http: httpx2.AsyncClient, service: Service, key: str, full: str, query: str, texts: Sequence[str], meter: Meter
) -> list[float]:
    """How well each text answers the query, from 0 to 1, in their order. `full` is our name, `provider:name`.

    Raises ProviderFault where an answer does not hold one score for each text.
    """
    endpoint, scores = _ENDPOINTS[service.rerank], list[float]()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for first in range(0, len(texts), endpoint.at_once):
        some = texts[first : first + endpoint.at_once]
        body = {"model": full.partition(":")[2], "query": query, endpoint.texts: list(some)}
        response = await http.post(service.base_url.rstrip("/") + endpoint.path, json=body, headers=headers)
        if response.status_code >= 400:
            raise status_error(full, response)
        answer = response.json()
        scores.extend(_scores(full, answer, len(some)))
        meter.usage += _usage(answer, query, some)
    if any(not 0 <= score <= 1 for score in scores):  # llama.cpp gives what its model's last layer gave
        scores = [_logistic(score) for score in scores]
    return scores


def _scores(full: str, answer: Any, count: int) -> list[float]:
    rows = answer
    if isinstance(answer, Mapping):
        rows = answer.get("results", answer.get("data"))
    found: dict[int, float] = {}
    for row in rows if isinstance(rows, list) else ():
        score = row.get("relevance_score", row.get("score")) if isinstance(row, Mapping) else None
        if not isinstance(score, int | float) or not isinstance(row.get("index"), int) or not math.isfinite(score):
            raise ProviderFault(f"{full!r} sent something that is no ranking.", model=full)
        found[row["index"]] = float(score)
    if sorted(found) != list(range(count)):
        raise ProviderFault(f"{full!r} gave {len(found)} scores for {count} texts.", model=full)
    return [found[index] for index in range(count)]


def _usage(answer: Any, query: str, texts: Sequence[str]) -> Usage:
    """Search units, tokens or both, whichever the service tells; our own estimate of both where it tells neither."""
    told: dict[str, Any] = {}
    if isinstance(answer, Mapping):
        meta = answer.get("meta") or {}
        for part in (answer.get("usage"), meta.get("tokens"), meta.get("billed_units")):
            told |= part if isinstance(part, Mapping) else {}
    tokens = told.get("total_tokens") or told.get("input_tokens") or told.get("prompt_tokens") or 0
    searches = told.get("search_units") or 0
    if tokens or searches:
        return Usage(input_tokens=int(tokens), searches=math.ceil(searches))
    sizes = (len(text.encode()) + len(query.encode()) for text in texts)
    tokens = sum(math.ceil(size / _BYTES_A_TOKEN) for size in sizes)
    return Usage(input_tokens=tokens, searches=math.ceil(len(texts) / _TEXTS_A_SEARCH), estimated=True)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, value))))
