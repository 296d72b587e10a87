"""A pipeline that calls another: a run below a run. Knows both rows; the work is `performing`'s.

The called run is worked on by the worker that holds the run at the top, under its claim, and its id
follows from the place of the call: a replay finds it again, with the steps it has made.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from coachwork.errors import CoachworkError, from_dict
from coachwork.messages import JsonValue, StepRecord
from coachwork.pipelines import claims, events, journal
from coachwork.pipelines.claims import NEVER, now
from coachwork.pipelines.journal import Kept
from coachwork.pipelines.performing import perform
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Position, RunScope
from coachwork.store.tables import runs
from coachwork.tracing.scope import current_scope

R = TypeVar("R")


async def call_pipeline(pipeline: Pipeline[..., R], args: Sequence[Any], kwargs: dict[str, Any]) -> R:
    """The function's result, from a run of its own where the caller is a run."""
    scope = current_scope()
    if not isinstance(scope, RunScope):
        return await pipeline.function(*args, **kwargs)
    position = scope.position("pipeline", pipeline.name)
    kept = position.kept
    if kept is not None and kept.ended:
        if kept.error is not None:
            raise from_dict(kept.error)
        return pipeline.load(kept.output)
    return cast(R, await _Call(scope, pipeline, position, pipeline.given(args, kwargs)).result())


class _Call:
    """One call on its way to its result."""

    def __init__(self, caller: RunScope, pipeline: Pipeline[..., Any], position: Position, given: JsonValue) -> None:
        self._caller = caller
        self._pipeline = pipeline
        self._position = position
        self._given = given
        self._id = f"{caller.run_id}.{position.place.path}"
        self._record = StepRecord(
            kind="pipeline", name=pipeline.name, label=pipeline.title, input=given, detail=self._id
        )

    async def result(self) -> Any:
        row, recorded, notes = await self._caller.write(self._open)
        scope = RunScope(
            row,
            title=self._pipeline.title,
            services=self._caller.services,
            hold=self._caller.hold,
            recorded=recorded,
            notes_shown=notes,
            deadline=self._caller.deadline,
        )
        output, error = await perform(self._pipeline, row, scope)
        await self._caller.write(lambda connection: self._close(connection, output, error))
        if error is not None:
            raise from_dict(error.to_dict())
        return self._pipeline.load(output)

    def _open(self, connection: sa.Connection) -> tuple[Any, dict[str, Kept], int]:
        place, at, caller = self._position.place, self._position.began_at, self._caller
        if self._position.kept is None:
            journal.step_began(connection, place, self._record, at, again=False)
            values = {
                "id": self._id,
                "pipeline": self._pipeline.name,
                "title": self._pipeline.line_about(self._given) or self._pipeline.title,
                "status": "running",
                "input": self._given,
                "user": caller.user,
                "created_at": now(),
                "started_at": now(),
                "due_at": NEVER,
                "parent": caller.run_id,
                "root": caller.root,
            }
            connection.execute(runs.insert().values(**values))
            shown = {"type": "data-run", "data": {"status": "running"}}
            events.append(connection, self._id, {"type": "start", "messageId": self._id}, shown)
        claims.take_called(connection, self._id, place.claim)
        row = connection.execute(runs.select().where(runs.c.id == self._id)).one()
        return row, journal.recorded(connection, self._id), events.count(connection, self._id, "data-note")

    def _close(self, connection: sa.Connection, output: JsonValue, error: CoachworkError | None) -> None:
        place, at = self._position.place, self._position.began_at
        spent = connection.execute(sa.select(runs.c.cost_nano).where(runs.c.id == self._id)).scalar_one()
        self._record.cost_nano = spent
        told = None if error is None else error.to_dict()
        if error is None:
            journal.succeed(connection, self._id, output, claim=place.claim)
        else:
            journal.fail(connection, self._id, error, claim=place.claim)
        journal.step_ended(connection, place, self._record, at, output=output, error=told, known=True)
