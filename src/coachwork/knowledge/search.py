"""Finds passages by meaning and by words, and fuses both rankings. Knows ranks; knows no files and no answer."""

import asyncio
import re
from collections.abc import Sequence

from coachwork.knowledge.index import Hit, PassageIndex
from coachwork.knowledge.language import language_of
from coachwork.messages import Passage

_RANK_OFFSET = 10  # of reciprocal rank fusion (Cormack et al. 2009 used 60): the first few ranks tell most
_WORDS = 1.25  # what the ranking by words counts against the one by meaning,
_FOREIGN_WORDS = 0.5  # and where the question is in another language than the documents: then names alone match
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IDENTIFIER = re.compile(r"\b(?=\w*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z]|\w_\w))\w+\b")


def search_words(text: str) -> str:
    """`text` for full-text search: `getUserName` and `request_id` are followed by their parts.

    (`X-Request-Id` needs nothing: the analyser splits at hyphens.)
    """
    parts = [_CAMEL.sub(" ", found.replace("_", " ")) for found in _IDENTIFIER.findall(text)]
    return f"{text}\n{' '.join(parts)}" if parts else text


def weight_of_words(query: str, language: str) -> float:
    """What full-text search counts for `query` in documents of `language`, against 1 for the search by meaning."""
    asked = language_of(query)
    return _FOREIGN_WORDS if asked and asked != language else _WORDS


def fused(by_words: Sequence[Hit], by_vector: Sequence[Hit], limit: int, weight: float) -> list[tuple[Hit, float]]:
    """The best of both rankings by reciprocal rank, `weight` being that of the words. A passage that leads both
    scores 1.

    Equal scores keep the order of the ranking by words, so a search gives the same twice.
    """
    scores: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    for ranking, counts in ((by_words, weight), (by_vector, 1.0)):
        for rank, hit in enumerate(ranking):
            scores[hit.id] = scores.get(hit.id, 0.0) + counts / (_RANK_OFFSET + 1 + rank)
            hits.setdefault(hit.id, hit)
    best = sorted(scores, key=lambda id_: -scores[id_])[:limit]
    whole = (weight + 1.0) / (_RANK_OFFSET + 1)
    return [(hits[id_], scores[id_] / whole) for id_ in best]


async def hybrid(
    index: PassageIndex, query: str, vector: Sequence[float], limit: int, language: str
) -> list[tuple[Hit, float]]:
    """The best passages for `query` by vector and by words together, with their fused score from 0 to 1."""
    depth = max(50, 4 * limit)
    by_words, by_vector = await asyncio.gather(
        index.by_words(search_words(query), depth), index.by_vector(vector, depth)
    )
    return fused(by_words, by_vector, limit, weight_of_words(query, language))


def as_passage(knowledge: str, hit: Hit, score: float) -> Passage:
    return Passage(
        knowledge=knowledge,
        document=hit.document,
        title=hit.title,
        title_path=list(hit.title_path),
        page=hit.page,
        start=hit.start,
        end=hit.end,
        text=hit.text,
        score=round(score, 4),
    )
