"""What was spent, and how the budgets stand, over HTTP."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coachwork.store.tables import calls

from .lab import Lab, opened
from .over_http import Here

DAY = 86_400_000
FIRST = 1_600_041_600_000  # 2020-09-14 00:00 UTC: long before anything else here was asked


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, make_project: Callable[[Path], Path], lab_settings: Callable[[str], str]
) -> Iterator[Lab]:
    with opened(tmp_path_factory.mktemp("spend") / "desk", make_project, lab_settings) as lab:
        yield lab


def row(number: int, at: int, model: str, cost: int | None, **more: object) -> dict[str, object]:
    return {
        "id": f"spent-{number}", "at": at, "kind": "chat", "route": "careful", "model": model, "outcome": "ok",
        "total_ms": 1, "input_tokens": 10, "output_tokens": 2, "cost_nano": cost, "cached": False, "user": "", **more,
    }  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def ledger(lab: Lab) -> None:
    rows = [
        row(1, FIRST, "openai:x", 2_000_000, user="ines"),
        row(2, FIRST + DAY - 1, "openai:x", 3_000_000, user="tomas", outcome="overloaded"),
        row(3, FIRST + DAY, "openai:x", 0, user="ines", cached=True),
        row(4, FIRST + DAY, "lab:y", None, user="ines"),
        row(5, FIRST + 2 * DAY, "openai:x", 70_000_000),
    ]
    lab.project.database.write_soon(lambda connection: connection.execute(calls.insert(), rows)).result()


def of_then(lab: Lab, **query: str) -> dict[str, Any]:
    """The first two days of the ledger; the third is outside."""
    return lab.spend(**{"from": "2020-09-14", "to": "2020-09-16", **query})


def picked(groups: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(group[name] for name in ("name", *names)) for group in groups]


def test_spend_adds_up_and_says_what_it_can_not_know(lab: Lab) -> None:
    found = of_then(lab)
    assert (found["from"], found["to"], found["by"]) == ("2020-09-14T00:00:00Z", "2020-09-16T00:00:00Z", "model")
    total = found["total"]
    assert [total[name] for name in ("calls", "failed", "cached", "unpriced", "cost_nano", "input_tokens")] == [
        4, 1, 1, 1, 5_000_000, 40,
    ]  # fmt: skip
    assert picked(found["items"], "calls", "cost_nano", "unpriced") == [
        ("openai:x", 3, 5_000_000, 0),
        ("lab:y", 1, 0, 1),
    ]
    assert (found["others"], found["others_count"]) == (None, 0)


def test_days_are_those_of_utc_and_stand_in_their_order(lab: Lab) -> None:
    assert picked(of_then(lab, by="day")["items"], "calls", "cost_nano") == [
        ("2020-09-14", 2, 5_000_000), ("2020-09-15", 2, 0),
    ]  # fmt: skip
    east = of_then(lab, by="day", **{"from": "2020-09-14T02:00:00+02:00"})
    assert east["from"] == "2020-09-14T00:00:00Z"


def test_users_are_listed_the_dearest_first_and_the_rest_is_added_up(lab: Lab) -> None:
    assert picked(of_then(lab, by="user")["items"], "cost_nano") == [("tomas", 3_000_000), ("ines", 2_000_000)]
    found = of_then(lab, by="user", limit="1")
    assert picked(found["items"], "cost_nano") == [("tomas", 3_000_000)]
    assert (found["others_count"], found["others"]["cost_nano"], found["others"]["calls"]) == (1, 2_000_000, 3)
    assert found["total"]["cost_nano"] == 5_000_000


def test_a_time_without_calls_is_empty_and_one_the_wrong_way_round_is_refused(lab: Lab) -> None:
    found = lab.spend(**{"from": "2019-01-01", "to": "2019-02-01"})
    assert (found["items"], found["total"]["calls"], found["total"]["cost_nano"]) == ([], 0, 0)
    answer = lab.http.get("/api/spend", params={"from": "2020-02-01", "to": "2020-01-01"})
    assert (answer.status_code, answer.json()["code"]) == (422, "input")
    assert answer.json()["fields"][0]["path"] == ["query", "from"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e300", "-99999999999"])
def test_a_time_at_the_ends_of_the_calendar_is_no_fault_of_the_server(lab: Lab, moment: str) -> None:
    for name in ("from", "to"):
        assert lab.http.get("/api/spend", params={name: moment}).status_code in (200, 422)


def test_a_budget_shows_what_a_call_has_spent_of_it(lab: Lab) -> None:
    lab.provider.answer("A fine reply.")
    [check] = lab.http.post("/api/models/check", json={"model": "lab:big"}).raise_for_status().json()["checks"]
    assert check["cost_nano"] > 0

    def budgets() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = lab.http.get("/api/budgets").raise_for_status().json()["items"]
        return found

    deadline = time.monotonic() + 30
    while not budgets()[0]["spent_nano"] and time.monotonic() < deadline:
        time.sleep(0.05)  # a server tells the database a little later what it spent
    everything, each_user = budgets()
    assert (everything["scope"], everything["per"], everything["limit_nano"]) == ("installation", "day", 5 * 10**9)
    assert (everything["spent_nano"], everything["warn_at_nano"]) == (check["cost_nano"], 25 * 10**8)
    assert everything["resets_at"].endswith("T00:00:00Z")
    assert (each_user["scope"], each_user["name"], each_user["spent_nano"]) == ("user", "", 0)
    assert each_user["resets_at"] is None
    for budget in (everything, each_user):
        assert budget["left_nano"] == budget["limit_nano"] - budget["spent_nano"] - budget["held_nano"] >= 0


def test_runs_are_seen_by_their_pipeline(here: Here) -> None:
    run = here.start("written", {"subject": "Hello"})
    assert run["status"] == "succeeded", run
    here.project.database.flush()
    found = here.http.get("/api/spend", params={"by": "pipeline"}).json()
    [written] = [group for group in found["items"] if group["name"] == "written"]
    assert written["calls"] >= 1
    assert written["cost_nano"] == 0


def test_without_budgets_the_list_is_empty(here: Here) -> None:
    assert here.http.get("/api/budgets").json()["items"] == []


def test_how_a_prompts_answers_were_won_in_runs_is_counted_by_model(here: Here) -> None:
    def asked() -> int:
        here.project.database.flush()
        found = here.http.get("/api/prompts/write/answers", params={"days": 7}).raise_for_status().json()
        assert found["days"] == 7
        for model in found["items"]:
            assert (model["at_once"], set(model["how"]), model["failed"]) == (1.0, {"text"}, {})
            assert model["before"] == {"asked": 0, "at_once": None, "how": {}, "failed": {}}
        return sum(model["asked"] for model in found["items"])

    before = asked()
    here.start("written", {"subject": "Hello"})
    assert asked() == before + 1
    assert here.http.get("/api/prompts/write/answers", params={"days": 0}).status_code == 422
