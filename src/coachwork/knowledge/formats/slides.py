"""PowerPoint: one page a slide, its title as heading, its texts, tables and notes. Ignores pictures and layout."""

import io
from typing import Any

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats.archive import check_archive
from coachwork.knowledge.formats.text_builder import TextBuilder, table_lines


def parse(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    check_archive(document, data, "ppt/presentation.xml", "a PowerPoint file")
    from lxml.etree import LxmlError
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    try:
        source = Presentation(io.BytesIO(data))
    except (PythonPptxError, LxmlError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise DocumentUnreadable(document, f"it is a broken PowerPoint file ({error.__class__.__name__})") from None
    builder = TextBuilder(document, limits.max_text)
    for number, slide in enumerate(source.slides, start=1):
        if number > limits.max_pages:
            raise DocumentUnreadable(document, f"it has more than {limits.max_pages:,} slides")
        builder.page(number)
        title = slide.shapes.title
        builder.heading((title.text_frame.text if title is not None else "") or f"Slide {number}", 2)
        for shape in slide.shapes:
            if title is None or shape.shape_id != title.shape_id:
                _shape(builder, shape)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            builder.block(slide.notes_slide.notes_text_frame.text)
    return builder.parsed("pptx", source.core_properties.title or "")


def _shape(builder: TextBuilder, shape: Any) -> None:
    if shape.has_text_frame:
        lines = [paragraph.text.strip() for paragraph in shape.text_frame.paragraphs if paragraph.text.strip()]
        builder.block("\n".join(f"- {line}" for line in lines) if len(lines) > 1 else "".join(lines))
    elif getattr(shape, "has_table", False):
        builder.block("\n".join(table_lines([[cell.text for cell in row.cells] for row in shape.table.rows])))
    elif hasattr(shape, "shapes"):
        for inner in shape.shapes:
            _shape(builder, inner)
