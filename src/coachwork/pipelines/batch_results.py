"""What came of a batch as a file: JSONL, CSV or Excel. Knows columns and cells; the rows are handed to it.

Answers are what a model wrote, so no cell of theirs may run in the spreadsheet that opens them
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from coachwork.messages import JsonValue
from coachwork.pipelines.batch_file import excel
from coachwork.pipelines.batch_views import row_view
from coachwork.pipelines.pipeline import Pipeline

Pages = AsyncIterator[Sequence[sa.Row[Any]]]
_ABOUT = ("row", "status", "error", "run_id", "tries", "seconds", "cost_usd")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_IN_A_CELL = 32_767  # Excel's own limit


async def as_jsonl(pages: Pages) -> AsyncIterator[bytes]:
    """A line a row: {row, status, error, run_id, tries, seconds, cost_usd, input, output}."""
    async for page in pages:
        yield "".join(json.dumps(_record(row), ensure_ascii=False) + "\n" for row in page).encode()


async def as_csv(pages: Pages, columns: Sequence[str]) -> AsyncIterator[bytes]:
    """A table with a head. A text that a spreadsheet would take for a formula gets a ' before it."""
    yield as_head(columns)
    async for page in pages:
        yield b"".join(_csv_line([_harmless(_cell(value)) for value in _cells(row, columns)]) for row in page)


def as_head(columns: Sequence[str]) -> bytes:
    """The first line of a CSV file, after the mark by which Excel knows UTF-8."""
    return b"\xef\xbb\xbf" + _csv_line(columns)


async def as_xlsx(pages: Pages, columns: Sequence[str]) -> bytes:
    """A workbook with one sheet; every text is a text and no formula. Raises NotInstalled."""
    excel()
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Results")
    sheet.append(list(columns))
    async for page in pages:
        for row in page:
            cells = []
            for value in _cells(row, columns):
                shown = _cell(value)
                text = isinstance(shown, str)
                cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", shown)[:_MOST_IN_A_CELL] if text else shown)
                if text:
                    cell.data_type = "s"
                cells.append(cell)
            sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def columns_of(pipeline: Pipeline[..., Any] | None) -> list[str]:
    """The head of the table: what is said of a row, then a column for each field of input and output.

    Of a pipeline that is gone the fields are not known: one column each.
    """
    if pipeline is None:
        return [*_ABOUT, "input", "output"]
    return [*_ABOUT, *_fields("input", pipeline.input_schema), *_fields("output", pipeline.output_schema)]


def _fields(side: str, schema: Mapping[str, Any]) -> list[str]:
    return [f"{side}.{name}" for name in schema.get("properties", {})] or [side]


def _record(row: sa.Row[Any]) -> dict[str, JsonValue]:
    shown = row_view(row).model_dump(mode="json")
    return {**{name: shown[name] for name in _ABOUT}, "input": row.input, "output": row.output}


def _cells(row: sa.Row[Any], columns: Sequence[str]) -> list[JsonValue]:
    record = _record(row)
    error = record["error"]
    record["error"] = error.get("message", "") if isinstance(error, dict) else ""
    if record["input"] is None:
        record["input"] = row.given
    found = []
    for column in columns:
        side, _, field = column.partition(".")
        value = record[side]
        found.append(value.get(field) if field and isinstance(value, dict) else None if field else value)
    return found


def _cell(value: JsonValue) -> str | int | float | bool | None:
    """A value as a cell: lists and objects as JSON, a file by its kind alone."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith("data:") and len(value) > 200:
        return value.partition(",")[0] + ",…"
    shown: str | int | float | bool | None = value
    return shown


def _harmless(value: str | int | float | bool | None) -> str:
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA) else value
    return "" if value is None else json.dumps(value)


def _csv_line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
