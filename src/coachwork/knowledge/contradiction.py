"""Does a passage make the same statement with another value, or deny it? Knows slots and denials; knows no truth.

Shown is only what a reader of both sentences would not dispute: all words that tell are the same but for one number,
date, unit or name, one opposite, or one "not". Where both could hold (two products, two cities, two days of opening,
a number that is rounded, a wider limit, another condition) nothing is shown, and the sentence stays unsupported.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from coachwork.knowledge.attachment import bound
from coachwork.knowledge.quantity import Quantity, differs, quantity_of
from coachwork.knowledge.slots import PRONOUNS
from coachwork.knowledge.source import Source, Unit
from coachwork.knowledge.vocabulary import in_words
from coachwork.knowledge.wording import same_sense
from coachwork.knowledge.words import CALENDAR, Word

_SHARED = 3  # words that tell which both sentences must have beside the one that differs
_SHARED_AFTER_PRONOUN = 5  # and where the subject is only pointed to
_SUBJECT = 2  # a value before so many telling words belongs to the subject: it tells which, not how many
_FOR_IT = 0.5  # share of the other words beside the claim's value that speak for it in another sentence
_FOR_A_DENIAL = 0.7  # and of all its words, where it differs by a "not"
_TELLING = ("content", "name", "number", "unit")
_SCOPES = frozenset(
    in_words(
        """
        if unless until except when whenever provided only but although though however besides apart otherwise instead
        whether or falls wenn sofern außer bis nur aber jedoch oder sondern sonst
        """
    )
)
_VAGUE = frozenset(
    in_words(
        """
        some many several few often sometimes usually generally mostly partly another other others also either
        manche einige viele oft manchmal meist meistens teils teilweise auch andere
        """
    )
)
_EVENT = frozenset(
    in_words(
        """
        was were had became won lost began took gave made wrote led met held sold bought went came left fell rose built
        founded born died war waren wurde wurden hatte
        """
    )
)
_ONCE = frozenset(
    in_words(
        """
        born died founded established invented discovered written wrote composed designed built elected married
        headquartered named called renamed geboren gestorben gegründet erfunden entdeckt geschrieben
        """
    )
)
_BE = frozenset(in_words("is are was were ist sind war waren"))
_PREFIXES = ("un", "dis", "non", "ir", "il", "im", "in")
_OPPOSITES = frozenset(
    frozenset(pair.split("/"))
    for pair in in_words(
        """
        always/never more/less most/least maximum/minimum increase/decrease increased/decreased increases/decreases
        include/exclude includes/excludes included/excluded allowed/forbidden allowed/prohibited permitted/prohibited
        permitted/forbidden open/closed higher/lower accept/reject
        accepted/rejected accepts/rejects approved/rejected enable/disable enabled/disabled enables/disables
        mandatory/optional required/optional largest/smallest longest/shortest free/paid
        immer/nie immer/niemals mehr/weniger erlaubt/verboten offen/geschlossen
        """
    )
)
_ALWAYS = frozenset(in_words("always never immer nie niemals"))
_VERBS = frozenset(in_words("increase decrease increases decreases include exclude includes excludes accept reject"))
_SAYING = frozenset(
    in_words(
        """
        is are was were be been being has have had can may must will should not ist sind war waren wird werden accepts
        """
    )
)
_HALF_DENIALS = frozenset(in_words("without ohne sans sin hardly barely neither nor weder ne"))
_LESS_THAN_A_DENIAL = frozenset(
    in_words(
        """
        only just more less fewer later earlier necessarily always all every yet merely simply solely nur alle
        """
    )
)
_ABOUT = frozenset(in_words("about around approximately nearly almost roughly some circa ca etwa rund ungefähr fast"))
_FROM_OR_TO = frozenset(
    in_words("from until till to by since before after between through ab bis seit vor nach von zwischen")
)
_SIZES = frozenset(
    in_words(
        "mm cm m km meter kilometer kilometre mile inch foot feet g kg gram kilogram liter ml kb mb gb tb watt volt"
    )
)
_LABELLED = frozenset(
    in_words(
        """
        room size figure chapter version section level gate platform line route step page table number no class group
        type model form item phase stage zone paragraph article part volume season episode grade bus unit
        """
    )
)
_ORDINALS = frozenset(in_words("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"))
_OPPOSED = frozenset().union(*_OPPOSITES)


@dataclass(frozen=True)
class Contradiction:
    """The sentence of source number `index` that says otherwise, and how."""

    index: int
    unit: Unit
    why: str


@dataclass(frozen=True)
class _Difference:
    """The one place where two sentences part: words of the claim and of the passage, one of them perhaps empty.

    `at` and `there` are where they begin in the telling words of each.
    """

    ours: Sequence[Word]
    theirs: Sequence[Word]
    at: int
    there: int


def contradiction(claim: Sequence[Word], sources: Sequence[Source]) -> Contradiction | None:
    """The first sentence of the sources that shows the claim to be wrong, None where none does.

    Whether the sources support the claim is not asked here, only whether another sentence of theirs speaks for it.
    """
    told = _telling(claim)
    if not told:
        return None
    forms = frozenset(word.form for word in told if word.kind in _TELLING)
    units = [unit for source in sources for unit in source.units]
    for index, source in enumerate(sources):
        for unit in source.units:
            if len(forms & unit.forms) < _SHARED - 1:  # one may be there as another word of its sense
                continue
            for theirs, left_out in _beginnings(unit):
                found = _difference(told, theirs)
                if found is None or _spoken_for(told, found, left_out, unit, units):
                    continue
                if why := _shown(claim, told, theirs, unit, found):
                    return Contradiction(index, unit, why)
    return None


def _telling(words: Sequence[Word]) -> list[Word]:
    """The words that make up a statement: those with content, "not", and little words that have an opposite."""
    told: list[Word] = []
    for word in words:
        if word.raw == "longer" and told and told[-1].raw == "no":
            continue  # "no longer" denies once
        if word.kind in _TELLING or word.kind == "not" or word.raw in _OPPOSED:
            told.append(word)
    return told


def _beginnings(unit: Unit) -> Iterator[tuple[list[Word], list[Word]]]:
    """The sentence whole, and without its last clauses where they do not limit what stands before them."""
    last = unit.words[-1].clause
    for clause in range(last, unit.words[0].clause - 1, -1):
        rest = [word for word in unit.words if word.clause > clause]
        if any(word.raw in _SCOPES for word in rest):
            return
        yield _telling([word for word in unit.words if word.clause <= clause]), rest


def _difference(ours: Sequence[Word], theirs: Sequence[Word]) -> _Difference | None:
    """The one difference between two statements, None where they are the same, or differ in more."""
    if abs(len(ours) - len(theirs)) > 3:
        return None
    matcher = SequenceMatcher(None, [word.form for word in theirs], [word.form for word in ours], autojunk=False)
    if matcher.quick_ratio() < 0.5:
        return None
    found: list[_Difference] = []
    shared = 0
    for operation, begin, end, first, last in matcher.get_opcodes():
        if operation == "equal":
            shared += sum(word.kind in _TELLING for word in ours[first:last])
            continue
        mine, other = ours[first:last], theirs[begin:end]
        if len(mine) == len(other) and all(_alike(a, b) for a, b in zip(mine, other, strict=True)):
            shared += len(mine)
        else:
            found.append(_Difference(mine, other, first, begin))
    return found[0] if len(found) == 1 and shared >= _SHARED else None


def _alike(one: Word, other: Word) -> bool:
    return (
        one.kind == other.kind == "content"
        and not _opposite(one, other)
        and same_sense(one.form, frozenset({other.form}))
    )


def _spoken_for(
    told: Sequence[Word], found: _Difference, left_out: Sequence[Word], unit: Unit, units: Sequence[Unit]
) -> bool:
    """Does another sentence, or the part of this one that is left out, say it as the claim does?"""
    values = {word.form for word in found.ours if word.kind in _TELLING}
    rest = {word.form for word in told if word.kind in _TELLING} - values
    if values and values & {word.form for word in left_out}:
        return True
    if _same_bearer(found, units):
        return True
    others = (other for other in units if other.words != unit.words)
    if values:
        counted = {word.form for word in told[found.at + len(found.ours) :][:1] if word.kind == "unit"}
        said = {(word.form, unit) for word in found.ours[-1:] if word.kind == "number" for unit in counted}
        return any(
            values <= other.forms and said <= other.pairs and len(rest & other.forms) >= _FOR_IT * len(rest)
            for other in others
        )
    denies = any(word.kind == "not" for word in told)
    return any(other.denies == denies and len(rest & other.forms) >= _FOR_A_DENIAL * len(rest) for other in others)


def _same_bearer(found: _Difference, units: Sequence[Unit]) -> bool:
    """ "Jonas" and "Tarnbeck" are one where somewhere stands "Jonas Tarnbeck"."""
    both = {
        pair
        for one in found.ours
        for other in found.theirs
        if one.kind == other.kind == "name"
        for pair in ((one.form, other.form), (other.form, one.form))
    }
    return any(not both.isdisjoint(unit.pairs) for unit in units if both)


# ── Whether the difference makes the claim wrong ───────────────────────────────────────────────


def _shown(claim: Sequence[Word], told: Sequence[Word], theirs: Sequence[Word], unit: Unit, found: _Difference) -> str:
    """What shows it, "" where both sentences could be true."""
    shared = sum(word.kind in _TELLING for word in told) - len(found.ours)
    if {claim[0].raw, unit.words[0].raw} & PRONOUNS and shared < _SHARED_AFTER_PRONOUN:
        return ""
    ours, other = _Place(claim, told, found.ours, found.at), _Place(unit.words, theirs, found.theirs, found.there)
    if not (found.ours and found.theirs):
        return "it denies what the passage affirms, or the reverse" if _denied(ours, other) else ""
    if _turned(ours, other) or _another_amount(ours, other) or _another_date(ours, other) or _another_name(ours, other):
        mine, there = (" ".join(word.raw for word in words) for words in (found.ours, found.theirs))
        return f"{mine!r} stands where the passage says {there!r}"
    return ""


@dataclass(frozen=True)
class _Place:
    """The differing words `part`, which begin at `at` of the telling words `told` of the sentence `words`."""

    words: Sequence[Word]
    told: Sequence[Word]
    part: Sequence[Word]
    at: int

    @property
    def index(self) -> int:
        """Where the part begins among all words of the sentence."""
        return self.words.index(self.part[0])

    def before(self, count: int = 1) -> list[str]:
        """The words just before it, as they were written."""
        return [word.raw for word in self.words[max(0, self.index - count) : self.index]]

    def run(self, kinds: tuple[str, ...]) -> list[Word]:
        """The part with the words of these kinds that touch it on both sides."""
        first, last = self.index, self.words.index(self.part[-1]) + 1
        while first and self.words[first - 1].kind in kinds:
            first -= 1
        while last < len(self.words) and self.words[last].kind in kinds:
            last += 1
        return list(self.words[first:last])


def _denied(ours: _Place, theirs: _Place) -> bool:
    """Is a "not" the difference, and one that turns the whole statement round?"""
    place = ours if ours.part else theirs
    if [word.kind for word in place.part] != ["not"] or place.part[0].raw in _HALF_DENIALS:
        return False
    denied = place.told[place.at + 1 : place.at + 2]  # in the same clause, or what it denies is left out
    if not denied or denied[0].clause != place.part[0].clause:
        return False
    if place.words[place.index + 1].raw in _LESS_THAN_A_DENIAL:
        return False
    return not any(word.raw in _VAGUE for word in (*ours.words, *theirs.words))


def _turned(ours: _Place, theirs: _Place) -> bool:
    """An opposite, where a sentence says something of its subject ("unused goods" and "used goods" are two things)."""
    if not (len(ours.part) == len(theirs.part) == 1 and _opposite(ours.part[0], theirs.part[0])):
        return False
    if {ours.part[0].raw, theirs.part[0].raw} & _ALWAYS:
        return True
    return ours.at >= 1 and (bool(_SAYING & {*ours.before(2)}) or ours.part[0].raw in _VERBS)


def _opposite(one: Word, other: Word) -> bool:
    if frozenset({one.raw, other.raw}) in _OPPOSITES:
        return True
    longer, shorter = (one.raw, other.raw) if len(one.raw) > len(other.raw) else (other.raw, one.raw)
    return len(shorter) > 4 and any(longer == prefix + shorter for prefix in _PREFIXES)


def _another_amount(ours: _Place, theirs: _Place) -> bool:
    """Another number or unit, unless it is a label, a number rounded, or a limit that the passage's own one implies."""
    kinds = ("number", "unit")
    mine, other = ours.run(kinds), theirs.run(kinds)
    if not all(word.kind in kinds for word in (*ours.part, *theirs.part)):
        return False
    amount, amount_there = quantity_of(mine), quantity_of(other)
    if amount is None or amount_there is None or _is_label(ours, amount) or _is_label(theirs, amount_there):
        return False
    near = {*ours.before(2), *theirs.before(2)}
    return differs(amount, amount_there, about=bool(near & _ABOUT)) and not _implied(ours, theirs, amount, amount_there)


def _implied(ours: _Place, theirs: _Place, mine: Quantity, other: Quantity) -> bool:
    """ "More than 100" follows from "more than 200"; and limits of two kinds are not compared."""
    limits = [bound(place.words, place.words.index(place.run(("number", "unit"))[0])) for place in (ours, theirs)]
    if limits[0] and ours.at < _SUBJECT:  # "orders over 50 €": who meets the one limit may meet the other
        return True
    if limits[0] != limits[1] or ({*ours.before()} ^ {*theirs.before()}) & _FROM_OR_TO:
        return True
    lower = limits[0] in ("least", "over")
    return lower and mine.value is not None and other.value is not None and mine.value < other.value


def _is_label(place: _Place, amount: Quantity) -> bool:
    """ "Room 5", "the second copy" and "a 24 inch wheel" are things of several; "Windows 10" is a name."""
    number = next((word for word in place.run(("number", "unit")) if word.kind == "number"), None)
    if number is None:
        return False
    if number.raw in _ORDINALS or number.raw.endswith(("st", "nd", "rd", "th")):
        return True
    if place.at < _SUBJECT and (amount.units & _SIZES or (amount.units and _before_a_noun(place))):
        return True
    index = place.words.index(number)
    before = place.words[index - 1] if index else None
    names = before is not None and (before.raw in _LABELLED or (before.kind == "name" and before.form not in CALENDAR))
    return not amount.units and names


def _before_a_noun(place: _Place) -> bool:
    last = place.words.index(place.run(("number", "unit"))[-1])
    return any(word.kind == "content" for word in place.words[last + 1 : last + 2])


def _another_date(ours: _Place, theirs: _Place) -> bool:
    """Another day, month or year in a date; a weekday or month alone only where there can be but one."""
    runs = [
        [word for word in place.run(("number", "name")) if word.kind == "number" or word.form in CALENDAR]
        for place in (ours, theirs)
    ]
    parts = [*ours.part, *theirs.part]
    if not all(word.kind == "number" or word.form in CALENDAR for word in parts):
        return False
    forms = [{word.form for word in run} for run in runs]
    dated = all(any(word.form in CALENDAR for word in run) for run in runs)
    if not dated or forms[0] <= forms[1] or forms[1] <= forms[0]:
        return False
    if all(any(word.kind == "number" for word in run) for run in runs):
        return not ({*ours.before()} ^ {*theirs.before()}) & _FROM_OR_TO
    return bool({*ours.before()} & {*theirs.before()} & _FROM_OR_TO) or _happened_once(ours, theirs)


def _another_name(ours: _Place, theirs: _Place) -> bool:
    """Another name, where what is told of its subject can hold of one name alone."""
    parts = (ours.part, theirs.part)
    if not all(word.kind == "name" and word.form not in CALENDAR for part in parts for word in part):
        return False
    if _one_name(*parts) or not {word.form for word in ours.part}.isdisjoint(word.form for word in theirs.words):
        return False
    if any(word.raw in _VAGUE for word in (*ours.words, *theirs.words)) or _in_a_list(ours) or _in_a_list(theirs):
        return False
    is_it = bool({*ours.before()} & {*theirs.before()} & (_BE | {"called", "named"}))
    return ours.at >= 2 and (is_it or _happened_once(ours, theirs))


def _one_name(ours: Sequence[Word], theirs: Sequence[Word]) -> bool:
    """`USA` and `United States`, `German` and `Germany` may be one."""
    mine, other = ("".join(word.raw[0] for word in part) for part in (ours, theirs))
    if "".join(word.raw for word in ours) == other or "".join(word.raw for word in theirs) == mine:
        return True
    return any(one.raw[:4] == two.raw[:4] for one in ours for two in theirs)


def _in_a_list(place: _Place) -> bool:
    last = place.words.index(place.part[-1])
    near = (*place.words[max(0, place.index - 1) : place.index], *place.words[last + 1 : last + 2])
    return any(word.raw in ("and", "or", "und", "oder") for word in near)


def _happened_once(ours: _Place, theirs: _Place) -> bool:
    """Is an event told, and pinned down in both: by a year or a date, or as something that happens only once?"""
    raws = {word.raw for word in theirs.words}
    if not raws & (_EVENT | _ONCE) and not any(raw.endswith("ed") for raw in raws):
        return False
    parts = (*ours.part, *theirs.part)
    pinned = any(
        word not in parts and ((word.kind == "number" and len(word.form) == 4) or word.form in CALENDAR)
        for word in theirs.told
    )
    return pinned or bool(raws & _ONCE & {word.raw for word in ours.words})
