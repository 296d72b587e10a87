"""What does not fit is refused as a problem of RFC 9457 that says what, where and what to do."""

import http.client
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachwork.server.limits import parse
from coachwork.server.problems import Refused

from .over_http import Here

START = "/api/pipelines/answer_ticket/runs"
MEMBERS = {"type", "title", "status", "detail", "code", "reader", "hint", "retryable"}


def problem_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem of a response, checked for its form."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    found: dict[str, Any] = answer.json()
    assert found.keys() >= MEMBERS
    assert (found["status"], found["code"]) == (status, code)
    assert found["type"] == f"https://coachwork.dev/problems/{code}"
    assert found["reader"]
    assert "Traceback" not in answer.text
    return found


@pytest.mark.parametrize(
    ("input", "path", "message", "value"),
    [
        ({"subject": "x", "tone": "kind"}, ["tone"], "Extra inputs are not permitted", "kind"),
        ({"subject": 5}, ["subject"], "Input should be a valid string", 5),
        ({"subject": "x" * 101}, ["subject"], "String should have at most 100 characters", "x" * 119),
        ({"subject": "x", "attempts": -1}, ["attempts"], "Input should be greater than or equal to 0", -1),
        ({}, ["subject"], "Field required", None),
        ([], [], "Input should be a valid dictionary", None),
        (None, [], "Input should be a valid dictionary", None),
        ("text", [], "Input should be a valid dictionary", "text"),
    ],
)
def test_an_input_that_does_not_fit_names_every_field(
    here: Here, input: Any, path: list[str], message: str, value: Any
) -> None:
    found = problem_of(here.http.post(START, json={"input": input}), 422, "input")
    [field] = found["fields"]
    assert field["path"] == path
    assert field["message"].startswith(message)
    assert str(field["value"])[:50] == str(value)[:50]


def test_several_fields_are_told_at_once(here: Here) -> None:
    found = problem_of(here.http.post(START, json={"input": {"subject": 1, "attempts": "x"}}), 422, "input")
    assert [field["path"] for field in found["fields"]] == [["subject"], ["attempts"]]


@pytest.mark.parametrize(
    ("body", "path"),
    [({}, ["input"]), ({"input": {"subject": "x"}, "user": "me"}, ["user"]), ([1], []), ("x", []), (None, [])],
)
def test_a_body_that_is_no_start_is_refused(here: Here, body: Any, path: list[str]) -> None:
    found = problem_of(here.http.post(START, content=json.dumps(body), headers=JSON), 422, "input")
    assert path in [field["path"] for field in found["fields"]]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"input": {"subject": "x",}}', "trailing comma at line 1 column 27"),
        (b'{"input":\n {"subject": nope}}', "expected ident at line 2 column 15"),
        (b"{'input': 1}", "key must be a string at line 1 column 2"),
        (b'{"input": {"subject": "x", "attempts": NaN}}', "expected value"),
        (b'{"input": {"subject": "x", "attempts": Infinity}}', "expected value"),
        (b'{"input": {"subject": "x", "attempts": 1e999}}', "too large"),
        (b'{"input": {"subject": "\\ud800"}}', "hex escape"),
        (b'{"input": {"subject": "\xff"}}', "invalid unicode code point"),
        (b'{"input": ' + b"[" * 100_000, "recursion limit exceeded"),
        (b'{"input": ' + b"9" * 10_000 + b"}", "number out of range"),
        (b'{"input": ', "EOF"),
        (b"\x00", "expected value"),
    ],
)
def test_what_is_not_json_is_refused_with_the_place(here: Here, body: bytes, reason: str) -> None:
    found = problem_of(here.http.post(START, content=body, headers=JSON), 400, "json")
    assert reason in found["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_another_type_of_body_is_refused(here: Here, kind: str) -> None:
    answer = here.http.post(START, content=b'{"input": {}}', headers={"Content-Type": kind})
    assert "application/json" in problem_of(answer, 415, "unsupported-media-type")["hint"]


def test_a_body_without_a_type_or_without_anything_is_refused(here: Here) -> None:
    problem_of(here.http.post(START), 415, "unsupported-media-type")
    problem_of(here.http.post(START, content=b"", headers=JSON), 422, "input")


def test_a_ticket_of_50_mb_is_refused_by_its_declared_length(here: Here) -> None:
    ticket = json.dumps({"input": {"subject": "x", "body": "y" * 50_000_000}}).encode()
    found = problem_of(here.http.post(START, content=ticket, headers=JSON), 413, "too-large")
    assert found["detail"] == "the body has 50.0 MB, and at most 2 MB are taken"
    assert "max_body_mb" in found["hint"]


def test_a_ticket_sent_in_chunks_is_refused_when_it_grows_too_large(here: Here) -> None:
    chunks = (b"y" * 100_000 for _ in range(500))
    found = problem_of(here.http.post(START, content=chunks, headers=JSON), 413, "too-large")
    assert "more than 2 MB" in found["detail"]
    assert "2 MB" in found["reader"]


def test_after_a_refused_body_the_connection_can_be_used_again(here: Here) -> None:
    connection = http.client.HTTPConnection(here.http.base_url.host, here.http.base_url.port or 80)
    connection.request("POST", START, b"x" * 3_000_000, JSON)
    refused = connection.getresponse()
    assert (refused.status, bool(refused.read())) == (413, True)
    connection.request("GET", "/api/health")
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api", 404, "not-found"),
        ("GET", "/api/nothing", 404, "not-found"),
        ("POST", "/api/nothing", 404, "not-found"),
        ("GET", "/api/runs/", 404, "not-found"),
        ("GET", "/api/docs", 404, "not-found"),
        ("DELETE", "/api/runs", 405, "method-not-allowed"),
        ("GET", START, 405, "method-not-allowed"),
        ("POST", "/somewhere", 405, "method-not-allowed"),
        ("GET", "/api/runs/nope", 404, "not-found"),
        ("POST", "/api/runs/nope/cancel", 404, "not-found"),
        ("GET", "/api/knowledge/nope/documents", 404, "not-found"),
        ("GET", "/api/knowledge/handbook/documents/nope.md", 404, "not-found"),
        ("GET", "/api/knowledge/handbook/files/..%2F..%2Fapp.py", 404, "not-found"),
        ("GET", "/api/knowledge/handbook/files/%00", 404, "not-found"),
        ("GET", "/api/runs?limit=0", 422, "input"),
        ("GET", "/api/runs?limit=201", 422, "input"),
        ("GET", "/api/runs?limit=many", 422, "input"),
        ("GET", "/api/runs?status=done", 422, "input"),
        ("GET", "/api/runs?cursor=nope", 422, "input"),
        ("GET", "/api/runs?cursor=W10=", 422, "input"),
        ("GET", "/api/spend?by=planet", 422, "input"),
        ("GET", "/api/spend?from=yesterday", 422, "input"),
        ("GET", "/api/spend?from=2026-11-02&to=2026-11-01", 422, "input"),
        ("POST", "/api/models/check", 422, "input"),
    ],
)
def test_what_is_not_there_or_not_possible(here: Here, method: str, path: str, status: int, code: str) -> None:
    problem_of(here.http.request(method, path), status, code)


@pytest.mark.parametrize(
    ("params", "headers", "path"),
    [
        ({"wait": "61"}, {}, ["query", "wait"]),
        ({"wait": "nan"}, {}, ["query", "wait"]),
        ({"wait": "soon"}, {}, ["query", "wait"]),
        ({}, {"Idempotency-Key": "k" * 256}, ["header", "idempotency-key"]),
        ({}, {"Idempotency-Key": ""}, ["header", "idempotency-key"]),
    ],
)
def test_a_parameter_that_does_not_fit(here: Here, params: Any, headers: Any, path: list[str]) -> None:
    answer = here.http.post(START, json={"input": {"subject": "x"}}, params=params, headers=headers)
    assert problem_of(answer, 422, "input")["fields"][0]["path"] == path


@pytest.mark.parametrize("after", ["-1", "x", "99999999999999999999"])
def test_a_place_in_the_stream_that_is_none(here: Here, after: str) -> None:
    run_id = here.start("answer_ticket", {"subject": "x"})["id"]
    problem_of(here.http.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": after}), 422, "input")
    problem_of(here.http.get(f"/api/runs/{run_id}/events", params={"after": after}), 422, "input")


def test_a_wrong_pipeline_offers_the_right_one(here: Here) -> None:
    answer = here.http.post("/api/pipelines/answer_tickt/runs", json={"input": {}})
    found = problem_of(answer, 404, "not-found")
    assert found["detail"] == "there is no pipeline 'answer_tickt'"
    assert found["hint"] == "Did you mean 'answer_ticket'?"


def test_a_method_that_is_not_possible_says_which_is(here: Here) -> None:
    assert here.http.delete("/api/health").headers["allow"] == "GET"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON_VALUES)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert parse(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@given(st.binary(max_size=60) | st.text("{}[],:\"'\\ud80e1N ", max_size=40).map(str.encode))
def test_other_bytes_are_read_as_json_or_refused(body: bytes) -> None:
    assert _read(body) in ("json", "value")


def _read(body: bytes) -> str:
    try:
        value = parse(body)
    except Refused as refused:
        return refused.problem.code
    return "value" if not isinstance(value, float) or math.isfinite(value) else "infinite"


@settings(max_examples=60, deadline=None)
@given(value=JSON_VALUES)
def test_no_input_makes_the_server_fail(here: Here, value: Any) -> None:
    answer = here.http.post("/api/pipelines/answer_ticket/runs", content=json.dumps({"input": value}), headers=JSON)
    assert answer.status_code in (202, 422)
