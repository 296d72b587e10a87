"""Answering for a person, over HTTP."""

from typing import Any

import pytest

from .over_http import Here

APPROVAL_FIELDS = {
    "id", "run_id", "pipeline", "pipeline_title", "title", "value", "schema", "context", "status", "decision",
    "comment", "decided_by", "created_at", "expires_at", "decided_at",
}  # fmt: skip


def asked(here: Here, subject: str = "hello") -> dict[str, Any]:
    """A pending approval."""
    found: dict[str, Any] = here.start("decide", {"subject": subject})["approvals"][0]
    return found


def ended(here: Here, run_id: str) -> dict[str, Any]:
    with here.http.stream("GET", f"/api/runs/{run_id}/events") as response:
        response.read()
    found: dict[str, Any] = here.http.get(f"/api/runs/{run_id}").json()
    return found


def test_a_pending_approval_shows_what_is_asked(here: Here) -> None:
    approval = asked(here)
    assert set(approval) == APPROVAL_FIELDS
    assert here.http.get(f"/api/approvals/{approval['id']}").json() == approval
    assert (approval["status"], approval["pipeline_title"]) == ("pending", "Needs a person")
    assert approval["value"] == {"text": "hello", "score": 1.0}
    assert approval["schema"]["properties"]["text"]["type"] == "string"
    assert approval["context"] == [{"label": "subject", "value": "hello"}]


@pytest.mark.parametrize(
    ("answer", "status", "output"),
    [
        ({"decision": "accept"}, "accepted", "accepted: hello"),
        ({"decision": "edit", "value": {"text": "better"}, "comment": "Kinder."}, "edited", "edited: better"),
        ({"decision": "reject", "comment": "No."}, "rejected", "rejected: hello"),
    ],
)
def test_an_answer_lets_the_run_go_on(here: Here, answer: dict[str, Any], status: str, output: str) -> None:
    approval = asked(here)
    decided = here.http.post(f"/api/approvals/{approval['id']}/answer", json=answer)
    assert decided.status_code == 200
    assert (decided.json()["status"], decided.json()["comment"]) == (status, answer.get("comment", ""))
    assert ended(here, approval["run_id"])["output"]["text"] == output


def test_the_first_answer_counts(here: Here) -> None:
    url = f"/api/approvals/{asked(here)['id']}/answer"
    assert here.http.post(url, json={"decision": "accept"}).status_code == 200
    second = here.http.post(url, json={"decision": "reject"})
    assert (second.status_code, second.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"decision": "edit", "value": {"text": 5}}, ["text"]),
        ({"decision": "edit"}, ["value"]),
        ({"decision": "maybe"}, ["decision"]),
        ({"decision": "accept", "why": "x"}, ["why"]),
        ({"decision": "accept", "comment": "x" * 10_001}, ["comment"]),
        ({}, ["decision"]),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_decides_nothing(
    here: Here, answer: dict[str, Any], path: list[str]
) -> None:
    approval = asked(here)
    refused = here.http.post(f"/api/approvals/{approval['id']}/answer", json=answer)
    assert refused.status_code == 422
    assert path in [field["path"] for field in refused.json()["fields"]]
    assert here.http.get(f"/api/approvals/{approval['id']}").json()["status"] == "pending"


def test_the_inbox_is_a_list_with_pages_and_counts(here: Here) -> None:
    mine = {asked(here, f"inbox {number}")["id"] for number in range(3)}
    first = here.http.get("/api/approvals", params={"status": "pending", "limit": 2}).json()
    assert len(first["items"]) == 2
    assert first["counts"]["pending"] >= 3
    rest = here.http.get("/api/approvals", params={"status": "pending", "cursor": first["next_cursor"]}).json()
    ids = [item["id"] for item in first["items"] + rest["items"]]
    assert mine <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_status_that_is_none_is_refused(here: Here) -> None:
    answer = here.http.get("/api/approvals", params={"status": "pendin"})
    assert (answer.status_code, answer.json()["hint"]) == (422, "Did you mean 'pending'?")
