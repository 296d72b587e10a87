"""Files made to hurt whoever reads them, each with what has to be said of it. None is kept in the repository.

`READ` means: it is right to read it, and the document comes out whole or without what was bad in it.
"""

import io
import os
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docx import Document
from openpyxl import Workbook

READ = "read"


@dataclass(frozen=True)
class Hostile:
    """A file to be written under `name`; `says` is a part of the reason that has to be given, or READ."""

    name: str
    says: str
    make: Callable[[Path], object]


def _bytes(name: str, says: str, data: Callable[[], bytes]) -> Hostile:
    return Hostile(name, says, lambda path: path.write_bytes(data()))


def docx(text: str = "A bell costs 12 euro.") -> bytes:
    made, document = io.BytesIO(), Document()
    document.add_paragraph(text)
    document.save(made)
    return made.getvalue()


def xlsx() -> bytes:
    made, book = io.BytesIO(), Workbook()
    book.active.append(["part", "price"])
    book.active.append(["bell", 12])
    book.save(made)
    return made.getvalue()


def _changed(archive: bytes, replaced: dict[str, bytes]) -> bytes:
    """An archive with some members replaced or added."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename not in replaced:
                new.writestr(info.filename, old.read(info.filename))
        for name, data in replaced.items():
            new.writestr(name, data)
    return made.getvalue()


def _lying_docx() -> bytes:
    """30 MB of spaces that claim to be 100 bytes, in the directory and in the member's own head."""
    bomb = _changed(docx(), {"word/document.xml": b" " * 30_000_000})
    return bomb.replace(struct.pack("<I", 30_000_000), struct.pack("<I", 100))


def _overlapping_xlsx() -> bytes:
    """400 members that all stand on the same compressed megabyte."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"x" * 1_000_000)
    whole = made.getvalue()
    at = whole.index(b"PK\x01\x02")
    entry, end = whole[at : whole.index(b"PK\x05\x06")], whole[whole.index(b"PK\x05\x06") :]
    entries = entry * 400
    return whole[:at] + entries + struct.pack("<4s4H2IH", end[:4], 0, 0, 400, 400, len(entries), at, 0)


def _crowded_pptx() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(10_100):
            archive.writestr(f"ppt/{number}", b"")
    return made.getvalue()


def _encrypted_flag() -> bytes:
    """An archive whose members say they need a password."""
    plain = bytearray(docx())
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = plain.find(sign)
        while at >= 0:
            plain[at + offset] |= 1
            at = plain.find(sign, at + 4)
    return bytes(plain)


_LAUGHS = "<!DOCTYPE l [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 11))
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def _word_xml(before: str, text: str) -> bytes:
    xml = f"<?xml version='1.0'?>{before}<w:document {_W}><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>"
    return _changed(docx(), {"word/document.xml": f"{xml}</w:document>".encode()})


def _sheet(xml: str, before: str = "") -> bytes:
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    sheet = f"<?xml version='1.0'?>{before}<worksheet {main}>{xml}</worksheet>"
    return _changed(xlsx(), {"xl/worksheets/sheet1.xml": sheet.encode()})


def pdf(*objects: str | bytes) -> bytes:
    """A PDF of these objects, numbered from 1, the first its catalog."""
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + (body.encode() if isinstance(body, str) else body) + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    start = len(out)
    head = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}/Root 1 0 R>>\n"
    return out + f"{head}startxref\n{start}\n%%EOF\n".encode()


def _stream(data: bytes, filter_: str = "") -> bytes:
    return f"<</Length {len(data)}{filter_}>>\nstream\n".encode() + data + b"\nendstream"


_CATALOG = "<</Type/Catalog/Pages 2 0 R>>"
_PAGE = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
_FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def one_page_pdf(content: bytes, filter_: str = "") -> bytes:
    return pdf(_CATALOG, "<</Type/Pages/Kids[3 0 R]/Count 1>>", _PAGE, _stream(content, filter_), _FONT)


def _encrypted_pdf() -> bytes:
    whole = one_page_pdf(b"BT /F 12 Tf 50 700 Td (A bell costs 12 euro.) Tj ET")
    lock = f"/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -1/O<{'41' * 32}>/U<{'42' * 32}>>>/ID[<41><41>]"
    return whole.replace(b"/Root 1 0 R>>", f"/Root 1 0 R{lock}>>".encode())


def _mail_in_mail(depth: int) -> bytes:
    """A mail that holds a mail that holds a mail …"""
    head = b"From: a@x.example\nSubject: number %d\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n"
    return b"".join(head % number for number in range(depth)) + b"From: a@x.example\nSubject: last\n\nA bell.\n"


def _nested_parts(depth: int) -> bytes:
    head = "From: a@x.example\nMIME-Version: 1.0\n"
    boxes = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return f"{head}{boxes}\nA bell.\n".encode()


def _many_attachments() -> bytes:
    part = "--b\nContent-Disposition: attachment; filename=a.txt\n\nA bell.\n"
    return f'From: a@x.example\nContent-Type: multipart/mixed; boundary="b"\n\n{part * 300}--b--\n'.encode()


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket has room for a hundred bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1_000_000_000)  # one line of a gigabyte, no byte of it on the disk


def _unreadable(path: Path) -> None:
    path.write_text("A bell costs 12 euro.")
    path.chmod(0)


def hostile(outside: Path) -> list[Hostile]:
    """All of them. `outside` is a file that no link may reach."""
    cells = "<sheetData><row r='1'><c r='A1'><v>7</v></c></row>{}</sheetData>"
    owned_by_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [
        _bytes("bomb.docx", "zip bomb", lambda: _changed(docx(), {"word/document.xml": b" " * 30_000_000})),
        _bytes("bomb.xlsx", "zip bomb", lambda: _changed(xlsx(), {"xl/sharedStrings.xml": b"0" * 30_000_000})),
        _bytes("lying-size.docx", "broken", _lying_docx),
        _bytes("overlapping.xlsx", "zip bomb", _overlapping_xlsx),
        _bytes("crowded.pptx", "10,100 parts", _crowded_pptx),
        _bytes("password.docx", "encrypted", _encrypted_flag),
        _bytes("password.xlsx", "encrypted", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4000),
        _bytes("password.pdf", "encrypted", _encrypted_pdf),
        _bytes("escape.docx", READ, lambda: _changed(docx(), {"../../../escaped.txt": b"out"})),
        _bytes("other-office.xlsx", "not an Excel file", docx),
        _bytes("archive.pptx", "not a PowerPoint file", lambda: _changed(xlsx(), {})),
        _bytes("truncated.docx", "no whole archive", lambda: docx()[:3000]),
        _bytes("scrambled.xlsx", "broken", lambda: _changed(xlsx(), {"xl/workbook.xml": b"<workbook"})),
        _bytes("scrambled.docx", "broken", lambda: _changed(docx(), {"word/document.xml": b"\xff\xfe\0<<<"})),
        _bytes("laughs.docx", "", lambda: _word_xml(f"{_LAUGHS}]>", "&a10;")),
        _bytes("laughs.xlsx", "", lambda: _sheet("<sheetData><row><c><v>&a10;</v></c></row></sheetData>",
            f"{_LAUGHS}]>")),
        _bytes("entity.docx", "", lambda: _word_xml(f"<!DOCTYPE l [<!ENTITY e SYSTEM 'file://{outside}'>]>", "&e;")),
        _bytes("million.xlsx", READ, lambda: _sheet(f"<dimension ref='A1:XFD1048576'/>{cells.format('')}")),
        _bytes("wide.xlsx", "columns", lambda: _sheet(cells.format("<row r='2'><c r='XFD2'><v>7</v></c></row>"))),
        _bytes("far-row.xlsx", READ, lambda: _sheet(cells.format("<row r='1048576'><c><v>8</v></c></row>"))),
        _bytes("wide.csv", "columns", lambda: b"a," * 300_000 + b"b\n1,2\n"),
        _bytes("one-cell.csv", READ, lambda: b'name,text\nbell,"' + b"word " * 20_000 + b'"\n'),
        _bytes("open-quote.csv", READ, lambda: b'name,text\nbell,"twelve euro\n' + b"lamp,20\n" * 2000),
        _bytes("pages.pdf", "100,000 pages", lambda: pdf(_CATALOG, "<</Type/Pages/Kids[3 0 R]/Count 100000>>", _PAGE)),
        _bytes("circle.pdf", "", lambda: pdf(_CATALOG, "<</Type/Pages/Kids[2 0 R]/Count 5>>")),
        _bytes("stream.pdf", "", lambda: one_page_pdf(zlib.compress(b"0 0 m " * 5_000_000), "/Filter/FlateDecode")),
        _bytes("head-only.pdf", "no whole PDF", lambda: b"%PDF-1.7 not really"),
        _bytes("picture.pdf", "is a picture", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
        _bytes("program.md", "is a program", lambda: b"\x7fELF" + b"\2\1\1\0" * 50),
        _bytes("empty.md", "empty", lambda: b""),
        _bytes("spaces.txt", "empty", lambda: b" \n" * 5000),
        _bytes("nul.txt", "binary", lambda: b"A bell\0\0\0costs\0" * 50),
        _bytes("gap.txt", READ, lambda: b"A bell costs 12 euro. " * 100 + b"\0" + b" A lamp costs 20 euro." * 100),
        _bytes("mixed.txt", READ, lambda: "Größe über alles ".encode() + "Grün".encode("latin-1")),
        _bytes("wide-letters.txt", READ, lambda: "Eine Klingel kostet zwölf Euro.".encode("utf-16")),
        _bytes("half-letters.txt", "UTF-16", lambda: b"\xff\xfeA"),
        _bytes("unmarked-letters.txt", "binary", lambda: "A bell costs 12 euro.".encode("utf-16-le")),
        Hostile("gigabyte.txt", "at most", _huge),
        _bytes("one-line.txt", READ, lambda: b"x" * 200_000),
        _bytes("full-stops.txt", READ, lambda: b"." * 100_000),
        _bytes("headings.md", "60,000 passages", lambda: b"# a\n\nb\n\n" * 60_000),
        _bytes("deep.html", READ, lambda: b"<div>" * 20_000 + b"A bell costs 12 euro."),
        _bytes("unclosed.html", READ, lambda: b"<b><i><a href=x>" * 5000 + b"A bell costs 12 euro."),
        _bytes("tables.html", READ, lambda: b"<table><tr><td>" * 2000 + b"A bell costs 12 euro."),
        _bytes("laughs.html", READ, lambda: f"{_LAUGHS}]><p>A bell costs 12 euro. &a10;</p>".encode()),
        _bytes("mail-in-mail.eml", READ, lambda: _mail_in_mail(50)),
        _bytes("nested-parts.eml", "", lambda: _nested_parts(3000)),
        _bytes("attachments.eml", "attachments", _many_attachments),
        _bytes("no-mail.eml", "no mail's headers", lambda: b"\n\nA bell."),
        _bytes("old.doc", "save it as .docx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        _bytes("unknown.xyz", "type .xyz", lambda: b"A bell."),
        _bytes("no-ending", "no ending", lambda: b"A bell."),
        _bytes("line\nbreak.md", "characters that can't be shown", lambda: b"A bell."),
        Hostile("link.md", "outside of the folder", lambda path: path.symlink_to(outside)),
        Hostile("folder-link", "outside of the folder", lambda path: path.symlink_to(outside.parent)),
        Hostile("pipe.md", "a pipe", lambda path: os.mkfifo(path)),
        Hostile("socket.md", "a socket", _socket),
        Hostile("unreadable.md", READ if owned_by_root else "can't be opened", _unreadable),
    ]  # fmt: skip
