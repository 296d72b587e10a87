"""Finds quoted words in a text, word for word, white space and typography aside. Knows characters; knows no meaning."""

import re

from coachwork.knowledge.sentences import Span

_QUOTED = re.compile(r"“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|»([^«»]+)«|(?<![\w\d])\"([^\"\n]+)\"(?!\w)")
_ALIKE = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‘": "'",
        "’": "'",
        "‚": "'",
        "–": "-",
        "—": "-",
        "‑": "-",
        "−": "-",
    }
)
_MARKUP = frozenset("*_`\u00ad\u200b")
_LONG_ENOUGH = 3  # words: a shorter quotation is a term, or a name in quotation marks


def quotations(text: str) -> list[str]:
    """What `text` puts in quotation marks, of at least three words."""
    found = [next(part for part in match.groups() if part) for match in _QUOTED.finditer(text)]
    return [quote for quote in found if len(quote.split()) >= _LONG_ENOUGH]


def find_quote(text: str, quote: str) -> Span | None:
    """Where `quote` stands in `text`, None where it does not stand there word for word.

    White space, quotation marks, dashes and Markdown emphasis may differ, and the case of the first letter;
    `…` and `[...]` in the quote stand for words left out.
    """
    plain, places = _plain(text)
    start, at = -1, 0
    for part in re.split(r"\s*(?:\[?(?:…|\.\.\.)\]?)\s*", quote):
        wanted = _plain(part)[0].strip().rstrip(".,;:!?")
        if not wanted:
            continue
        begin = _index(plain, wanted, at)
        if begin < 0:
            return None
        start = begin if start < 0 else start
        at = begin + len(wanted)
    return None if start < 0 else Span(places[start], places[at - 1] + 1)


def _index(plain: str, wanted: str, at: int) -> int:
    """The first place at or after `at` where `wanted` stands with whole words at both ends, -1 for none."""
    swapped = wanted[0].swapcase() + wanted[1:]
    pattern = rf"(?<!\w)(?<!\w[.,:])(?:{re.escape(wanted)}|{re.escape(swapped)})(?![\w%])(?![.,:]\d)"
    found = re.compile(pattern).search(plain, at)
    return found.start() if found else -1


def _plain(text: str) -> tuple[str, list[int]]:
    """`text` in one spelling, and for each of its characters the offset where it stood."""
    letters: list[str] = []
    places: list[int] = []
    for offset, letter in enumerate(text.translate(_ALIKE)):
        if letter in _MARKUP:
            continue
        if letter.isspace():
            if letters and letters[-1] == " ":
                continue
            letter = " "
        letters.append(letter)
        places.append(offset)
    return "".join(letters), places
