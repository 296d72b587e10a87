"""Markdown keeps its own text; headings are found in it. Knows fences and front matter; renders nothing."""

import re
from collections.abc import Iterator

from coachwork.knowledge.document import Heading, Parsed, ReadLimits
from coachwork.knowledge.formats.plain import decode
from coachwork.knowledge.formats.text_builder import one_line, title_of

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n+|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*\Z")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*\Z")
_NO_PARAGRAPH = re.compile(r"\s*(?:\Z|[#>|]|[-*+] |\d+[.)] )")
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*`~]+|(?<!\w)_+|_+(?!\w)|<[^>]+>")


def plain_title(text: str) -> str:
    """A heading's words without emphasis, links and code marks."""
    return one_line(_MARKUP.sub(lambda found: found[1] or "", text))


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its offset, without its line end."""
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def headings_of(text: str) -> list[Heading]:
    """The headings of Markdown text, `#` and underlined ones, outside of code fences."""
    found: list[Heading] = []
    fence, previous = "", (0, "")
    for start, line in lines_of(text):
        if match := _FENCE.match(line):
            mark = match[1]
            if not fence:
                fence = mark
            elif mark[0] == fence[0] and len(mark) >= len(fence):
                fence = ""
        elif not fence:
            if match := _ATX.match(line):
                found.append(Heading(start, start + len(line), len(match[1]), plain_title(match[2] or "")))
            elif (match := _UNDERLINE.match(line)) and not _NO_PARAGRAPH.match(previous[1]):
                level = 1 if match[1].startswith("=") else 2
                found.append(Heading(previous[0], start + len(line), level, plain_title(previous[1])))
        previous = (start, line)
    return found


def parse(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    text = decode(document, data)
    title = ""
    if front := _FRONT.match(text):
        text = text[front.end() :]
        if named := _TITLE.search(front[1]):
            title = named[1].strip().strip("\"'")
    headings = headings_of(text)
    return Parsed(title or title_of(document, headings), "markdown", text, tuple(headings))
