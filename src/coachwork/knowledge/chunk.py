"""Cuts a document's text into passages that follow its structure. Knows offsets and sizes; knows no index, no model.

Laws: `text[start:end] == passage text`; passages are in order; every character that is not white space is in one.
Sizes are in estimated tokens (`tokens.py`), counted piece by piece.
"""

import itertools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from coachwork.knowledge.document import Heading, Parsed
from coachwork.knowledge.sentences import Span, split_sentences
from coachwork.knowledge.tokens import estimated_tokens

Count = Callable[[str], int]
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_TABLE_ROW = re.compile(r"[ \t]*\|")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}[-:| \t]*\Z")
_STUB = 12  # tokens: a section of so few words joins the one after it where that lies deeper
_PREAMBLE = 40  # tokens: "Valid from …, contact …" below a document's title joins the first section
_LEAD = 24  # tokens: a heading or "The following holds:" is never a passage without what it leads to
_TITLE = 200  # characters of a heading that stand above its passages
_COLUMNS = 120  # characters of a table's head that stand above the rows of its later passages


@dataclass(frozen=True)
class Piece:
    """A passage of a document: `start`..`end` in its text, the titles above it, the page where it begins."""

    start: int
    end: int
    title_path: tuple[str, ...]
    page: int | None


def cut(parsed: Parsed, *, size: int, overlap: int = 0, count: Count = estimated_tokens) -> list[Piece]:
    """The passages of a document, each of at most `size` tokens; `overlap` tokens of the one before are repeated
    where a section is longer than one passage.

    A passage that begins within a table has the names of its columns as the last of its titles.
    """
    text = parsed.text
    overlap = min(overlap, size // 2)
    starts = [page.start for page in parsed.pages]
    pieces = []
    for section in _sections(parsed, count):
        atoms = list(_atoms(text, section, size, count))
        columns = {atom.span.start: atom.columns for atom in atoms if atom.columns}
        for span in _packed(text, [atom.span for atom in atoms], size, overlap, count):
            above = columns.get(span.start)
            path = (*section.path, above) if above else section.path
            index = bisect_right(starts, span.start) - 1
            pieces.append(Piece(span.start, span.end, path, parsed.pages[index].page if index >= 0 else None))
    return pieces


@dataclass(frozen=True)
class _Section:
    """A stretch of text below one heading, with the titles above it."""

    start: int
    end: int
    path: tuple[str, ...]


@dataclass(frozen=True)
class _Atom:
    """A stretch that is not cut further; `columns` names those of the table within which it stands."""

    span: Span
    columns: str = ""


def _sections(parsed: Parsed, count: Count) -> list[_Section]:
    """Stretches under one heading. One that says nothing of its own joins the one after it, the last the one before.

    Nothing of its own: a heading alone; little more, or a document's preamble, above a deeper heading.
    """
    text = parsed.text
    found: list[_Section] = []
    pending: int | None = None
    above: tuple[str, ...] = ()
    for mark, following, path in _marked(parsed):
        end = len(text) if following is None else following.start
        above = path if text[mark.end : end].strip() or not above else above
        begin = mark.start if pending is None else pending
        if not text[begin:end].strip():
            continue
        if following is not None and _says_nothing(text, begin, mark, following, count):
            pending = begin
            continue
        if following is None and found and not text[mark.end : end].strip():
            found[-1] = _Section(found[-1].start, end, found[-1].path)
            continue
        pending = None
        found.append(_Section(begin, end, above))
    return found


def _marked(parsed: Parsed) -> Iterator[tuple[Heading, Heading | None, tuple[str, ...]]]:
    """Each heading with the next one and the titles above its text; first what stands before all headings."""
    marks = [Heading(0, 0, 0, ""), *parsed.headings]
    stack: list[Heading] = []
    for number, mark in enumerate(marks):
        while stack and stack[-1].level >= mark.level:
            stack.pop()
        if mark.level:
            stack.append(mark)
        following = marks[number + 1] if number + 1 < len(marks) else None
        yield mark, following, tuple(heading.title[:_TITLE] for heading in stack if heading.title)


def _says_nothing(text: str, begin: int, mark: Heading, following: Heading, count: Count) -> bool:
    if not text[mark.end : following.start].strip():
        return count(text[begin : following.start]) <= _PREAMBLE
    if following.level <= mark.level:
        return False
    most = _PREAMBLE if mark.level <= 1 else _STUB
    return following.start - begin <= 40 * most and count(text[begin : following.start]) <= most


def _atoms(text: str, section: _Section, size: int, count: Count) -> Iterator[_Atom]:
    """The smallest stretches that passages are made of: blocks that fit, else their lines, sentences, words,
    characters. A block after a short one is cut so that the two fit together: what leads in stays with what follows.
    """
    lead = 0
    for block in _blocks(text, section.start, section.end):
        tokens = count(text[block.start : block.end])
        room = size if tokens + lead <= size else size - lead
        columns = _columns(text, block) if tokens > room else ""
        for number, span in enumerate(_split(text, block, room, count)):
            yield _Atom(span, columns if number else "")
        lead = tokens if tokens <= min(_LEAD, size // 4) else 0


def _columns(text: str, block: Span) -> str:
    """The names of a table's columns, "" for a block that is no table."""
    lines = text[block.start : block.start + 4000].split("\n", 2)
    if len(lines) < 2 or not _TABLE_ROW.match(lines[0]) or not _TABLE_RULE.match(lines[1]):
        return ""
    names = [cell.strip() for cell in lines[0].strip().strip("|").split("|")]
    return ", ".join(name for name in names if name)[:_COLUMNS]


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
        while first < last < len(atoms) - 1 and text[atoms[last].end - 1] == ":":
            last -= 1  # what leads in goes with what follows
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
