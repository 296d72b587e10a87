"""What the API says about itself and the application."""

import time
from typing import Any

from coachwork.store.tables import calls

from .over_http import Here


def test_the_application_lists_what_can_be_done_and_with_what(here: Here) -> None:
    found = here.http.get("/api/app").json()
    assert (found["title"], found["about"]) == ("Desk", "Answers tickets.")
    by_name = {pipeline["name"]: pipeline for pipeline in found["pipelines"]}
    ticket = by_name["answer_ticket"]
    assert (ticket["title"], ticket["about"], ticket["kind"]) == ("Answer a ticket", "From the handbook.", "form")
    assert ticket["examples"] == [{"title": "Hello", "input": {"subject": "Hello"}}]
    assert ticket["input_schema"]["properties"]["subject"] == {"maxLength": 100, "title": "Subject", "type": "string"}
    assert ticket["output_schema"]["properties"]["text"]["type"] == "string"
    assert by_name["ask"]["kind"] == "chat"
    assert [base["name"] for base in found["knowledge"]] == ["handbook"]


def test_health_names_the_version(here: Here) -> None:
    found = here.http.get("/api/health").json()
    assert found == {"status": "ok", "version": here.http.get("/api/app").json()["version"]}


def test_the_api_is_described_with_every_pipelines_own_types(here: Here) -> None:
    found = here.http.get("/api/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    start = found["paths"]["/api/pipelines/answer_ticket/runs"]["post"]
    sent = start["requestBody"]["content"]["application/json"]
    assert sent["schema"]["properties"]["input"] == {"$ref": "#/components/schemas/answer_ticket.Input"}
    assert sent["examples"]["example1"]["value"] == {"input": {"subject": "Hello"}}
    schemas = found["components"]["schemas"]
    assert schemas["answer_ticket.Input"]["properties"]["subject"]["maxLength"] == 100
    assert set(start["responses"]) == {"200", "202", "default"}
    assert "text/event-stream" in start["responses"]["200"]["content"]
    assert "ChatMessage" in schemas


def test_the_description_holds_together(here: Here) -> None:
    found = here.http.get("/api/openapi.json").json()
    references = {reference.rpartition("/")[2] for reference in _references(found)}
    assert all(name in found["components"]["schemas"] for name in references), references
    operations = [operation for path in found["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["responses"]["default"]["content"]["application/problem+json"]["schema"] == {
            "$ref": "#/components/schemas/Problem"
        }
    assert set(found["paths"]) >= {
        "/api/app", "/api/health", "/api/runs", "/api/runs/{run_id}", "/api/runs/{run_id}/cancel",
        "/api/runs/{run_id}/events", "/api/runs/{run_id}/feedback", "/api/approvals", "/api/approvals/{approval_id}",
        "/api/approvals/{approval_id}/answer", "/api/knowledge", "/api/spend",
    }  # fmt: skip


def test_spend_adds_up_by_model_and_says_what_it_can_not_know(here: Here) -> None:
    now = time.time_ns() // 1_000_000
    rows = [
        ("a", now, "openai:x", 2_000_000, 10), ("b", now, "openai:x", 3_000_000, 20), ("c", now, "lab:y", None, 5),
        ("d", now - 8 * 86_400_000, "openai:x", 9_000_000, 99),
    ]  # fmt: skip
    values = [
        {"id": key, "at": at, "kind": "chat", "route": "r", "model": model, "outcome": "ok", "total_ms": 1,
         "cost_nano": cost, "input_tokens": tokens, "output_tokens": 1}
        for key, at, model, cost, tokens in rows
    ]  # fmt: skip
    here.project.database.write_soon(lambda c: c.execute(calls.insert(), values)).result()
    week = here.http.get("/api/spend").json()
    assert week["days"] == 7
    assert (week["total_usd"], week["unpriced_calls"]) == (0.005, 1)
    assert week["calls"] == sum(model["calls"] for model in week["by_model"])
    assert [model for model in week["by_model"] if not model["model"].startswith("fake:")] == [
        {"model": "openai:x", "calls": 2, "cost_usd": 0.005, "unpriced_calls": 0, "input_tokens": 30,
         "output_tokens": 2},
        {"model": "lab:y", "calls": 1, "cost_usd": None, "unpriced_calls": 1, "input_tokens": 5, "output_tokens": 1},
    ]  # fmt: skip
    assert here.http.get("/api/spend?days=30").json()["total_usd"] == 0.014


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    return [found for item in node for found in _references(item)] if isinstance(node, list) else []
