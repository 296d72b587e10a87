"""The support desk as a reader lives it, in a real Chromium on the real server: the model alone is a fake."""

import json
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from .axe import violations
from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = 60_000  # milliseconds a step of the story may take on a busy machine


def deliveries(desk: Desk) -> list[dict]:
    with urllib.request.urlopen(f"{desk.receiver}/deliveries.json", timeout=5) as answer:
        return json.load(answer)["items"]


def ask(page: Page, desk: Desk, subject: str, body: str) -> str:
    """Type a ticket into the form and send it; gives the address of its run."""
    page.goto(f"{desk.url}/apps/answer_ticket")
    page.get_by_label("Subject").fill(subject)
    page.get_by_label("Message", exact=False).first.fill(body)
    page.get_by_role("button", name="Run").click()
    page.wait_for_url("**/runs/*", timeout=LONG)
    return page.url


def test_the_home_says_what_the_application_can_do(page: Page, desk: Desk) -> None:
    page.goto(desk.url)
    expect(page.get_by_role("heading", name="Support desk")).to_be_visible()
    expect(page.get_by_role("link", name="Answer a ticket")).to_be_visible()
    expect(page.get_by_text("handbook", exact=False).first).to_be_visible()
    assert violations(page) == []


def test_a_typed_ticket_gets_a_cited_answer_that_opens_the_document_at_the_words(page: Page, desk: Desk) -> None:
    address = ask(page, desk, "Returning panniers", "How many days do I have to send panniers back?")
    mark = page.get_by_role("link", name="Source 1:").first
    expect(mark).to_be_visible(timeout=LONG)
    quote = (mark.get_attribute("aria-label") or "").split(": ", 2)[2]
    assert violations(page) == []

    page.reload()
    expect(page.get_by_role("link", name="Source 1:").first).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Source 1:").first.click()
    page.wait_for_url("**/knowledge/handbook/documents/**")
    marked = page.locator("mark")
    expect(marked.first).to_be_in_viewport()
    shown = "".join(marked.all_inner_texts())
    assert "".join(quote.split()) == "".join(shown.split())
    assert violations(page) == []
    page.go_back()
    assert page.url == address


def test_a_ticket_without_an_answer_says_so_and_waits_for_a_person(page: Page, desk: Desk) -> None:
    ask(page, desk, "Theft insurance", "Do you sell an insurance against theft, and what does it cost?")
    expect(page.get_by_text("Waiting for a person").first).to_be_visible(timeout=LONG)
    page.goto(f"{desk.url}/inbox")
    page.get_by_role("link", name="Theft insurance").first.click()
    expect(page.get_by_text("the handbook has no answer").first).to_be_visible()
    expect(page.get_by_text("Our handbook has no answer to this question").first).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Rejected").first).to_be_visible(timeout=LONG)


def test_an_approval_survives_a_kill_and_the_click_sends_a_verified_webhook(page: Page, desk: Desk) -> None:
    before = len(deliveries(desk))
    address = ask(page, desk, "Battery is swollen", "The battery of our Kaia is swollen and warm. What shall I do?")
    expect(page.get_by_text("Waiting for a person").first).to_be_visible(timeout=LONG)

    desk.kill()
    desk.start()

    page.goto(address)
    expect(page.get_by_text("Waiting for a person").first).to_be_visible(timeout=LONG)
    page.goto(f"{desk.url}/inbox")
    page.get_by_role("link", name="Battery is swollen").first.click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Reply").fill("Please put the battery outside, away from anything that burns.")
    page.get_by_role("button", name="Accept my version").click()
    expect(page.get_by_text("Edited and accepted").first).to_be_visible(timeout=LONG)

    page.goto(address)
    expect(page.get_by_text("Please put the battery outside").first).to_be_visible(timeout=LONG)
    arrived = deliveries(desk)
    assert len(arrived) == before + 1
    assert all(one["verified"] is True for one in arrived)
    page.goto(desk.receiver)
    expect(page.get_by_text("signature verified", exact=False).first).to_be_visible()


def test_the_chat_answers_with_sources_and_keeps_its_thread(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/apps/ask_handbook")
    assert violations(page) == []
    box = page.get_by_role("textbox").first
    box.fill("What does shipping a bike to Italy cost?")
    box.press("Enter")
    expect(page.get_by_role("link", name="Source 1:").first).to_be_visible(timeout=LONG)
    box = page.get_by_role("textbox").first
    box.fill("And how long does it take?")
    box.press("Enter")
    page.wait_for_function(
        "() => document.querySelectorAll('[role=log] a[aria-label^=\"Source 1:\"]').length >= 2", timeout=LONG
    )
    page.reload()
    expect(page.get_by_text("What does shipping a bike to Italy cost?").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("And how long does it take?").first).to_be_visible()
    assert violations(page) == []


def test_a_contradicted_sentence_opens_the_document_where_it_says_otherwise(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/apps/ask_handbook")
    box = page.get_by_role("textbox").first
    box.fill("What does shipping a bike to Italy cost, wrongly told?")
    box.press("Enter")
    mark = page.get_by_role("link", name="Contradicted by a source")
    expect(mark).to_be_visible(timeout=LONG)
    expect(page.get_by_text("The documents contradict one sentence")).to_be_visible()
    assert violations(page) == []
    mark.click()
    page.wait_for_url("**/knowledge/handbook/documents/**")
    expect(page.locator("mark").first).to_be_in_viewport()
    assert "777" not in "".join(page.locator("mark").all_inner_texts())


def test_the_history_shows_each_step_with_its_time_and_cost(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/runs")
    expect(page.get_by_role("link", name="Returning panniers").first).to_be_visible(timeout=LONG)
    assert violations(page) == []
    page.get_by_role("link", name="Returning panniers").first.click()
    steps = page.get_by_role("region", name="Steps")
    expect(steps).to_be_visible()
    for label in ("Sorting the ticket", "Writing the reply", "Checking the reply"):
        expect(steps.get_by_text(label).first).to_be_visible()
    expect(steps.get_by_role("columnheader", name="Cost")).to_be_visible()
    assert violations(page) == []


def test_models_and_spend_show_who_answers_and_what_it_cost(page: Page, desk: Desk) -> None:
    ask(page, desk, "A tyre that loses air", "How long is the warranty on a tyre?")
    expect(page.get_by_role("link", name="Source 1:").first).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Models & spend").click()
    page.wait_for_url("**/models")

    routes = page.get_by_role("region", name="Routes")
    careful = routes.get_by_role("button", name="careful")
    expect(careful).to_contain_text("script a fake, for tests", timeout=LONG)
    expect(careful).to_contain_text("Answering")
    careful.focus()
    page.keyboard.press("Enter")
    expect(routes.get_by_text("No key").first).to_be_visible()
    expect(routes.get_by_text("at most 600 tokens")).to_be_visible()
    routes.get_by_role("button", name="Ask script a test question").click()
    expect(routes.get_by_text("It answered")).to_be_visible(timeout=LONG)

    budgets = page.get_by_role("region", name="Budgets")
    expect(budgets).to_contain_text("Everything together today")
    expect(budgets).to_contain_text("$0 of $5.00 spent")
    expect(budgets).to_contain_text("resets in")

    spend = page.get_by_role("region", name="Spend")
    expect(spend.get_by_role("row", name="script")).to_contain_text("free")
    assert violations(page) == []
    spend.get_by_role("link", name="By app").click()
    expect(spend.get_by_role("row", name="Answer a ticket")).to_be_visible(timeout=LONG)
    page.reload()
    expect(spend.get_by_role("row", name="Answer a ticket")).to_be_visible(timeout=LONG)
    assert violations(page) == []


def test_a_refused_input_is_shown_at_its_field_and_nothing_is_lost(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/apps/answer_ticket")
    page.get_by_label("Subject").fill("x" * 300)
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("200 characters", exact=False).first).to_be_visible()
    assert page.get_by_label("Subject").input_value() == "x" * 300
    assert violations(page) == []


def test_the_knowledge_screen_lists_the_documents(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/knowledge/handbook")
    expect(page.get_by_role("link", name="warranty", exact=False).first).to_be_visible(timeout=LONG)
    assert violations(page) == []


@pytest.mark.parametrize(
    "path", ["/", "/apps/answer_ticket", "/inbox", "/runs", "/knowledge", "/models", "/prompts", "/nowhere"]
)
def test_every_screen_is_sound_in_the_dark_and_on_a_phone(browser, desk: Desk, path: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", reduced_motion="reduce", has_touch=True
    )
    opened = context.new_page()
    opened.goto(desk.url + path)
    opened.wait_for_load_state("networkidle")
    expect(opened.get_by_role("heading").first).to_be_visible()
    assert violations(opened) == []
    width = opened.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert width <= 390
