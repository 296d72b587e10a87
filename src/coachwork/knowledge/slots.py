"""Numbers, dates and names of a sentence with what stands around each. Knows clauses and lists; judges nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from coachwork.knowledge.phrases import WEIGHT
from coachwork.knowledge.vocabulary import in_words
from coachwork.knowledge.words import CALENDAR, Word

Pick: TypeAlias = Literal["number", "date", "name"]
_REACH = 12  # words to each side of a number that can be its surroundings
PRONOUNS = frozenset(in_words("it they this these he she that those es sie er dies diese"))
_DIMENSIONS = {
    unit: dimension
    for dimension, units in {
        "time": "second minute hour day week month quarter year decade century sekunde minute stunde tag tage woche"
        " monat jahr",
        "money": "euro dollar pound yen chf franc cent",
        "share": "percent prozent",
        "length": "mm cm m km meter kilometer kilometre mile inch foot feet",
        "weight": "g kg gram kilogram ton tonne",
        "volume": "liter ml",
        "heat": "degree celsius fahrenheit",
        "data": "kb mb gb tb byte bit",
        "power": "watt kw kwh volt",
        "clock": "am pm",
    }.items()
    for unit in in_words(units)
}


@dataclass(frozen=True)
class Slot:
    """A number or name with what stands around it.

    `shared` are words that a list may give once for all its parts ("A city bike costs 18 €, an e-bike 39 €"). Where a
    part has no head of its own ("ready after 3 days in Konstanz and 5 in Ravensburg") they are in `around`, and `tail`
    are the words that tell it from the other parts. `aside` is a name that stands apart, an
    address for instance.
    """

    label: str
    dimension: str
    around: frozenset[str]
    shared: frozenset[str]
    beside: frozenset[str]
    tail: frozenset[str]
    aside: bool


def _is_number(word: Word) -> bool:
    return word.kind == "number"


def _is_date(word: Word) -> bool:
    return word.kind == "name" and word.form in CALENDAR


def _is_name(word: Word) -> bool:
    return word.kind == "name" and word.form not in CALENDAR


PICKS: dict[Pick, Callable[[Word], bool]] = {"number": _is_number, "date": _is_date, "name": _is_name}


def slots_of(words: Sequence[Word], pick: Pick, subject: frozenset[str] = frozenset()) -> Iterator[Slot]:
    """Each word of the kind, with the words of its part of the sentence. `subject` is what a pronoun at the
    sentence's start stands for."""
    picks = PICKS[pick]
    head: frozenset[str] = frozenset()
    for number, part in enumerate(parts_of(words, pick)):
        first = next((index for index, word in enumerate(part) if picks(word)), 0)
        own_head = frozenset(word.form for word in part[:first] if WEIGHT[word.kind])
        elliptic = number > 0 and not own_head
        inherited, shared = (head | subject, frozenset()) if elliptic else (subject, head)
        tail = frozenset(word.form for word in part if elliptic and word.kind in ("content", "name", "number"))
        for index, word in enumerate(part):
            if not picks(word):
                continue
            near = (*part[max(0, index - _REACH) : index], *part[index + 1 : index + 1 + _REACH])
            around = (inherited | {other.form for other in near if WEIGHT[other.kind]}) - {word.form}
            beside = [f"<{part[index - 1].form}"] if index else []
            beside += [f">{part[index + 1].form}"] if index + 1 < len(part) else []
            clause = [other.kind for other in part if other.clause == word.clause]
            aside = pick == "name" and not {"content", "unit"} & set(clause)
            rest = tail - {word.form}
            yield Slot(word.form, dimension(part, index), around, shared, frozenset(beside), rest, aside)
        if number == 0:
            head = own_head


def parts_of(words: Sequence[Word], pick: Pick) -> list[Sequence[Word]]:
    """The sentence cut between two words of the kind, where a new clause begins between them.

    A bare list ("to Germany, Austria and Sweden") is not cut: what is said of one is said of all.
    """
    picks = PICKS[pick]
    places = [index for index, word in enumerate(words) if picks(word)]
    cuts = [0]
    for left, right in pairwise(places):
        if not any(WEIGHT[word.kind] for word in words[left + 1 : right]):
            continue
        cut = next((at for at in range(left + 1, right + 1) if words[at].clause != words[at - 1].clause), None)
        if cut is not None:
            cuts.append(cut)
    return [words[begin:end] for begin, end in pairwise([*cuts, len(words)])]


def dimension(words: Sequence[Word], index: int) -> str:
    """What a number counts: `days` after it, or `€` before it."""
    following = (words[at].form for at in range(index + 1, min(index + 4, len(words))) if words[at].kind == "unit")
    behind = next((_DIMENSIONS[form] for form in following if form in _DIMENSIONS), "")
    before = _DIMENSIONS.get(words[index - 1].form, "") if index and words[index - 1].kind == "unit" else ""
    return behind or (before if before == "money" else "")
