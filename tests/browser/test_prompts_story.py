"""A builder changes a prompt on the page: tries it on two models, drafts, runs the cases on both, saves to the file.

Real Chromium, real server, and a provider on this machine that answers by what the prompt tells it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from coachwork.testing import Answer, ProviderServer

from .axe import violations
from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = 60_000
ROUTE = """
[routes.default]
models = ["lab:big", "lab:small"]
retries = 0
max_tokens = 100
"""
APP = """
from typing import Literal

from pydantic import BaseModel

from coachwork import App, prompt

app = App("Sorting")


class Ticket(BaseModel):
    subject: str


class Sorted(BaseModel):
    team: Literal["billing", "returns"]
    why: str


@prompt
async def sort_it(ticket: Ticket) -> Sorted: ...


@app.pipeline(title="Sort a ticket")
async def sort_ticket(ticket: Ticket) -> Sorted:
    return await sort_it(ticket)
"""
PROMPT = "---\nabout: Sorts a ticket.\nshow: true\n---\nBilling is the default.\n\n## user\n{{ticket.subject}}\n"
CASES = """cases:
  - name: A parcel
    inputs: {ticket: {subject: Send it back}}
    evaluators: [{Contains: {value: {team: returns}}}]
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderServer]:
    with ProviderServer() as server:
        server.answer(
            Answer('{"team": "returns", "why": "It is to be sent back."}', when="Parcels are returns.", times=None),
            Answer('{"team": "billing", "why": "It is the default."}', when="Billing is the default.", times=None),
        )
        yield server


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, lab_settings: Callable[[str], str], provider: ProviderServer
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("sorting") / "desk"
    (folder / "prompts").mkdir(parents=True)
    (folder / "coachwork.toml").write_text(ROUTE + lab_settings(provider.url))
    (folder / "app.py").write_text(APP)
    (folder / "prompts" / "sort_it.md").write_text(PROMPT)
    (folder / "prompts" / "sort_it.cases.yaml").write_text(CASES)
    served = Desk(folder, fake=False)
    served.start()
    try:
        yield served
    finally:
        served.stop()


def test_a_prompt_is_tried_on_two_models_drafted_judged_and_saved(page: Page, place: Desk) -> None:
    file = place.folder / "prompts" / "sort_it.md"
    page.goto(place.url)
    page.get_by_role("link", name="Prompts").click()
    page.get_by_role("link", name="sort_it").click()
    expect(page.get_by_role("region", name="Text of prompts/sort_it.md")).to_contain_text("Billing is the default.")
    assert violations(page) == []

    page.get_by_role("link", name="Try").click()
    page.get_by_label("lab:small").check()
    expect(page.get_by_text("for this question")).to_contain_text("At most $", timeout=LONG)
    page.get_by_role("button", name="What would be sent").click()
    expect(page.get_by_text("a call, up to 2 calls").first).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Ask 2 models").click()
    for model in ("lab:big", "lab:small"):
        answer = page.get_by_role("region", name="Answers").get_by_role("article", name=model)
        expect(answer).to_contain_text("billing", timeout=LONG)
        expect(answer).to_contain_text("tokens in")
        expect(answer).to_contain_text("$")
    assert violations(page) == []

    page.get_by_role("link", name="Draft").click()
    editor = page.get_by_role("textbox", name="Draft of prompts/sort_it.md")
    editor.fill(PROMPT.replace("ticket.subject", "ticket.subjct"))
    expect(page.get_by_text("Line 8")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name="Save to the file")).to_be_disabled()
    assert violations(page) == []

    draft = PROMPT.replace("Billing is the default.", "Parcels are returns.")
    editor.fill(draft)
    expect(page.get_by_text("Sound, as version")).to_be_visible(timeout=LONG)
    page.reload()  # the draft is kept in the browser
    expect(editor).to_have_value(draft)
    expect(page.get_by_role("region", name="Changed lines")).to_contain_text("Parcels are returns.")
    expect(page.get_by_text("Up to 4 calls")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Run the cases on both").click()
    row = page.get_by_role("row", name="A parcel")
    expect(row.get_by_role("cell").nth(0)).to_contain_text("Failed", timeout=LONG)
    expect(row.get_by_role("cell").nth(1)).to_contain_text("Passed")
    assert violations(page) == []
    assert file.read_text() == PROMPT

    with page.expect_download() as patch:
        page.get_by_role("button", name="Download patch").click()
    assert "+Parcels are returns." in Path(patch.value.path()).read_text()
    page.get_by_role("button", name="Save to the file").click()
    expect(page.get_by_text("serves from the next call")).to_be_visible(timeout=LONG)
    assert file.read_text() == draft

    page.get_by_role("link", name="Versions").click()
    expect(page.get_by_role("row", name="serves now")).to_contain_text("1 of 1 passed")
    version = page.get_by_role("row", name="serves now").locator("code").inner_text()
    assert violations(page) == []

    page.goto(f"{place.url}/apps/sort_ticket")
    page.get_by_label("Subject").fill("Send it back")
    page.get_by_role("button", name="Run").click()
    page.wait_for_url("**/runs/*", timeout=LONG)
    expect(page.get_by_role("region", name="Result")).to_contain_text("returns", timeout=LONG)
    run = page.request.get(f"{place.url}/api/runs/{page.url.rsplit('/', 1)[1]}").json()
    assert run["steps"][0]["prompt_version"] == version
    page.goto(f"{place.url}/prompts/sort_it?show=versions")
    won = page.get_by_role("region", name="How its answers were won").get_by_role("row", name="big")
    expect(won).to_contain_text("100 %")


def test_a_typed_answer_grows_while_it_is_written_and_is_no_result(
    page: Page, place: Desk, provider: ProviderServer
) -> None:
    provider.inject("hang-after-6", times=1)
    page.goto(f"{place.url}/apps/sort_ticket")
    page.get_by_label("Subject").fill("Is this the end?")
    page.get_by_role("button", name="Run").click()
    result = page.get_by_role("region", name="Result")
    expect(result.get_by_text("this is not the result yet")).to_be_visible(timeout=LONG)
    expect(result).to_contain_text("returns")
    assert violations(page) == []
    result.get_by_role("button", name="Stop").click()
    expect(result.get_by_text("This was stopped")).to_be_visible(timeout=LONG)
    expect(result.get_by_text("this is not the result yet")).to_be_hidden()
    run = page.request.get(f"{place.url}/api/runs/{page.url.rsplit('/', 1)[1]}").json()
    assert (run["status"], run["output"]) == ("cancelled", None)


def test_a_draft_does_not_overwrite_what_somebody_else_saved(page: Page, place: Desk) -> None:
    file = place.folder / "prompts" / "sort_it.md"
    page.goto(f"{place.url}/prompts/sort_it?show=draft")
    editor = page.get_by_role("textbox", name="Draft of prompts/sort_it.md")
    mine = editor.input_value() + "Mine.\n"
    editor.fill(mine)
    theirs = file.read_text() + "Theirs.\n"
    file.write_text(theirs)
    expect(page.get_by_text("Sound, as version")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Save to the file").click()
    expect(page.get_by_text("The file was changed since this draft was begun")).to_be_visible(timeout=LONG)
    assert file.read_text() == theirs
    assert violations(page) == []
    expect(page.get_by_role("region", name="Changed lines")).to_contain_text("Theirs.")
    page.get_by_role("button", name="I looked").click()
    page.get_by_role("button", name="Save to the file").click()
    expect(page.get_by_text("serves from the next call")).to_be_visible(timeout=LONG)
    assert file.read_text() == mine


@pytest.mark.parametrize("show", ["", "?show=try", "?show=draft", "?show=versions"])
def test_a_prompt_is_sound_in_the_dark_and_on_a_phone(browser: Browser, place: Desk, show: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", reduced_motion="reduce", has_touch=True
    )
    opened = context.new_page()
    opened.goto(f"{place.url}/prompts/sort_it{show}")
    opened.wait_for_load_state("networkidle")
    expect(opened.get_by_role("heading", name="sort_it", exact=True)).to_be_visible()
    assert violations(opened) == []
    width = opened.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert width <= 390
