"""What runs of words say without a grammar: neighbours, what a sentence begins with, what a "not" is about."""

from collections.abc import Sequence
from itertools import pairwise

from coachwork.knowledge.words import Kind, Word

WEIGHT: dict[Kind, float] = {
    "number": 2.0,
    "name": 1.5,
    "unit": 1.0,
    "content": 1.0,
    "not": 0.0,
    "stop": 0.0,
    "mark": 0.0,
}
_OR = frozenset(("or", "nor", "oder", "noch"))


def pairs(words: Sequence[Word]) -> frozenset[tuple[str, str]]:
    """Words with weight that follow one another, those without left out."""
    return frozenset(pairwise(word.form for word in words if WEIGHT[word.kind]))


def beside(words: Sequence[Word]) -> frozenset[tuple[str, str]]:
    """Each number with the word before it (`<word`) and the word after it (`>word`), those without weight left out."""
    found = set()
    for one, other in pairwise(word for word in words if WEIGHT[word.kind]):
        if other.kind == "number":
            found.add((other.form, f"<{one.form}"))
        if one.kind == "number":
            found.add((one.form, f">{other.form}"))
    return frozenset(found)


def leading(words: Sequence[Word]) -> tuple[Word, ...]:
    """The first run of words with content: the subject, in most sentences, and with luck its verb."""
    run: list[Word] = []
    for word in words:
        if word.kind in ("content", "name", "number"):
            run.append(word)
        elif run or word.kind == "not":
            break
    return tuple(run)


def denied(words: Sequence[Word]) -> frozenset[str]:
    """The words that each "not" is about: the next one with content, and those that "or" and "nor" join to it."""
    found: set[str] = set()
    for index, word in enumerate(words):
        if word.kind != "not" or (index + 1 < len(words) and words[index + 1].form == "only"):
            continue
        following = [later.form for later in words[index + 1 : index + 6] if later.kind in ("content", "name")]
        found.update(following[:1])
        for before, later in pairwise(words[index + 1 : index + 9] if following else ()):
            if before.raw in _OR and later.kind in ("content", "name"):
                found.add(later.form)
    return frozenset(found)
