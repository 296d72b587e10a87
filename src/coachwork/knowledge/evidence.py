"""Does a passage bear out a sentence? Knows words, their order and their polarity; asks no model.

Two answers, kept apart. The score says how much of the sentence stands in the passage (`coverage.py`). The yes asks
more: a place of up to three sentences in a row has to hold most of it, and nothing may speak against it:
1. every number, unit, name and thing of the sentence stands in that place or its titles (`wording.py`);
2. a number or name stands there with the same words, not with those of another (`attachment.py`);
3. it says no more than the place does: no condition dropped, no "every" or "only" put in, nothing turned round
   (`restriction.py`);
4. where it nearly repeats a source sentence, nothing of weight is changed (`alteration.py`).
When in doubt it says no: an unmarked false sentence costs more than a true one that a person looks up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from coachwork.knowledge.attachment import contested, displaced, mixed, unbounded
from coachwork.knowledge.coverage import coverage
from coachwork.knowledge.phrases import WEIGHT, pairs
from coachwork.knowledge.restriction import turned, widened
from coachwork.knowledge.sentences import Span
from coachwork.knowledge.source import Source, Unit, forms_of
from coachwork.knowledge.wording import unexplained
from coachwork.knowledge.words import CRITICAL, Word

_WINDOW = 3  # source sentences in a row
_DENIAL = 0.1  # what a "not" in the place counts for a sentence with one


@dataclass(frozen=True)
class Evidence:
    """How well a source bears out a sentence.

    `score`, from 0 to 1, is how much of it stands in the whole source; `near`, from 0 to 1, how much stands in the best
    place, `span`; `against` is what speaks against a yes.
    """

    score: float
    near: float
    span: Span
    against: str = ""


def weigh(claim: Sequence[Word], source: Source) -> Evidence:
    """The place of the source that bears out the claim best, and what in the source speaks against it.

    Ask `altered` too, of all the sources together: it is left out here, because a changed copy of a sentence of one
    source may be a true copy of another's.
    """
    if not source.units:
        return Evidence(0.0, 0.0, Span(0, 0), "the passage is empty")
    best, share = _best_window(claim, source)
    span = Span(best[0].start, best[-1].end)
    extra = _complement(claim, best, source)
    near = [*best, *extra]
    if extra:
        share = max(share, 0.97 * _share(claim, near, source.context))
    return Evidence(coverage(claim, source), share, span, _against(claim, best, near, source))


def _against(claim: Sequence[Word], best: Sequence[Unit], near: Sequence[Unit], source: Source) -> str:
    """The first thing that speaks against the claim; numbers have to stand in the place itself."""
    there = forms_of(near) | source.context
    return (
        _missing(claim, best, near, source.context)
        or unexplained(claim, there)
        or displaced(claim, source)
        or unbounded(claim, near)
        or mixed(claim, near)
        or contested(claim, near, source)
        or widened(claim, near)
        or turned(claim, near, source)
    )


def _missing(claim: Sequence[Word], best: Sequence[Unit], near: Sequence[Unit], context: frozenset[str]) -> str:
    here, around = forms_of(best), forms_of(near)
    for word in claim:
        there = word.form in (here if word.kind == "number" else around)
        if word.kind in CRITICAL and not there and not (word.kind == "name" and word.form in context):
            return f"{word.raw!r} is not there"
    return ""


# ── How much of it stands there ────────────────────────────────────────────────────────────────


def _best_window(claim: Sequence[Word], source: Source) -> tuple[Sequence[Unit], float]:
    """The units in a row that hold most; of equals the shortest and first. What denies is sought where it is denied."""
    denies = any(word.kind == "not" for word in claim)
    forms = frozenset(word.form for word in claim if WEIGHT[word.kind])
    best: tuple[Sequence[Unit], float] = (source.units[:1], 0.0)
    most = -1.0
    for width in range(1, _WINDOW + 1):
        for begin in range(len(source.units) - width + 1):
            window = source.units[begin : begin + width]
            if forms.isdisjoint(window[0].forms) or forms.isdisjoint(window[-1].forms):
                continue  # it holds no more than a shorter one
            share = _share(claim, window, source.context)
            rated = share + (_DENIAL if denies and any(unit.denies for unit in window) else 0.0)
            if rated > most + (0.04 if width > 1 else 1e-9):
                best, most = (window, share), rated
    return best


def _complement(claim: Sequence[Word], window: Sequence[Unit], source: Source) -> list[Unit]:
    """One more unit, elsewhere in the passage, that holds words of the claim which the window lacks."""
    there = forms_of(window)
    missing = {word.form: WEIGHT[word.kind] for word in claim if word.form not in there}
    rated = [
        (sum(weight for form, weight in missing.items() if form in unit.forms), unit)
        for unit in source.units
        if unit not in window
    ]
    gain, unit = max(rated, key=lambda pair: pair[0], default=(0.0, None))
    return [unit] if unit is not None and gain >= 2.0 else []


def _share(claim: Sequence[Word], units: Sequence[Unit], context: frozenset[str]) -> float:
    """Mean of the weighted share of words and the share of neighbouring pairs that stand in `units`."""
    there = forms_of(units)
    total = found = 0.0
    for word in claim:
        weight = WEIGHT[word.kind]
        total += weight
        if word.form in there:
            found += weight
        elif word.form in context:
            found += 0.8 * weight
    if not total:
        return 0.0
    asked = pairs(claim)
    if not asked:
        return found / total
    beside = frozenset().union(*(unit.pairs for unit in units))
    return 0.75 * found / total + 0.25 * len(asked & beside) / len(asked)
