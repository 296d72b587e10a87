"""A run as it is shown over HTTP, in the CLI and on the page. Knows field names; does not know where rows come from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from coachwork.messages import JsonValue, RunStatus, StepStatus

T = TypeVar("T")
ApprovalStatus = Literal["pending", "accepted", "edited", "rejected", "expired", "cancelled"]


class View(BaseModel):
    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)


class Page(View, Generic[T]):
    """One page of a list. `next_cursor` is None on the last page; `counts` are by status over all pages."""

    items: list[T]
    next_cursor: str | None = None
    counts: dict[str, int] = {}


class PlaceView(View):
    """Something around a step: a branch of `gather`, an item of `map_over`, a child pipeline, an agent, a step.

    Those of one `group` were opened together, in the order of the code; of a step, `group` is its number.
    """

    kind: Literal["branch", "item", "pipeline", "agent", "step"]
    group: int
    name: str


class StepView(View):
    """One step of a run. Of its `input_tokens` a provider read `cached_tokens` from its own prefix cache.

    `place` tells branches: `4.price.1` is the first step of branch `price` of what stands at 4 (`gather`), `3/1` one
    that step 3 made itself.
    `cached` is another thing: the whole answer was given before, and nobody was asked.
    """

    seq: int
    place: str
    kind: str
    name: str
    label: str
    detail: str
    status: StepStatus
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    route: str
    model: str
    prompt_version: str
    how: str
    cached: bool
    cost_usd: float | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    input: JsonValue = None
    output: JsonValue = None
    error: dict[str, Any] | None = None
    attempts: list[dict[str, Any]] = []
    reasoning: str = ""
    reused: bool = False
    within: list[PlaceView] = []


class ApprovalView(View):
    id: str
    run_id: str
    pipeline: str
    pipeline_title: str
    title: str
    value: JsonValue
    schema_: JsonValue = Field(default=None, alias="schema")
    context: list[dict[str, Any]] | None
    status: ApprovalStatus
    decision: JsonValue
    comment: str
    decided_by: str
    created_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None
    deciders: list[str]
    default: JsonValue
    reminders: list[datetime]

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)


class FeedbackView(View):
    helpful: bool
    reasons: list[str]
    comment: str


class RunView(View):
    id: str
    pipeline: str
    title: str
    status: RunStatus
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    cost_usd: float | None
    user: str
    position: int | None = None
    waits_for: Literal["person", "time"] | None = None


class RunDetail(RunView):
    input: JsonValue
    output: JsonValue = None
    error: dict[str, Any] | None = None
    steps: list[StepView] = []
    approvals: list[ApprovalView] = []
    feedback: FeedbackView | None = None
    forked_from: str | None = None
    forked_at: int | None = None
    changes: dict[str, Any] | None = None
    priority: int = 0
    deadline_at: datetime | None = None


# ── Rows to views ──────────────────────────────────────────────────────────────────────────────


def moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def dollars(nano: int | None) -> float | None:
    return None if nano is None else nano / 1e9


def between(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else (end - start) / 1000


def step_view(values: Mapping[str, Any], *, whole: bool = True) -> StepView:
    """The columns of a row of `steps`; without input and output where the whole is not asked for."""
    return StepView(
        **{name: values[name] for name in ("seq", "place", "kind", "name", "label", "detail", "status")},
        **{name: values[name] for name in ("route", "model", "prompt_version", "how", "cached", "error")},
        input_tokens=values["input_tokens"],
        output_tokens=values["output_tokens"],
        cached_tokens=values["cached_tokens"],
        started_at=_known(values["started_at"]),
        finished_at=moment(values["finished_at"]),
        seconds=between(values["started_at"], values["finished_at"]),
        cost_usd=dollars(values["cost_nano"]),
        input=values["input"] if whole else None,
        output=values["output"] if whole else None,
        attempts=values["attempts"] or [],
        reasoning=values["reasoning"] if whole else "",
        reused=values["reused"],
        within=[_place(text) for text in values["within"] or []],
    )


def step_told(values: Mapping[str, Any]) -> dict[str, JsonValue]:
    """What `step_view(values, whole=False)` is as JSON, without input and output.

    Built by hand, since that is done for each step as it ends, and a model costs more than its commit.
    """
    return {
        **{name: values[name] for name in ("seq", "place", "kind", "name", "label", "detail", "status")},
        "started_at": _told(values["started_at"]),
        "finished_at": None if values["finished_at"] is None else _told(values["finished_at"]),
        "seconds": between(values["started_at"], values["finished_at"]),
        **{name: values[name] for name in ("route", "model", "prompt_version", "how", "cached")},
        "cost_usd": dollars(values["cost_nano"]),
        **{name: values[name] for name in ("input_tokens", "output_tokens", "cached_tokens", "error")},
        "attempts": values["attempts"] or [],
        "reasoning": "",
        "reused": values["reused"],
        "within": [_place(text).model_dump(mode="json") for text in values["within"] or []],
    }


def _told(milliseconds: int) -> str:
    return _known(milliseconds).isoformat().replace("+00:00", "Z")


def _place(text: str) -> PlaceView:
    kind, group, name = text.split(":", 2)
    return PlaceView.model_validate({"kind": kind, "group": int(group), "name": name})


def approval_view(row: sa.Row[Any], pipeline_title: str) -> ApprovalView:
    """A row of `approvals` joined with its run's pipeline."""
    values = row._asdict()
    return ApprovalView(
        **{name: values[name] for name in ("id", "run_id", "pipeline", "title", "value", "context", "status")},
        **{name: values[name] for name in ("decision", "comment", "decided_by")},
        schema=values["schema"],
        pipeline_title=pipeline_title,
        created_at=_known(values["created_at"]),
        expires_at=moment(values["expires_at"]),
        decided_at=moment(values["decided_at"]),
        deciders=values["deciders"] or [],
        default=values["fallback"],
        reminders=[_known(at) for at in values["reminders"] or []],
    )


def run_fields(row: sa.Row[Any], position: int | None) -> dict[str, Any]:
    """The fields of RunView from a row of `runs` with whether it `asks` a person."""
    values = row._asdict()
    return {
        **{name: values[name] for name in ("id", "pipeline", "title", "status", "user")},
        "created_at": _known(values["created_at"]),
        "started_at": moment(values["started_at"]),
        "finished_at": moment(values["finished_at"]),
        "seconds": between(values["started_at"], values["finished_at"]),
        "cost_usd": dollars(values["cost_nano"]),
        "position": position if values["status"] == "queued" else None,
        "waits_for": ("person" if values["asks"] else "time") if values["status"] == "waiting" else None,
    }


def _known(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
