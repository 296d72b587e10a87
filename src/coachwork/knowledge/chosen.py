"""Which of the found passages are handed on: not all alike, not more than fits, and with what stands beside them.

Knows scores, vectors and sizes; asks an index only for vectors and neighbours.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from coachwork.knowledge.filters import Filter
from coachwork.knowledge.index import PassageIndex, Stretch
from coachwork.knowledge.search import Found
from coachwork.knowledge.tokens import estimated_tokens
from coachwork.messages import Scores

Fate: TypeAlias = Literal["kept", "below", "alike", "too long", "hidden"]


@dataclass(frozen=True)
class Choice:
    """How many passages, how different, how long: see `KnowledgeBase.search`."""

    top_k: int = 6
    neighbours: int = 0
    diversity: float = 0.0
    max_tokens: int | None = None


@dataclass(frozen=True)
class Chosen:
    """What is handed on, in order, and what became of every passage that was found, by its id."""

    passages: list[Found]
    fates: Mapping[str, Fate]


async def choose(index: PassageIndex, found: Sequence[Found], choice: Choice, filter: Filter) -> Chosen:
    """The best of `found`, with their neighbours that `filter` lets through."""
    fates: dict[str, Fate] = {each.hit.id: "below" for each in found}
    best = list(found[: choice.top_k])
    if choice.diversity > 0 and len(found) > 1:
        vectors = await index.embedded([each.hit.id for each in found])
        best = _diverse(found, vectors, choice)
        low = _score(best[-1]) if best else 0.0
        taken = {each.hit.id for each in best}
        fates.update({each.hit.id: "alike" for each in found if each.hit.id not in taken and _score(each) > low})
    kept = _that_fit(best, choice.max_tokens)
    fates.update({each.hit.id: "too long" for each in best})
    fates.update({each.hit.id: "kept" for each in kept})
    return Chosen(await _with_neighbours(index, kept, choice, filter), fates)


def _score(found: Found) -> float:
    scores = found.scores
    return scores.rerank if scores.rerank is not None else scores.fused or 0.0


def _diverse(found: Sequence[Found], vectors: Mapping[str, Sequence[float]], choice: Choice) -> list[Found]:
    """By maximal marginal relevance (Carbonell and Goldstein 1998): each next one is good and unlike those before."""
    units = {id_: _unit(vector) for id_, vector in vectors.items()}
    most = max(_score(each) for each in found) or 1.0
    left = list(found)
    taken: list[Found] = []
    nearest = {each.hit.id: 0.0 for each in found}
    while left and len(taken) < choice.top_k:
        best = max(
            left,
            key=lambda each: (1 - choice.diversity) * _score(each) / most - choice.diversity * nearest[each.hit.id],
        )
        left.remove(best)
        taken.append(best)
        mine = units.get(best.hit.id)
        for each in left:
            theirs = units.get(each.hit.id)
            if mine is not None and theirs is not None:
                alike = sum(one * other for one, other in zip(mine, theirs, strict=True))
                nearest[each.hit.id] = max(nearest[each.hit.id], alike)
    return taken


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [number / length for number in vector]


def _that_fit(best: Sequence[Found], max_tokens: int | None) -> list[Found]:
    """The passages that fit into the limit, taken in order; a long one is passed over for shorter ones after it."""
    if max_tokens is None:
        return list(best)
    kept: list[Found] = []
    left = max_tokens
    for each in best:
        size = estimated_tokens(each.hit.text)
        if size <= left:
            kept.append(each)
            left -= size
    return kept


async def _with_neighbours(index: PassageIndex, kept: Sequence[Found], choice: Choice, filter: Filter) -> list[Found]:
    """Each passage between those that stand around it in its document, none twice, as far as the limit lets them."""
    if not choice.neighbours or not kept:
        return list(kept)
    reach = choice.neighbours
    stretches = [
        Stretch(each.hit.document, max(0, each.hit.position - reach), each.hit.position + reach) for each in kept
    ]
    # What a filter by metadata left out was not asked for; who may read and what is hidden holds for neighbours too.
    around = await index.passages(stretches, replace(filter, conditions=()))
    used = sum(estimated_tokens(each.hit.text) for each in kept)
    given = {each.hit.id for each in kept}
    result: list[Found] = []
    for each in kept:
        beside: list[Found] = [each]
        for hit in around:
            distance = abs(hit.position - each.hit.position)
            if hit.document != each.hit.document or distance > reach or hit.id in given:
                continue
            size = estimated_tokens(hit.text)
            if choice.max_tokens is not None and used + size > choice.max_tokens:
                continue
            given.add(hit.id)
            used += size
            beside.append(Found(hit, Scores(boost=hit.boost, neighbour=True)))
        result.extend(sorted(beside, key=lambda found: found.hit.position))
    return result
