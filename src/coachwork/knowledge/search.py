"""Finds passages by meaning and by words, and fuses the rankings. Knows ranks; knows no files and no answer."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coachwork.knowledge.filters import Filter
from coachwork.knowledge.index import Hit, PassageIndex
from coachwork.knowledge.language import language_of
from coachwork.messages import Passage, Scores

_RANK_OFFSET = 10  # of reciprocal rank fusion (Cormack et al. 2009 used 60): the first few ranks tell most
_FOREIGN_WORDS = 0.5  # what words count where the question is in another language: then names alone match
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
    return _FOREIGN_WORDS if asked and asked != language else 1.0


@dataclass(frozen=True)
class Asked:
    """A wording of the question with its vector. A model's wording counts less than the person's own."""

    text: str
    vector: Sequence[float]
    counts: float = 1.0


@dataclass(frozen=True)
class Found:
    """A passage on its way through the stages, with what each gave it."""

    hit: Hit
    scores: Scores


@dataclass(frozen=True)
class Ranking:
    """What one stage found for one wording, best first, and what the ranking counts against others."""

    stage: str
    hits: Sequence[Hit]
    counts: float


def fused(rankings: Sequence[Ranking]) -> list[Found]:
    """All rankings in one by reciprocal rank, share and boost, best first. What leads them all scores 1, then boosted.

    The share is what a passage's score has of its ranking's best: ranks alone don't tell a second that is nearly as
    good from one that is far behind. Equal scores keep the order in which they were found, so a search gives the same
    twice.
    """
    sums: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    stages: dict[str, dict[str, tuple[int, float]]] = {}
    for ranking in rankings:
        top = ranking.hits[0].score if ranking.hits else 0.0
        for rank, hit in enumerate(ranking.hits, 1):
            share = max(0.0, hit.score / top) if top > 0 else 1.0  # no likeness at all: by rank alone
            sums[hit.id] = sums.get(hit.id, 0.0) + ranking.counts * share / (_RANK_OFFSET + rank)
            hits.setdefault(hit.id, hit)
            best = stages.setdefault(hit.id, {}).get(ranking.stage)
            if best is None or rank < best[0]:
                stages[hit.id][ranking.stage] = (rank, hit.score)
    whole = sum(ranking.counts for ranking in rankings) / (_RANK_OFFSET + 1)
    scored = {id_: sums[id_] / whole * hits[id_].boost for id_ in sums}
    order = sorted(scored, key=lambda id_: -scored[id_])
    return [Found(hits[id_], _scores(stages[id_], scored[id_], rank, hits[id_])) for rank, id_ in enumerate(order, 1)]


def _scores(stages: Mapping[str, tuple[int, float]], score: float, rank: int, hit: Hit) -> Scores:
    dense_rank, dense = stages.get("dense", (None, None))
    words_rank, words = stages.get("words", (None, None))
    return Scores(
        dense=None if dense is None else round(dense, 4),
        dense_rank=dense_rank,
        words=None if words is None else round(words, 4),
        words_rank=words_rank,
        fused=round(score, 4),
        fused_rank=rank,
        boost=hit.boost,
    )


async def rankings(
    index: PassageIndex, asked: Sequence[Asked], depth: int, language: str, filter: Filter, meaning: float
) -> list[Ranking]:
    """What full-text search and the search by meaning, which counts `meaning`, find for each wording, all at once."""

    async def of(each: Asked) -> list[Ranking]:
        words, near = await asyncio.gather(
            index.by_words(search_words(each.text), depth, filter), index.by_vector(each.vector, depth, filter)
        )
        weight = weight_of_words(each.text, language)
        return [Ranking("words", words, weight * each.counts), Ranking("dense", near, meaning * each.counts)]

    return [ranking for found in await asyncio.gather(*map(of, asked)) for ranking in found]


def as_passage(knowledge: str, found: Found) -> Passage:
    hit, scores = found.hit, found.scores
    score = scores.rerank if scores.rerank is not None else scores.fused or 0.0
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
        digest=hit.digest,
        scores=scores,
    )
