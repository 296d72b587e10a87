"""HTML to its readable text: headings, paragraphs, lists, tables. Knows block elements; follows no link, runs no
script."""

from typing import Any

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats.plain import decode
from coachwork.knowledge.formats.text_builder import TextBuilder, one_line, storable, table_lines
from coachwork.knowledge.vocabulary import in_words

_SKIPPED = frozenset(
    in_words(
        """
        head script style noscript template svg iframe object nav form button select textarea input dialog
        """
    )
)
_BLOCKS = frozenset(
    in_words(
        """
        address article aside blockquote body br dd details div dl dt fieldset figcaption figure footer
        header hr html li main ol p section summary ul h1 h2 h3 h4 h5 h6 pre table
        """
    )
)
_MAX_DEPTH = 200  # three calls of ours a level; text below it is still taken, without structure


def parse(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_declared(document, data))
    if tree.body is None:
        raise DocumentUnreadable(document, "it holds no HTML body")
    titled = tree.css_first("title")
    builder = TextBuilder(document, limits.max_text)
    _Walk(builder).blocks(tree.css_first("main") or tree.body)
    parsed = builder.parsed("html")
    has_top = any(heading.level == 1 for heading in parsed.headings)
    title = one_line(titled.text()) if titled is not None else ""
    return parsed if has_top or not title else Parsed(title, "html", parsed.text, parsed.headings, parsed.pages)


def _declared(document: str, data: bytes) -> str:
    """The page's characters, in the encoding that it names in its first kilobyte."""
    head = data[:1024].lower()
    at = head.find(b"charset=")
    if at >= 0:
        name = head[at + 8 : at + 40].lstrip(b"\"' ").split(b'"')[0].split(b"'")[0].split(b">")[0].split(b";")[0]
        try:
            return storable(data.decode(name.strip().decode("ascii"), errors="replace"))
        except (LookupError, UnicodeDecodeError):
            pass  # an unknown name: read like any text
    return decode(document, data)


class _Walk:
    """One pass through the elements; inline text gathers until a block element ends it."""

    def __init__(self, builder: TextBuilder) -> None:
        self._builder = builder
        self._inline: list[str] = []
        self._items: list[str] = []

    def blocks(self, root: Any) -> None:
        self._children(root, depth=0)
        self._end_paragraph()
        self._end_list()

    def _children(self, node: Any, depth: int) -> None:
        child = node.child
        while child is not None:
            self._node(child, depth)
            child = child.next

    def _node(self, node: Any, depth: int) -> None:
        tag = node.tag
        if tag == "-text":
            self._inline.append(node.text(deep=False))
        elif tag in _SKIPPED or tag.startswith("-") or tag == "!doctype":
            return
        elif depth >= _MAX_DEPTH:
            self._inline.append(node.text(separator=" "))
        elif tag not in _BLOCKS:
            self._children(node, depth + 1)
        else:
            self._block(node, tag, depth)

    def _block(self, node: Any, tag: str, depth: int) -> None:
        self._end_paragraph()
        if tag not in ("li", "ul", "ol", "br", "p", "div"):
            self._end_list()
        if tag[0] == "h" and tag[1:].isdigit():
            self._builder.heading(node.text(separator=" "), int(tag[1:]))
        elif tag == "pre":
            self._builder.block(node.text())
        elif tag == "table" and not node.css_first("table table"):
            rows = [[cell.text(separator=" ") for cell in row.css("th, td")] for row in node.css("tr")]
            self._builder.block("\n".join(table_lines(row for row in rows if row)))
        elif tag == "li":
            self._children(node, depth + 1)
            if text := one_line("".join(self._inline)):
                self._items.append(f"- {text}")
            self._inline.clear()
        else:
            self._children(node, depth + 1)
            self._end_paragraph()
            if tag in ("ul", "ol") and not _inside_list(node):
                self._end_list()

    def _end_paragraph(self) -> None:
        text = one_line("".join(self._inline))
        self._inline.clear()
        if text and self._items:
            self._items.append(f"- {text}")  # text of a list that stands in a block of its own
        elif text:
            self._builder.block(text)

    def _end_list(self) -> None:
        if self._items:
            self._builder.block("\n".join(self._items))
            self._items.clear()


def _inside_list(node: Any) -> bool:
    parent = node.parent
    return parent is not None and parent.tag in ("li", "ul", "ol")
