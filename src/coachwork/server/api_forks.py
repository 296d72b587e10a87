"""A run again with something changed, and two runs beside each other. Knows HTTP; the rules are `pipelines`'."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import Field

from coachwork.messages import JsonValue
from coachwork.pipelines.compare import Comparison, compare
from coachwork.pipelines.fork import Changes
from coachwork.pipelines.views import RunDetail
from coachwork.server.api_runs import as_shown, own_key
from coachwork.server.limits import JsonRoute
from coachwork.server.served import RunsHere

router = APIRouter(prefix="/api/runs", route_class=JsonRoute, tags=["runs"])


class ForkRun(Changes):
    """Steps before `from_step` are taken over as they were recorded, at no cost. Without `input` it stays the same."""

    from_step: int = Field(default=1, ge=1)
    input: JsonValue = None


@router.post("/{run_id}/fork", status_code=202)
async def fork_run(
    run_id: str,
    body: ForkRun,
    runs: RunsHere,
    response: Response,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> RunDetail:
    """Run it again from a step, with another input, version or draft of a prompt, or model; the old one stays."""
    changed = {"input": body.input} if "input" in body.model_fields_set else {}
    changes = Changes(model=body.model, prompts=body.prompts)
    run = await runs.fork(run_id, body.from_step, changes, idempotency_key=own_key(idempotency_key), **changed)
    response.headers.update({"location": f"/api/runs/{run.id}", "x-run-id": run.id})
    return as_shown(run)


@router.get("/{a}/compare/{b}")
async def compare_runs(a: str, b: str, runs: RunsHere) -> Comparison:
    """Two runs step by step, with what differs in each step, and where they first differ."""
    return compare(as_shown(await runs.get(a)), as_shown(await runs.get(b)))
