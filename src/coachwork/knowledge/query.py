"""One search from question to chosen passages: its stages stand in `searched`, in order. Knows who does each; does
none of it itself.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from coachwork.errors import InputError
from coachwork.knowledge.chosen import Choice, Chosen, choose
from coachwork.knowledge.embedder import Embedder
from coachwork.knowledge.filters import Filter
from coachwork.knowledge.index import Hit, PassageIndex
from coachwork.knowledge.rerank import MOST_RERANKED, Asker, reranked, reworded
from coachwork.knowledge.search import Asked, Found, Ranking, fused, rankings

QUESTION_CHARACTERS = (
    4000  # of a long ticket: an embedding model reads some 1,000, full-text search gains nothing beyond
)
MAX_TOP_K = 200
_REWORDED = 0.5  # what a model's wording counts against the person's own


class SearchModels(Embedder, Asker, Protocol):
    """Vectors, rankings, and answers of a chat model. `coachwork.models.Models` is one."""


@dataclass(frozen=True)
class Query:
    """What is asked for. `rerank` and `rewrite` are routes, "" for none: see `KnowledgeBase.search`."""

    question: str
    filter: Filter
    choice: Choice = field(default_factory=Choice)
    rerank: str = ""
    rewrite: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a query: the choice, everything found, hidden ones apart, and the seconds of each stage."""

    chosen: Chosen
    found: list[Found]
    hidden: list[Found]
    wordings: list[str]
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where is searched: an index, the route that embeds for it, the language of its documents.

    `meaning` is what the search by its vectors counts, against 1.
    """

    index: PassageIndex
    embed: str
    language: str
    meaning: float = 1.0


def require(query: Query) -> None:
    """Raise InputError where a number does not fit."""
    choice, most = query.choice, query.choice.max_tokens
    checks = (
        ("top_k", choice.top_k, 1 <= choice.top_k <= MAX_TOP_K, f"Ask for 1 to {MAX_TOP_K} passages."),
        ("neighbours", choice.neighbours, 0 <= choice.neighbours <= 10, "Ask for 0 to 10 on each side."),
        ("diversity", choice.diversity, 0 <= choice.diversity <= 1, "0 is by score alone, 1 by difference alone."),
        ("max_tokens", most, most is None or most >= 1, "Leave it out for no limit."),
    )
    for name, value, fits, hint in checks:
        if not fits:
            raise InputError(f"{name}={value!r} does not fit", hint=hint)
    if query.rerank and choice.top_k > MOST_RERANKED:
        raise InputError(
            f"top_k={choice.top_k} is more than a model puts in order",
            hint=f'Ask for up to {MOST_RERANKED} passages, or search with rerank="".',
        )


async def searched(query: Query, place: Place, vector: Sequence[float], models: SearchModels) -> Outcome:
    """Reword, embed, find by words and by meaning, fuse, rerank, choose. `vector` is that of the question itself."""
    seconds: dict[str, float] = {}
    asked = [Asked(query.question, vector)]
    if query.rewrite:
        with _timed(seconds, "rewrite"):
            wordings = await reworded(models, query.rewrite, query.question)
        if wordings:
            made = await models.embed(place.embed, wordings, purpose="query")
            asked.extend(Asked(text, found, _REWORDED) for text, found in zip(wordings, made.vectors, strict=True))
    depth = max(50, 4 * query.choice.top_k)
    with _timed(seconds, "find"):
        found_by = await rankings(place.index, asked, depth, place.language, query.filter, place.meaning)
    hidden = fused([_only(ranking, hidden=True) for ranking in found_by])
    found = fused([_only(ranking, hidden=False) for ranking in found_by])
    everything = found
    if query.rerank:
        with _timed(seconds, "rerank"):
            found = await reranked(models, query.rerank, query.question, found, query.choice.top_k)
    with _timed(seconds, "choose"):
        chosen = await choose(place.index, found, query.choice, replace(query.filter, hidden=False))
    graded = {each.hit.id: each for each in found}
    everything = [graded.get(each.hit.id, each) for each in everything]
    return Outcome(chosen, everything, hidden, [each.text for each in asked], seconds)


def _only(ranking: Ranking, *, hidden: bool) -> Ranking:
    """The ranking as it is without the others: hidden passages take no place among those that are not."""
    hits: list[Hit] = [hit for hit in ranking.hits if hit.hidden == hidden]
    return Ranking(ranking.stage, hits, ranking.counts)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - started, 6)
