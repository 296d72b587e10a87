"""What a person does with documents on the page: add, try a question, weigh passages, delete. A real Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .axe import violations
from .conftest import ROOT, Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = 60_000
DOCUMENTS = ("account-and-data-protection.md", "returns-from-march-2026.md", "warranty-conditions.pdf")
HELMETS = b"# Helmets\n\nA helmet is lent for five euros a day. Bring a passport when you fetch the helmet.\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of its own, since these stories change its documents; with few of them, so that it is soon indexed."""
    folder = tmp_path_factory.mktemp("library") / "support-desk"
    shutil.copytree(ROOT / "examples" / "support-desk", folder, ignore=shutil.ignore_patterns(".coachwork"))
    for path in (folder / "knowledge" / "handbook").iterdir():
        if path.name not in DOCUMENTS:
            path.unlink()
    served = Desk(folder)
    served.run("models", "pull", "local:minilm")
    served.run("ingest")
    served.start()
    yield served
    served.stop()


def test_a_question_is_tried_and_says_why_it_finds_what_it_finds(page: Page, library: Desk) -> None:
    page.goto(f"{library.url}/knowledge/handbook")
    page.get_by_role("searchbox", name="Question").fill("How many days do I have to send panniers back?")
    page.get_by_label("How many passages").select_option("3")
    page.get_by_role("button", name="Find passages").click()
    found = page.get_by_role("list", name="Passages found")
    expect(found.get_by_role("listitem")).to_have_count(3, timeout=LONG)
    expect(found.get_by_text("words in it:").first).to_contain_text("days")
    expect(found.get_by_text("by meaning 1st")).to_be_visible()
    beside = page.get_by_role("list", name="Passages not handed on")
    expect(beside.get_by_text("below the number asked for").first).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Filter", exact=True).fill("nothing")
    page.get_by_role("button", name="Find passages").click()
    expect(page.get_by_role("alert")).to_contain_text("“nothing” is no condition")
    page.get_by_label("Filter", exact=True).fill("shelf = 7")
    page.get_by_role("button", name="Find passages").click()
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    page.go_back()
    page.go_back()
    text = found.locator("p").first.inner_text(timeout=LONG)
    found.get_by_role("link").first.click()
    page.wait_for_url("**/knowledge/handbook/documents/**")
    marked = page.locator("mark")
    expect(marked.first).to_be_in_viewport(timeout=LONG)
    assert "".join(marked.all_inner_texts()).split()[-3:] == text.split()[-3:]


def test_documents_are_added_refused_replaced_and_deleted(page: Page, library: Desk, tmp_path: Path) -> None:
    page.goto(f"{library.url}/knowledge/handbook")
    helmets, broken, program = tmp_path / "helmets.md", tmp_path / "broken.pdf", tmp_path / "setup.exe"
    helmets.write_bytes(HELMETS)
    broken.write_bytes(b"%PDF-1.7 and no more")
    program.write_bytes(b"MZ")
    dropped = page.evaluate_handle(
        """([name, text]) => {
            const data = new DataTransfer();
            data.items.add(new File([text], name));
            return data;
        }""",
        [helmets.name, HELMETS.decode()],
    )
    page.get_by_role("region", name="Add documents").dispatch_event("drop", {"dataTransfer": dropped})
    page.get_by_test_id("choose").set_input_files([broken, program])
    sent = page.get_by_role("list", name="Documents sent").get_by_role("listitem")
    expect(sent.filter(has_text="helmets.md")).to_contain_text("added, and found from now on", timeout=LONG)
    expect(sent.filter(has_text="broken.pdf")).to_contain_text("it is no whole PDF file", timeout=LONG)
    expect(sent.filter(has_text="setup.exe")).to_contain_text("is of a type that is not read", timeout=LONG)
    expect(page.get_by_role("link", name="Helmets")).to_be_visible()
    assert violations(page) == []

    helmets.write_bytes(HELMETS.replace(b"five", b"nine"))
    page.get_by_test_id("choose").set_input_files([helmets])
    again = sent.filter(has_text="there already is a document of this name")
    again.get_by_role("button", name="Replace it").click(timeout=LONG)
    expect(sent.filter(has_text="helmets.md")).to_contain_text("added", timeout=LONG)
    page.get_by_role("link", name="Helmets").click()
    expect(page.get_by_text("nine euros a day")).to_be_visible()

    page.go_back()
    page.get_by_role("button", name="Delete helmets.md", exact=True).click()
    page.get_by_role("button", name="Delete helmets.md from the folder").click()
    expect(page.get_by_role("link", name="Helmets")).to_have_count(0, timeout=LONG)
    assert not (library.folder / "knowledge" / "handbook" / "helmets.md").exists()

    page.get_by_role("button", name="Read the folder again").click()
    expect(page.get_by_text("Done: ")).to_be_visible(timeout=LONG)


def test_a_passage_is_seen_in_its_document_hidden_and_shown_again(page: Page, library: Desk) -> None:
    page.goto(f"{library.url}/knowledge/handbook")
    page.get_by_role("table").get_by_role("link").first.click()
    page.get_by_role("button", name="Passages", exact=True).click()
    passages = page.get_by_role("list", name="Passages", exact=True).get_by_role("listitem")
    expect(passages.nth(1)).to_be_visible(timeout=LONG)
    passages.nth(1).hover()
    lit = "[...CSS.highlights.get('passage')].map(range => range.toString()).join('')"
    shown = page.evaluate(lit)
    assert passages.nth(1).locator(".line-clamp-3").inner_text()[:40] in shown
    page.locator("[data-at]").last.click()  # into the document: its passage is found in the list
    expect(passages.last).to_have_attribute("aria-current", "true")
    assert violations(page) == []

    passages.first.get_by_role("button", name="Hide").click()
    expect(passages.first.get_by_text("hidden", exact=True)).to_be_visible(timeout=LONG)
    page.reload()
    expect(passages.first.get_by_text("hidden", exact=True)).to_be_visible(timeout=LONG)
    passages.first.get_by_role("button", name="Show again").click()
    page.get_by_label("How much passage 1 counts").select_option("2")
    expect(passages.first).to_contain_text("counts × 2", timeout=LONG)
    page.get_by_role("button", name="Undo").click()
    expect(passages.first.get_by_text("counts × 2", exact=True)).to_have_count(0, timeout=LONG)


def test_a_citation_opens_the_pdf_on_its_page_with_the_words_lit(page: Page, library: Desk) -> None:
    document = f"{library.url}/knowledge/handbook/documents/warranty-conditions.pdf"
    api = document.replace("/knowledge/", "/api/knowledge/")
    text = page.request.get(api).json()["text"]
    quote = "Batteries that were opened, charged with another charger or left empty for more than 3 months"
    start = text.index(quote)
    page.goto(f"{document}?start={start}&end={start + len(quote)}")
    lit = page.locator("rect[data-quoted]")
    expect(lit.first).to_be_in_viewport(timeout=LONG)
    assert lit.count() == 2  # the quote goes over a line end
    expect(page.get_by_role("img", name="page 1, the quoted words lit")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("img", name="page 2")).to_be_visible(timeout=LONG)
    expect(lit).to_have_count(0)
    page.get_by_role("button", name="To the quoted words").click()
    expect(lit.first).to_be_in_viewport(timeout=LONG)
    page.get_by_role("button", name="As text").click()
    expect(page.locator("mark").first).to_be_in_viewport(timeout=LONG)
    assert "".join(page.locator("mark").all_inner_texts()) == quote
