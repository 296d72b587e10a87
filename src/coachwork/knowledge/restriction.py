"""Does a sentence say more, or for more cases, than the source? Knows conditions, "every" and "not" by their words."""

from collections.abc import Sequence

from coachwork.knowledge.phrases import denied, leading
from coachwork.knowledge.source import Source, Unit, forms_of
from coachwork.knowledge.vocabulary import in_words
from coachwork.knowledge.wording import same_sense
from coachwork.knowledge.words import Word

_CONDITIONS = frozenset(in_words("if unless until except when whenever provided falls wenn sofern außer bis"))
_SUBJECTS = frozenset(in_words("the a an it they you we he she this that all your our"))
_EVERY = frozenset(in_words("every each all any always whenever everyone everybody anyone jede jeder jedes alle immer"))
_ADVERBS = frozenset(in_words("always whenever immer"))
_ONLY = frozenset(in_words("only solely exclusively nur ausschließlich"))
_CONTENT = ("content", "name", "number")


def principal(claim: Sequence[Word], near: Sequence[Unit]) -> Unit:
    """The sentence of the place that holds most of the claim."""
    forms = frozenset(word.form for word in claim if word.kind in _CONTENT)
    return max(near, key=lambda unit: len(forms & unit.forms))


def widened(claim: Sequence[Word], near: Sequence[Unit]) -> str:
    """Does it say "every", "always" or "only" where the source does not, or leave out a condition of the source?"""
    unit = principal(claim, near)
    for index, word in enumerate(claim):
        if word.raw in _ONLY and not any(_says_only(claim, index, other) for other in near):
            return f"it says {word.raw!r}, and the passage does not"
        if word.raw in _EVERY and not _says_every(claim, index, unit):
            return f"it says {word.raw!r}, and the passage does not"
    return _dropped_condition(claim, unit) or _dropped_modifier(claim, unit)


def _says_every(claim: Sequence[Word], at: int, unit: Unit) -> bool:
    """Does the sentence say it of the same thing, in the part that the claim is made of ("the first copy is free, each
    further one costs 10 €" says nothing of every copy that is free)?"""
    forms = frozenset(word.form for word in claim if word.kind in _CONTENT)
    held: dict[int, set[str]] = {}
    for word in unit.words:
        held.setdefault(word.clause, set()).update(forms & {word.form})
    most = max(len(found) for found in held.values())
    thing = _next_thing(claim, at)
    return any(
        word.raw in _EVERY
        and len(held[word.clause]) >= most
        and (claim[at].raw in _ADVERBS or not thing or _next_thing(unit.words, index) == thing)
        for index, word in enumerate(unit.words)
    )


def _says_only(claim: Sequence[Word], at: int, unit: Unit) -> bool:
    things = _content_of(claim[at + 1 : at + 6])
    return any(
        word.raw in _ONLY and (not things or things & _content_of(unit.words[index + 1 : index + 6]))
        for index, word in enumerate(unit.words)
    )


def _next_thing(words: Sequence[Word], at: int) -> str:
    return next((word.form for word in words[at + 1 : at + 5] if word.kind in _CONTENT), "")


def _dropped_condition(claim: Sequence[Word], unit: Unit) -> str:
    forms = frozenset(word.form for word in claim)
    most = max(len(forms & _content_of(_clause_of(unit, word))) for word in unit.words)
    for index, word in enumerate(unit.words):
        if not _is_condition(unit.words, index):
            continue
        clause = _clause_of(unit, word)
        before = [other for other in clause if other.start < word.start]
        condition = [other for other in clause if other.start >= word.start]
        elsewhere = _content_of(before) and len(forms & _content_of(before)) < min(2, most)
        held = _content_of(condition)
        if held and forms.isdisjoint(held) and not elsewhere and not any(other.kind == "not" for other in clause):
            return f"it leaves out the condition {' '.join(other.raw for other in condition)!r}"
    return ""


def _is_condition(words: Sequence[Word], index: int) -> bool:
    """`once the checkout has begun` is one, `once per household` is none."""
    if words[index].raw == "once":
        return index + 1 < len(words) and words[index + 1].raw in _SUBJECTS
    return words[index].raw in _CONDITIONS


def _content_of(words: Sequence[Word]) -> frozenset[str]:
    return frozenset(word.form for word in words if word.kind in _CONTENT)


def _clause_of(unit: Unit, word: Word) -> list[Word]:
    return [other for other in unit.words if other.clause == word.clause]


def _dropped_modifier(claim: Sequence[Word], unit: Unit) -> str:
    """ "Goods can be returned" of "unused goods can be returned"."""
    ours = [word.form for word in leading(claim)]
    theirs = leading(unit.words)
    forms = frozenset(word.form for word in claim)
    for index in range(1, len(theirs)):
        run = [word.form for word in theirs[index:]]
        before = theirs[index - 1]
        same = ours[: len(run)] == run[: len(ours)] and before.clause == theirs[index].clause
        if same and not same_sense(before.form, forms) and before.kind != "name":
            return f"it leaves out {before.raw!r}"
    return ""


# ── Denial ─────────────────────────────────────────────────────────────────────────────────────


def turned(claim: Sequence[Word], near: Sequence[Unit], source: Source) -> str:
    """What the claim denies must be denied there, and what is denied there must not be affirmed."""
    denies = any(word.kind == "not" for word in claim)
    forms = frozenset(word.form for word in claim)
    if denies and not any(unit.denies for unit in near):
        return "it denies, and the passage does not"
    if why := _disagreement(claim, near):
        return why
    if denies:
        return _denied_of_another(claim, near, source.context)
    for unit in (unit for unit in source.units if unit.denies):
        content = {word.form for word in unit.words if word.kind in _CONTENT}
        if len(content) >= 2 and content <= forms:
            return "the passage denies just this"
    for unit in (unit for unit in near if unit.denies and denied(unit.words) & forms):
        others = forms_of(other for other in near if other is not unit)
        alone = [word for word in claim if word.kind in _CONTENT and word.form in unit.forms - others]
        if alone and len(near) > 1:
            return f"the passage denies {min(denied(unit.words) & forms)!r} where it says {alone[0].raw!r}"
    return ""


def _denied_of_another(claim: Sequence[Word], near: Sequence[Unit], context: frozenset[str]) -> str:
    """What the claim speaks of first must stand where the denial stands, or in the sentence before a pronoun."""
    ours = denied(claim)
    about = [word for word in leading(claim) if word.form not in ours]
    for unit in near:
        if unit.denies and (not ours or ours & denied(unit.words)):
            there = unit.forms | context
            if all(same_sense(word.form, there) for word in about):
                return ""
    return f"the passage does not deny it of {about[0].raw!r}" if about else ""


def _disagreement(claim: Sequence[Word], near: Sequence[Unit]) -> str:
    ours = denied(claim)
    forms = {word.form for word in claim}
    theirs = [denied(unit.words) for unit in near]
    denied_there = frozenset().union(*theirs)
    affirmed = {word.form for unit, no in zip(near, theirs, strict=True) for word in unit.words if word.form not in no}
    for form in sorted(ours):
        if form in affirmed and form not in denied_there:
            return f"it denies {form!r}, which the passage affirms"
    for form in sorted(denied_there if ours.isdisjoint(denied_there) else ()):
        if form in forms and form not in ours and form not in affirmed:
            return f"the passage denies {form!r}"
    return ""
