"""Whether a commit came through whose answer was lost: a mark in every transaction of a writer on PostgreSQL.

Knows one row a writer; does not know what else is written. SQLite answers in this process, so nothing can be lost.
"""

import secrets
import time

import sqlalchemy as sa

from coachwork.store.behind import Prepared, changes
from coachwork.store.tables import commits

_KEPT_MS = 7 * 86_400_000  # a writer commits every few seconds: one that is so long silent is gone
_MARK = Prepared(
    commits.update()
    .where(commits.c.writer == sa.bindparam("of_writer"), commits.c.number < sa.bindparam("to"))
    .values(number=sa.bindparam("to"), at=sa.bindparam("now"))
)


class Marks:
    """The marks of one writer: each transaction has a higher number than the one before."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._needed = engine.dialect.name == "postgresql"
        self._writer = secrets.token_hex(8)
        self._known = False
        self._number = 0

    def next(self) -> int:
        """The number of a new transaction; it keeps it over all its tries."""
        self._number += 1
        return self._number

    def set(self, connection: sa.Connection, number: int) -> bool:
        """Mark the transaction; False where one of this number was committed before.

        Where that is still about to end in the server, this waits for its end: both change the same row. Among
        statements that wait it is taken for granted that there was none: the transaction does not come through else.
        """
        if not self._needed:
            return True
        if not self._known:
            self._enter()
        self._known = changes(connection, _MARK, {"of_writer": self._writer, "to": number, "now": _now()})
        return self._known  # one that was away for a week has no row any more

    def _enter(self) -> None:
        """Make the row, in a transaction of its own, and forget those of writers that are gone."""
        from sqlalchemy.dialects.postgresql import insert

        new = insert(commits).values(writer=self._writer, number=0, at=_now())
        with self._engine.begin() as connection:
            connection.execute(commits.delete().where(commits.c.at < _now() - _KEPT_MS))
            connection.execute(new.on_conflict_do_nothing())
        self._known = True


def _now() -> int:
    return time.time_ns() // 1_000_000
