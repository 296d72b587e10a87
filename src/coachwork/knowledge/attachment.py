"""Does each number and name of a sentence belong, in the source, to what the sentence gives it to?

"Refunds take 30 days, exchanges 14": both numbers stand there, and "exchanges take 30 days" is still wrong.
Knows neighbourhoods; knows no grammar.
"""

import re
from collections.abc import Sequence

from coachwork.knowledge.phrases import leading
from coachwork.knowledge.slots import Slot, dimension, parts_of, slots_of
from coachwork.knowledge.source import Source, Unit, forms_of
from coachwork.knowledge.words import Word

_SHARED = 0.4  # what a word of a list's head counts for a part that has a head of its own
_BOUNDS = (
    (
        "most",
        re.compile(r"\b(?:up to|at (?:the )?most|(?:no|not) more than|maximum|höchstens|maximal|bis zu)\Z"),
    ),
    ("least", re.compile(r"\b(?:at least|minimum|(?:no|not) less than|mindestens|no fewer than)\Z")),
    ("over", re.compile(r"\b(?:more than|over|above|exceed\w*|mehr als|longer than|larger than|higher than)\Z")),
    ("under", re.compile(r"\b(?:less than|under|below|fewer than|weniger als|shorter than|lower than)\Z")),
)


def displaced(claim: Sequence[Word], source: Source) -> str:
    """Does a number or name stand in the surroundings where the source has another one of its kind?"""
    for pick, slots in source.slots.items():
        ours = list(slots_of(claim, pick))
        if pick == "number" and _in_one_place(ours, source.units):
            continue
        for slot in ours:
            if why := _misplaced(slot, slots, claim):
                return why
    return ""


def _misplaced(slot: Slot, slots: Sequence[Slot], claim: Sequence[Word]) -> str:
    telling = frozenset(word.form for word in claim if word.kind in ("name", "number"))
    rated = [(_fit(slot, theirs, telling), theirs) for theirs in slots]
    same = [(fit, theirs) for fit, theirs in rated if theirs.label == slot.label]
    rivals = [(fit, theirs) for fit, theirs in rated if theirs.label != slot.label and not _incomparable(slot, theirs)]
    if not same:
        return ""
    own, place = max(same, key=lambda pair: pair[0])
    other, rival = max(rivals, key=lambda pair: pair[0], default=(-1.0, slot))
    if other > own + 0.5:
        return f"{slot.label!r} stands where the passage says {rival.label!r}"
    if place.tail and place.tail.isdisjoint(word.form for word in claim):
        return f"it leaves out {' '.join(sorted(place.tail))!r} of {slot.label!r}"
    return ""


def _fit(ours: Slot, theirs: Slot, telling: frozenset[str]) -> float:
    direct = ours.around & theirs.around
    shared = ours.around & (theirs.shared - theirs.around)
    return (
        sum(2.0 if form in telling else 1.0 for form in direct)
        + _SHARED * len(shared)
        + 0.5 * len(ours.beside & theirs.beside)
    )


def _incomparable(one: Slot, other: Slot) -> bool:
    """Days are no rival of euros, and the address of a shop is none of the shop."""
    return other.aside or bool(one.dimension and other.dimension and one.dimension != other.dimension)


def _in_one_place(ours: Sequence[Slot], units: Sequence[Unit]) -> bool:
    """Two or more numbers of a claim that one part of one sentence gives together keep each other company rightly."""
    labels = {slot.label for slot in ours} - {"1"}  # "one order" counts little
    if len(labels) < 2:
        return False
    for unit in units:
        if labels <= unit.forms and any(
            labels <= {word.form for word in part if word.kind == "number"} for part in parts_of(unit.words, "number")
        ):
            return True
    return False


# ── Bounds and mixtures ────────────────────────────────────────────────────────────────────────


def unbounded(claim: Sequence[Word], near: Sequence[Unit]) -> str:
    """Is "at most", "more than" and their kind left out, put in or exchanged before a number?"""
    there: dict[str, set[str]] = {}
    for unit in near:
        for index, word in enumerate(unit.words):
            if word.kind == "number":
                there.setdefault(word.form, set()).add(bound(unit.words, index))
    for index, word in enumerate(claim):
        if word.kind == "number" and word.form in there and bound(claim, index) not in there[word.form]:
            bounds = " or ".join(sorted(limit or "no bound" for limit in there[word.form]))
            return f"{bound(claim, index) or 'no bound'!r} stands before {word.raw!r} where the passage has {bounds!r}"
    return ""


def bound(words: Sequence[Word], index: int) -> str:
    """The limit that stands before a number: most, least, over or under, "" for none."""
    before = " ".join(word.raw for word in words[max(0, index - 4) : index] if word.kind != "unit")
    return next((name for name, pattern in _BOUNDS if pattern.search(before)), "")


def mixed(claim: Sequence[Word], near: Sequence[Unit]) -> str:
    """Does one sentence give the claim's words and another its number, though the first has a number of its own?"""
    numbers = {(word.form, dimension(claim, index)) for index, word in enumerate(claim) if word.kind == "number"}
    for unit in near:
        theirs = {
            (word.form, dimension(unit.words, index)) for index, word in enumerate(unit.words) if word.kind == "number"
        }
        if theirs & numbers or not {kind for _, kind in theirs if kind} & {kind for _, kind in numbers if kind}:
            continue
        others = forms_of(other for other in near if other is not unit)
        alone = [
            word
            for word in claim
            if word.kind in ("content", "name") and word.form in unit.forms and word.form not in others
        ]
        if alone:
            return f"{alone[0].raw!r} stands in a sentence with another number"
    return ""


def contested(claim: Sequence[Word], near: Sequence[Unit], source: Source) -> str:
    """Has the source a sentence about just this subject, with another number of the same kind?"""
    subject = frozenset(word.form for word in leading(claim) if word.kind != "number")
    numbers = {
        (word.form, kind)
        for index, word in enumerate(claim)
        if word.kind == "number" and (kind := dimension(claim, index))
    }
    if not subject or not numbers:
        return ""
    if any(subject & frozenset(word.form for word in leading(unit.words)) for unit in near if _gives(unit, numbers)):
        return ""
    for unit in source.units:
        about = frozenset(word.form for word in leading(unit.words))
        theirs = {kind: word.raw for index, word in enumerate(unit.words) if (kind := dimension(unit.words, index))}
        same_kind = {kind for _, kind in numbers} & set(theirs)
        if about == subject and same_kind and not _gives(unit, numbers):
            return f"the passage has another number for {' '.join(sorted(subject))!r}"
    return ""


def _gives(unit: Unit, numbers: set[tuple[str, str]]) -> bool:
    return any((word.form, dimension(unit.words, index)) in numbers for index, word in enumerate(unit.words))
