"""Word documents: paragraphs with their heading styles, lists, tables. Knows the order of the body; ignores layout."""

import io
import re
from typing import Any

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats.archive import check_archive
from coachwork.knowledge.formats.text_builder import TextBuilder, table_lines

_LEVEL = re.compile(r"(?:heading|überschrift|titre|título|encabezado)\s*(\d)", re.IGNORECASE)


def parse(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    check_archive(document, data, "word/document.xml", "a Word document")
    from docx import Document
    from docx.opc.exceptions import OpcError
    from lxml.etree import LxmlError

    try:
        source = Document(io.BytesIO(data))
    except (OpcError, LxmlError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise DocumentUnreadable(document, f"it is a broken Word document ({error.__class__.__name__})") from None
    builder = TextBuilder(document, limits.max_text)
    items: list[str] = []
    for block in source.iter_inner_content():
        text = block.text if hasattr(block, "text") else ""
        if hasattr(block, "rows"):
            _flush(builder, items)
            builder.block("\n".join(table_lines(_cells(block))))
        elif level := _level(block):
            _flush(builder, items)
            builder.heading(text, level)
        elif _is_item(block):
            if text.strip():
                items.append(f"- {text.strip()}")
        else:
            _flush(builder, items)
            builder.block(text.strip())
    _flush(builder, items)
    return builder.parsed("docx", source.core_properties.title or "")


def _flush(builder: TextBuilder, items: list[str]) -> None:
    builder.block("\n".join(items))
    items.clear()


def _style(paragraph: Any) -> str:
    style = paragraph.style
    return (style.name or "") if style is not None else ""


def _level(paragraph: Any) -> int:
    """1 to 9 for a heading, 0 for other paragraphs; Word's own `Title` counts as 1."""
    name = _style(paragraph)
    if name.lower() in ("title", "titel", "titre"):
        return 1
    match = _LEVEL.match(name)
    return int(match[1]) if match else 0


def _is_item(paragraph: Any) -> bool:
    properties = paragraph._p.pPr
    return "list" in _style(paragraph).lower() or (properties is not None and properties.numPr is not None)


def _cells(table: Any) -> list[list[str]]:
    """Rows of cells; a merged cell stands once, in its first place."""
    rows = []
    for row in table.rows:
        seen: set[int] = set()
        cells = []
        for cell in row.cells:
            cells.append("" if id(cell._tc) in seen else cell.text)
            seen.add(id(cell._tc))
        rows.append(cells)
    return rows
