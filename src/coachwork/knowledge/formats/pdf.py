"""PDF text layer to paragraphs, with its pages and its headings by size of type. Knows pdfium; OCR is `ocr.py`'s."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats.text_builder import TextBuilder, one_line

BREAK = "\ufffe"  # pdfium's mark for a hyphen at a line's end, with the line end taken out
LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\u00ad": ""})
_BULLET = re.compile(r"\s*(?:[•●▪◦‣–*]|-(?=\s)|\(?\d{1,2}[.)](?=\s))\s*")


_DOTS, _LONGEST = 200, 3000  # dots an inch of a page that is looked at; pixels of its longer side at most


@dataclass(frozen=True)
class Line:
    """A line of a page: its text, its type size in points and its baseline from the page's bottom; 0 where unknown."""

    text: str
    size: float
    baseline: float


def parse(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    import pypdfium2

    try:
        source = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise DocumentUnreadable(document, *refusal(str(error))) from None
    with source:
        if len(source) > limits.max_pages:
            raise DocumentUnreadable(
                document,
                f"it claims {len(source):,} pages; at most {limits.max_pages:,} are read",
                hint="Split it, or raise max_pages of the knowledge base.",
            )
        pages = [_lines(source, index) for index in range(len(source))]
        if limits.ocr:
            pages = [lines if _says(lines) else _seen(source, index) for index, lines in enumerate(pages)]
        title = source.get_metadata_value("Title")
    if not any(_says(page) for page in pages):
        more = "" if limits.ocr else "; `ocr = true` of the knowledge base reads scans"
        raise DocumentUnreadable(document, f"it has no text in it (a scan?){more}")
    parsed = _assembled(document, pages, limits)
    # A title set by the program that wrote the file ("Microsoft Word - x.docx", "untitled") says less than a heading.
    named = title if re.search(r"\w \w", title) and not re.search(r"\.\w{2,4}$|^Microsoft|^untitled", title) else ""
    return Parsed(named.strip(), "pdf", parsed.text, parsed.headings, parsed.pages) if named else parsed


def refusal(error: str) -> tuple[str]:
    if "password" in error.lower():
        return ("it is encrypted with a password",)
    if "security" in error.lower():
        return ("it is encrypted in a way that is not known",)
    return ("it is no whole PDF file",)


def _lines(source: Any, index: int) -> list[Line]:
    """The lines of a page in reading order; none for a page that is broken."""
    import pypdfium2

    try:
        textpage = source[index].get_textpage()
    except pypdfium2.PdfiumError:
        return []
    text = textpage.get_text_range()
    # Sizes and places are asked by character index, which is only right where nothing was left out of the text.
    known = textpage.count_chars() == len(text)
    lines = []
    for found in re.finditer(r"[^\r\n]+", text):
        size, baseline = _type(textpage, found.start()) if known else (0.0, 0.0)
        lines.append(Line(found.group().replace(BREAK, "").translate(LIGATURES), size, baseline))
    return lines


def _says(lines: Sequence[Line]) -> bool:
    return any(line.text.strip() for line in lines)


def _seen(source: Any, index: int) -> list[Line]:
    """The lines of a page as they are recognised in its picture; none for a page that is broken."""
    import pypdfium2

    from coachwork.knowledge.formats.ocr import recognised

    try:
        page = source[index]
        width, height = page.get_size()
        scale = min(_DOTS / 72, _LONGEST / max(width, height, 1.0))
        picture = page.render(scale=scale, rev_byteorder=True).to_numpy()
    except pypdfium2.PdfiumError:
        return []
    # One size of type for all: heights of boxes differ by what letters they hold, and would be taken for headings.
    seen = recognised(picture[:, :, :3])
    size = round(median(each.bottom - each.top for each in seen) / scale, 1) if seen else 0.0
    return [Line(each.text, size, height - each.bottom / scale) for each in seen]


def _type(textpage: Any, index: int) -> tuple[float, float]:
    """Type size and baseline of the character at `index`, in points."""
    import ctypes

    from pypdfium2 import raw

    x, y = ctypes.c_double(), ctypes.c_double()
    if not raw.FPDFText_GetCharOrigin(textpage.raw, index, x, y):
        return 0.0, 0.0
    return round(raw.FPDFText_GetFontSize(textpage.raw, index), 1), y.value


def _assembled(document: str, pages: Sequence[Sequence[Line]], limits: ReadLimits) -> Parsed:
    sizes: Counter[float] = Counter()
    for line in (line for page in pages for line in page):
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    larger = sorted((size for size in sizes if size >= 1.12 * body and body), reverse=True)
    levels = {size: min(rank, 6) for rank, size in enumerate(larger, start=1)}
    builder = TextBuilder(document, limits.max_text)
    for number, page in enumerate(pages, start=1):
        builder.page(number)
        for paragraph in _paragraphs(page):
            text = _joined(paragraph)
            level = levels.get(paragraph[0].size)
            if level and len(text) <= 150 and not text.endswith((".", ",", ";")):
                builder.heading(text, level)
            else:
                builder.block(text)
    return builder.parsed("pdf")


def _paragraphs(page: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines that belong together: one size of type, one distance, downwards."""
    paragraph: list[Line] = []
    for line in page:
        if not line.text.strip():
            continue
        if paragraph:
            last = paragraph[-1]
            step = last.baseline - line.baseline
            apart = step > 1.55 * max(last.size, 1.0) or step < -0.5 * max(last.size, 1.0)
            if (line.size and apart) or abs(line.size - last.size) > 0.08 * max(last.size, 1.0):
                yield paragraph
                paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _joined(paragraph: Sequence[Line]) -> str:
    """The paragraph as one line, but list items each on their own."""
    lines: list[str] = []
    for line in paragraph:
        text = one_line(line.text)
        if not lines or _BULLET.match(text):
            lines.append(text)
        else:
            lines[-1] = f"{lines[-1]} {text}"
    return "\n".join(lines)
