"""A passage cut up for judging: sentences, their words, and the titles above them. Knows structure; judges nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from coachwork.knowledge.phrases import beside, leading, pairs
from coachwork.knowledge.sentences import split_sentences
from coachwork.knowledge.slots import PICKS, PRONOUNS, Pick, Slot, slots_of
from coachwork.knowledge.words import Word, words_of


@dataclass(frozen=True)
class Unit:
    """A sentence of a source, with its words; `start`..`end` in the source."""

    start: int
    end: int
    words: tuple[Word, ...]

    @cached_property
    def forms(self) -> frozenset[str]:
        return frozenset(word.form for word in self.words)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        return pairs(self.words)

    @cached_property
    def beside(self) -> frozenset[tuple[str, str]]:
        return beside(self.words)

    @cached_property
    def denies(self) -> bool:
        return any(word.kind == "not" for word in self.words)


@dataclass(frozen=True)
class Source:
    """A passage, cut up. `context` are forms that hold for all of it: its titles, the heads of its tables."""

    units: tuple[Unit, ...]
    context: frozenset[str]

    @cached_property
    def slots(self) -> dict[Pick, tuple[Slot, ...]]:
        """Every number, date and name of it, with its surroundings."""
        units = list(_with_subjects(self.units))
        return {
            pick: tuple(slot for unit, subject in units for slot in slots_of(unit.words, pick, subject))
            for pick in PICKS
        }


def source_of(text: str, titles: Iterable[str] = (), *, german: bool = False) -> Source:
    """Cut a passage into units. `titles` are the headings above it."""
    units = []
    context: set[str] = set()
    for span in split_sentences(text, wrapped=True):
        words = tuple(words_of(text, span.start, span.end, german=german))
        if words:
            units.append(Unit(span.start, span.end, words))
        line = text[span.start : span.end]
        is_head = line.startswith("#") or (line.startswith("|") and text[span.end :].lstrip().startswith("| --"))
        if is_head or (line.startswith("|") and text[span.end :].lstrip().startswith(("|-", "|:"))):
            context.update(word.form for word in words)
    for title in titles:
        context.update(word.form for word in words_of(title))
    return Source(tuple(units), frozenset(context))


def forms_of(units: Iterable[Unit]) -> frozenset[str]:
    return frozenset().union(*(unit.forms for unit in units))


def _with_subjects(units: Iterable[Unit]) -> Iterator[tuple[Unit, frozenset[str]]]:
    """Each unit with what its first word stands for, where that is a pronoun: the subject of the one before."""
    before: frozenset[str] = frozenset()
    for unit in units:
        pronoun = unit.words[0].raw in PRONOUNS
        yield unit, before if pronoun else frozenset()
        if not pronoun:
            before = frozenset(word.form for word in leading(unit.words))
