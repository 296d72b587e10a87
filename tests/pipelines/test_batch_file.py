"""Rows of a file become inputs; a bad row is named and stops nothing."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from coachwork.errors import InputError
from coachwork.messages import Audio
from coachwork.pipelines.batch_file import Row, read_file, read_rows


class Ticket(BaseModel):
    subject: str
    number: int = 0
    recording: Audio | None = None
    attachments: list[Audio] = []


SCHEMA: dict[str, Any] = TypeAdapter(Ticket).json_schema()


def rows_of(folder: Path, name: str, content: str | bytes) -> list[Row]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, SCHEMA)


def test_jsonl_rows_keep_their_line_numbers(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a.jsonl", '{"subject": "one"}\n\n{broken\n{"subject": "two\\u2028three"}\n')
    assert [(row.number, row.input, row.problem is None) for row in rows] == [
        (1, {"subject": "one"}, True),
        (3, None, False),
        (4, {"subject": "two\u2028three"}, True),
    ]
    assert "not JSON" in str(rows[1].problem)


@pytest.mark.parametrize(
    "content",
    [
        "subject,number\nHello,7\n",
        "\ufeffsubject;number\r\nHello;7\r\n",
        "subject\tnumber\nHello\t7",
        "subject,number\nHello,7\n".encode("utf-16"),
    ],
)
def test_csv_is_read_as_spreadsheets_write_it(content: str | bytes, tmp_path: Path) -> None:
    assert [row.input for row in rows_of(tmp_path, "a.csv", content)] == [{"subject": "Hello", "number": 7}]


def test_an_old_excel_file_keeps_its_umlauts(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "a.csv", "subject\nGrüße\n".encode("cp1252"))[0].input == {"subject": "Grüße"}


def test_an_empty_cell_is_a_missing_field_and_a_surplus_one_is_named(tmp_path: Path) -> None:
    first, second = rows_of(tmp_path, "a.csv", "subject,number\n,7\na,1,surplus\n")
    assert first.input == {"number": 7}
    assert second.problem is not None
    assert "more cells" in second.problem.message


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("subject,number\n,\nHello,7\n\n,,,\nyou,8\n,\n", [2, 5]),
        ("subject\n,\nHello, you\n;;\n\nagain\n", [2, 5]),
        ("\n,\nsubject\nHello\n", [1]),
    ],
)
def test_a_line_without_any_cell_is_no_row_yet_counts(content: str, numbers: list[int], tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a.csv", content)
    assert [row.number for row in rows] == numbers
    assert all(row.problem is None and row.input["subject"].strip(",;") for row in rows)


def test_a_list_that_is_none_is_told_how_a_list_is_written(tmp_path: Path) -> None:
    schema = {"properties": {"names": {"type": "array", "items": {"type": "string"}}}}
    path = tmp_path / "a.csv"
    path.write_text('names\n"[""a"", ""b""]"\n"a, b"\n')
    good, bad = read_file(path, schema)
    assert good.input == {"names": ["a", "b"]}
    assert bad.problem is not None
    assert [field["path"] for field in bad.problem.details["fields"]] == [["names"]]
    assert 'written as JSON, like ["a", "b"]' in bad.problem.message


def test_files_are_read_from_the_batch_files_folder(tmp_path: Path) -> None:
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "one.wav").write_bytes(b"RIFF")
    line = '{"subject": "@not-a-file", "recording": "@voice/one.wav", "attachments": ["@voice/one.wav"]}'
    (row,) = rows_of(tmp_path, "a.jsonl", line)
    ticket = Ticket.model_validate(row.input)
    assert ticket.subject == "@not-a-file"
    assert ticket.recording == Audio(b"RIFF", "audio/wav")
    assert ticket.attachments == [Audio(b"RIFF", "audio/wav")]
    assert row.given["recording"] == "@voice/one.wav"


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/hostname", "link.wav", "voice/../../secret.wav"])
def test_files_outside_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "batch"
    (folder / "voice").mkdir(parents=True)
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (row,) = rows_of(folder, "a.jsonl", f'{{"subject": "x", "recording": "@{name}"}}')
    assert row.problem is not None
    assert "outside the folder" in row.problem.message


def test_a_missing_file_is_a_bad_row(tmp_path: Path) -> None:
    bad, good = rows_of(tmp_path, "a.jsonl", '{"subject": "x", "recording": "@gone.wav"}\n{"subject": "y"}\n')
    assert "can't be read" in str(bad.problem)
    assert good.input == {"subject": "y"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", "x", "neither .jsonl nor .csv"),
        ("a.jsonl", "\n\n", "holds no rows"),
        ("a.csv", "subject\n", "holds no rows"),
        ("a.jsonl", b"\xff\xfe\xfd", "not UTF-16"),
        ("b.jsonl", b'{"subject": "Gr\xfc\xdfe"}', "not UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused(name: str, content: str | bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        rows_of(tmp_path, name, content)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_file(tmp_path / "gone.jsonl", SCHEMA)


def workbook(*lines: list[object]) -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    book, content = openpyxl.Workbook(), io.BytesIO()
    for line in lines:
        book.active.append(line)
    book.save(content)
    return content.getvalue()


def test_an_excel_sheet_reads_like_the_same_table_as_csv() -> None:
    data = workbook(["subject", "number"], ["Hello", 7.0], [None, None], [date(2026, 11, 25), 8], [12, "many"])
    rows = read_rows("a.xlsx", data, SCHEMA)
    assert [row.input for row in rows] == [
        {"subject": "Hello", "number": 7},
        {"subject": "2026-11-25", "number": 8},
        {"subject": "12", "number": "many"},
    ]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no archive", b"subject\nHello\n"])
def test_a_broken_excel_file_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="archive"):
        read_rows("a.xlsx", data, SCHEMA)


def test_an_upload_has_no_files_beside_it_and_its_texts_may_begin_with_an_at() -> None:
    csv = b"subject,recording\n@ada wrote,\nHello,@voice.wav\n"
    good, bad = read_rows("a.csv", csv, SCHEMA)
    assert good.input == {"subject": "@ada wrote"}
    assert "@voice.wav names a file" in str(bad.problem)
    (line,) = read_rows("a.jsonl", b'{"subject": "@/etc/hostname", "recording": "@/etc/hostname"}', SCHEMA)
    assert "@/etc/hostname names a file" in str(line.problem)


def test_a_cell_may_hold_a_whole_file() -> None:
    url = "data:audio/wav;base64," + "A" * 200_000
    (row,) = read_rows("a.csv", f'subject,recording\nHello,"{url}"\n'.encode(), SCHEMA)
    assert row.input == {"subject": "Hello", "recording": url}
