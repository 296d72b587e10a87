"""Rows of a JSONL, CSV or Excel table as inputs of runs. Knows files and encodings; starts nothing.

A row that can't be read is a row with a reason, and never stops the others.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from coachwork.errors import DocumentUnreadable, InputError, NotInstalled
from coachwork.messages import JsonValue
from coachwork.pipelines.typed_text import Attach, Schema, data_url, file_beside, from_pairs, is_file_field, schema_at

KINDS = (".jsonl", ".ndjson", ".csv", ".tsv", ".xlsx")
_MOST_ROWS = 200_000


@dataclass(frozen=True)
class Row:
    """One row: as it stands in the file (`given`), as a run gets it (`input`), or why it is bad (`problem`).

    `number` counts from 1: lines in JSONL, rows below the head in a table.
    """

    number: int
    given: JsonValue
    input: JsonValue = None
    problem: InputError | None = None


def read_file(path: Path, schema: Schema) -> list[Row]:
    """Every row of a file on this machine; `@name` in it means a file below its folder. Raises InputError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror or error}") from None
    return read_rows(path.name, data, schema, attach=partial(attachment, folder=path.parent))


def read_rows(name: str, data: bytes, schema: Schema, *, attach: Attach | None = None) -> list[Row]:
    """Every row of a table; the end of `name` says which kind it is. `attach` says which file `@name` means.

    Raises InputError where the file as a whole can't be read, NotInstalled where Excel files can't.
    """
    kind = PurePosixPath(name).suffix.lower()
    if kind not in KINDS:
        raise InputError(
            f"{name!r} is neither .jsonl nor .csv nor .xlsx", hint="One JSON object a line, or a table with a head."
        )
    if kind == ".xlsx":
        found = _table(*_sheet(name, data), schema, attach)
    elif kind in (".csv", ".tsv"):
        found = _table(*_csv(name, _text(name, data)), schema, attach)
    else:
        found = _jsonl(_text(name, data), schema, attach)
    rows = []
    for row in found:
        rows.append(row)
        if len(rows) > _MOST_ROWS:
            raise InputError(f"{name!r} has more than {_MOST_ROWS:,} rows", hint="Split the file.")
    if not rows:
        raise InputError(f"{name!r} holds no rows")
    return rows


def attachment(name: str, folder: Path) -> Path:
    """The file that `@name` means: below the batch file's folder, wherever links lead. Raises InputError."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(f"@{name} lies outside the folder of the batch file", hint=f"Put the file into {folder}")
    return path


def _jsonl(text: str, schema: Schema, attach: Attach | None) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            yield Row(number, line[:200], problem=InputError(f"not JSON: {error}"))
            continue
        try:
            yield Row(number, value, _with_files(value, schema, attach))
        except InputError as problem:
            yield Row(number, value, problem=problem)


def _table(head: Sequence[str], lines: Iterator[Sequence[str]], schema: Schema, attach: Attach | None) -> Iterator[Row]:
    """Rows below a head; an empty cell is a field that is not given, and a line without any is no row but counts."""
    for number, cells in enumerate(lines, 1):
        if not any(cells):
            continue
        pairs = [(name.strip(), cell) for name, cell in zip(head, cells, strict=False) if cell]
        if len(cells) > len(head):
            problem = InputError(f"more cells than the head has columns ({len(head)})")
            yield Row(number, dict(pairs), problem=problem)
            continue
        try:
            yield Row(number, dict(pairs), from_pairs(pairs, schema, attach=attach))
        except InputError as refused:
            yield Row(number, dict(pairs), problem=refused)


def _csv(name: str, text: str) -> tuple[list[str], Iterator[list[str]]]:
    first = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=first.count)  # Excel writes ; where the comma is a decimal sign
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a cell may be a whole file, as a data URL
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError(f"{name!r} is not a CSV table: {error}") from None
    if delimiter not in first:  # one column, in which a comma is a comma; a line of them alone is an empty one
        lines = [[] if all(not cell.strip("\t;,") for cell in line) else line for line in lines]
    return _headed(lines)


def _headed(lines: list[list[str]]) -> tuple[list[str], Iterator[list[str]]]:
    """The first line that holds something, and those below it."""
    at = next((place for place, line in enumerate(lines) if any(line)), len(lines))
    return (lines[at], iter(lines[at + 1 :])) if at < len(lines) else ([], iter(()))


# ── Excel ──────────────────────────────────────────────────────────────────────────────────────


def _sheet(name: str, data: bytes) -> tuple[list[str], Iterator[list[str]]]:
    """Head and rows of a workbook's first sheet, as texts; formulas by the value Excel last saw."""
    from coachwork.knowledge.formats.archive import check_archive

    excel()
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        check_archive(name, data, "xl/workbook.xml", "an Excel file")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the size that the file claims; what counts is the cells
        lines = [_trimmed([_cell(value) for value in line]) for line in sheet.iter_rows(values_only=True)]
    except DocumentUnreadable as error:
        raise InputError(error.message, hint=error.hint) from None
    except (InvalidFileException, LookupError, ValueError, AttributeError, TypeError, SyntaxError) as error:
        raise InputError(f"{name!r} is a broken Excel file ({type(error).__name__})", hint="Save it as CSV.") from None
    return _headed(lines)


def excel() -> None:
    """Raises NotInstalled where Excel files can't be read and written."""
    try:
        import openpyxl  # noqa: F401
    except ImportError:
        raise NotInstalled(
            "Excel files need a package that is not installed: openpyxl",
            hint='pip install "coachwork[knowledge]", or take .csv or .jsonl',
            reader="Excel files can't be used here. Please save the table as CSV.",
        ) from None


def _cell(value: object) -> str:
    """A cell as the text that the same table would have as CSV."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time.min:
            return value.date().isoformat()  # Excel knows days only as midnights
        case datetime() | date() | time():
            return value.isoformat()
    return str(value)


def _trimmed(line: list[str]) -> list[str]:
    while line and not line[-1]:
        line.pop()
    return line


# ── Files and texts ────────────────────────────────────────────────────────────────────────────


def _with_files(value: JsonValue, schema: Schema, attach: Attach | None) -> JsonValue:
    """The value with every `"@path"` of a file field read into a data URL."""
    if isinstance(value, str):
        if value.startswith("@") and is_file_field(schema):
            return data_url(file_beside(value[1:], attach))
        return value
    if isinstance(value, dict):
        return {key: _with_files(item, schema_at(schema, [key]), attach) for key, item in value.items()}
    if isinstance(value, list):
        items: Mapping[str, Any] = {**schema.get("items", {}), "$defs": schema.get("$defs", {})}
        return [_with_files(item, items, attach) for item in value]
    return value


def _text(name: str, data: bytes) -> str:
    """The file as text: UTF-8, or UTF-16 where it says so, or Windows-1252 as Excel saves CSV."""
    said = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(said)
    except UnicodeDecodeError as error:
        refused = InputError(f"{name!r} is not {said[:6].upper()} (byte {error.start})", hint="Save it as UTF-8.")
        if PurePosixPath(name).suffix.lower() not in (".csv", ".tsv"):
            raise refused from None
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        raise refused from None
