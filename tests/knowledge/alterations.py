"""Makes false copies of true sentences: one number, one name or one "not" is another than in the source.

Knows text and a seeded generator; knows nothing of how the product reads words, so that both can't share a mistake.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SENTENCE = re.compile(r"(?:(?<=[a-z]{3}[.!?] )|(?<=\n)|\A)[A-Z][^.!?\n#|]{35,260}[^\W\d_]{4}[.!?](?=\s|$)")
_NUMBER = re.compile(r"(?<![\w.,:-])\d+(?:[.,]\d+)*(?![\w:,.-]*\d)")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}(?: [A-Z][a-z]+)*\b")
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|can|may|must|will|would|should|could|has|had)\b(?! not| n.t)")
_NOT = re.compile(r" not\b|\bnever ")


@dataclass(frozen=True)
class Altered:
    """A sentence of `source` in which `before` gave way to `after`; `kind` is number, name or not."""

    kind: str
    source: str
    sentence: str
    before: str
    after: str


def alterations(passages: Sequence[str], seed: int) -> Iterator[Altered]:
    """Alterations without end, drawn from `passages`; the new number or name stands elsewhere in the same passage
    where it has another one, else in another passage."""
    draw = random.Random(seed)
    while True:
        source = draw.choice(passages)
        sentences = _SENTENCE.findall(source)
        if not sentences:
            continue
        sentence = draw.choice(sentences)
        kind = draw.choice(("number", "name", "not"))
        made = _negated(sentence, draw) if kind == "not" else _swapped(kind, sentence, source, passages, draw)
        if made is not None and made[0] not in source:
            yield Altered(kind, source, *made)


def _swapped(
    kind: str, sentence: str, source: str, passages: Sequence[str], draw: random.Random
) -> tuple[str, str, str] | None:
    pattern = _NUMBER if kind == "number" else _NAME
    places = list(pattern.finditer(sentence))
    if not places:
        return None
    place = draw.choice(places)
    here = [found for found in pattern.findall(source) if _other(found, place.group())]
    there = [found for found in pattern.findall(draw.choice(passages)) if _other(found, place.group())]
    others = here or there
    if not others:
        return None
    new = draw.choice(others)
    return sentence[: place.start()] + new + sentence[place.end() :], place.group(), new


def _other(found: str, before: str) -> bool:
    """Another number or name, not the same in another form or a part of it."""
    return not any(part[:5] in before or before[:5] in part for part in found.split())


def _negated(sentence: str, draw: random.Random) -> tuple[str, str, str] | None:
    if found := _NOT.search(sentence):
        return sentence[: found.start()] + sentence[found.end() :], found.group(), ""
    places = list(_AUXILIARY.finditer(sentence))
    if not places:
        return None
    place = draw.choice(places)
    return f"{sentence[: place.end()]} not{sentence[place.end() :]}", "", " not"
