"""Which parser reads a file, and is it what its name says? Knows names and first bytes; runs in the reading process."""

import hashlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats import docx, html, markdown, pdf, plain, sheets, slides

Parser: TypeAlias = Callable[[str, bytes, ReadLimits], Parsed]

PARSERS: dict[str, Parser] = {
    "md": markdown.parse,
    "markdown": markdown.parse,
    "txt": plain.parse,
    "text": plain.parse,
    "rst": plain.parse,
    "log": plain.parse,
    "html": html.parse,
    "htm": html.parse,
    "xhtml": html.parse,
    "pdf": pdf.parse,
    "docx": docx.parse,
    "pptx": slides.parse,
    "xlsx": sheets.parse_xlsx,
    "csv": sheets.parse_csv,
    "tsv": sheets.parse_csv,
}
_OLD = {"doc": "docx", "ppt": "pptx", "xls": "xlsx"}
_ZIPPED = frozenset({"docx", "pptx", "xlsx"})
_SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "an archive or Office file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or encrypted Office file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1f\x8b", "a compressed file"),
    (b"SQLite format 3", "a database"),
    (b"{\\rtf", "an RTF document"),
)


def format_of(document: str) -> str:
    """The lower-case ending of a document's name, without the dot."""
    return PurePosixPath(document).suffix.lstrip(".").lower()


def read_document(document: str, path: Path, limits: ReadLimits) -> tuple[Parsed, str]:
    """Read a file whole and give it parsed, with the SHA-256 of the bytes that were read. Raises DocumentUnreadable."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentUnreadable(document, f"the file can't be opened ({error.strerror})") from None
    return parse_bytes(document, data, limits), hashlib.sha256(data).hexdigest()


def parse_bytes(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    """Parse by the name's ending, after a look whether the bytes agree with it. Raises DocumentUnreadable."""
    ending = format_of(document)
    parser = PARSERS.get(ending)
    if parser is None:
        raise DocumentUnreadable(document, *_unknown(ending))
    if not data.strip():
        raise DocumentUnreadable(document, "it is empty")
    if mismatch := _mismatch(ending, data):
        raise DocumentUnreadable(document, mismatch)
    parsed = parser(document, data, limits)
    if not parsed.text.strip():
        raise DocumentUnreadable(document, "it has no text in it")
    if len(parsed.text) > limits.max_text:
        raise DocumentUnreadable(document, f"its text is longer than {limits.max_text:,} characters")
    return parsed


def _unknown(ending: str) -> tuple[str]:
    if ending in _OLD:
        return (f"the old .{ending} format is not read; save it as .{_OLD[ending]}",)
    return (f"files of type .{ending} are not read" if ending else "its name has no ending that tells its type",)


def _mismatch(ending: str, data: bytes) -> str:
    """Why the bytes are not what the name says, "" where they are."""
    kind = next((name for sign, name in _SIGNS if data.startswith(sign)), "")
    if ending == "pdf":
        # Readers accept a PDF whose head stands within the first kilobyte.
        return "" if b"%PDF-" in data[:1024] else f"it is named .pdf but is {kind or 'no PDF'}"
    if ending in _ZIPPED:
        if data.startswith(_SIGNS[2][0]):
            return "it is encrypted with a password, or in an old Office format"
        return "" if data.startswith(b"PK") else f"it is named .{ending} but is {kind or 'no Office file'}"
    if kind == "a program" and data.startswith(b"MZ") and b"\x00" not in data[:1024]:
        return ""  # two letters that a text may well begin with
    return f"it is named .{ending} but is {kind}" if kind else ""
