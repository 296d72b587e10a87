"""Puts a document's text together and remembers where headings and pages fall. Knows offsets; knows no format."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Heading, Page, Parsed

# What a database or a browser can't hold: control characters but tab and newline, lone surrogates, non-characters.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def storable(text: str) -> str:
    """`text` with `\\n` as the only line end, and without characters that can't be stored."""
    text = re.sub(r"\r\n?|[\x0c\u2028\u2029\x85]", "\n", text.removeprefix("\ufeff"))
    return _UNSTORABLE.sub("", text)


def one_line(text: str) -> str:
    return " ".join(storable(text).split())


def title_of(document: str, headings: Sequence[Heading] = ()) -> str:
    """The first top heading, else the file's name in words."""
    for heading in headings:
        if heading.level == 1 and heading.title:
            return heading.title
    stem = PurePosixPath(document).stem
    words = re.sub(r"[_\-\s]+", " ", stem).strip() or stem
    return words[:1].upper() + words[1:]


def table_lines(rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as Markdown rows, the first row as its head; empty rows are left out."""
    cells = [[one_line(cell).replace("|", "/") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells if any(row)]
    if len(lines) > 1:
        lines.insert(1, "|" + " --- |" * len(cells[0]))
    return lines


class TextBuilder:
    """Blocks of text, joined by empty lines. Raises DocumentUnreadable once the text passes `max_text` characters."""

    def __init__(self, document: str, max_text: int) -> None:
        self._document = document
        self._max_text = max_text
        self._pieces: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._pages: list[Page] = []
        self._page_start: tuple[int, int] | None = None

    def block(self, text: str) -> tuple[int, int]:
        """Add a paragraph, list or table; gives its `start` and `end`. Empty text adds nothing."""
        text = storable(text).strip("\n")
        if not text.strip():
            return self._length, self._length
        if self._pieces:
            self._pieces.append("\n\n")
            self._length += 2
        start = self._length
        self._pieces.append(text)
        self._length += len(text)
        if self._length > self._max_text:
            raise DocumentUnreadable(
                self._document, f"its text is longer than {self._max_text:,} characters", hint="Split the document."
            )
        return start, self._length

    def heading(self, text: str, level: int) -> None:
        title = one_line(text)
        start, end = self.block(title)
        if end > start:
            self._headings.append(Heading(start, end, max(1, min(level, 9)), title))

    def page(self, number: int) -> None:
        """What follows stands on page `number`."""
        self._close_page()
        self._page_start = (number, self._length)

    def _close_page(self) -> None:
        if self._page_start is not None:
            number, start = self._page_start
            if start and self._length > start:
                start += 2  # the empty line before the page's first block
            self._pages.append(Page(number, min(start, self._length), self._length))

    def parsed(self, format_: str, title: str = "") -> Parsed:
        self._close_page()
        self._page_start = None
        return Parsed(
            one_line(title) or title_of(self._document, self._headings),
            format_,
            "".join(self._pieces),
            tuple(self._headings),
            tuple(self._pages),
        )
