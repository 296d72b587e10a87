"""Which parser reads a file, and is it what its name says? Knows names and first bytes; runs in the reading process."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats import code, docx, html, mail, markdown, pdf, plain, sheets, slides
from coachwork.knowledge.formats.pdf_page import page_of
from coachwork.knowledge.opened import read_whole

Parser: TypeAlias = Callable[[str, bytes, ReadLimits], Parsed]

_CODE = (
    "py", "pyi", "js", "mjs", "cjs", "jsx", "ts", "tsx", "vue", "go", "rs", "java", "kt", "scala", "swift", "c", "h",
    "cc", "cpp", "hpp", "cs", "rb", "php", "pl", "lua", "r", "jl", "ex", "exs", "dart", "sh", "bash", "ps1", "sql",
)  # fmt: skip
_DATA = ("json", "jsonl", "yaml", "yml", "toml", "ini", "cfg", "conf", "properties", "xml", "tex", "adoc", "org")

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
    "eml": mail.parse,
    **dict.fromkeys(_CODE, code.parse),
    **dict.fromkeys(_DATA, plain.parse),
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


Found: TypeAlias = tuple[str, Parsed | DocumentUnreadable]


def read_document(document: str, path: Path, limits: ReadLimits) -> tuple[list[Found], str, int]:
    """Read a file whole: it and what is attached to it, by name; SHA-256 and number of the bytes that were read.

    The file's own comes first. An attachment that can't be read has its error in its place.
    Raises DocumentUnreadable for the file itself.
    """
    data = read_whole(document, path, limits.max_bytes)
    found: list[Found] = [(document, parse_bytes(document, data, limits))]
    found.extend(_attached(document, data, limits, 1))
    return found, hashlib.sha256(data).hexdigest(), len(data)


def read_page(
    document: str, path: Path, limits: ReadLimits, *, number: int, text: str, spans: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """A page as it is printed: see `pdf_page.page_of`. Raises DocumentUnreadable, also for what is no PDF."""
    if format_of(document) != "pdf":
        raise DocumentUnreadable(document, "only PDF files have pages that can be shown")
    return page_of(document, original_bytes(document, path, limits), number, text, spans)


def original_bytes(document: str, path: Path, limits: ReadLimits) -> bytes:
    """The bytes of a document: of the file at `path`, or of what is attached to the mail that it is.

    Raises DocumentUnreadable.
    """
    data = read_whole(document, path, limits.max_bytes)
    parts = document.split("/")
    if path.name == parts[-1]:
        return data
    mail_ids = ("/".join(parts[:number]) for number in range(1, len(parts)))
    mail_id = next((id_ for id_ in mail_ids if PurePosixPath(id_).name == path.name and format_of(id_) == "eml"), "")
    found = _attachment(mail_id, data, document) if mail_id else None
    if found is None:
        raise DocumentUnreadable(document, f"it is not attached to {path.name!r} any more")
    return found


def _attachment(mail_id: str, data: bytes, wanted: str) -> bytes | None:
    for name, inside in mail.attachments(mail_id, data):
        id_ = f"{mail_id}/{name}"
        if id_ == wanted:
            return inside
        if wanted.startswith(f"{id_}/"):
            return _attachment(id_, inside, wanted)
    return None


def _attached(document: str, data: bytes, limits: ReadLimits, depth: int) -> Iterator[Found]:
    """The attachments of a mail, named below it: `offer.eml/prices.xlsx`; those of mails within it too."""
    if format_of(document) != "eml":
        return
    for name, inside in mail.attachments(document, data):
        id_ = f"{document}/{name}"
        if format_of(name) == "eml" and depth >= mail.MAX_DEPTH:
            yield id_, DocumentUnreadable(id_, f"it is a mail within {mail.MAX_DEPTH} others")
            continue
        try:
            yield id_, parse_bytes(id_, inside, limits)
            yield from _attached(id_, inside, limits, depth + 1)
        except DocumentUnreadable as error:
            yield id_, error


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
