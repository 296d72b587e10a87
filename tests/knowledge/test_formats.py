"""Formats read right: what is a title, a row, an attachment, a definition."""

import io
import re
from email.message import EmailMessage

import pytest

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.chunk import cut
from coachwork.knowledge.document import ReadLimits
from coachwork.knowledge.parse import parse_bytes, read_document

from .hostile import xlsx
from .made_base import Made, made  # noqa: F401


def offer() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Anna <anna@shop.example>", "bo@x.example", "Angebot für Klingeln"
    mail["Date"] = "Tue, 03 Mar 2026 10:00:00 +0100"
    mail.set_content("A bell costs 12 euro until June.\n")
    mail.add_alternative("<p>A bell costs <b>12 euro</b> until June.</p>", subtype="html")
    return mail


@pytest.mark.slow
async def test_a_mail_and_what_is_attached_are_documents_of_their_own(made: Made) -> None:  # noqa: F811
    base = made({})
    inner = offer()
    inner.replace_header("Subject", "The older offer")
    mail = offer()
    mail.add_attachment(xlsx(), maintype="application", subtype="octet-stream", filename="../prices.xlsx")
    mail.add_attachment(b"%PDF-broken", maintype="application", subtype="pdf", filename="terms.pdf")
    mail.add_attachment(inner)
    path = base.folder / "offer.eml"
    path.write_bytes(mail.as_bytes())
    report = await base.ingest()
    documents = {found.id: found for found in await base.documents()}
    assert set(documents) == {
        "offer.eml",
        "offer.eml/prices.xlsx",
        "offer.eml/terms.pdf",
        "offer.eml/mail 3.eml",
    }
    assert [failed.document for failed in report.failed] == ["offer.eml/terms.pdf"]
    text = (await base.document("offer.eml")).text
    assert text.startswith("Angebot für Klingeln")
    assert "From: Anna <anna@shop.example>" in text
    assert text.count("12 euro") == 1
    assert "| bell | 12 |" in (await base.document("offer.eml/prices.xlsx")).text
    assert (await base.ingest()).unchanged == 1
    assert len(await base.documents()) == 4
    path.unlink()
    await base.ingest()
    assert await base.documents() == []


def test_a_mail_of_html_alone_gives_its_words() -> None:
    raw = b"From: a@x.example\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nContent-Type: text/html\n\n<h1>A</h1><p>12 euro"
    parsed = parse_bytes("m.eml", raw, ReadLimits())
    assert (parsed.title, "12 euro" in parsed.text, "<p>" in parsed.text) == ("Grüße", True, False)


def test_only_a_mail_has_attachments(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.md").write_text("From: a\n\nContent-Type: multipart/mixed")
    found, *_ = read_document("a.md", tmp_path / "a.md", ReadLimits())
    assert [id_ for id_, _ in found] == ["a.md"]


CODE = {
    "py": ("# What it does.\n@once\ndef open_door(key):\n    return key\n", "open_door"),
    "ts": ("export const openDoor = async (key: Key) => {\n  return key\n}\n", "openDoor"),
    "go": ("// What it does.\nfunc (h *House) OpenDoor(key Key) error {\n\treturn nil\n}\n", "OpenDoor"),
    "rs": ("pub fn open_door<K>(key: K) -> u8 {\n    1\n}\n", "open_door"),
    "java": ("public static Door openDoor(Key key) throws Broken {\n  return null;\n}\n", "openDoor"),
    "c": ("static int open_door(int key)\n{\n  if (key) {\n    return 1;\n  }\n}\n", "open_door"),
    "sql": ("create table if not exists doors (\n  key text\n);\n", "doors"),
    "rb": ("def self.open_door(key)\n  key\nend\n", "open_door"),
}


@pytest.mark.parametrize("ending", CODE)
def test_code_is_cut_at_its_definitions(ending: str) -> None:
    text, name = CODE[ending]
    parsed = parse_bytes(f"house.{ending}", text.encode(), ReadLimits())
    assert parsed.text == text
    assert [heading.title for heading in parsed.headings] == [name]
    assert parsed.headings[0].start == 0


def test_a_method_stands_below_its_class() -> None:
    body = "\n".join(f"        step{n}(door, key, lock)" for n in range(12))
    text = f"class House:\n\n    def open(self, key):\n{body}\n\n    def close(self):\n{body}\n"
    pieces = cut(parse_bytes("house.py", text.encode(), ReadLimits()), size=180)
    assert [piece.title_path for piece in pieces] == [("House", "open"), ("House", "close")]


def scan(*lines: str, turned: int = 0) -> bytes:
    """A PDF of one picture with these lines in it, printed in the Helvetica that pdfium brings along."""
    pdfium = pytest.importorskip("pypdfium2")
    shown = b"\n".join(b"(%s) Tj T*" % re.sub(r"([()\\])", r"\\\1", line).encode("cp1252") for line in lines)
    page = b"BT /F 18 Tf 29 TL 48 380 Td\n%s\nET" % shown
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 432] /Contents 4 0 R"
        b" /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    whole = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, part) for n, part in enumerate(parts, 1))
    out = io.BytesIO()
    with pdfium.PdfDocument(whole + b"trailer << /Root 1 0 R >>\n%%EOF") as printed:
        printed[0].render(scale=150 / 72).to_pil().rotate(turned).save(out, "PDF", resolution=150)
    return out.getvalue()


@pytest.mark.slow
def test_a_scan_is_read_where_ocr_is_asked_for() -> None:
    data = scan("A bell costs 12 euro, and a lamp", "costs twenty.", turned=180)  # it lay upside down
    with pytest.raises(DocumentUnreadable, match="ocr = true"):
        parse_bytes("scan.pdf", data, ReadLimits())
    pytest.importorskip("rapidocr")
    parsed = parse_bytes("scan.pdf", data, ReadLimits(ocr=True))
    assert parsed.text.strip() == "A bell costs 12 euro, and a lamp costs twenty."
    assert [page.page for page in parsed.pages] == [1]
    with pytest.raises(DocumentUnreadable, match="no text"):
        parse_bytes("blank.pdf", scan(), ReadLimits(ocr=True))


@pytest.mark.slow
def test_a_scan_keeps_the_letters_of_its_language() -> None:
    pytest.importorskip("rapidocr")
    lines = [
        "Die Kündigungsfrist beträgt vier Wochen, außerhalb",
        "Österreichs sechs, für jede Größe. Überprüfen Sie es.",
        "Le délai d'expédition est réglé là-bas, ça dépend.",
        "El año pasado el señor Muñoz alquiló una bicicleta.",
    ]
    parsed = parse_bytes("scan.pdf", scan(*lines), ReadLimits(ocr=True))
    assert parsed.text.strip() == " ".join(lines)
