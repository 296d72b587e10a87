"""Finds passages by meaning and by words, and fuses both rankings. Knows ranks; knows no files and no answer."""

import asyncio
import re
from collections.abc import Sequence

from coachwork.knowledge.index import Hit, PassageIndex
from coachwork.messages import Passage

_RANK_OFFSET = 60  # of reciprocal rank fusion, as in Cormack et al. 2009
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IDENTIFIER = re.compile(r"\b(?=\w*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z]|\w_\w))\w+\b")


def search_words(text: str) -> str:
    """`text` for full-text search: `getUserName` and `request_id` are followed by their parts.

    (`X-Request-Id` needs nothing: the analyser splits at hyphens.)
    """
    parts = [_CAMEL.sub(" ", found.replace("_", " ")) for found in _IDENTIFIER.findall(text)]
    return f"{text}\n{' '.join(parts)}" if parts else text


def fused(rankings: Sequence[Sequence[Hit]], limit: int) -> list[tuple[Hit, float]]:
    """The best of several rankings by reciprocal rank. A passage that leads each of them scores 1.

    Equal scores keep the order of the first ranking that has them, so a search gives the same twice.
    """
    scores: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking):
            scores[hit.id] = scores.get(hit.id, 0.0) + 1.0 / (_RANK_OFFSET + 1 + rank)
            hits.setdefault(hit.id, hit)
    best = sorted(scores, key=lambda id_: -scores[id_])[:limit]
    whole = len(rankings) / (_RANK_OFFSET + 1)
    return [(hits[id_], scores[id_] / whole) for id_ in best]


async def hybrid(index: PassageIndex, query: str, vector: Sequence[float], limit: int) -> list[tuple[Hit, float]]:
    """The best passages for `query` by vector and by words together, with their fused score from 0 to 1."""
    depth = max(50, 4 * limit)
    by_words, by_vector = await asyncio.gather(
        index.by_words(search_words(query), depth), index.by_vector(vector, depth)
    )
    return fused([by_words, by_vector], limit)


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
