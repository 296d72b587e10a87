"""Rows of a JSONL or CSV file as inputs of runs. Knows files and encodings; starts nothing.

A row that can't be read is a row with a reason, and never stops the others.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coachwork.cli.inputs import Schema, data_url, from_pairs, is_file_field, schema_at
from coachwork.errors import InputError
from coachwork.messages import JsonValue


@dataclass(frozen=True)
class Row:
    """One row: as it stands in the file (`given`), as a run gets it (`input`), or why it is bad (`problem`).

    `number` counts from 1: lines in JSONL, rows below the head in CSV.
    """

    number: int
    given: JsonValue
    input: JsonValue = None
    problem: InputError | None = None


def read_rows(path: Path, schema: Schema) -> list[Row]:
    """Every row of a .jsonl or .csv file. Raises InputError where the file as a whole can't be read."""
    if path.suffix.lower() not in (".jsonl", ".ndjson", ".csv", ".tsv"):
        raise InputError(
            f"{path.name!r} is neither .jsonl nor .csv", hint="One JSON object a line, or a table with a head."
        )
    text = _text(path)
    rows = list(
        _jsonl(text, path, schema) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv(text, path, schema)
    )
    if not rows:
        raise InputError(f"{str(path)!r} holds no rows")
    return rows


def attachment(name: str, folder: Path) -> Path:
    """The file that `@name` means: below the batch file's folder, wherever links lead. Raises InputError."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(f"@{name} lies outside the folder of the batch file", hint=f"Put the file into {folder}")
    return path


def _jsonl(text: str, path: Path, schema: Schema) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            yield Row(number, line[:200], problem=InputError(f"not JSON: {error}"))
            continue
        try:
            yield Row(number, value, _with_files(value, schema, path.parent))
        except InputError as problem:
            yield Row(number, value, problem=problem)


def _csv(text: str, path: Path, schema: Schema) -> Iterator[Row]:
    head = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=head.count)  # Excel writes ; where the comma is a decimal sign
    try:
        table = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError(f"{path.name!r} is not a CSV table: {error}") from None
    for number, record in enumerate(table, 1):
        pairs = [(key.strip(), cell) for key, cell in record.items() if isinstance(key, str) and cell]
        if record.get(None):  # csv puts surplus cells under the key None
            problem = InputError(f"more cells than the head has columns ({len(record) - 1})")
            yield Row(number, dict(pairs), problem=problem)
            continue
        try:
            value = from_pairs(pairs, schema, attach=lambda name: attachment(name, path.parent))
            yield Row(number, dict(pairs), value)
        except InputError as refused:
            yield Row(number, dict(pairs), problem=refused)


def _with_files(value: JsonValue, schema: Schema, folder: Path) -> JsonValue:
    """The value with every `"@path"` of a file field read into a data URL."""
    if isinstance(value, str):
        if value.startswith("@") and is_file_field(schema):
            return data_url(attachment(value[1:], folder))
        return value
    if isinstance(value, dict):
        return {key: _with_files(item, schema_at(schema, [key]), folder) for key, item in value.items()}
    if isinstance(value, list):
        items: Mapping[str, Any] = {**schema.get("items", {}), "$defs": schema.get("$defs", {})}
        return [_with_files(item, items, folder) for item in value]
    return value


def _text(path: Path) -> str:
    """The file as text: UTF-8, or UTF-16 where it says so, or Windows-1252 as Excel saves CSV."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror or error}") from None
    said = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(said)
    except UnicodeDecodeError as error:
        refused = InputError(f"{path.name!r} is not {said[:6].upper()} (byte {error.start})", hint="Save it as UTF-8.")
        if path.suffix.lower() not in (".csv", ".tsv"):
            raise refused from None
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        raise refused from None
