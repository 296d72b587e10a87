"""The report counts what it says it counts, on a batch small enough to count by hand."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LABELS = """
A: {category: returns, urgency: low, language: en, answerable: true, documents: [r.md], facts: ['30 days', free], needs_person: false, tags: []}
B: {category: general, urgency: low, language: en, answerable: false, documents: [], facts: [], needs_person: true, tags: [no_answer]}
C: {category: payment, urgency: low, language: en, answerable: true, documents: [p.md], facts: ['8 €'], needs_person: false, tags: []}
"""  # noqa: E501


def _step(name: str, output: Any, kind: str = "step") -> dict[str, Any]:
    return {"name": name, "kind": kind, "seconds": 2.0, "model": "fake:x", "output": output}


def _triage(category: str) -> dict[str, Any]:
    output = {"question": "?", "situation": "only asking", "category": category, "language": "en"}
    return _step("triage", output, "prompt")


@pytest.fixture
def results(tmp_path: Path, app: ModuleType) -> Path:
    said = {"text": "30 days [1].", "citations": [{"marker": 1}], "sentences": [{"supported": True}]}
    runs = {
        "A": {
            "status": "succeeded", "cost_usd": 0.01, "output": {"text": "30 days [1]."}, "approvals": [],
            "steps": [_triage("returns"), _step("handbook", [{"document": "r.md"}], "search"), _step("prove", said)],
        },
        "B": {
            "status": "waiting", "cost_usd": 0.0, "output": None,
            "approvals": [{"value": {"text": app.NO_ANSWER["en"]}}],
            "steps": [_triage("product"), _step("approval", None, "approval")],
        },
        "C": {"status": "failed", "cost_usd": 0.0, "output": None, "error": {"detail": "too slow"}, "steps": []},
    }  # fmt: skip
    file = tmp_path / "results.json"
    items = [{"index": n, "input": {"id": key}, "run": run} for n, (key, run) in enumerate(runs.items())]
    file.write_text(json.dumps({"items": items}), "utf-8")
    (tmp_path / "labels.yaml").write_text(LABELS, "utf-8")
    return file


def test_the_report(measure: ModuleType, results: Path) -> None:
    cases = measure.read_cases(results, results.with_name("labels.yaml"))
    told = dict(measure.rows(cases))
    assert told["category as labelled"] == "1 of 2 (50%)"
    assert told["right document among the passages"] == "1 of 2 (50%)"
    assert told["key facts in the answers to them"] == "1 of 3 (33%)"
    assert told["answers whose every sentence has a verified source"] == "1 of 1 (100%)"
    assert told["unanswerable tickets that say so"] == "1 of 1 (100%)"
    assert told["tickets that need a person and got one"] == "1 of 1 (100%)"
    assert (told["waiting for a person"], told["failed or refused"]) == ("1", "1")
    assert (told["time a ticket, median"], told["cost"]) == ("2.0 s", "0.0100 US$")
    text = measure.report(cases)
    assert "- A : lacks `free`" in text
    assert "- C : failed: too slow" in text
