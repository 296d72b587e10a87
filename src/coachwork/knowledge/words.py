"""The words of a sentence as evidence sees them: numbers, names, negations, units, content. Knows forms; judges
nothing."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from coachwork.knowledge.vocabulary import in_words

Kind = Literal["number", "name", "not", "unit", "content", "stop", "mark"]
CRITICAL: frozenset[str] = frozenset({"number", "name", "unit"})


@dataclass(frozen=True)
class Word:
    """A word with its offsets in the text it came from. Two words agree when their `form` is equal.

    `raw` is the word in lower case as it was written; a `mark` is the number of a list item. `clause` counts the
    parts of its sentence that commas, colons, dashes and conjunctions separate; an aside in brackets ends none.
    """

    form: str
    kind: Kind
    start: int
    end: int
    capital: bool
    raw: str = ""
    clause: int = 0


_TOKEN = re.compile(
    r"(?P<address>[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s<>\])]*[^\s<>\]).,;:!?])"
    r"|(?P<number>(?<![\w.,])[-−](?=\d)\d+(?:[.,:]\d+)*|\d+(?:[.,:]\d+)*)"
    r"|(?P<word>[^\W\d_][^\W_]*(?:['’][^\W\d_]+)*)"
    r"|(?P<sign>[%€$£¥°])"
)
_SIGNS = {"%": "percent", "€": "euro", "$": "dollar", "£": "pound", "¥": "yen", "°": "degree"}
UNITS = frozenset(
    in_words(
        """
        percent euro eur dollar usd pound gbp yen jpy chf franc cent degree celsius fahrenheit second minute
        hour day week month quarter year decade century working business calendar mm cm m km meter metre
        kilometer kilometre mile inch foot feet g kg gram kilogram ton tonne liter litre ml kb mb gb tb byte
        bit watt kw kwh volt am pm sekunde minute stunde tag tage woche monat jahr prozent hundred thousand
        million billion trillion dozen half double twice triple quarter
        """
    )
)
_SAME = {"eur": "euro", "usd": "dollar", "gbp": "pound", "jpy": "yen", "metre": "meter", "litre": "liter"}
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        in_words(
            """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
        sixteen seventeen eighteen nineteen twenty
        """
        )
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"}
_ORDINALS = {
    word: str(value + 1)
    for value, word in enumerate(
        in_words(
            """
        first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
        """
        )
    )
}
_NOT = frozenset(
    in_words(
        """
        not non no never none neither nor without cannot nobody nothing nowhere hardly barely nicht kein
        keine keinen keinem keiner nie niemals ohne weder ne pas jamais sans ningún ninguna nunca sin
        """
    )
)
_STOP = frozenset(
    in_words(
        """
        a an the this that these those there here it its they them their he him his she her hers we us our
        ours you your yours i me my mine who whom whose which what when where why how is are was were be
        been being am do does did done has have had having will would shall should can could may might must
        and or but if then than so as at by for from in into of off on onto out over to up down with about
        also too very just only both each any some such all more most other others again further once same
        own per via upon within while during before after until till since because however therefore thus
        please well really actually already still even yes s t ll ve re d
        """
    )
)
_FOREIGN_STOP = frozenset(
    in_words(
        """
        der die das den dem des ein eine
        einen einem einer eines und oder aber ist sind war waren wird werden wurde wurden hat haben sie er
        es wir ihr ihre ihren ihrem ihrer uns ich zu zum zur mit von vom für auf im in an am bei aus nach
        über unter durch als wie auch dass wenn dann so sich kann können muss müssen soll sollte darf dürfen
        bitte le la les un une des du de et ou est sont dans pour par sur avec que qui ce cette el los las y
        o es en con por para que se su
        """
    )
)
_NAMES_TOO = _FOREIGN_STOP | frozenset(in_words("will may might well more most own both so even still"))
_GERMAN = frozenset(
    in_words(
        """
        der die das und ist nicht ein eine zu den mit für auf im von werden wird sie bei
        """
    )
)
CALENDAR = frozenset(
    in_words(
        """
        monday tuesday wednesday thursday friday saturday sunday january february march april june july
        august september october november december montag dienstag mittwoch donnerstag freitag samstag
        sonntag januar februar märz mai juni juli oktober dezember
        """
    )
)
_MONTHS = {
    month[:3]: month
    for month in in_words("january february march april june july august september october november december")
} | {"sept": "september"}
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_BREAK = re.compile(r"[,;:]|\s[-–—]\s|—")
_JOINTS = frozenset(in_words("and but while whereas und aber sondern während et mais y pero"))
_DOUBLED = re.compile(r"([bdgmnprt])\1\Z")
_SUFFIXES = tuple(in_words("ations ation ables able ible ments ment ings ing ies ied ions ion ers er"))
_ENDINGS = ("es", "ed", "en", "ly", "s", "e", "y")
_LIST_MARK = re.compile(r"\s*(?:>\s*)*(?:#{1,6}\s+|[-*+•]\s+)*(?:\(?(\d{1,3})[.)]\s+)?")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A rough stem: enough for `refunded`, `refunds` and `refundable` to meet. Short words stay as they are."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= (5 if suffix.startswith("ion") else 4):
            return _single(word[: -len(suffix)].removesuffix("e"))
    for suffix in _ENDINGS:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            short = word[: -len(suffix)]
            return stem(short) if suffix == "s" else _single(short)
    return word


def _single(short: str) -> str:
    """`shipp` of `shipped` is `ship`, `cancell` is `cancel`."""
    return short[:-1] if len(short) > 4 and (_DOUBLED.search(short) or short.endswith("ell")) else short


def number_form(text: str) -> str:
    """`1,000` and `1000` are one number, `2.50` and `2.5` too; `1.000` stays itself, since it may be either."""
    text = text.replace("−", "-")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    if re.fullmatch(r"-?\d+\.\d+", text) and not re.fullmatch(r"-?\d{1,3}\.\d{3}", text):
        text = text.rstrip("0").rstrip(".")
    whole = re.fullmatch(r"(-?)0*(\d+)", text)
    return whole[1] + whole[2] if whole else text


def is_german(text: str) -> bool:
    """German writes every noun with a capital, so there a capital says nothing about names."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return len(words) > 5 and sum(word in _GERMAN for word in words) > 0.12 * len(words)


def words_of(text: str, start: int = 0, end: int | None = None, *, german: bool = False) -> list[Word]:
    """The words of one sentence, `text[start:end]`, in order."""
    end = len(text) if end is None else end
    mark = _LIST_MARK.match(text, start, end)
    begin = mark.end() if mark else start
    words: list[Word] = []
    clause, at = 0, begin
    for found in _TOKEN.finditer(text, begin, end):
        start, stop, raw = found.start(), found.end(), found.group()
        low = raw.lower()
        gap = text[at:start]
        if low in _JOINTS or (gap != " " and words and _BREAK.search(gap)):
            clause += 1
        at = stop
        for form, kind, capital in _classified(raw, found.lastgroup or ""):
            words.append(Word(form, kind, start, stop, capital, low, clause))
    words = _named(_joined_numbers(text, words), german)
    if mark and mark[1]:
        words.insert(0, Word(f"{mark[1]}.", "mark", mark.start(1), mark.end(1), False, mark[1]))
    return words


@lru_cache(maxsize=50_000)
def _classified(raw: str, group: str) -> tuple[tuple[str, Kind, bool], ...]:
    """Form, kind and capital of what a token says: `cannot` says two words."""
    if group == "address":
        return ((raw.lower(), "number", False),)  # to the letter, like a number
    if group == "number":
        return ((number_form(raw), "number", False),)
    if group == "sign":
        return ((_SIGNS[raw], "unit", False),)
    raw = unicodedata.normalize("NFC", raw).replace("’", "'")
    low, capital = raw.lower(), raw[0].isupper()
    if low in ("cannot", "can't"):
        return (("can", "stop", False), ("not", "not", False))
    if low.endswith("n't"):
        return ((stem(low[:-3]), "stop", False), ("not", "not", False))
    low = re.sub(r"'(?:s|re|ve|ll|d|m)\Z", "", low)
    form, kind = _word(low, capital, is_upper=len(raw) > 1 and raw.isupper())
    return ((form, kind, capital and low not in ("st", "nd", "rd", "th")),)


def _word(low: str, capital: bool, *, is_upper: bool) -> tuple[str, Kind]:
    if low in _NOT:
        return "not", "not"
    if low in ("st", "nd", "rd", "th"):
        return low, "stop"
    if low in _NUMBER_WORDS or low in _ORDINALS:
        return _NUMBER_WORDS.get(low) or _ORDINALS[low], "number"
    if (ordinal := _ORDINAL.fullmatch(low)) is not None:
        return number_form(ordinal[1]), "number"
    if any(letter.isdigit() for letter in low):
        return low, "number"
    single = low[:-1] if low.endswith("s") and low[:-1] in UNITS else low
    if single in UNITS and not (capital and len(low) == 1):
        return _SAME.get(single, single), "unit"
    if capital and (day := _calendar(low)) is not None:
        return day, "name"
    if low in _STOP or low in _FOREIGN_STOP:
        return low, "stop"
    return stem(low), "name" if is_upper else "content"


def _calendar(low: str) -> str | None:
    """The day or month that `sundays`, `dec` or `december` names."""
    whole = _MONTHS.get(low, low.removesuffix("s"))
    return whole if whole in CALENDAR else None


def _joined_numbers(text: str, words: Sequence[Word]) -> list[Word]:
    """`twenty-five` is 25; the `one` of `no one` and `this one` counts nothing."""
    joined: list[Word] = []
    for word in words:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.kind == word.kind == "number"
            and text[last.end : word.start] == "-"
            and last.form in ("20", "30", "40", "50", "60", "70", "80", "90")
            and word.form in ("1", "2", "3", "4", "5", "6", "7", "8", "9")
            and not text[last.start].isdigit()
        ):
            joined[-1] = replace(last, form=str(int(last.form) + int(word.form)), end=word.end)
        elif word.raw == "one" and last is not None and last.form in ("not", "any", "this"):
            joined.append(replace(word, kind="stop", form="one"))
        else:
            joined.append(word)
    return joined


def _named(words: Sequence[Word], german: bool) -> list[Word]:
    """Mark names: a capital inside of a sentence, or at its start when another capital follows.

    `Will`, `Los` and `Die` are function words too, but not with a capital inside of an English sentence.
    """
    named = list(words)
    for index, word in enumerate(words):
        if index and not german and word.kind == "stop" and word.capital and word.form in _NAMES_TOO:
            named[index] = replace(word, kind="name")
        if word.kind != "content" or not word.capital:
            continue
        beside = index + 1 < len(words) and words[index + 1].capital and words[index + 1].kind in ("content", "name")
        if (index and not german) or (index == 0 and not german and beside):
            named[index] = replace(word, kind="name")
    return named
