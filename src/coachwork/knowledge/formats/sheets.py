"""Excel and CSV: rows stay rows, one page a sheet. Knows cells as shown values; evaluates no formula."""

import csv
import io

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats.archive import check_archive
from coachwork.knowledge.formats.plain import decode
from coachwork.knowledge.formats.text_builder import TextBuilder, table_lines

_MAX_COLUMNS = 1000  # more are measurements or an attack, and no row that somebody reads
_TOO_WIDE = f"it has more than {_MAX_COLUMNS:,} columns"


def parse_xlsx(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    check_archive(document, data, "xl/workbook.xml", "an Excel file")
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (InvalidFileException, KeyError, ValueError, AttributeError, TypeError, SyntaxError) as error:
        raise DocumentUnreadable(document, f"it is a broken Excel file ({error.__class__.__name__})") from None
    builder = TextBuilder(document, limits.max_text)
    for number, sheet in enumerate(book.worksheets, start=1):
        if number > limits.max_pages:
            raise DocumentUnreadable(document, f"it has more than {limits.max_pages:,} sheets")
        builder.page(number)
        builder.heading(sheet.title, 2)
        rows = []
        sheet.reset_dimensions()  # the size that the file claims; what counts is the cells
        for row in sheet.iter_rows(values_only=True):
            if any(value is not None for value in row[_MAX_COLUMNS:]):
                raise DocumentUnreadable(document, _TOO_WIDE)
            values = ["" if value is None else str(value) for value in row[:_MAX_COLUMNS]]
            if any(values):
                rows.append(values)
            if len(rows) * 4 > limits.max_text:
                raise DocumentUnreadable(document, "it has too many rows", hint="Split the workbook.")
        builder.block("\n".join(table_lines(_trimmed(rows))))
    return builder.parsed("xlsx")


def _trimmed(rows: list[list[str]]) -> list[list[str]]:
    """Rows without the empty columns at their right."""
    width = max((index + 1 for row in rows for index, cell in enumerate(row) if cell), default=0)
    return [row[:width] for row in rows]


def parse_csv(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    text = decode(document, data)
    try:
        dialect = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    csv.field_size_limit(limits.max_text)
    builder = TextBuilder(document, limits.max_text)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), dialect) if any(row)]
    except csv.Error as error:
        raise DocumentUnreadable(document, f"it is a broken CSV file ({error})") from None
    if any(len(row) > _MAX_COLUMNS for row in rows):
        raise DocumentUnreadable(document, _TOO_WIDE)
    builder.block("\n".join(table_lines(rows)))
    return builder.parsed("csv")
