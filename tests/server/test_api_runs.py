"""Starting, reading, listing, stopping and rating runs over HTTP."""

from types import SimpleNamespace

import pytest

from coachwork.cli.results import failure_lines

from .over_http import Here

RUN_FIELDS = {
    "id", "pipeline", "title", "status", "created_at", "started_at", "finished_at", "seconds", "cost_usd", "user",
    "position", "waits_for",
}  # fmt: skip
DETAIL_FIELDS = {
    "input", "output", "error", "steps", "approvals", "feedback", "forked_from", "forked_at", "changes",
    "priority", "deadline_at",
}  # fmt: skip
STEP_FIELDS = {
    "place",
    "seq", "kind", "name", "label", "detail", "status", "started_at", "finished_at", "seconds", "route", "model",
    "prompt_version", "how", "cached", "cost_usd", "input_tokens", "output_tokens", "input", "output", "error",
    "attempts", "reasoning", "cached_tokens", "reused", "within",
}  # fmt: skip


def test_a_run_is_accepted_at_once_and_named_by_its_location(here: Here) -> None:
    answer = here.http.post("/api/pipelines/answer_ticket/runs", json={"input": {"subject": "hello"}})
    assert answer.status_code == 202
    run = answer.json()
    assert answer.headers["location"] == f"/api/runs/{run['id']}"
    assert answer.headers["x-run-id"] == run["id"]
    assert run["title"] == "hello"
    assert here.http.get(answer.headers["location"]).json()["id"] == run["id"]


def test_a_caller_who_waits_gets_the_ended_run_with_its_steps(here: Here) -> None:
    answer = here.http.post("/api/pipelines/answer_ticket/runs?wait=30", json={"input": {"subject": "hello"}})
    assert answer.status_code == 200
    run = answer.json()
    assert set(run) == RUN_FIELDS | DETAIL_FIELDS
    assert (run["status"], run["output"]) == ("succeeded", {"text": "HELLO", "score": 1.0})
    assert run["input"] == {"subject": "hello", "body": "", "attempts": 0}
    [done] = run["steps"]
    assert set(done) == STEP_FIELDS
    assert (done["name"], done["label"], done["output"]) == ("shout", "Making it loud", "HELLO")
    assert run["created_at"].endswith("Z")


def test_a_caller_who_waits_is_told_when_a_person_has_to_decide(here: Here) -> None:
    answer = here.http.post("/api/pipelines/decide/runs?wait=30", json={"input": {"subject": "hello"}})
    assert answer.status_code == 202
    assert answer.json()["status"] == "waiting"
    assert answer.json()["approvals"][0]["title"] == "Send this?"


def test_waiting_ends_when_the_time_is_over(here: Here) -> None:
    answer = here.http.post("/api/pipelines/held/runs?wait=0.05", json={"input": {"gate": "over"}})
    assert answer.status_code == 202
    assert answer.json()["status"] in ("queued", "running")
    here.open_gate("over")


def test_a_chat_is_a_run_like_any_other(here: Here) -> None:
    run = here.start("ask", {"messages": [{"role": "user", "content": "How long?"}]})
    assert (run["title"], run["output"]["text"]) == ("How long?", "How long?")


def test_the_same_key_gives_the_same_run(here: Here) -> None:
    def send(subject: str) -> tuple[int, dict[str, object]]:
        answer = here.http.post(
            "/api/pipelines/answer_ticket/runs?wait=30",
            json={"input": {"subject": subject}},
            headers={"Idempotency-Key": "once"},
        )
        return answer.status_code, answer.json()

    first, again, other = send("one"), send("one"), send("two")
    assert first[0] == again[0] == 200
    assert again[1]["id"] == first[1]["id"]
    assert other[0] == 409
    assert other[1]["code"] == "conflict"
    assert other[1]["hint"] == "Use a new Idempotency-Key for a new question."


def test_a_list_is_read_page_by_page_to_its_end(here: Here) -> None:
    started = [here.start("answer_ticket", {"subject": f"paging {number}"})["id"] for number in range(5)]
    seen, cursor, pages = [], "", 0
    while True:
        page = here.http.get("/api/runs", params={"q": "paging", "limit": 2, "cursor": cursor}).json()
        seen += [item["id"] for item in page["items"]]
        assert page["counts"] == {"succeeded": 5}
        assert all(set(item) == RUN_FIELDS for item in page["items"])
        cursor, pages = page["next_cursor"], pages + 1
        if cursor is None:
            break
    assert seen == started[::-1]
    assert pages == 3


def test_a_list_is_filtered_by_pipeline_status_and_text(here: Here) -> None:
    good, bad = here.start("answer_ticket", {"subject": "100%_odd"}), here.start("fails", {"subject": "100%_odd"})
    here.start("answer_ticket", {"subject": "100xyodd"})

    def ids(**params: str) -> list[str]:
        return [item["id"] for item in here.http.get("/api/runs", params=params).json()["items"]]

    assert ids(q="100%_odd") == [bad["id"], good["id"]]
    assert ids(q="100%_odd", status="failed") == [bad["id"]]
    assert ids(q="100%_odd", status="failed,succeeded") == [bad["id"], good["id"]]
    assert ids(q="100%_odd", pipeline="answer_ticket") == [good["id"]]
    assert ids(q=good["id"]) == [good["id"]]
    assert ids(pipeline="nothing") == []


def test_a_run_is_cancelled_once(here: Here) -> None:
    run = here.http.post("/api/pipelines/held/runs", json={"input": {"gate": "never"}}).json()
    cancelled = here.http.post(f"/api/runs/{run['id']}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] == "cancelled"
    again = here.http.post(f"/api/runs/{run['id']}/cancel")
    assert again.status_code == 409
    assert again.json()["reader"] == "This has already ended, so it can't be stopped."


def test_a_verdict_is_kept_and_replaced(here: Here) -> None:
    run = here.start("answer_ticket", {"subject": "rate me"})
    url = f"/api/runs/{run['id']}/feedback"
    sent = {"helpful": False, "reasons": ["Wrong source"], "comment": "Page 3 says otherwise."}
    assert here.http.post(url, json=sent).json() == sent
    assert here.http.get(f"/api/runs/{run['id']}").json()["feedback"] == sent
    here.http.post(url, json={"helpful": True})
    assert here.http.get(f"/api/runs/{run['id']}").json()["feedback"] == {"helpful": True, "reasons": [], "comment": ""}


def test_a_failed_run_holds_a_problem_without_secrets(here: Here) -> None:
    run = here.start("fails", {"subject": "x"})
    assert run["status"] == "failed"
    assert run["error"] == {
        "type": "https://coachwork.dev/problems/model-timeout",
        "title": "Model timeout",
        "status": 504,
        "detail": "no token within 60 s, with key [secret]",
        "code": "model-timeout",
        "reader": "The model did not answer in time. What you sent is kept; please try again.",
        "hint": "Try another.",
        "retryable": True,
        "run_id": run["id"],
    }
    assert run["steps"][0]["error"]["code"] == "model-timeout"


def test_an_agent_that_was_stopped_tells_what_it_had_achieved(here: Here) -> None:
    error = here.start("fails", {"subject": "agent"})["error"]
    outcome = error["outcome"]
    assert (error["code"], outcome["status"], outcome["text"]) == ("agent-stopped", "limit", "So far: sunny.")
    [use] = outcome["uses"]
    assert (use["tool"], use["failed"]) == ("look", False)
    assert use["result"].startswith("Sunny, key [secret]. xxx")
    assert len(use["result"]) < 600
    told = failure_lines(SimpleNamespace(error=error))
    assert told[-4:-2] == ["By then it had used 1 tools:", f"  ✓ look: {use['result'][:100]}"]
    assert told[-2:] == ["It wrote last:", "So far: sunny."]


def test_a_bug_of_the_application_is_a_failed_run_not_a_failed_request(here: Here) -> None:
    run = here.start("clumsy", {"subject": "x"})
    assert (run["status"], run["error"]["code"]) == ("failed", "run-failed")
    assert "Traceback" not in str(run)


def test_what_json_can_not_say_fails_the_run(here: Here) -> None:
    run = here.start("not_a_number", {"subject": "x"})
    assert (run["status"], run["output"], run["error"]["code"]) == ("failed", None, "run-failed")


@pytest.mark.parametrize("path", ["/api/runs/run_0", "/api/runs/run_0/events", "/api/approvals/run_0-1"])
def test_what_is_not_there_is_not_found(here: Here, path: str) -> None:
    answer = here.http.get(path)
    assert answer.status_code == 404
    assert "run_0" in answer.json()["detail"]


@pytest.mark.parametrize("key", ["batch:b_1:1:0", "schedule:x", "a2a:c:m"])
def test_keys_that_coachwork_makes_itself_are_not_taken(here: Here, key: str) -> None:
    sent = {"input": {"subject": "hello"}}
    answer = here.http.post("/api/pipelines/answer_ticket/runs", json=sent, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert "Coachwork's own" in answer.json()["detail"]
