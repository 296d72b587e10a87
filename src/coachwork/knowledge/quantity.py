"""Numbers with their units as amounts that can be compared. Knows multiples and durations; knows no sentence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from coachwork.knowledge.vocabulary import in_words
from coachwork.knowledge.words import Word

_ROUNDED = 0.05  # a number this near, in fewer digits, is the same one rounded
_ABOUT = 0.2  # and one this near where "about" or its kind stands before either
_TIMES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0}
_SECONDS = {
    unit: seconds
    for units, seconds in (
        ("second sekunde", 1.0),
        ("minute", 60.0),
        ("hour stunde", 3600.0),
        ("day tag tage", 86400.0),
        ("week woche", 7 * 86400.0),
        ("month monat", 30.44 * 86400.0),
        ("quarter", 91.3 * 86400.0),
        ("year jahr", 365.25 * 86400.0),
        ("decade", 3652.5 * 86400.0),
        ("century", 36525 * 86400.0),
    )
    for unit in in_words(units)
}
_ONE_UNIT = {
    other: unit
    for unit, others in (
        ("kg", "kilogram"),
        ("g", "gram"),
        ("km", "kilometer kilometre"),
        ("m", "meter"),
        ("ml", "milliliter"),
        ("foot", "feet"),
        ("ton", "tonne"),
        ("percent", "prozent"),
        ("franc", "chf"),
        ("working", "business"),
    )
    for other in in_words(others)
}
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
_EITHER = re.compile(r"-?\d{1,3}\.\d{3}")  # a thousand in German, one in English
_YEAR = re.compile(r"(?:1\d|20)\d\d")


@dataclass(frozen=True)
class Quantity:
    """An amount: `value` (None for no number) in `units`; durations are in seconds, of the unit that was `written`.

    `digits` are those that tell something: 50,000 has one.
    """

    value: float | None
    units: frozenset[str]
    digits: int
    written: frozenset[str]


def quantity_of(run: Sequence[Word]) -> Quantity | None:
    """What a run of numbers and units says, None where it says more than one amount or none that can be compared."""
    numbers = [word.form for word in run if word.kind == "number"]
    units = frozenset(_ONE_UNIT.get(word.form, word.form) for word in run if word.kind == "unit")
    if len(numbers) > 1 or len(numbers) + len(units) != len(run) or units & {"half", "double", "twice", "triple"}:
        return None
    if not numbers:
        return Quantity(None, units, 0, units) if units else None
    form = numbers[0]
    if ":" in form:
        return Quantity(_clock(form), units | {"clock"}, len(form), units)
    if not _PLAIN.fullmatch(form) or _EITHER.fullmatch(form):
        return None
    value = float(form)
    for times in units & set(_TIMES):
        value *= _TIMES[times]
    digits = len(form) if _YEAR.fullmatch(form) and not units else len(form.replace(".", "").strip("0"))
    units -= set(_TIMES)
    if len(units) == 1 and (seconds := _SECONDS.get(next(iter(units)))):
        return Quantity(value * seconds, frozenset({"time"}), digits, units)
    return Quantity(value, units, digits, units)


def _clock(form: str) -> float | None:
    hours, _, minutes = form.partition(":")
    return int(hours) * 60.0 + int(minutes) if hours.isdigit() and minutes.isdigit() else None


def differs(ours: Quantity, theirs: Quantity, *, about: bool) -> bool:
    """Are they two amounts, and not one rounded, or written in another unit?"""
    if ours.units != theirs.units:
        return ours.value == theirs.value and not (ours.units <= theirs.units or theirs.units <= ours.units)
    if ours.value is None or theirs.value is None:
        return False
    apart = abs(ours.value - theirs.value) / (max(abs(ours.value), abs(theirs.value)) or 1.0)
    if about:
        return apart > _ABOUT
    return apart > (_ROUNDED if ours.digits < theirs.digits or ours.written != theirs.written else 0.0)
