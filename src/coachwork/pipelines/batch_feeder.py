"""Starts the runs of batches, a bounded number at a time. Knows when a row's turn comes; does not know what a run does.

One process feeds a batch at a time, by a lease in the database. All it does may be done twice: a row's run is found
again by its key, so a kill -9 at any instant loses no row and starts none twice.
"""

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from coachwork.errors import Conflict, InputError, NotFound
from coachwork.messages import ENDED
from coachwork.models.budget_batches import row_key
from coachwork.pipelines import batch_journal
from coachwork.pipelines.batches import Batches
from coachwork.pipelines.journal import now
from coachwork.pipelines.runs import Runs
from coachwork.store import tables
from coachwork.store.database import Database

log = structlog.get_logger(__name__)
_LEASE_MS = 5_000
_BUSY_SECONDS = 0.05
_IDLE_SECONDS = 1.0
_MANY = 1_000_000
_CAN_WORK = ("queued", "running")  # of the runs of open rows; one that waits for a person takes no place


class Feeder:
    """Feeds the batches of a project from this process, for as long as it is started."""

    def __init__(self, batches: Batches, runs: Runs, database: Database) -> None:
        self._runs = runs
        self._database = database
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._id = secrets.token_hex(8)
        batches.on_work = self._news.set

    def start(self) -> None:
        self._task = asyncio.create_task(self._feed(), name="coachwork-batches")

    async def stop(self) -> None:
        """Start no more rows. What was begun goes on where runs do; another process may feed at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._database.write(self._give_back)

    async def feed_only(self, batch_id: str) -> None:
        """Feed one batch until it has finished, or only people can bring it on, or it is paused.

        Somebody wants it here: it is taken over from a process that may be dead, and does no harm if it lives.
        """
        taken = partial(batch_journal.lease, batch_id=batch_id, by=self._id, milliseconds=_LEASE_MS, force=True)
        await self._database.write(taken)
        while True:
            busy = await self._turn(batch_id)
            row, live = await self._database.read(partial(_standing, batch_id=batch_id))
            at_work = sum(live.counts.get(status, 0) for status in _CAN_WORK)
            if row.finished_at is not None or (
                not busy and not at_work and (row.status != "running" or not row.queued)
            ):
                return
            await asyncio.sleep(0 if busy else _BUSY_SECONDS)

    async def _feed(self) -> None:
        while True:
            self._news.clear()
            busy = False
            try:
                for row in await self._database.read(batch_journal.unfinished):
                    busy = await self._turn(row.id) or busy
            except Exception as error:  # a batch must not end because the database was away for a moment
                log.error("batch.feeding_failed", exc_info=error)
            pause = _BUSY_SECONDS if busy else _IDLE_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _turn(self, batch_id: str) -> bool:
        """One look at a batch: what has ended is noted, what may begin is begun. True where something is at work."""
        row, live = await self._database.read(partial(_standing, batch_id=batch_id))
        if not await self._leased(row):
            return False
        settled = any(status in ENDED for status in live.counts)
        if settled:
            ended = await self._database.write(partial(batch_journal.settle, batch_id=batch_id))
            await self._look_at_money(row, ended)
            row, live = await self._database.read(partial(_standing, batch_id=batch_id))
        at_work = sum(live.counts.get(status, 0) for status in _CAN_WORK)
        if row.status == "cancelled":
            await self._stop_runs(batch_id)
        begun = 0
        if row.status == "running" and row.queued:
            begun = await self._begin(row, live, at_work)
        if row.finished_at is None and not row.queued and not live.counts:
            await self._database.write(partial(batch_journal.recount, batch_id=batch_id))
        return bool(begun or at_work or settled)

    async def _begin(self, row: Any, live: batch_journal.Live, at_work: int) -> int:
        """Start as many rows as there are places and money for; how many those were."""
        places = max(row.at_once - at_work, 0)
        if row.cap_nano is not None:
            ended = row.succeeded + row.failed + row.cancelled
            affordable = affords(row.cap_nano, row.spent_nano, sum(live.counts.values()), row.highest_nano, ended)
            if affordable == 0 and at_work == 0:
                await self._pause(row, live)
                return 0
            places = min(places, affordable)
        if not places:
            return 0
        rows = await self._database.read(partial(batch_journal.next_rows, batch_id=row.id, number=places))
        await asyncio.gather(*(self._start(row, waiting) for waiting in rows))
        if not rows:  # the counts are not as they should be
            await self._database.write(partial(batch_journal.recount, batch_id=row.id))
        return len(rows)

    async def _start(self, batch: Any, row: Any) -> None:
        key = row_key(batch.id, row.row, row.tries)
        try:
            run = await self._runs.start(batch.pipeline, row.input, user=batch.user, idempotency_key=key)
        except (InputError, NotFound, Conflict) as error:  # the pipeline is another one than when the row was checked
            refused = partial(batch_journal.row_refused, batch_id=batch.id, row=row.row, error=error.to_dict())
            await self._database.write(refused)
            return
        noted = await self._database.write(
            partial(batch_journal.row_begun, batch_id=batch.id, row=row.row, run_id=run.id)
        )
        if not noted:
            batch = await self._database.read(partial(batch_journal.batch, batch_id=batch.id))
            if batch.status == "cancelled":  # meanwhile
                await self._cancel(run.id)

    async def _pause(self, batch: Any, live: batch_journal.Live) -> None:
        spent = (batch.spent_nano + live.cost_nano) / 1e9
        reason = (
            f"the cap of ${batch.cap_nano / 1e9:g} is near: ${spent:.4g} are spent, "
            f"and a row has cost up to ${batch.highest_nano / 1e9:.4g}"
        )
        await self._database.write(lambda c: batch_journal.set_batch(c, batch.id, status="paused", reason=reason))
        log.warning("batch.cap_reached", batch=batch.id, spent_usd=spent)

    async def _look_at_money(self, batch: Any, ended: Sequence[int]) -> None:
        """Pause where a budget refused one of the rows that have just ended: the next ones would fail as well."""
        if batch.status != "running" or not batch.queued:
            return
        refused = await self._database.read(partial(batch_journal.out_of_money, batch_id=batch.id, rows=ended))
        told = [row for row in refused if row.scope != "run"]  # that one is of a row alone
        if not told:
            return
        reason = f"row {told[0].row} was refused for lack of money: {told[0].message}"
        await self._database.write(lambda c: batch_journal.set_batch(c, batch.id, status="paused", reason=reason))
        log.warning("batch.out_of_money", batch=batch.id, rows=len(told))

    async def _stop_runs(self, batch_id: str) -> None:
        for run_id in await self._database.read(partial(batch_journal.open_runs, batch_id=batch_id)):
            await self._cancel(run_id)
        await self._database.write(partial(batch_journal.settle, batch_id=batch_id))

    async def _cancel(self, run_id: str) -> None:
        try:
            await self._runs.cancel(run_id)
        except Conflict:
            return  # it has ended by itself

    async def _leased(self, batch: Any) -> bool:
        """Be the process that feeds it; False where another one is."""
        left = batch.fed_until - now()
        if batch.fed_by == self._id and left > _LEASE_MS / 2:
            return True
        if batch.fed_by != self._id and left > 0:
            return False
        taken = partial(batch_journal.lease, batch_id=batch.id, by=self._id, milliseconds=_LEASE_MS)
        return await self._database.write(taken)

    def _give_back(self, connection: sa.Connection) -> None:
        connection.execute(tables.batches.update().where(tables.batches.c.fed_by == self._id).values(fed_until=0))


def affords(cap: int, spent: int, open_rows: int, highest: int, ended: int) -> int:
    """How many rows may begin, in 1e-9 USD, if every open and new one costs as much as the dearest so far.

    While no row has ended nobody knows what one costs, and one at a time shows it.
    """
    if spent >= cap:
        return 0
    if highest == 0:
        return _MANY if ended else int(open_rows == 0)
    return max((cap - spent) // highest - open_rows, 0)


def _standing(connection: sa.Connection, batch_id: str) -> tuple[Any, batch_journal.Live]:
    return batch_journal.batch(connection, batch_id), batch_journal.live(connection, batch_id)
