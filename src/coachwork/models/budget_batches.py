"""What the batch of a run may cost: found by the run's key, and asked again each second, for a cap may be changed.

Knows the rows of runs and batches; does not know what has been spent. Holding the cap is the business of `budgets`.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sa

from coachwork.models.budget_windows import Allowance, Window
from coachwork.store.database import Database
from coachwork.store.tables import batches, runs

_KEY = "batch"
_ASKED_AGAIN_SECONDS = 1.0
_REMEMBERED = 10_000  # runs
_WARN_AT = 0.8


def row_key(batch_id: str, row: int, tries: int) -> str:
    """The idempotency key of a row's run: the same row's next try has another."""
    return f"{_KEY}:{batch_id}:{row}" + (f":{tries}" if tries else "")


class Cap(NamedTuple):
    """A batch and what it may cost in 1e-9 USD, None for no bound of its own."""

    batch: str
    nano: int | None


class Caps:
    """The caps of the batches whose runs work here."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batch_of: dict[str, str] = {}  # by run; "" for one that is of no batch
        self._caps: dict[str, tuple[float, int | None]] = {}  # by batch, with the time it was asked

    async def of(self, run_id: str) -> Cap | None:
        """None for a run that is of no batch."""
        known = self._known(run_id)
        return await self._database.read(lambda c: self._look(c, run_id)) if known is None else known or None

    def of_now(self, run_id: str) -> Cap | None:
        """The same for code that can't wait."""
        known = self._known(run_id)
        return self._database.read_now(lambda c: self._look(c, run_id)) if known is None else known or None

    def _known(self, run_id: str) -> "Cap | tuple[()] | None":
        """() for a run that is known to be of no batch, None where the database has to be asked."""
        batch = self._batch_of.get(run_id)
        if not batch:
            return None if batch is None else ()
        asked, nano = self._caps.get(batch, (0.0, None))
        return Cap(batch, nano) if time.monotonic() - asked < _ASKED_AGAIN_SECONDS else None

    def _look(self, connection: sa.Connection, run_id: str) -> Cap | None:
        """In a reader's thread."""
        batch = self._batch_of.get(run_id)
        if batch is None:
            key = connection.execute(sa.select(runs.c.idempotency_key).where(runs.c.id == run_id)).scalar_one_or_none()
            batch = _batch_of(key or "")
        asked = time.monotonic()
        row = connection.execute(sa.select(batches.c.cap_nano).where(batches.c.id == batch)).one_or_none()
        if len(self._batch_of) > _REMEMBERED:
            self._batch_of.clear()
            self._caps.clear()
        self._batch_of[run_id] = batch if row is not None else ""
        if row is None:
            return None
        self._caps[batch] = asked, row.cap_nano
        return Cap(batch, row.cap_nano)


def _batch_of(key: str) -> str:
    kind, _, rest = key.partition(":")
    return rest.partition(":")[0] if kind == _KEY else ""


def capped(allowances: Sequence[Allowance], cap: Cap) -> list[Allowance]:
    """The allowances with the batch's own cap among them; where the settings bound each batch too, the lower one."""
    if cap.nano is None:
        return list(allowances)
    window = Window("batch", cap.batch, "total", 0)
    mine = Allowance(window, cap.nano, round(cap.nano * _WARN_AT), None)
    of_each = next((one for one in allowances if one.window == window), None)
    if of_each is None:
        return sorted([*allowances, mine], key=lambda one: one.window)
    lower = replace(of_each, limit=min(of_each.limit, cap.nano), warn_at=min(of_each.warn_at, mine.warn_at))
    return [lower if one is of_each else one for one in allowances]


def caps_at_work(connection: sa.Connection, most: int) -> list[Cap]:
    """The capped batches that have not ended, the newest first."""
    query = sa.select(batches.c.id, batches.c.cap_nano).where(batches.c.finished_at.is_(None))
    query = query.where(batches.c.cap_nano.is_not(None)).order_by(batches.c.id.desc()).limit(most)
    return [Cap(row.id, row.cap_nano) for row in connection.execute(query)]
