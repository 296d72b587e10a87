"""What the API says about itself and the application."""

from typing import Any

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


def test_a_pipeline_tells_what_it_will_do_before_it_ran(here: Here) -> None:
    found = here.http.get("/api/pipelines/written/outline").json()
    assert (found["pipeline"], found["title"], found["whole"]) == ("written", "Let the model write", True)
    [asked] = found["parts"]
    assert (asked["kind"], asked["name"], asked["label"]) == ("prompt", "write", "Write")
    assert asked["where"].startswith("app.py:")
    asks = here.http.get("/api/pipelines/decide/outline").json()["parts"]
    assert [(part["kind"], part["label"]) for part in asks] == [("approval", "Send this?")]
    nobody = here.http.get("/api/pipelines/wirtten/outline")
    assert nobody.status_code == 404
    assert "written" in nobody.text


def test_health_names_the_version(here: Here) -> None:
    found = here.http.get("/api/health").json()
    version = here.http.get("/api/app").json()["version"]
    assert found == {"status": "ok", "version": version, "broken_prompts": [], "reading": []}


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
        "/api/app", "/api/health", "/api/pipelines/{name}/outline", "/api/runs",
        "/api/runs/{run_id}", "/api/runs/{run_id}/cancel",
        "/api/runs/{run_id}/events", "/api/runs/{run_id}/feedback", "/api/approvals", "/api/approvals/{approval_id}",
        "/api/approvals/{approval_id}/answer", "/api/knowledge", "/api/models", "/api/models/check",
        "/api/spend", "/api/budgets",
    }  # fmt: skip


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    return [found for item in node for found in _references(item)] if isinstance(node, list) else []
