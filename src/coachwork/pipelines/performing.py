"""A pipeline's function at work for one run, to its output or its error. Knows what may come out; keeps nothing."""

from typing import Any

import structlog
from pydantic import ValidationError

from coachwork.errors import CoachworkError, ReplayMismatch, RunFailed
from coachwork.messages import JsonValue
from coachwork.pipelines.pipeline import Pipeline, input_error
from coachwork.pipelines.run_scope import RunScope, failed
from coachwork.tracing import spans
from coachwork.tracing.scope import entered

log = structlog.get_logger(__name__)
Outcome = tuple[JsonValue, CoachworkError | None]


async def perform(pipeline: Pipeline[..., Any], row: Any, scope: RunScope) -> Outcome:
    """Run the function on the run's input within its scope, and give (output, None) or (None, error)."""
    with entered(scope), spans.run(row.id, row.pipeline), structlog.contextvars.bound_contextvars(run_id=row.id):
        try:
            output = pipeline.dump(await pipeline.function(**pipeline.parse(row.input)))
        except CoachworkError as error:
            return None, scope.mismatch or error
        except ValidationError as error:
            shape = input_error("what the pipeline returned, or a value it made, does not fit its type", error)
            return None, RunFailed(shape.message, hint="Correct the pipeline.", details=shape.details)
        except Exception as error:  # the application's own code: the run ends as failed, with the log telling where
            log.error("run.failed", pipeline=row.pipeline, exc_info=error)
            return None, scope.mismatch or failed(error)
    mismatch = scope.mismatch or _left_out(scope)
    return (None, mismatch) if mismatch is not None else (output, None)


def _left_out(scope: RunScope) -> ReplayMismatch | None:
    left = scope.unvisited()
    if not left:
        return None
    step = min(left, key=lambda kept: kept.seq)
    return ReplayMismatch(
        f"run {scope.run_id} was recorded with {step.kind} {step.name!r} as its step {step.seq}, "
        "and the code now ends without making it",
        hint="Put the code back, or start a new run with the same input.",
        details={"path": str(step.seq), "recorded": f"{step.kind} {step.name}", "found": ""},
    )
