"""Forks and comparisons over HTTP: the same run with another prompt or model beside the old one."""

from typing import Any

import pytest
import sqlalchemy as sa

from coachwork.store.tables import calls

from .over_http import Here

DRAFT = "---\nabout: Shorter.\n---\n## user\nShort reply to: {{subject}}\n"


@pytest.fixture(scope="module")
def old(here: Here) -> dict[str, Any]:
    return here.start("written", {"subject": "rain"})


def fork(here: Here, run: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = here.http.post(f"/api/runs/{run['id']}/fork", json=body)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/runs/{found['id']}"
    with here.http.stream("GET", f"/api/runs/{found['id']}/events") as response:
        response.read()
    ended: dict[str, Any] = here.http.get(f"/api/runs/{found['id']}").json()
    return ended


def test_a_draft_is_tried_on_an_old_run_and_compared(here: Here, old: dict[str, Any]) -> None:
    new = fork(here, old, prompts={"write": {"draft": DRAFT}})
    assert new["output"]["text"] == "You asked: Short reply to: rain"
    assert new["changes"] == {"prompts": {"write": {"draft": DRAFT}}}
    found = here.http.get(f"/api/runs/{old['id']}/compare/{new['id']}").json()
    assert found["first_difference"] == 0
    assert found["steps"][0]["differs"] == ["output", "prompt_version"]
    assert (found["same_input"], found["same_output"]) == (True, False)
    assert (found["a"]["id"], found["b"]["id"]) == (old["id"], new["id"])

    again = here.start("written", {"subject": "rain"})  # the draft was for the fork alone
    assert again["output"] == old["output"]


def test_an_old_version_and_another_model_answer_in_the_fork(here: Here, old: dict[str, Any]) -> None:
    version = old["steps"][0]["prompt_version"]
    new = fork(here, old, prompts={"write": {"version": version, "model": "fake:other"}}, input={"subject": "snow"})
    assert new["output"]["text"] == "You asked: Reply to: snow"
    assert new["steps"][0]["prompt_version"] == version
    asked = sa.select(calls.c.route).where(calls.c.run_id == new["id"])
    assert here.project.database.read_now(lambda c: c.execute(asked).scalars().all()) == ["fake:other"]


def test_what_can_not_be_forked_is_refused_at_once(here: Here, old: dict[str, Any]) -> None:
    def refused(**body: Any) -> tuple[int, str]:
        answer = here.http.post(f"/api/runs/{old['id']}/fork", json=body)
        return answer.status_code, answer.json()["code"]

    assert refused(from_step=3) == (422, "input")
    assert refused(prompts={"wirte": {"model": "fake:x"}}) == (404, "not-found")
    assert refused(prompts={"write": {"version": "ffff", "draft": "x"}}) == (422, "input")
    assert refused(prompts={"write": {"version": "ffffffff"}}) == (422, "input")
    assert refused(prompts={"write": {"draft": "## user\n{{nothing}}"}}) == (422, "input")
    assert refused(input={"subject": 1}) == (422, "input")
    assert refused(model="no-such-route")[1] == "unknown-model"
    assert here.http.post("/api/runs/run_none/fork", json={}).status_code == 404
    assert here.http.get(f"/api/runs/{old['id']}/compare/run_none").status_code == 404
