"""Cuts a document's text into passages that follow its structure. Knows offsets and sizes; knows no index, no model.

Laws: `text[start:end] == passage text`; passages are in order; every character that is not white space is in one.
Sizes are in estimated tokens (`tokens.py`), counted piece by piece.
"""

import itertools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from coachwork.knowledge.document import Heading, Page, Parsed
from coachwork.knowledge.sentences import Span, split_sentences
from coachwork.knowledge.tokens import estimated_tokens

Count = Callable[[str], int]
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_TINY = 12  # tokens: a section of so few words (often only its heading) joins the one after it


@dataclass(frozen=True)
class Piece:
    """A passage of a document: `start`..`end` in its text, the titles above it, the page where it begins."""

    start: int
    end: int
    title_path: tuple[str, ...]
    page: int | None


def cut(parsed: Parsed, *, size: int, overlap: int = 0, count: Count = estimated_tokens) -> list[Piece]:
    """The passages of a document, each of at most `size` tokens; `overlap` tokens of the one before are repeated
    where a section is longer than one passage."""
    text = parsed.text
    overlap = min(overlap, size // 2)
    pieces = []
    for start, end, path in _sections(parsed, count):
        for span in _packed(text, list(_atoms(text, start, end, size, count)), size, overlap, count):
            pieces.append(Piece(span.start, span.end, path, page_at(parsed.pages, span.start)))
    return pieces


def page_at(pages: Sequence[Page], offset: int) -> int | None:
    """The page on which a character stands, None where the document has no pages."""
    index = bisect_right([page.start for page in pages], offset) - 1
    return pages[index].page if index >= 0 else None


def title_path(headings: Sequence[Heading], offset: int) -> tuple[str, ...]:
    """The titles above a place in the text, outermost first."""
    stack: list[Heading] = []
    for heading in headings:
        if heading.start > offset:
            break
        while stack and stack[-1].level >= heading.level:
            stack.pop()
        stack.append(heading)
    return tuple(heading.title for heading in stack if heading.title)


def _sections(parsed: Parsed, count: Count) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Stretches under one heading; one that holds little more than its heading joins a deeper one below it."""
    marks: list[tuple[int, int]] = [(0, 0), *((heading.start, heading.level) for heading in parsed.headings)]
    pending: int | None = None
    for number, (start, level) in enumerate(marks):
        last = number + 1 == len(marks)
        end = len(parsed.text) if last else marks[number + 1][0]
        begin = start if pending is None else pending
        if not parsed.text[begin:end].strip():
            continue
        deeper = not last and marks[number + 1][1] > level
        if deeper and count(parsed.text[begin:end]) <= _TINY:
            pending = begin
            continue
        pending = None
        yield begin, end, title_path(parsed.headings, start)


def _atoms(text: str, start: int, end: int, size: int, count: Count) -> Iterator[Span]:
    """The smallest stretches that passages are made of: blocks that fit, else their lines, sentences, words,
    characters."""
    for block in _blocks(text, start, end):
        yield from _split(text, block, size, count)


def _blocks(text: str, start: int, end: int) -> Iterator[Span]:
    """Paragraphs, lists, tables, and fenced code with its empty lines."""
    begin: int | None = None
    fence = ""
    at = start
    for line in text[start:end].split("\n"):
        stop = at + len(line)
        if match := _FENCE.match(line):
            fence = "" if fence == match[1] else fence or match[1]
        if line.strip():
            begin = at if begin is None else begin
        elif begin is not None and not fence:
            yield _trim(text, begin, at)
            begin = None
        at = stop + 1
    if begin is not None:
        yield _trim(text, begin, end)


def _split(text: str, span: Span, size: int, count: Count) -> Iterator[Span]:
    if count(text[span.start : span.end]) <= size:
        yield span
        return
    for cutter in (_by_line, _by_sentence, _by_word):
        parts = cutter(text, span)
        if len(parts) > 1:
            for part in parts:
                yield from _split(text, part, size, count)
            return
    if span.end - span.start < 2:
        yield span
        return
    middle = (span.start + span.end) // 2
    for half in (Span(span.start, middle), Span(middle, span.end)):
        yield from _split(text, half, size, count)


def _by_line(text: str, span: Span) -> list[Span]:
    return _cut_at(text, span, [found.end() for found in re.finditer(r"\n+", text[span.start : span.end])])


def _by_sentence(text: str, span: Span) -> list[Span]:
    sentences = split_sentences(text[span.start : span.end])
    return _cut_at(text, span, [sentence.start for sentence in sentences[1:]])


def _by_word(text: str, span: Span) -> list[Span]:
    return _cut_at(text, span, [found.end() for found in re.finditer(r"\s+", text[span.start : span.end])])


def _cut_at(text: str, span: Span, places: Sequence[int]) -> list[Span]:
    """The parts of `span` between `places` (offsets within it), without empty ones."""
    edges = [0, *places, span.end - span.start]
    parts = [_trim(text, span.start + begin, span.start + end) for begin, end in itertools.pairwise(edges)]
    return [part for part in parts if part.end > part.start]


def _packed(text: str, atoms: Sequence[Span], size: int, overlap: int, count: Count) -> Iterator[Span]:
    """Consecutive atoms joined while they fit. A passage begins with the last atoms of the one before, within
    `overlap`."""
    sizes = [count(text[atom.start : atom.end]) for atom in atoms]
    first = 0
    while first < len(atoms):
        last, total = first, sizes[first]
        while last + 1 < len(atoms) and total + sizes[last + 1] <= size:
            last += 1
            total += sizes[last]
        yield Span(atoms[first].start, atoms[last].end)
        if last + 1 == len(atoms):
            return
        following, repeated = last + 1, 0
        while following - 1 > first:
            repeated += sizes[following - 1]
            if repeated > overlap or repeated + sizes[last + 1] > size:
                break
            following -= 1
        first = following


def _trim(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)
