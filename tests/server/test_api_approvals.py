"""Answering for a person, over HTTP."""

from typing import Any

import pytest

from .over_http import Here

APPROVAL_FIELDS = {
    "id", "run_id", "pipeline", "pipeline_title", "title", "value", "schema", "context", "status", "decision",
    "comment", "decided_by", "created_at", "expires_at", "decided_at", "deciders", "default",
    "reminders",
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


# ── Who may decide, what is noted, and links ───────────────────────────────────────────────────


def trail(here: Here, approval_id: str) -> list[tuple[str, str]]:
    return [(entry["what"], entry["who"]) for entry in here.http.get(f"/api/approvals/{approval_id}/trail").json()]


def test_only_those_it_is_for_may_decide_and_all_is_noted(here: Here) -> None:
    approval = here.start("decide_by_lead", {"subject": "hello"})["approvals"][0]
    assert approval["deciders"] == ["role:lead", "carol"]
    url = f"/api/approvals/{approval['id']}"
    for nobody in ("", "eve"):
        refused = here.http.post(f"{url}/answer", json={"decision": "accept", "by": nobody})
        assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    wrong = here.http.post(f"{url}/answer", json={"decision": "edit", "value": {"txt": 1}, "by": "alice"})
    assert wrong.status_code == 422
    here.http.get(url)
    here.http.get(url)
    decided = here.http.post(f"{url}/answer", json={"decision": "accept", "by": "bob"}).json()
    assert (decided["status"], decided["decided_by"]) == ("accepted", "bob")
    assert trail(here, approval["id"]) == [
        ("opened", ""),
        ("refused", ""),
        ("refused", "eve"),
        ("misfit", "alice"),
        ("shown", ""),
        ("decided", "bob"),
    ]
    misfit = here.http.get(f"{url}/trail").json()[3]["detail"]
    assert misfit["value"] == {"txt": 1}
    assert "does not fit" in misfit["reason"]


def test_a_stopped_run_is_noted_in_the_trail(here: Here) -> None:
    approval = asked(here)
    here.http.post(f"/api/runs/{approval['run_id']}/cancel")
    assert trail(here, approval["id"]) == [("opened", ""), ("decided", "")]


def link(here: Here, approval_id: str, **body: str) -> str:
    made = here.http.post(f"/api/approvals/{approval_id}/links", json=body)
    assert made.status_code == 201, made.text
    url: str = made.json()["url"]
    return url


def test_a_link_opens_a_page_where_its_person_decides_once(here: Here) -> None:
    approval = here.start("decide_by_lead", {"subject": "<b>hello</b>"})["approvals"][0]
    assert here.http.post(f"/api/approvals/{approval['id']}/links", json={"who": "eve"}).status_code == 403
    url = link(here, approval["id"], who="carol")
    page = here.http.get(url)
    assert page.status_code == 200
    assert "You decide as carol." in page.text
    assert "&lt;b&gt;hello" in page.text
    assert "<b>hello" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]

    broken = here.http.post(url, data={"decision": "accept", "value": "{", "comment": "so"})
    assert (broken.status_code, "not JSON" in broken.text, ">so</textarea>" in broken.text) == (422, True, True)
    misfit = here.http.post(url, data={"decision": "accept", "value": '{"txt": "x"}'})
    assert (misfit.status_code, "does not fit" in misfit.text) == (422, True)

    done = here.http.post(url, data={"decision": "accept", "value": '{"text": "better"}', "comment": "Kinder."})
    assert (done.status_code, "accepted with changes by carol" in done.text) == (200, True)
    again = here.http.post(url, data={"decision": "reject"})
    assert (again.status_code, "accepted with changes by carol" in again.text) == (409, True)
    assert ended(here, approval["run_id"])["output"]["text"] == "edited: better"
    assert trail(here, approval["id"]) == [
        ("opened", ""),
        ("link", "carol"),
        ("shown", "carol"),
        ("misfit", "carol"),
        ("decided", "carol"),
    ]
    assert here.http.post(f"/api/approvals/{approval['id']}/links", json={"who": "carol"}).status_code == 409


def test_a_link_that_was_altered_or_is_over_opens_nothing(here: Here) -> None:
    one, other = asked(here, "one"), asked(here, "other")
    mine, foreign = (link(here, found["id"]).removeprefix("/decide/").split(".") for found in (one, other))
    for token in (f"{foreign[0]}.{mine[1]}", f"{mine[0]}.", mine[0], f"{mine[0]}.{mine[1]}x", "x" * 5000, "ü.ü"):
        page = here.http.get(f"/decide/{token}")
        assert (page.status_code, "not valid" in page.text) == (403, True)
        assert here.http.post(f"/decide/{token}", data={"decision": "accept"}).status_code == 403
    over = here.http.get(link(here, one["id"], expires="0s"))
    assert (over.status_code, "no longer valid" in over.text) == (403, True)
    assert here.http.post(f"/api/approvals/{one['id']}/links", json={"expires": "soon"}).status_code == 422
    assert here.http.get(f"/api/approvals/{one['id']}").json()["status"] == "pending"
