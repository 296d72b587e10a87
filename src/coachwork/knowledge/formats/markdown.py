"""Markdown keeps its own text; headings are found in it. Knows fences and front matter; renders nothing."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Heading, Parsed, ReadLimits
from coachwork.knowledge.filters import plain_metadata
from coachwork.knowledge.formats.plain import decode
from coachwork.knowledge.formats.text_builder import one_line, title_of

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n+|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)
_SAYS_GROUPS = re.compile(r"^\s*[\"']?groups[\"']?\s*:", re.MULTILINE | re.IGNORECASE)
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
    title, fields = "", {}
    if front := _FRONT.match(text):
        text = text[front.end() :]
        if named := _TITLE.search(front[1]):
            title = named[1].strip().strip("\"'")
        fields = _fields(document, front[1])
    headings = headings_of(text)
    groups = _groups(document, fields.pop("groups")) if "groups" in fields else None
    title = title or title_of(document, headings)
    return Parsed(title, "markdown", text, tuple(headings), metadata=plain_metadata(fields), groups=groups)


def _fields(document: str, front: str) -> dict[Any, Any]:
    """The front matter's fields. What is no YAML has none, unless it speaks of groups: then nobody knows who may read.

    Raises DocumentUnreadable.
    """
    try:
        fields = yaml.safe_load(front)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        if _SAYS_GROUPS.search(front):
            raise DocumentUnreadable(
                document,
                f"its front matter names groups and is no YAML ({type(error).__name__})",
                hint="Correct the lines between the two `---`.",
            ) from None
        return {}
    if not isinstance(fields, dict):
        fields = {}
    if "groups" not in fields and _SAYS_GROUPS.search(front):
        raise DocumentUnreadable(
            document,
            "its front matter speaks of groups, and not as a field of its own",
            hint="Write `groups: [legal, board]` on a line that begins with it.",
        )
    return fields


def _groups(document: str, named: Any) -> tuple[str, ...]:
    groups = [named] if isinstance(named, str) else named
    if not isinstance(groups, list) or not all(
        isinstance(group, str) and group.strip() and "\x00" not in group for group in groups
    ):
        raise DocumentUnreadable(
            document, f"groups = {named!r} are no names of groups", hint="Write `groups: [legal, board]`."
        )
    return tuple(group.strip() for group in groups)
