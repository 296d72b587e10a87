"""The documents an answer stands on: listed, as text, and as the original file."""

import asyncio

import pytest

from coachwork.knowledge.catalog import Catalog, Written
from coachwork.knowledge.document import Heading, Parsed

from .over_http import Here


@pytest.fixture(scope="module", autouse=True)
def indexed(here: Here) -> None:
    """Two documents as an ingest writes them down: embedding is tested where it belongs."""
    text = (here.folder / "knowledge/handbook/returns.md").read_text()
    returns = Parsed("Returns", "markdown", text, headings=(Heading(0, 9, 1, "Returns"),))
    written = [
        Written("returns.md", len(text), "0", "1", returns, passages=1),
        Written("scans/broken.pdf", 9, "0", "1", Parsed("broken", "pdf", ""), reason="it has a password"),
    ]
    catalog = Catalog(here.project.database, "handbook")
    asyncio.run(here.project.database.write(lambda connection: catalog.put(connection, written, now=1_700_000_000_000)))


def test_a_knowledge_base_says_how_much_it_knows(here: Here) -> None:
    [base] = here.http.get("/api/knowledge").json()["items"]
    assert {key: base[key] for key in ("name", "documents", "passages", "failed")} == {
        "name": "handbook", "documents": 1, "passages": 1, "failed": 1,
    }  # fmt: skip
    assert base["updated_at"] == "2023-11-14T22:13:20Z"


def test_documents_are_listed_and_failed_ones_say_why(here: Here) -> None:
    good, bad = here.http.get("/api/knowledge/handbook/documents").json()["items"]
    assert set(good) == {"id", "title", "format", "size", "status", "reason", "passages", "updated_at", "metadata"}
    assert (good["id"], good["status"]) == ("returns.md", "indexed")
    assert (bad["id"], bad["status"], bad["reason"]) == ("scans/broken.pdf", "failed", "it has a password")


def test_a_document_is_shown_as_the_text_that_citations_point_into(here: Here) -> None:
    found = here.http.get("/api/knowledge/handbook/documents/returns.md").json()
    [heading] = found["headings"]
    assert found["text"][heading["start"] : heading["end"]] == "# Returns"
    assert found["file_url"] == "/api/knowledge/handbook/files/returns.md"
    assert found["pages"] == []


def test_the_original_is_saved_and_can_do_nothing_when_opened(here: Here) -> None:
    answer = here.http.get("/api/knowledge/handbook/files/returns.md")
    assert answer.text.startswith("# Returns")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="returns.md"'
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_pdf_is_shown_inside_our_page_only(here: Here) -> None:
    folder = here.folder / "knowledge/handbook/größe"
    folder.mkdir()
    (folder / "tarif.pdf").write_bytes(b"%PDF-1.7 nothing")
    answer = here.http.get("/api/knowledge/handbook/files/größe/tarif.pdf", headers={"Range": "bytes=0-7"})
    assert (answer.status_code, answer.content) == (206, b"%PDF-1.7")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "path", ["../../app.py", "..%2F..%2Fapp.py", "%2e%2e/%2e%2e/coachwork.toml", "/etc/passwd", "%2Fetc%2Fpasswd", ""]
)
def test_no_file_outside_of_the_folder_is_sent(here: Here, path: str) -> None:
    answer = here.http.get(f"/api/knowledge/handbook/files/{path}")
    assert answer.status_code in (200, 404)
    assert "Desk" not in answer.text or "<title>Desk" in answer.text
    assert "root:" not in answer.text


def test_a_wrong_name_offers_the_right_one(here: Here) -> None:
    answer = here.http.get("/api/knowledge/handbok/documents")
    assert (answer.status_code, answer.json()["hint"]) == (404, "Did you mean 'handbook'?")
