"""Cuts text into sentences with their offsets. Knows line structure, abbreviations, numbers; knows no grammar.

`wrapped` text may break its lines inside a sentence (a document); in other text every line end ends a sentence
(an answer, where greetings, list items and signatures stand on lines of their own).
"""

import re
from dataclasses import dataclass

from coachwork.knowledge.vocabulary import in_words

_ABBREVIATIONS = frozenset(
    in_words(
        """
        mr mrs ms dr prof st no nos vs etc inc ltd co corp fig sec art approx dept est max min incl tel ext
        e.g i.e a.m p.m u.s u.k cf al ca bzw ca usw vgl nr str abs z.b d.h u.a z bspw evtl ggf jan feb mar
        apr jun jul aug sep sept oct nov dec
        """
    )
)
# Linear also over a megabyte of full stops: a run is tried from its start alone, and not given back piece by piece.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s|\[|\Z)|[。！？]+")
_MARKERS = re.compile(r"(?:[ \t]*\[\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\])+[.!?]?")
_OWN_LINE = re.compile(r"\s*(?:#{1,6}\s|[-*+•]\s|\d{1,3}[.)]\s|\||>|```|~~~|---+\s*$|===+\s*$)")
_RULE = re.compile(r"[\s|:=\-_*~`#>+]*\Z")
_MONTH = re.compile(r"(?:jan|feb|mär|mar|apr|mai|may|jun|jul|aug|sep|okt|oct|nov|dez|dec)", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """A piece of a text: `start`..`end`, trimmed of white space."""

    start: int
    end: int


def split_sentences(text: str, *, wrapped: bool = False) -> list[Span]:
    """The sentences of `text` in order; headings, list items and table rows count as one each. Rules and fences
    are left out."""
    spans: list[Span] = []
    for start, end in _lines(text, wrapped):
        spans.extend(_within(text, start, end))
    return [span for span in spans if not _RULE.match(text, span.start, span.end)]


def _lines(text: str, wrapped: bool) -> list[tuple[int, int]]:
    """Runs of text that no sentence crosses."""
    runs: list[tuple[int, int]] = []
    at, open_run = 0, False
    for line in text.split("\n"):
        start, end = at, at + len(line)
        at = end + 1
        if not line.strip():
            open_run = False
            continue
        if wrapped and open_run and not _OWN_LINE.match(line):
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
        stripped = line.lstrip()
        open_run = not (stripped.startswith(("#", "|", "```", "~~~")))
    return runs


def _within(text: str, start: int, end: int) -> list[Span]:
    spans = []
    begin = start
    at = start
    while (found := _END.search(text, at, end)) is not None:
        at = found.end()
        if found.end() < end and not _ends_here(text, begin, found, end):
            continue
        # A marker behind the full stop belongs to the sentence before it.
        if (markers := _MARKERS.match(text, found.end(), end)) is not None:
            at = markers.end()
        spans.append(_trimmed(text, begin, at))
        begin = at
    spans.append(_trimmed(text, begin, end))
    return [span for span in spans if span.end > span.start]


def _ends_here(text: str, begin: int, found: "re.Match[str]", end: int) -> bool:
    """Does this punctuation end a sentence, and not an abbreviation, an initial or a list number?"""
    if found.group()[0] != ".":
        return True
    near = text[max(begin, found.start() - 40) : found.start()]  # a window, so that a line of a megabyte stays linear
    before = re.search(r"[^\s(\[\"“'*_]*\Z", near)
    word = before.group() if before else ""
    following = text[found.end() : min(end, found.end() + 40)].lstrip()
    if word.lower().rstrip(".") in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "I"):
        return False
    if word.isdigit():
        # "3. October" and the number of a list item go on; "It costs 30. Then …" does not.
        numbers_an_item = found.start() - begin <= 40 and not near.strip(" \t#>*-").removesuffix(word).strip()
        return not (_MONTH.match(following) or numbers_an_item)
    return not following[:1].islower()


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)
