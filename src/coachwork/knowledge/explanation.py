"""What a search did, told to a person: each passage with the rank and score of every stage, and why it came or not."""

from coachwork.knowledge.chosen import Fate
from coachwork.knowledge.query import Outcome
from coachwork.knowledge.search import as_passage
from coachwork.knowledge.words import words_of
from coachwork.messages import Frozen, Passage


class Candidate(Frozen):
    """A passage that a stage found. `rank` counts from 1 among those handed on, None for the others.

    `fate` is `kept`, or why it was not handed on: `below` the number asked for, `alike` one before it, `too long`
    for what was left of `max_tokens`, or `hidden` by a person. `matched` are words of the question that stand in it.
    """

    passage: Passage
    rank: int | None
    fate: Fate
    matched: list[str] = []


class Explanation(Frozen):
    """A search with everything it looked at, best first. `wordings` are the questions asked of the index."""

    question: str
    wordings: list[str]
    candidates: list[Candidate]
    seconds: dict[str, float]


def matched(question: str, text: str) -> list[str]:
    """The words of the question that say something and stand in `text` in any of their forms."""
    there = {word.form for word in words_of(text)}
    asked = [word for word in words_of(question) if word.kind != "stop"]
    return list(dict.fromkeys(word.raw for word in asked if word.form in there))


def explained(knowledge: str, outcome: Outcome) -> Explanation:
    """An outcome in words: those handed on in their order, then the others by score, the hidden ones last."""
    given = {found.hit.id: rank for rank, found in enumerate(outcome.chosen.passages, 1)}
    known = {found.hit.id for found in outcome.found}
    beside = [found for found in outcome.chosen.passages if found.hit.id not in known]
    fates: dict[str, Fate] = {**outcome.chosen.fates, **{found.hit.id: "hidden" for found in outcome.hidden}}
    question = outcome.wordings[0]
    candidates = [
        Candidate(
            passage=as_passage(knowledge, found),
            rank=given.get(found.hit.id),
            fate=fates.get(found.hit.id, "kept" if found.scores.neighbour else "below"),
            matched=matched(question, found.hit.text),
        )
        for found in [*outcome.found, *beside, *outcome.hidden]
    ]
    order = {"kept": 0, "hidden": 2}
    candidates.sort(key=lambda each: (order.get(each.fate, 1), each.rank or 0, -each.passage.score))
    return Explanation(question=question, wordings=outcome.wordings, candidates=candidates, seconds=outcome.seconds)
