"""Is a sentence a source sentence with something changed? Knows the differences that change a meaning; knows no truth.

Sentences that nearly repeat one of the source may differ from it in no number, unit, name, "not" or opposite.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from coachwork.knowledge.phrases import beside, denied
from coachwork.knowledge.source import Source, Unit
from coachwork.knowledge.vocabulary import in_words
from coachwork.knowledge.wording import same_sense
from coachwork.knowledge.words import CRITICAL, Word

_NEAR = 0.5  # share of a sentence's words that stand in a source sentence in order, for it to count as a copy
_STATED = 0.5  # share of the words put in that another sentence must hold, for them to be its statement
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


def altered(claim: Sequence[Word], sources: Iterable[Source]) -> str:
    """Is the claim a source sentence with something changed? A truer copy elsewhere excuses it. "" if it is none."""
    forms = [word.form for word in claim]
    clean, changed, why = 0.0, 0.0, ""
    units = [(unit, source) for source in sources for unit in source.units]
    for unit, source in units:
        theirs = [word.form for word in unit.words]
        matcher = SequenceMatcher(None, theirs, forms, autojunk=False)
        if not forms or matcher.quick_ratio() * (len(theirs) + len(forms)) < 2 * _NEAR * len(forms):
            continue  # too few words in common, in whatever order
        near = sum(block.size for block in matcher.get_matching_blocks()) / len(forms)
        if near < _NEAR:
            continue
        difference, substituted = _differences(claim, unit, matcher, [other for other, _ in units], source.context)
        if difference and near > changed:
            changed, why = near, difference
        elif not difference and not substituted:
            clean = max(clean, near)
    return why if changed > clean else ""


def _differences(
    claim: Sequence[Word], unit: Unit, matcher: "SequenceMatcher[str]", units: Sequence[Unit], context: frozenset[str]
) -> tuple[str, bool]:
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
            if not _joined_on(ours, unit, units) and (why := _exchanged(ours, theirs, room, _moved(claim, unit))):
                return why, True
            substituted |= _has(ours, "content") and _has(theirs, "content")
        if operation == "insert":
            new = [word for word in ours if word.kind in CRITICAL and room[word.form] < 0]
            new = [word for word in new if word.kind != "name" or word.form not in context]
            if new and not _joined_on(ours, unit, units):
                return f"{new[0].raw!r} was put in", True
        if _turned(claim, ours, unit, begin, end):
            return "it denies what the passage affirms, or the reverse", True
    return "", substituted


def _joined_on(ours: Sequence[Word], unit: Unit, units: Sequence[Unit]) -> bool:
    """Are the words put in a statement of their own, that another sentence of the sources makes?"""
    critical = {word.form for word in ours if word.kind in CRITICAL}
    content = {word.form for word in ours if word.kind == "content"}
    return len(content) >= 2 and any(
        other is not unit and critical <= other.forms and len(content & other.forms) >= _STATED * len(content)
        for other in units
    )


def _turned(claim: Sequence[Word], ours: Sequence[Word], unit: Unit, begin: int, end: int) -> bool:
    """Did a "not" come or go here? One that only moved, and still denies the same word, turns nothing round."""
    theirs = unit.words[begin:end]
    if _count(ours) == _count(theirs) or _is_clause(theirs, ours, begin == 0 or unit.words[begin - 1].clause):
        return False
    return _count(claim) != _count(unit.words) or not denied(claim) & denied(unit.words)


def _count(words: Sequence[Word]) -> int:
    return sum(word.kind == "not" for word in words)


def _inflected_name(ours: Sequence[Word], theirs: Sequence[Word]) -> str:
    """`Germany` and `German` have one stem and are two names."""
    for mine, other in zip(ours, theirs, strict=True):
        named = "name" in (mine.kind, other.kind)
        if named and mine.capital and other.capital and _bare(mine.raw) != _bare(other.raw):
            return f"{mine.raw!r} stands where the passage says {other.raw!r}"
    return ""


def _bare(raw: str) -> str:
    return re.sub(r"['’]s?\Z|s\Z", "", raw)


def _moved(claim: Sequence[Word], unit: Unit) -> frozenset[str]:
    """Numbers that stand beside the same word as in the passage: they moved with it, if they moved."""
    theirs = unit.beside
    return frozenset(number for number, side in beside(claim) if (number, side) in theirs)


def _exchanged(ours: Sequence[Word], theirs: Sequence[Word], room: Counter[str], moved: frozenset[str]) -> str:
    """What changes the meaning where words of the passage (`theirs`) gave way to others (`ours`).

    `room` says how often the sentence may still use each word of the passage's. A number that only moved is not
    exchanged; whether it moved to the wrong place is decided in `attachment.py`.
    """
    for kinds in (("number", "mark"), ("unit",), ("name",)):
        mine = {word.form for word in ours if word.kind in kinds}
        other = {word.form for word in theirs if word.kind in kinds}
        new = {form for form in mine - other if form not in moved or room[form] < 0}
        if new and other - mine:
            return f"{min(new)!r} stands where the passage says {min(other - mine)!r}"
    if _renamed(ours, theirs) or _renamed(theirs, ours):
        return "another name stands where the passage has one"
    for mine_word in ours:
        for their_word in theirs:
            if _opposite(mine_word.form, their_word.form) or _opposite(mine_word.raw, their_word.raw):
                return f"{mine_word.raw!r} stands where the passage says {their_word.raw!r}"
    return _replaced_thing(ours, theirs, room)


def _replaced_thing(ours: Sequence[Word], theirs: Sequence[Word], room: Counter[str]) -> str:
    """One word with content for another that means something else: `bicycles` for `batteries`."""
    mine = [word for word in ours if word.kind == "content"]
    other = [word for word in theirs if word.kind == "content"]
    if not (len(mine) == len(other) == 1 and room[mine[0].form] < 0):
        return ""
    same = same_sense(mine[0].form, frozenset({other[0].form}))
    return "" if same else f"{mine[0].raw!r} stands where the passage says {other[0].raw!r}"


def _renamed(one: Sequence[Word], other: Sequence[Word]) -> bool:
    """A name (or a capital, or a number written with one) here, and another word with a capital there."""
    here = {word.form for word in one if _tells(word) or word.kind == "name"}
    there = {word.form for word in other if _tells(word)}
    telling = any(word.kind in ("name", "content", "number") for word in (*one, *other) if word.capital)
    return telling and bool(here - there) and bool(there - here)


def _tells(word: Word) -> bool:
    """A capital says something of a name, a number or a noun; of `The` and `With` it says that a sentence begins."""
    return word.capital and word.kind in ("name", "content", "number", "unit")


def _opposite(one: str, other: str) -> bool:
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    turned = len(shorter) > 3 and any(longer == prefix + shorter for prefix in _TURNING)
    return turned or frozenset({one, other}) in _OPPOSITES


def _is_clause(theirs: Sequence[Word], ours: Sequence[Word], before: int) -> bool:
    """Was a whole clause with its own "not" left out (`…, but not for opened items`)? Then nothing is turned round.

    `before` is the clause of the word in front of it.
    """
    content = sum(word.kind in ("content", "name", "number") for word in theirs)
    if _has(ours, "not") or content < 2:
        return False
    return theirs[0].form in _CONNECTIVES or (theirs[0].kind == "not" and theirs[0].clause != before)


def _has(words: Sequence[Word], kind: str) -> bool:
    return any(word.kind == kind for word in words)
