"""Spans in the store: one trace a run, GenAI names, no text of a user."""

import json
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy as sa

from coachwork.messages import StepRecord, Usage
from coachwork.store.database import Database
from coachwork.store.tables import spans as table
from coachwork.tracing import spans


def recorded(tmp_path: Path) -> list[sa.Row]:
    database = Database(f"sqlite:///{tmp_path}/spans.db")
    database.migrate()
    spans.start(database)
    call = SimpleNamespace(
        route="careful",
        model="local:small",
        provider="local",
        kind="chat",
        started_ns=1_000,
        ended_ns=2_000_000_000,
        first_token_ns=500_001_000,
        usage=Usage(12, 3, cached_tokens=8),
        cost_nano=7,
        outcome="ok",
        finish_reason="stop",
        cached=True,
    )
    record = StepRecord(kind="prompt", name="answer", input="private words")
    with spans.run("run_1", "answer_ticket"), spans.step(record, "run_1"):
        spans.model_call(call)
        record.how, record.prompt_version = "repaired", "abc123"
        record.mended, record.confidence = ("trailing comma",), {"team": 0.75}
    with spans.run("run_1", "answer_ticket"):
        pass
    spans.stop()
    database.flush()
    rows = database.read_now(lambda c: c.execute(table.select().order_by(table.c.start_ns)).all())
    database.close()
    return rows


def test_a_run_is_one_trace_also_when_it_goes_on_later(tmp_path):
    rows = recorded(tmp_path)
    assert {row.trace_id for row in rows} == {f"{spans.trace_id('run_1'):032x}"}
    assert [row.name for row in rows].count("invoke_workflow answer_ticket") == 2


def test_a_model_call_carries_the_conventions_names_and_stands_below_its_step(tmp_path):
    by_name = {row.name: row for row in recorded(tmp_path)}
    call, step = by_name["chat local:small"], by_name["prompt answer"]
    assert call.parent_id == step.span_id
    assert call.kind == "client"
    assert call.attributes["gen_ai.usage.input_tokens"] == 12
    assert call.attributes["gen_ai.usage.cache_read.input_tokens"] == 8
    assert call.attributes["coachwork.cached"] is True
    assert "gen_ai.usage.cache_creation.input_tokens" not in call.attributes
    assert call.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert call.attributes["gen_ai.response.time_to_first_chunk"] == 0.5
    assert step.attributes["coachwork.prompt.version"] == "abc123"
    assert step.attributes["coachwork.output.how"] == "repaired"
    assert step.attributes["coachwork.output.mended"] == ["trailing comma"]
    assert step.attributes["coachwork.output.confidence.team"] == 0.75


def test_no_text_of_a_user_is_in_a_span(tmp_path):
    assert "private" not in json.dumps([row._asdict() for row in recorded(tmp_path)])
