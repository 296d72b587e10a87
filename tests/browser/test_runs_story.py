"""Runs as their people live them, in a real Chromium on a real server: tables row by row, and what ran as a graph."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .axe import violations
from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = 60_000
APP = """
import asyncio
from pathlib import Path

from pydantic import BaseModel, Field

from coachwork import App, approval, gather, prompt
from coachwork.errors import BudgetExceeded
from coachwork.messages import StepRecord
from coachwork.pipelines.steps import step
from coachwork.tracing.scope import current_scope

app = App("Sorting")


class Ticket(BaseModel):
    subject: str = Field(max_length=100)
    attempts: int = Field(default=0, ge=0)


@step
async def read(subject: str) -> str:
    '''Reading the ticket.'''
    return subject.upper()


@app.pipeline(title="Sort a ticket")
async def sort(ticket: Ticket) -> str:
    return await read(ticket.subject)


@prompt
async def answer(subject: str) -> str: ...


@app.pipeline(title="Reply to a ticket")
async def reply(ticket: Ticket) -> str:
    return f"{await read(ticket.subject)}: {await answer(ticket.subject)}"


@step
async def wait(gate: str) -> str:
    '''Waiting for its turn.'''
    while not (Path(__file__).parent / f"{gate}.go").exists():
        await asyncio.sleep(0.05)
    return "through"


@app.pipeline(title="Wait in turn")
async def held(gate: str) -> str:
    return await wait(gate)


@app.pipeline(title="Buy a number")
async def buy(number: int) -> int:
    async def pay() -> int:
        return number

    return await current_scope().step(StepRecord(kind="prompt", name="pay", label="", cost_nano=10_000_000), pay)


@app.pipeline(title="Pay a bill")
async def pay(number: int) -> int:
    async def ask() -> int:
        if number > 1 and not (Path(__file__).parent / "rich.go").exists():
            raise BudgetExceeded("no money", details={"scope": "batch"})
        return number

    return await current_scope().step(StepRecord(kind="prompt", name="ask", label=""), ask)


@step
async def weigh(piece: int) -> int:
    '''Weighing a piece.'''
    if piece == 40:
        raise ValueError("piece 40 has no weight")
    return piece


@app.pipeline(title="Weigh all pieces")
async def weigh_all(pieces: int) -> int:
    return sum([await weigh(piece + 1) for piece in range(pieces)])


class Letter(BaseModel):
    text: str


@step
async def ask_shop() -> int:
    '''Asking the shop.'''
    return 3


@step
async def ask_warehouse() -> int:
    '''Asking the warehouse.'''
    return 4


@step
async def send(letter: Letter) -> str:
    '''Sending the letter.'''
    return f"sent: {letter.text}"


@app.pipeline(title="Write a letter")
async def write(ticket: Ticket) -> str:
    subject = await read(ticket.subject)
    left = sum((await gather(shop=ask_shop(), warehouse=ask_warehouse())).values())
    decision = await approval("Send this letter?", Letter(text=f"{subject}: {left} left"), by=["ann", "bob"])
    if not decision.accepted:
        return "not sent"
    return await globals()["send"](decision.value)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("runs") / "desk"
    folder.mkdir()
    (folder / "coachwork.toml").write_text("")
    (folder / "app.py").write_text(APP)
    (folder / "prompts").mkdir()
    (folder / "prompts" / "answer.md").write_text("---\nabout: Answers.\n---\n## user\nAnswer to: {{subject}}\n")
    served = Desk(folder)
    served.start()
    try:
        yield served
    finally:
        served.stop()


def choose(page: Page, place: Desk, pipeline: str, name: str, table: str) -> None:
    page.goto(f"{place.url}/apps/{pipeline}")
    page.get_by_role("link", name="Run a whole table").click()
    file = {"name": name, "mimeType": "text/csv", "buffer": table.encode()}
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a table").click()
    chooser.value.set_files([file])  # type: ignore[list-item]


def test_a_table_is_looked_at_before_it_runs_and_its_results_come_down(page: Page, place: Desk, tmp_path: Path) -> None:
    choose(page, place, "sort", "tickets.csv", "subject,attempts\nAda,1\nBob,many\nEve,2\n")
    wrong = page.get_by_role("region", name="What is wrong, by row")
    expect(wrong.get_by_role("row").nth(1)).to_contain_text("attempts", timeout=LONG)
    expect(wrong).to_contain_text("many")
    expect(page.get_by_text("nothing is known of its cost")).to_be_visible()
    assert violations(page) == []

    page.get_by_label("Cap in US dollars").fill("2")
    page.get_by_role("button", name="Run 2 rows").click()
    page.wait_for_url("**/batches/*", timeout=LONG)
    expect(page.get_by_text("2 of 3 rows done, 1 not taken · $0.00 spent of at most $2.00")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Finished", exact=True)).to_be_visible(timeout=LONG)
    expect(page.get_by_role("row").filter(has_text="Ada")).to_contain_text("ADA")

    page.get_by_role("button", name="Open row 2").click()
    opened = page.get_by_role("region", name="Row 2")
    expect(opened).to_contain_text("attempts")
    assert violations(page) == []
    page.get_by_role("button", name="Close the row").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["succeeded", "refused", "succeeded"]


def test_a_batch_outlives_its_tab_and_what_was_stopped_is_tried_again(page: Page, place: Desk) -> None:
    choose(page, place, "held", "gates.csv", "gate\nb1\nb2\nb3\n")
    page.get_by_role("button", name="Run 3 rows").click()
    page.wait_for_url("**/batches/*", timeout=LONG)
    address = page.url
    (place.folder / "b1.go").touch()
    expect(page.get_by_text("1 of 3 rows done · $0.00 spent")).to_be_visible(timeout=LONG)
    tab = page.context.new_page()
    page.close()

    tab.goto(f"{place.url}/runs")
    tab.get_by_role("link", name="Batches").click()
    tab.get_by_role("link", name="gates.csv").click()
    assert tab.url == address
    expect(tab.get_by_role("row").filter(has_text="b2")).to_contain_text("Working", timeout=LONG)
    tab.get_by_role("button", name="Stop").click()
    expect(tab.get_by_text("1 of 3 rows done, 2 stopped · $0.00 spent")).to_be_visible(timeout=LONG)

    for gate in ("b2", "b3"):
        (place.folder / f"{gate}.go").touch()
    tab.get_by_role("button", name="Try row 3 again").click()
    expect(tab.get_by_text("2 of 3 rows done, 1 stopped · $0.00 spent")).to_be_visible(timeout=LONG)
    tab.get_by_role("button", name="Try 1 again").click()
    expect(tab.get_by_text("3 of 3 rows done · $0.00 spent")).to_be_visible(timeout=LONG)
    expect(tab.get_by_text("Finished", exact=True)).to_be_visible(timeout=LONG)


def test_a_batch_that_its_cap_stopped_goes_on_under_a_higher_one(page: Page, place: Desk) -> None:
    choose(page, place, "buy", "numbers.csv", "number\n" + "".join(f"{number}\n" for number in range(6)))
    page.get_by_label("Cap in US dollars").fill("0.03")
    page.get_by_role("button", name="Run 6 rows").click()
    page.wait_for_url("**/batches/*", timeout=LONG)
    expect(page.get_by_text("Paused: the cap of $0.03 is near")).to_be_visible(timeout=LONG)
    assert violations(page) == []
    page.reload()
    page.get_by_label("Cap in US dollars").fill("1")
    page.get_by_role("button", name="Go on").press("Enter")
    expect(page.get_by_text("6 of 6 rows done · $0.06 spent of at most $1.00")).to_be_visible(timeout=LONG)


def test_rows_that_the_cap_refused_when_all_had_begun_are_tried_again_under_a_higher_one(
    page: Page, place: Desk
) -> None:
    choose(page, place, "pay", "bills.csv", "number\n1\n2\n3\n")
    page.get_by_label("Cap in US dollars").fill("0.5")
    page.get_by_role("button", name="Run 3 rows").click()
    page.wait_for_url("**/batches/*", timeout=LONG)
    expect(page.get_by_text("1 of 3 rows done, 2 failed · $0.00 spent of at most $0.50")).to_be_visible(timeout=LONG)
    page.get_by_label("Cap in US dollars").fill("2")
    (place.folder / "rich.go").touch()
    page.get_by_role("button", name="Try 2 again").press("Enter")
    expect(page.get_by_text("3 of 3 rows done · $0.00 spent of at most $2.00")).to_be_visible(timeout=LONG)


def test_of_many_steps_the_latest_are_shown_and_the_one_that_failed_is_a_key_away(page: Page, place: Desk) -> None:
    page.goto(f"{place.url}/apps/weigh_all")
    page.get_by_label("Pieces").fill("60")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name=re.compile("^Failed")).press("Enter", timeout=LONG)
    steps = page.get_by_text("Weighing a piece", exact=True)
    expect(steps).to_have_count(12)
    page.get_by_role("button", name="Show 28 earlier steps").press("Enter")
    expect(steps).to_have_count(40)
    page.get_by_role("link", name="Details of this run").click()
    page.get_by_role("link", name="Step 40 failed: Weighing a piece").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    last = page.locator("#step-40")
    expect(last).to_be_in_viewport()
    expect(last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("piece 40 has no weight").last).to_be_in_viewport()
    assert violations(page) == []


def test_an_app_shows_what_it_will_do_before_it_ran(page: Page, place: Desk) -> None:
    page.goto(f"{place.url}/apps/write")
    page.get_by_role("button", name="How it works").press("Enter")
    drawn = page.get_by_role("region", name="What it will do")
    words = ("Reading the ticket", "Asking the shop", "Asking the warehouse", "Send this letter?", "globals()")
    boxes = [drawn.get_by_text(word).first for word in words]
    expect(boxes[0]).to_be_visible(timeout=LONG)
    first, second, third, fourth, last = (box.bounding_box() or {} for box in boxes)
    assert first["y"] < second["y"] == third["y"] < fourth["y"] < last["y"]
    expect(drawn.get_by_text("If not decision.accepted, it ends here")).to_be_visible()
    expect(drawn.get_by_text("Seen when it runs, app.py:")).to_be_visible()
    assert violations(page) == []


def test_of_two_people_the_first_decides_and_the_second_keeps_what_she_wrote(page: Page, place: Desk) -> None:
    page.goto(f"{place.url}/apps/write")
    page.get_by_label("Subject").fill("Lamps")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Waiting for a person").first).to_be_visible(timeout=LONG)
    page.goto(f"{place.url}/inbox")
    page.get_by_role("link", name="Send this letter").first.click()
    expect(page.get_by_text("To be decided by ann or bob.")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Text").fill("Lamps are out of stock.")
    expect(page.get_by_role("button", name="Accept my version")).to_be_disabled()
    page.get_by_label("Your name").fill("ann")
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context()
    other = context.new_page()
    other.goto(page.url)
    other.get_by_label("Your name").fill("eve")
    other.get_by_role("button", name="Reject").click()
    expect(other.get_by_text("This is for somebody else to decide.")).to_be_visible(timeout=LONG)
    other.get_by_label("Your name").fill("bob")
    other.get_by_role("button", name="Reject").click()
    expect(other.get_by_text("by bob")).to_be_visible(timeout=LONG)
    context.close()

    page.get_by_role("button", name="Accept my version").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody was faster.", timeout=LONG)
    expect(page.get_by_role("alert")).to_contain_text("Rejected")
    written = page.get_by_role("region", name="What you had written")
    expect(written).to_contain_text("Lamps are out of stock.")
    assert violations(page) == []
    page.reload()
    expect(written).to_contain_text("Lamps are out of stock.", timeout=LONG)
    written.get_by_role("button", name="Throw it away").click()
    expect(written).to_have_count(0)


def test_what_ran_is_a_graph_and_goes_on_after_a_person_changed_the_value(page: Page, place: Desk) -> None:
    page.goto(f"{place.url}/apps/write")
    page.get_by_label("Subject").fill("Saddles")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Waiting for a person").first).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Details of this run").click()
    page.get_by_role("link", name="Graph").click()
    graph = page.get_by_role("region", name="Graph of the steps")
    boxes = graph.get_by_role("button")
    expect(boxes.filter(has_text="Send this letter?")).to_contain_text("Waiting for a person", timeout=LONG)
    words = ("Reading the ticket", "Asking the shop", "Asking the warehouse", "Send this letter?")
    first, second, third, last = (boxes.filter(has_text=word).bounding_box() or {} for word in words)
    assert first["y"] < second["y"] == third["y"] < last["y"]
    expect(graph.get_by_role("listitem").filter(has_text="warehouse").first).to_contain_text("warehouse")
    expect(boxes.filter(has_text="Asking the warehouse")).to_have_accessible_name(re.compile("in warehouse$"))
    boxes.filter(has_text="Asking the warehouse").click()
    expect(page.get_by_role("region", name="Asking the warehouse")).to_contain_text("4")
    assert violations(page) == []
    address, tab = page.url, page.context.new_page()
    page.close()

    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(f"{place.url}/inbox")
    tab.get_by_role("link", name="Send this letter").first.click()
    tab.get_by_role("button", name="Edit").press("Enter")
    expect(tab.get_by_label("Text")).to_be_focused()
    tab.keyboard.press("ControlOrMeta+A")
    tab.keyboard.type("None are left.")
    half, tab = tab, tab.context.new_page()
    asked = half.url
    half.close()  # in the middle of it

    tab.goto(asked)
    expect(tab.get_by_label("Text")).to_have_value("None are left.", timeout=LONG)
    assert violations(tab) == []
    tab.get_by_label("Your name").fill("ann")
    tab.get_by_label("Comment").press("Tab")
    expect(tab.get_by_role("button", name="Accept my version")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Edited and accepted").first).to_be_visible(timeout=LONG)
    tab.goto(address)
    boxes = tab.get_by_role("region", name="Graph of the steps").get_by_role("button")
    expect(boxes.nth(4)).to_contain_text("Sending the letter", timeout=LONG)
    expect(tab.get_by_text("sent: None are left.").first).to_be_visible(timeout=LONG)


def test_a_run_is_forked_with_something_changed_and_compared_with_the_old_one(page: Page, place: Desk) -> None:
    page.goto(f"{place.url}/apps/reply")
    page.get_by_label("Subject").fill("Bells")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("link", name="Details of this run").click(timeout=LONG)
    page.get_by_role("link", name="Fork").click(timeout=LONG)
    expect(page.get_by_label("Begin at").get_by_role("option")).to_contain_text(["1. Reading the ticket", "2. "])
    expect(page.get_by_label("Subject")).to_have_value("Bells")
    assert violations(page) == []

    page.get_by_label("Subject").fill("Chains")
    page.get_by_label("Model for all prompts").select_option("default")
    page.get_by_label("Version of the prompt answer").select_option(index=1)
    page.go_back()
    page.get_by_role("link", name="Fork").click()  # what was begun is still there
    expect(page.get_by_text("Your changes of last time are kept")).to_be_visible()
    expect(page.get_by_label("Subject")).to_have_value("Chains")
    expect(page.get_by_label("Model for all prompts")).to_have_value("default")
    page.get_by_role("button", name="Run it beside the old one").click()
    expect(page.get_by_role("link", name="from another run, at its beginning")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("region", name="Output")).to_contain_text("CHAINS", timeout=LONG)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("They first differ at “Reading the ticket”")).to_contain_text("The input is another.")
    outputs = page.get_by_role("region", name="Output")
    expect(outputs).to_contain_text("BELLS")
    expect(outputs).to_contain_text("CHAINS")
    page.get_by_text("differs: what went in, what came out").click()
    other = page.get_by_role("region", name="Steps").get_by_role("region", name="What came out", exact=True).first
    expect(other.get_by_role("deletion")).to_have_text("BELLS")
    expect(other.get_by_role("insertion")).to_have_text("CHAINS")
    assert violations(page) == []
