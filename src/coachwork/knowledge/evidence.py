"""Does a passage bear out a sentence? Knows words, their order and their polarity; asks no model, knows no synonyms.

A sentence is borne out when enough of its words stand close together in the passage and nothing speaks against it:
1. every number, unit and name of the sentence stands in that place;
2. a number or name stands there in the same surroundings, not in those of another one ("refunds 30, exchanges 14");
3. where the sentence nearly repeats a source sentence, it differs from it in no number, unit, name, "not" or opposite;
4. what is denied in one is not affirmed in the other.
When in doubt it says no: an unmarked false sentence costs more than a true one that a person looks up.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from coachwork.knowledge.sentences import Span, split_sentences
from coachwork.knowledge.vocabulary import in_words
from coachwork.knowledge.words import CRITICAL, Word, words_of

_NEAR = 0.5  # share of a sentence's words that stand in a source sentence in order, for it to count as a copy
_WEIGHT = {"number": 2.0, "name": 1.5, "unit": 1.0, "content": 1.0, "not": 0.0, "stop": 0.0, "mark": 0.0}
_WINDOW = 3  # source sentences in a row
_CONNECTIVES = frozenset(
    in_words(
        """
        but unless except although though however and or if when while where aber sondern außer und oder
        """
    )
)
_TURNING = ("un", "in", "im", "ir", "il", "dis", "mis", "non", "under", "over", "anti", "de")
_OPPOSITES = frozenset(
    frozenset(pair.split("/"))
    for pair in in_words(
        """
        must/may must/can must/should shall/may before/after always/never more/less most/least least/most
        maximum/minimum max/min increase/decrease increas/decreas include/exclude includ/exclud
        inclus/exclus allow/forbid allow/prohibit permit/prohibit permitt/prohibitt free/paid open/closed
        open/close clos/open requir/option mandatory/option with/not all/not every/not some/all only/also
        under/over above/below earlier/later early/late first/last high/low higher/lower accept/reject
        accept/refus approv/reject approv/deni approve/deny buy/sell day/night weekday/weekend import/export
        internal/extern domestic/internation public/private until/after within/after up/from start/end
        begin/end inside/outside employer/employee sender/receiver buyer/seller enable/disable enabl/disabl
        on/off full/part
        """
    )
)


@dataclass(frozen=True)
class Unit:
    """A sentence of a source, with its words; `start`..`end` in the source."""

    start: int
    end: int
    words: tuple[Word, ...]

    @property
    def forms(self) -> frozenset[str]:
        return frozenset(word.form for word in self.words)


@dataclass(frozen=True)
class Source:
    """A passage, cut up. `context` are forms that hold for all of it: its titles, the heads of its tables."""

    units: tuple[Unit, ...]
    context: frozenset[str]


@dataclass(frozen=True)
class Evidence:
    """How well a source bears out a sentence: `score` from 0 to 1, the best place, and what speaks against it."""

    score: float
    span: Span
    against: str = ""


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


def weigh(claim: Sequence[Word], source: Source) -> Evidence:
    """The place of the source that bears out the claim best, and what in the source speaks against it.

    Ask `altered` too, of all the sources together: it is left out here, because a changed copy of a sentence of one
    source may be a true copy of another's.
    """
    if not source.units:
        return Evidence(0.0, Span(0, 0), "the passage is empty")
    best, score = _best_window(claim, source)
    span = Span(best[0].start, best[-1].end)
    extra = _complement(claim, best, source)
    near = [*best, *extra]
    if extra:
        score = max(score, 0.97 * _score(claim, near, source.context))
    against = _missing(claim, near, source.context) or _displaced(claim, source) or _polarity(claim, near)
    return Evidence(score, span, against)


# ── How much of it stands there ────────────────────────────────────────────────────────────────


def _best_window(claim: Sequence[Word], source: Source) -> tuple[Sequence[Unit], float]:
    """The units in a row that score best; of equals the shortest and first."""
    best: tuple[Sequence[Unit], float] = (source.units[:1], -1.0)
    for width in range(1, _WINDOW + 1):
        for begin in range(len(source.units) - width + 1):
            window = source.units[begin : begin + width]
            score = _score(claim, window, source.context)
            if score > best[1] + (0.04 if width > 1 else 1e-9):
                best = (window, score)
    return best


def _complement(claim: Sequence[Word], window: Sequence[Unit], source: Source) -> list[Unit]:
    """One more unit, elsewhere in the passage, that holds words of the claim which the window lacks."""
    there = frozenset().union(*(unit.forms for unit in window))
    missing = {word.form: _WEIGHT[word.kind] for word in claim if word.form not in there}
    rated = [
        (sum(weight for form, weight in missing.items() if form in unit.forms), unit)
        for unit in source.units
        if unit not in window
    ]
    gain, unit = max(rated, key=lambda pair: pair[0], default=(0.0, None))
    return [unit] if unit is not None and gain >= 2.0 else []


def _score(claim: Sequence[Word], units: Sequence[Unit], context: frozenset[str]) -> float:
    """Mean of the weighted share of words and the share of neighbouring pairs that stand in `units`."""
    there = frozenset().union(*(unit.forms for unit in units))
    total = found = 0.0
    for word in claim:
        weight = _WEIGHT[word.kind]
        total += weight
        if word.form in there:
            found += weight
        elif word.form in context:
            found += 0.8 * weight
    if not total:
        return 0.0
    pairs = _pairs(claim)
    if not pairs:
        return found / total
    beside = frozenset().union(*(_pairs(unit.words) for unit in units))
    return 0.75 * found / total + 0.25 * len(pairs & beside) / len(pairs)


def _pairs(words: Sequence[Word]) -> frozenset[tuple[str, str]]:
    forms = [word.form for word in words if _WEIGHT[word.kind]]
    return frozenset(itertools.pairwise(forms))


# ── What speaks against it ─────────────────────────────────────────────────────────────────────


def _missing(claim: Sequence[Word], units: Sequence[Unit], context: frozenset[str]) -> str:
    there = frozenset().union(*(unit.forms for unit in units))
    for word in claim:
        if word.kind in CRITICAL and word.form not in there and not (word.kind == "name" and word.form in context):
            return f"{word.form!r} is not there"
    return ""


def altered(claim: Sequence[Word], sources: Iterable[Source]) -> str:
    """Is the claim a source sentence with something changed? A truer copy elsewhere excuses it. "" if it is none."""
    forms = [word.form for word in claim]
    clean, changed, why = 0.0, 0.0, ""
    for unit in (unit for source in sources for unit in source.units):
        theirs = [word.form for word in unit.words]
        matcher = SequenceMatcher(None, theirs, forms, autojunk=False)
        if not forms or matcher.quick_ratio() * (len(theirs) + len(forms)) < 2 * _NEAR * len(forms):
            continue  # too few words in common, in whatever order
        near = sum(block.size for block in matcher.get_matching_blocks()) / len(forms)
        if near < _NEAR:
            continue
        difference, substituted = _differences(claim, unit, matcher)
        if difference and near > changed:
            changed, why = near, difference
        elif not difference and not substituted:
            clean = max(clean, near)
    return why if changed > clean else ""


def _differences(claim: Sequence[Word], unit: Unit, matcher: "SequenceMatcher[str]") -> tuple[str, bool]:
    """The first difference that changes the meaning, "" for none; and whether any content word was exchanged."""
    room = Counter(word.form for word in unit.words)
    room.subtract(word.form for word in claim)
    substituted = False
    for operation, begin, end, first, last in matcher.get_opcodes():
        theirs, ours = unit.words[begin:end], claim[first:last]
        if operation == "equal":
            if why := _inflected_name(ours, theirs):
                return why, True
            continue
        if operation == "replace":
            if why := _exchanged(ours, theirs):
                return why, True
            substituted |= _has(ours, "content") and _has(theirs, "content")
        if operation == "insert":
            new = [word for word in ours if word.kind in CRITICAL and room[word.form] < 0]
            if new:
                return f"{new[0].raw!r} was put in", True
        if sum(word.kind == "not" for word in ours) != sum(word.kind == "not" for word in theirs) and not _is_clause(
            theirs, ours
        ):
            return "it denies what the passage affirms, or the reverse", True
    return "", substituted


def _inflected_name(ours: Sequence[Word], theirs: Sequence[Word]) -> str:
    """`Germany` and `German` have one stem and are two names."""
    for mine, other in zip(ours, theirs, strict=True):
        named = "name" in (mine.kind, other.kind)
        if named and mine.capital and other.capital and _bare(mine.raw) != _bare(other.raw):
            return f"{mine.raw!r} stands where the passage says {other.raw!r}"
    return ""


def _bare(raw: str) -> str:
    return re.sub(r"['’]s?\Z|s\Z", "", raw)


def _exchanged(ours: Sequence[Word], theirs: Sequence[Word]) -> str:
    """What changes the meaning where words of the passage (`theirs`) gave way to others (`ours`)."""
    for kinds in (("number", "mark"), ("unit",), ("name",)):
        mine = {word.form for word in ours if word.kind in kinds}
        other = {word.form for word in theirs if word.kind in kinds}
        if mine - other and other - mine:
            return f"{min(mine - other)!r} stands where the passage says {min(other - mine)!r}"
    if _renamed(ours, theirs) or _renamed(theirs, ours):
        return "another name stands where the passage has one"
    for mine_word in ours:
        for their_word in theirs:
            if _opposite(mine_word.form, their_word.form) or _opposite(mine_word.raw, their_word.raw):
                return f"{mine_word.raw!r} stands where the passage says {their_word.raw!r}"
    return ""


def _renamed(one: Sequence[Word], other: Sequence[Word]) -> bool:
    """A name (or a capital, or a number written with one) here, and another word with a capital there."""
    here = {word.form for word in one if word.capital or word.kind == "name"}
    there = {word.form for word in other if word.capital}
    telling = any(word.kind in ("name", "content", "number") for word in (*one, *other) if word.capital)
    return telling and bool(here - there) and bool(there - here)


def _opposite(one: str, other: str) -> bool:
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    turned = len(shorter) > 3 and any(longer == prefix + shorter for prefix in _TURNING)
    return turned or frozenset({one, other}) in _OPPOSITES


def _is_clause(theirs: Sequence[Word], ours: Sequence[Word]) -> bool:
    """Was a whole clause with its own "not" left out (`…, but not for opened items`)? Then nothing is turned round."""
    content = sum(word.kind in ("content", "name", "number") for word in theirs)
    return not _has(ours, "not") and content >= 2 and bool(theirs) and theirs[0].form in _CONNECTIVES


def _has(words: Sequence[Word], kind: str) -> bool:
    return any(word.kind == kind for word in words)


def _displaced(claim: Sequence[Word], source: Source) -> str:
    """Does a number or name stand in the surroundings where the source has another one of its kind?"""
    for kind in ("number", "name"):
        slots = [slot for unit in source.units for slot in _slots(unit.words, kind)]
        for label, around, beside in _slots(claim, kind):
            own, other, rival = -1.0, -1.0, ""
            for their_label, their_around, their_beside in slots:
                fit = len(around & their_around) + 0.5 * len(beside & their_beside)
                if label <= their_label or their_label <= label:
                    own = max(own, fit)
                elif fit > other:
                    other, rival = fit, " ".join(sorted(their_label))
            if own >= 0 and other > own + 0.5:
                return f"{' '.join(sorted(label))!r} stands where the passage says {rival!r}"
    return ""


def _slots(words: Sequence[Word], kind: str) -> list[tuple[frozenset[str], frozenset[str], frozenset[str]]]:
    """Each run of words of `kind`: its forms, the content around it, and its direct neighbours with their side."""
    slots = []
    index = 0
    while index < len(words):
        if words[index].kind != kind:
            index += 1
            continue
        stop = index + 1
        while kind == "name" and stop < len(words) and words[stop].kind == kind:
            stop += 1
        around = [
            word.form for word in (*words[max(0, index - 5) : index], *words[stop : stop + 5]) if _WEIGHT[word.kind]
        ]
        beside = [f"<{words[index - 1].form}"] if index else []
        beside += [f">{words[stop].form}"] if stop < len(words) else []
        slots.append((frozenset(word.form for word in words[index:stop]), frozenset(around), frozenset(beside)))
        index = stop
    return slots


def _polarity(claim: Sequence[Word], units: Sequence[Unit]) -> str:
    """What the claim denies must be denied there, and what is denied there must not be affirmed."""
    denied = _denied(claim)
    forms = {word.form for word in claim}
    theirs = [_denied(unit.words) for unit in units]
    denied_there = frozenset().union(*theirs)
    affirmed_there = {
        word.form for unit, no in zip(units, theirs, strict=True) for word in unit.words if word.form not in no
    }
    if _has(claim, "not") and not any(_has(unit.words, "not") for unit in units):
        return "it denies, and the passage does not"
    for form in denied:
        if form in affirmed_there and form not in denied_there:
            return f"it denies {form!r}, which the passage affirms"
    for form in denied_there:
        if form in forms and form not in denied and form not in affirmed_there:
            return f"the passage denies {form!r}"
    return ""


def _denied(words: Sequence[Word]) -> frozenset[str]:
    """The word that each "not" is about: the next one with content."""
    found = set()
    for index, word in enumerate(words):
        if word.kind == "not" and not (index + 1 < len(words) and words[index + 1].form == "only"):
            following = (later.form for later in words[index + 1 : index + 6] if later.kind in ("content", "name"))
            if (form := next(following, None)) is not None:
                found.add(form)
    return frozenset(found)
