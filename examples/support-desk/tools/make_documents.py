"""Make the handbook's PDF and DOCX from the text beside this script. Knows page layout; does not know their content.

    python tools/make_documents.py

Needs `pypdfium2` and `python-docx`, which come with `pip install "coachwork[knowledge]"`.
"""

import ctypes
from pathlib import Path

import docx
import pypdfium2.raw as pdfium
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Cm, Pt

HERE = Path(__file__).parent
HANDBOOK = HERE.parent / "knowledge" / "handbook"

PAGE_WIDTH, PAGE_HEIGHT = 595.0, 842.0  # A4 in points
LEFT, TOP, BOTTOM = 72.0, 770.0, 72.0
TEXT_WIDTH = PAGE_WIDTH - 2 * LEFT


class Sheet:
    """A PDF that is written from top to bottom; a new page begins where the old one is full."""

    def __init__(self, footer: str) -> None:
        self.document = pdfium.FPDF_CreateNewDocument()
        self.fonts = {
            bold: pdfium.FPDFText_LoadStandardFont(self.document, b"Helvetica-Bold" if bold else b"Helvetica")
            for bold in (False, True)
        }
        self.footer = footer
        self.pages = 0
        self.page: pdfium.FPDF_PAGE | None = None
        self.y = 0.0

    def width(self, text: str, size: float, bold: bool) -> float:
        one = ctypes.c_float()
        total = 0.0
        for byte in text.encode("cp1252"):
            pdfium.FPDFFont_GetGlyphWidth(self.fonts[bold], byte, size, one)
            total += one.value
        return total

    def put(self, text: str, x: float, y: float, size: float, bold: bool = False) -> None:
        piece = pdfium.FPDFPageObj_CreateTextObj(self.document, self.fonts[bold], size)
        letters = (text + "\0").encode("utf-16-le")
        buffer = ctypes.create_string_buffer(letters, len(letters))
        pdfium.FPDFText_SetText(piece, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)))
        pdfium.FPDFPageObj_Transform(piece, 1, 0, 0, 1, x, y)
        pdfium.FPDFPage_InsertObject(self.page, piece)

    def begin_page(self) -> None:
        self.end_page()
        self.page = pdfium.FPDFPage_New(self.document, self.pages, PAGE_WIDTH, PAGE_HEIGHT)
        self.pages += 1
        self.y = TOP

    def end_page(self) -> None:
        if self.page is None:
            return
        self.put(f"{self.footer}  ·  page {self.pages}", LEFT, BOTTOM - 28, 8)
        pdfium.FPDFPage_GenerateContent(self.page)
        pdfium.FPDF_ClosePage(self.page)
        self.page = None

    def lines(self, text: str, size: float, bold: bool) -> list[str]:
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if self.width(longer, size, bold) <= TEXT_WIDTH:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def paragraph(
        self, text: str, *, size: float = 10.5, bold: bool = False, after: float = 12.0, keep: float = 0.0
    ) -> None:
        """Write a paragraph. `keep` are the points that must be free below it, so that no heading ends a page."""
        lines = self.lines(text, size, bold)
        if self.page is None or self.y - len(lines) * size * 1.45 - keep < BOTTOM:
            self.begin_page()
        for line in lines:
            self.put(line, LEFT, self.y, size, bold)
            self.y -= size * 1.45
        self.y -= after

    def save(self, path: Path) -> None:
        self.end_page()
        with path.open("wb") as file:
            # pdfium calls back with each block it has ready
            def write(_: object, data: ctypes.c_void_p, size: int) -> int:
                file.write(ctypes.string_at(data, size))
                return 1

            sink = pdfium.FPDF_FILEWRITE(version=1)
            sink.WriteBlock = type(sink.WriteBlock)(write)
            pdfium.FPDF_SaveAsCopy(self.document, sink, pdfium.FPDF_NO_INCREMENTAL)
        pdfium.FPDF_CloseDocument(self.document)


def make_warranty_conditions() -> None:
    sheet = Sheet("Tarnbeck Cycles GmbH  ·  Warranty conditions  ·  edition of 1 January 2026")
    for block in (HERE / "warranty-conditions.txt").read_text(encoding="utf-8").split("\n\n"):
        heading, text = block.strip().split("\n", 1)
        if heading.startswith("## "):
            sheet.paragraph(heading[3:], size=12.5, bold=True, after=3, keep=60)
        else:
            sheet.paragraph(heading[2:], size=22, bold=True, after=6)
        sheet.paragraph(text, after=20 if heading.startswith("# ") else 14)
    sheet.save(HANDBOOK / "warranty-conditions.pdf")


RULES = (
    "Prices are in euros, include 19 % VAT and, where the list says labour, do not include parts. Work that is not in "
    "this list costs 78 € per hour, counted in steps of 15 minutes (19.50 €).",
    "Express: for 25 € more a bicycle that is brought in before 10:00 is ready on the next working day. Express is not "
    "possible for wheel building, motor replacement and the Big Service.",
    "Members of the Kilometre Club with Gold status get one Small Service per calendar year free of charge. Parts that "
    "are needed are paid.",
    "For cargo bikes (Hauler and other makes) every price is 20 % higher, because two people are needed.",
)


def make_price_list() -> None:
    document = docx.Document()
    document.core_properties.title = "Workshop price list"
    document.core_properties.author = "Tarnbeck Cycles GmbH"
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(11)
    document.add_heading("Workshop price list", 0)
    document.add_paragraph("Tarnbeck Cycles GmbH · workshops in Konstanz and Ravensburg · valid from 1 February 2026")
    table = None
    for line in (HERE / "workshop-price-list.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            document.add_heading(line[3:], 1)
            table = document.add_table(rows=0, cols=3, style="Light Grid Accent 1")
            continue
        assert table is not None, "the list begins with a heading"
        cells = table.add_row().cells
        for cell, text, wide in zip(cells, line.split("\t"), (Cm(10.5), Cm(2.5), Cm(3)), strict=True):
            cell.text = text
            cell.width = wide
        cells[1].paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    document.add_heading("Rules for all prices", 1)
    for rule in RULES:
        document.add_paragraph(rule)
    document.save(str(HANDBOOK / "workshop-price-list.docx"))


if __name__ == "__main__":
    make_warranty_conditions()
    make_price_list()
