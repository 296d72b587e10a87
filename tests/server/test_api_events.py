"""The stream of a run: its wire, resuming, leaving, and what ends it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from coachwork.server.events import EventStream, encode

from .over_http import Here, events


def started(here: Here, gate: str) -> str:
    run = here.http.post("/api/pipelines/held/runs", json={"input": {"gate": gate}}).json()
    return str(run["id"])


def stream(here: Here, run_id: str, after: int = 0) -> list[tuple[int | None, Any]]:
    with here.http.stream("GET", f"/api/runs/{run_id}/events", params={"after": after}) as response:
        return list(events(response))


def test_a_stream_tells_the_story_in_order_and_says_when_it_is_done(here: Here) -> None:
    run_id = here.start("answer_ticket", {"subject": "hello"})["id"]
    with here.http.stream("GET", f"/api/runs/{run_id}/events") as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
        assert response.headers["cache-control"] == "no-cache, no-transform"
        assert response.headers["x-accel-buffering"] == "no"
        story = list(events(response))
    assert story[-1] == (None, "[DONE]")
    assert [number for number, _part in story[:-1]] == list(range(1, len(story)))
    parts = [part for _number, part in story[:-1]]
    assert parts[0] == {"type": "start", "messageId": run_id}
    assert {"type": "data-note", "data": {"label": "Thinking about it"}} in parts
    [result] = [part for part in parts if part["type"] == "data-result"]
    assert result["data"]["output"] == {"text": "HELLO", "score": 1.0}
    assert parts[-1] == {"type": "finish"}


def test_the_text_of_a_model_comes_piece_by_piece(here: Here) -> None:
    run_id = here.start("written", {"subject": "hello"})["id"]
    parts = [part for _number, part in stream(here, run_id)[:-1]]
    deltas = [part["delta"] for part in parts if part["type"] == "text-delta"]
    assert "".join(deltas) == "You asked: Reply to: hello"
    [step] = here.http.get(f"/api/runs/{run_id}").json()["steps"]
    assert step["model"].startswith("fake:")
    assert (step["kind"], step["status"], step["cost_usd"]) == ("prompt", "succeeded", 0)


def test_a_stream_goes_on_where_it_was_left(here: Here) -> None:
    run_id = started(here, "resume")
    url = f"/api/runs/{run_id}/events"
    seen: list[tuple[int | None, Any]] = []
    with here.http.stream("GET", url) as response:
        for number, part in events(response):
            seen.append((number, part))
            if part["type"] == "text-delta":
                break
    here.open_gate("resume")
    with here.http.stream("GET", url, headers={"Last-Event-ID": str(seen[-1][0])}) as response:
        rest = list(events(response))
    assert seen + rest == stream(here, run_id)
    assert rest == stream(here, run_id, after=seen[-1][0] or 0)
    assert rest[-1] == (None, "[DONE]")


def test_the_header_of_a_reconnecting_browser_counts_more_than_its_old_address(here: Here) -> None:
    run_id = here.start("answer_ticket", {"subject": "hello"})["id"]
    with here.http.stream("GET", f"/api/runs/{run_id}/events?after=1", headers={"Last-Event-ID": "3"}) as response:
        assert next(events(response))[0] == 4


def test_a_reader_who_has_seen_everything_is_told_so(here: Here) -> None:
    run_id = here.start("answer_ticket", {"subject": "hello"})["id"]
    whole = stream(here, run_id)
    assert stream(here, run_id, after=len(whole) - 1) == [(None, "[DONE]")]
    assert stream(here, run_id, after=9999) == [(None, "[DONE]")]


def test_leaving_does_not_stop_the_run(here: Here) -> None:
    run_id = started(here, "leaving")
    with here.http.stream("GET", f"/api/runs/{run_id}/events") as response:
        next(events(response))
    here.open_gate("leaving")
    assert stream(here, run_id)[-2][1] == {"type": "finish"}
    assert here.http.get(f"/api/runs/{run_id}").json()["status"] == "succeeded"


def test_starting_and_streaming_is_one_request(here: Here) -> None:
    sent = {"input": {"subject": "hello"}}
    headers = {"Accept": "text/event-stream"}
    with here.http.stream("POST", "/api/pipelines/answer_ticket/runs", json=sent, headers=headers) as response:
        assert response.status_code == 200
        run_id = response.headers["x-run-id"]
        assert response.headers["location"] == f"/api/runs/{run_id}"
        story = list(events(response))
    assert story == stream(here, run_id)


def test_a_refused_start_is_a_problem_not_a_stream(here: Here) -> None:
    headers = {"Accept": "text/event-stream"}
    answer = here.http.post("/api/pipelines/answer_ticket/runs", json={"input": {}}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_failure_is_told_as_a_problem_and_as_a_sentence(here: Here) -> None:
    run_id = here.start("fails", {"subject": "x"})["id"]
    parts = [part for _number, part in stream(here, run_id)[:-1]]
    told, sentence, end = parts[-3:]
    assert (told["type"], told["data"]["type"]) == ("data-problem", "https://coachwork.dev/problems/model-timeout")
    assert told["data"]["run_id"] == run_id
    assert sentence == {"type": "error", "errorText": told["data"]["reader"]}
    assert end == {"type": "finish"}
    failed = [part["data"] for part in parts if part["type"] == "data-step"][-1]
    assert failed["error"]["title"] == "Model timeout"
    assert "sk-abcdefgh" not in str(parts)


def test_a_cancelled_run_ends_its_stream(here: Here) -> None:
    run_id = started(here, "cancelled")
    with here.http.stream("GET", f"/api/runs/{run_id}/events") as response:
        reading = events(response)
        next(reading)
        here.http.post(f"/api/runs/{run_id}/cancel").raise_for_status()
        rest = [part for _number, part in reading]
    assert rest[-2:] == [{"type": "abort"}, "[DONE]"]


# ── The response itself, without a server ──────────────────────────────────────────────────────


class Caller:
    """An ASGI caller that leaves when told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if b"still here" in self.body:
            self.left.set()
        if b"start" in self.body and not self.heard.done():
            self.heard.set_result(None)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


class Silence:
    """A run that says one thing and then works on; knows whether it is still listened to."""

    listened_to = True

    async def events(self) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        try:
            yield 1, {"type": "start"}
            await asyncio.Event().wait()
        finally:
            self.listened_to = False


async def test_a_silent_run_sends_heartbeats_and_a_caller_who_leaves_ends_the_reading() -> None:
    caller, run = Caller(), Silence()
    response = EventStream(run.events(), stopping=asyncio.Event(), heartbeat_seconds=0.01)
    await response({"type": "http", "path": "/"}, caller.receive, caller.send)
    assert caller.body == b'retry: 1000\n\nid: 1\ndata: {"type":"start"}\n\n: still here\n\n'
    assert not run.listened_to


async def test_a_stopping_server_lets_readers_go_without_saying_done() -> None:
    caller, run, stopping = Caller(), Silence(), asyncio.Event()
    reading = asyncio.create_task(
        EventStream(run.events(), stopping=stopping)({"type": "http", "path": "/"}, caller.receive, caller.send)
    )
    await caller.heard
    stopping.set()
    await reading
    assert b"[DONE]" not in caller.body
    assert caller.sent[-1]["more_body"] is False
    assert not run.listened_to


async def test_a_bug_in_the_middle_is_said_in_the_stream_with_its_number(capsys: Any) -> None:
    async def broken() -> AsyncIterator[tuple[int, dict[str, Any]]]:
        yield 1, {"type": "start"}
        raise RuntimeError("the secret reason")

    caller = Caller()
    await EventStream(broken(), stopping=asyncio.Event())({"type": "http", "path": "/"}, caller.receive, caller.send)
    assert b"data-problem" in caller.body
    assert b"secret reason" not in caller.body
    assert b"[DONE]" not in caller.body


def test_an_event_is_one_line_of_json_whatever_it_holds() -> None:
    assert encode(3, {"a": "x\n\u2028y"}).count(b"\n") == 3
    assert encode(3, {"a": float("nan")}) == b'id: 3\ndata: {"a":null}\n\n'
    assert encode(3, {"a": "half \ud83d"}) == b'id: 3\ndata: {"a": "half \\ud83d"}\n\n'
