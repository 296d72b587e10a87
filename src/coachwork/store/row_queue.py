"""Rows that nobody waits for: what gathers until the writer comes is one statement. Knows a table, not its meaning."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeAlias

import sqlalchemy as sa
import structlog

from coachwork.store.behind import Prepared, all_later
from coachwork.store.database import Database

log = structlog.get_logger(__name__)
_KEPT_WHILE_BROKEN = 10_000
Beside: TypeAlias = Callable[[sa.Connection], None]


class RowQueue:
    """Adds rows to one table within 50 ms. What can't be written is kept, and tried again with the next row."""

    def __init__(self, database: Database, table: sa.Table) -> None:
        self._database = database
        self._insert = Prepared(table.insert())
        self._table = table.name
        self._rows: deque[tuple[dict[str, Any], Beside | None]] = deque()
        self._queued = False

    def add(self, row: dict[str, Any], beside: Beside | None = None) -> None:
        """Add a row, and what is to be written in the same transaction."""
        self._rows.append((row, beside))
        if not self._queued:
            self._queued = True
            part: list[tuple[dict[str, Any], Beside | None]] = []
            self._database.write_later(partial(self._write, part)).add_done_callback(partial(self._written, part))

    def _write(self, part: list[tuple[dict[str, Any], Beside | None]], connection: sa.Connection) -> None:
        """In the writer's thread. `part` keeps the rows until they are committed: a lost transaction is made again."""
        self._queued = False
        while self._rows:
            part.append(self._rows.popleft())
        if part:
            all_later(connection, self._insert, [row for row, _beside in part])
        for _row, beside in part:
            if beside is not None:
                beside(connection)

    def _written(self, part: list[tuple[dict[str, Any], Beside | None]], future: "Future[None]") -> None:
        failure = future.exception()
        if failure is not None:
            self._rows.extendleft(reversed(part[:_KEPT_WHILE_BROKEN]))
            error = type(failure).__name__
            log.error("database.rows_not_written", table=self._table, rows=len(self._rows), error=error)
