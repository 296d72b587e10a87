"""Starting, reading, following, stopping and rating runs. Knows HTTP; the rules are those of `pipelines`."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from coachwork.errors import InputError
from coachwork.messages import ENDED, Frozen, JsonValue
from coachwork.pipelines.runs import RunFilter, Runs
from coachwork.pipelines.views import FeedbackView, Page, RunDetail, RunView
from coachwork.server.events import EventStream, events_of
from coachwork.server.limits import JsonRoute
from coachwork.server.problems import shown
from coachwork.server.served import RunsHere, ServedHere

router = APIRouter(prefix="/api", route_class=JsonRoute, tags=["runs"])
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "The run's events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
_KEPT = ("batch:", "schedule:", "a2a:")
_LARGEST_SEQ = 2**31 - 1


class StartRun(Frozen):
    """What starts a run: the pipeline's input, and how it stands in line."""

    input: JsonValue
    priority: int | None = Field(default=None, ge=-1000, le=1000)
    deadline: str | None = Field(default=None, max_length=20)


class Feedback(Frozen):
    """A person's verdict on a run."""

    helpful: bool
    reasons: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=20)
    comment: str = Field(default="", max_length=10_000)


@router.post("/pipelines/{name}/runs", status_code=202, include_in_schema=False)  # one path a pipeline: openapi.py
async def start_run(
    name: str,
    body: StartRun,
    runs: RunsHere,
    here: ServedHere,
    response: Response,
    wait: Annotated[float, Query(ge=0, le=60)] = 0,
    accept: Annotated[str, Header()] = "",
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Any:
    """Start a run: return at once (202), wait up to `wait` seconds (200 if it has ended), or stream its events."""
    run = await runs.start(
        name, body.input, idempotency_key=own_key(idempotency_key), priority=body.priority, deadline=body.deadline
    )
    headers = {"location": f"/api/runs/{run.id}", "x-run-id": run.id}
    if "text/event-stream" in accept.lower():
        return EventStream(events_of(runs, run, 0), stopping=here.stopping, headers=headers)
    if wait:
        run = await _waited(runs, run, wait, here.stopping)
    response.headers.update(headers)
    response.status_code = 200 if run.status in ENDED else 202
    return as_shown(run)


def own_key(key: str | None) -> str | None:
    """The caller's key. Raises InputError for one that would be taken for that of a batch, a schedule or a message."""
    if key is not None and key.startswith(_KEPT):
        raise InputError(f"the Idempotency-Key {key!r} begins with {key.partition(':')[0]!r}, which is Coachwork's own")
    return key


@router.get("/runs")
async def list_runs(
    runs: RunsHere,
    pipeline: Annotated[str, Query(description="Only runs of this pipeline.")] = "",
    status: Annotated[str, Query(description="Only these, separated by commas: queued, running, waiting …")] = "",
    q: Annotated[str, Query(max_length=200, description="Looked for in the line about the input and in the id.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, Query(max_length=200, description="`next_cursor` of the page before.")] = "",
) -> Page[RunView]:
    """Runs, the newest first, a page at a time, with the number of each status over all pages."""
    return await runs.list(RunFilter(pipeline=pipeline, status=status, q=q, limit=limit, cursor=cursor))


@router.get("/runs/{run_id}")
async def get_run(run_id: str, runs: RunsHere) -> RunDetail:
    """A run with its input, output, steps, approvals and feedback."""
    return as_shown(await runs.get(run_id))


@router.get("/runs/{run_id}/events", response_class=Response, responses=STREAM)
async def follow_run(
    run_id: str,
    runs: RunsHere,
    here: ServedHere,
    after: Annotated[int, Query(ge=0, le=_LARGEST_SEQ, description="Only events above this number.")] = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=_LARGEST_SEQ)] = None,
) -> EventStream:
    """The run's events as an AI SDK UI message stream (v1); `Last-Event-ID` or `after` goes on where one stopped."""
    run = await runs.get(run_id)
    position = after if last_event_id is None else last_event_id
    return EventStream(events_of(runs, run, position), stopping=here.stopping)


@router.post("/runs/{run_id}/cancel")
async def cancel_run(run_id: str, runs: RunsHere) -> RunDetail:
    """Stop a run for good. 409 if it has already ended."""
    return as_shown(await runs.cancel(run_id))


@router.post("/runs/{run_id}/feedback")
async def rate_run(run_id: str, body: Feedback, runs: RunsHere) -> FeedbackView:
    """Say whether the result helped; a later verdict replaces the earlier one."""
    return await runs.feedback(run_id, body.helpful, body.reasons, body.comment, "")


def as_shown(run: RunDetail) -> RunDetail:
    """A run with its errors, and those of its steps, as problems."""
    steps = [step.model_copy(update={"error": shown(step.error)}) if step.error else step for step in run.steps]
    return run.model_copy(update={"error": shown(run.error), "steps": steps})


async def _waited(runs: Runs, run: RunDetail, seconds: float, stopping: asyncio.Event) -> RunDetail:
    """The run when it has ended, waits for a person or `seconds` are over; as it stands when the server stops."""
    ended, stop = asyncio.create_task(runs.wait(run.id, seconds)), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
        return ended.result() if ended.done() else await runs.get(run.id)
    finally:
        ended.cancel()
        stop.cancel()
