"""The front door to batches: check a table, start it, look, pause, stop, try again. Knows what callers may ask.

A batch is rows in the database; `batch_feeder` starts their runs, a few at a time, in whichever process lives.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from coachwork.errors import Conflict, InputError, NotFound, did_you_mean
from coachwork.messages import JsonValue
from coachwork.pipelines import batch_journal
from coachwork.pipelines.batch_estimate import earlier_runs, estimate
from coachwork.pipelines.batch_file import Row, read_rows
from coachwork.pipelines.batch_views import BatchRows, BatchRowView, BatchView, Estimate, batch_view, row_view
from coachwork.pipelines.journal import now
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.runs import new_id
from coachwork.pipelines.typed_text import Attach, paths_of
from coachwork.pipelines.views import Page
from coachwork.store.database import Database
from coachwork.store.tables import batch_rows, batches

_MOST = 200  # items a page
_OWN_LIMITS = "Rows that stopped at limits of their own (`Limits`, `max_cost`) are tried again without `--budget`."
_SHOWN = 500  # characters of a text, where a row is shown
_MOST_AT_ONCE = 256


@dataclass(frozen=True)
class Table:
    """A file with rows. `attach` says which file `@name` in it means, None for an upload, which has none beside it."""

    name: str
    data: bytes
    attach: Attach | None = None


class Batches:
    """The batches of a project, as seen by the HTTP API, the CLI and tests.

    `at_once` rows of a batch work at the same time unless it says otherwise; `run_budget_nano` is what one run
    may cost by the settings, None where nothing says.
    """

    def __init__(
        self,
        pipelines: Mapping[str, Pipeline[..., Any]],
        database: Database,
        *,
        at_once: int,
        run_budget_nano: int | None = None,
    ) -> None:
        self._pipelines = pipelines
        self._database = database
        self._at_once = at_once
        self._run_budget = run_budget_nano
        self.on_work: Callable[[], None] = lambda: None  # who feeds is told that there is something

    def head(self, pipeline: str) -> list[str]:
        """The names of the columns that a table for this pipeline may have. Raises NotFound."""
        return paths_of(self._pipeline(pipeline).input_schema)

    async def check(self, pipeline: str, table: Table) -> Estimate:
        """What the table would give and cost, without starting or keeping anything. Raises as `start`."""
        found = self._pipeline(pipeline)
        rows = await asyncio.to_thread(_checked, table, found)
        known = await self._database.read(lambda c: earlier_runs(c, pipeline))
        return estimate(rows, known, self._at_once, self._run_budget)

    async def start(
        self,
        pipeline: str,
        table: Table,
        *,
        cap_usd: float | None = None,
        at_once: int | None = None,
        user: str = "",
        idempotency_key: str | None = None,
    ) -> BatchView:
        """Keep every row and begin. The same `idempotency_key` gives the same batch again.

        The batch never costs more than `cap_usd`: what a call may cost at most is held before it is sent. No new row is
        started where the dearest so far would not fit.
        Raises NotFound for an unknown pipeline, InputError for a file that can't be read or has no valid row,
        Conflict for a key that was used with another file.
        """
        found = self._pipeline(pipeline)
        rows = await asyncio.to_thread(_checked, table, found)
        refused = sum(row.problem is not None for row in rows)
        if refused == len(rows):
            first = rows[0].problem
            raise InputError(
                f"no row of {table.name!r} can be taken; the first: {first.message if first else ''}",
                hint=first.hint if first else "",
                details=first.details if first else {},
            )
        values = {
            "id": new_id("batch"),
            "pipeline": pipeline,
            "name": table.name,
            "sha256": hashlib.sha256(table.data).hexdigest(),
            "user": user,
            "idempotency_key": idempotency_key,
            "status": "running",
            "at_once": _few(at_once) if at_once is not None else self._at_once,
            "cap_nano": _nano(cap_usd),
            "rows": len(rows),
            "queued": len(rows) - refused,
            "refused": refused,
            "created_at": now(),
        }
        kept = [_kept(row, found) for row in rows]
        row = await self._database.write(lambda c: batch_journal.opened(c, values, kept))
        if (row.pipeline, row.sha256) != (pipeline, values["sha256"]):
            raise Conflict(
                f"the key {idempotency_key!r} was already used for batch {row.id} with another file",
                hint="Use a new Idempotency-Key for a new batch.",
                reader="This was already sent with other content.",
            )
        self.on_work()
        return await self.get(row.id)

    async def get(self, batch_id: str) -> BatchView:
        """How a batch stands; the cost of asking does not grow with it. Raises NotFound."""
        row, live = await self._database.read(
            lambda c: (batch_journal.batch(c, batch_id), batch_journal.live(c, batch_id))
        )
        return batch_view(row, self._title(row.pipeline), *live)

    async def list(self, *, pipeline: str = "", status: str = "", limit: int = 50, cursor: str = "") -> Page[BatchView]:
        """Batches, the newest first; `cursor` is the id of the last one of the page before."""
        query = sa.select(batches).order_by(batches.c.id.desc()).limit(_page(limit) + 1)
        query = query.where(batches.c.pipeline == pipeline) if pipeline else query
        query = query.where(batches.c.status.in_(status.split(","))) if status else query
        query = query.where(batches.c.id < cursor) if cursor else query

        def read(connection: sa.Connection) -> Sequence[BatchView]:
            rows = connection.execute(query).all()
            return [batch_view(row, self._title(row.pipeline), *batch_journal.live(connection, row.id)) for row in rows]

        found = await self._database.read(read)
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=found[limit - 1].id if more else None)

    async def rows(self, batch_id: str, *, after: int = 0, limit: int = 50, status: str = "") -> BatchRows:
        """Rows in the order of the file, those with a number above `after`. Raises NotFound."""
        query = batch_journal.rows_query(batch_id, status).where(batch_rows.c.row > after).limit(_page(limit) + 1)

        def read(connection: sa.Connection) -> list[BatchRowView]:
            batch_journal.batch(connection, batch_id)
            return [row_view(row) for row in connection.execute(query)]

        found = await self._database.read(read)
        return BatchRows(items=found[:limit], next_after=found[limit - 1].row if len(found) > limit else None)

    async def results(self, batch_id: str) -> AsyncIterator[Sequence[sa.Row[Any]]]:
        """Every row with its input and what came of it, a few hundred at a time. Raises NotFound."""
        await self.get(batch_id)
        after = 0
        while True:
            query = batch_journal.rows_query(batch_id).where(batch_rows.c.row > after).limit(500)
            found = await self._database.read(lambda c, query=query: c.execute(query).all())  # type: ignore[misc]
            if not found:
                return
            yield found
            after = found[-1].row

    async def pause(self, batch_id: str) -> BatchView:
        """Start no more rows until `resume`; those at work are finished. Raises NotFound, Conflict."""
        await self._change(batch_id, "running", {"status": "paused", "reason": "by a person"}, "can't be paused")
        return await self.get(batch_id)

    async def resume(self, batch_id: str, cap_usd: float | None = None) -> BatchView:
        """Go on with a paused batch, under another cap where one is given. Raises NotFound, Conflict.

        Under another cap the rows that the old one refused are tried again.
        """
        values: dict[str, Any] = {"status": "running", "reason": ""}
        if cap_usd is not None:
            values["cap_nano"] = _nano(cap_usd)
        await self._change(batch_id, "paused", values, "does not wait to be resumed")
        if cap_usd is not None:
            await self._database.write(lambda c: batch_journal.requeue(c, batch_id, _refused_by_cap(c, batch_id)))
        self.on_work()
        return await self.get(batch_id)

    async def cancel(self, batch_id: str) -> BatchView:
        """Stop for good: rows in line are cancelled now, those at work as soon as they are reached.

        Raises NotFound, Conflict where it has ended.
        """

        def work(connection: sa.Connection) -> bool:
            row = batch_journal.batch(connection, batch_id)
            if row.status not in ("running", "paused"):
                return False
            batch_journal.cancel(connection, batch_id)
            return True

        if not await self._database.write(work):
            raise await self._conflict(batch_id, "can't be stopped")
        self.on_work()
        return await self.get(batch_id)

    async def retry(
        self,
        batch_id: str,
        rows: Sequence[int] | None = None,
        *,
        budget_only: bool = False,
        cap_usd: float | None = None,
    ) -> BatchView:
        """Run rows that failed or were cancelled again, all of them or `rows`; the others are left as they are.

        With `budget_only` those alone that a budget had refused, or whose agent it stopped: it was raised since, or has
        begun anew. Rows that stopped at limits of their own (`Limits`, `max_cost`) are not among them. `cap_usd` is
        what the batch may cost from now on, in all.

        Raises NotFound, Conflict where there are none.
        """

        def work(connection: sa.Connection) -> int:
            batch_journal.batch(connection, batch_id)
            batch_journal.settle(connection, batch_id)
            wanted = rows
            if budget_only:
                wanted = [row.row for row in batch_journal.out_of_money(connection, batch_id, rows)]
            again = batch_journal.requeue(connection, batch_id, wanted)
            if again and cap is not None:
                batch_journal.set_batch(connection, batch_id, cap_nano=cap)
            return again

        cap = _nano(cap_usd)
        if not await self._database.write(work):
            kind = "row that a budget refused" if budget_only else "failed or cancelled row"
            raise Conflict(
                f"batch {batch_id} has no {kind}" + ("" if rows is None else f" among {list(rows)}"),
                hint=_OWN_LIMITS if budget_only else "",
                reader="There is nothing to try again.",
            )
        self.on_work()
        return await self.get(batch_id)

    async def _change(self, batch_id: str, status: str, values: dict[str, Any], else_says: str) -> None:
        def work(connection: sa.Connection) -> bool:
            if batch_journal.batch(connection, batch_id).status != status:
                return False
            batch_journal.set_batch(connection, batch_id, **values)
            return True

        if not await self._database.write(work):
            raise await self._conflict(batch_id, else_says)

    async def _conflict(self, batch_id: str, says: str) -> Conflict:
        found = await self.get(batch_id)
        return Conflict(
            f"batch {batch_id} is {found.status}, so it {says}", reader=f"This batch is {found.status} already."
        )

    def _pipeline(self, name: str) -> Pipeline[..., Any]:
        found = self._pipelines.get(name)
        if found is None:
            raise NotFound(f"there is no pipeline {name!r}", hint=did_you_mean(name, list(self._pipelines)))
        return found

    def _title(self, pipeline: str) -> str:
        known = self._pipelines.get(pipeline)
        return known.title if known else pipeline


def _refused_by_cap(connection: sa.Connection, batch_id: str) -> list[int]:
    rows = batch_journal.out_of_money(connection, batch_id)
    return [row.row for row in rows if row.scope == "batch"]


def _checked(table: Table, pipeline: Pipeline[..., Any]) -> list[Row]:
    """The rows of a table, each with an input that its run will take, or with why it is bad."""
    return [
        _fitting(row, pipeline) for row in read_rows(table.name, table.data, pipeline.input_schema, attach=table.attach)
    ]


def _fitting(row: Row, pipeline: Pipeline[..., Any]) -> Row:
    if row.problem is not None:
        return row
    try:
        value = pipeline.normalised(row.input)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except InputError as problem:
        return Row(row.number, row.given, problem=problem)
    except ValueError as error:
        return Row(row.number, row.given, problem=InputError(f"this can't be written as JSON: {error}"))
    return Row(row.number, row.given, value)


def _kept(row: Row, pipeline: Pipeline[..., Any]) -> dict[str, Any]:
    """A row of `batch_rows`."""
    return {
        "row": row.number,
        "status": "queued" if row.problem is None else "refused",
        "title": "" if row.problem else pipeline.line_about(row.input),
        "given": _short(row.given),
        "input": row.input,
        "error": row.problem and row.problem.to_dict(),
    }


def _short(value: JsonValue) -> JsonValue:
    """A value with its long texts cut, and what JSON can't carry written as text."""
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode()
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, list):
        return [_short(item) for item in value[:_SHOWN]]
    if isinstance(value, dict):
        return {_short(str(key)): _short(item) for key, item in value.items()}
    return value


def _nano(usd: float | None) -> int | None:
    if usd is None:
        return None
    if not 0 < usd < 1e9:
        raise InputError(f"a cap of {usd!r} USD is no amount", hint="Give US dollars above 0, or no cap.")
    return round(usd * 1e9)


def _few(at_once: int) -> int:
    if not 1 <= at_once <= _MOST_AT_ONCE:
        raise InputError(f"at_once={at_once} is not between 1 and {_MOST_AT_ONCE}")
    return at_once


def _page(limit: int) -> int:
    if not 1 <= limit <= _MOST:
        raise InputError(f"limit={limit} is not between 1 and {_MOST}")
    return limit
