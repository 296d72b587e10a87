"""The handbook reads like one: about 25 pages, sections that stand alone, dates that settle a contradiction."""

import re
from pathlib import Path

import docx
import pypdfium2
import pytest


@pytest.fixture(scope="module")
def pages(desk: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in (desk / "knowledge" / "handbook").glob("*.md")}


def test_it_is_about_25_pages(pages: dict[str, str]) -> None:
    assert len(pages) == 24
    assert 7_000 < sum(len(text.split()) for text in pages.values()) < 11_000


def test_every_page_says_since_when_it_is_valid(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        assert re.match(r"# .+\n\nValid from \d{1,2} [A-Z][a-z]+ 20\d\d", text), name


def test_sections_are_short_enough_for_a_small_model(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
        assert len(sections) >= 4, name
        for section in sections:
            assert 12 < len(section.split()) < 130, f"{name}: {section[:60]}"


def test_the_two_return_rules_contradict_each_other_and_their_dates_tell_which_applies(pages: dict[str, str]) -> None:
    old, new = pages["returns-2023.md"], pages["returns-from-march-2026.md"]
    assert "Valid from 1 January 2023" in old
    assert "return goods within 14 days" in old
    assert "Valid from 1 March 2026" in new
    assert "placed on or after 1 March 2026 the customer may return goods within 30 days" in new
    assert "an order placed before 1 March 2026 keeps the earlier return rule of 14 days" in new


def test_the_pdf_has_a_text_layer_with_every_sentence_of_its_source(desk: Path) -> None:
    path = desk / "knowledge" / "handbook" / "warranty-conditions.pdf"
    assert path.stat().st_size < 100_000
    with pypdfium2.PdfDocument(path) as document:
        assert len(document) == 3
        text = " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())
    source = (desk / "tools" / "warranty-conditions.txt").read_text("utf-8")
    for block in source.split("\n\n"):
        heading, body = block.strip().split("\n", 1)
        assert heading.lstrip("# ") in text
        assert all(word in text for word in body.split())


def test_the_docx_has_the_whole_price_list(desk: Path) -> None:
    document = docx.Document(str(desk / "knowledge" / "handbook" / "workshop-price-list.docx"))
    rows = ["\t".join(cell.text for cell in row.cells) for table in document.tables for row in table.rows]
    source = (desk / "tools" / "workshop-price-list.tsv").read_text("utf-8").splitlines()
    assert rows == [line for line in source if not line.startswith("## ")]
    assert [heading.text for heading in document.paragraphs if heading.style.name == "Heading 1"] == [
        *(line[3:] for line in source if line.startswith("## ")), "Rules for all prices",
    ]  # fmt: skip


def test_addresses_and_names_are_invented(pages: dict[str, str], desk: Path) -> None:
    inbox = (desk / "inbox" / "tickets.jsonl").read_text("utf-8")
    for text in (*pages.values(), inbox):
        for host in re.findall(r"[\w.-]+@([\w.-]+\w)", text):
            assert host.endswith(".example"), host
        for iban in re.findall(r"\b[A-Z]{2}(\d{2}) ?\d{4} ?\d{4}", text):
            assert iban == "00"
