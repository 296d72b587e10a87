"""Answers that may be given again: in the memory of a process, or in a table that several processes share.

Knows rows and their time; what an equal question is, is in `question.py`, and when to ask is in `cache.py`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from coachwork.models.question import Question
from coachwork.models.written import Answer
from coachwork.store.database import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = structlog.get_logger(__name__)

CLAIM_SECONDS = 10.0  # a process that dies while it asks holds others up for so long at most
_MOST_KEPT = 1_000  # in memory
_MOST_COMPARED = 2_000  # of one family, the newest


class Answers(Protocol):
    """Where answers are kept. Vectors are float32 bytes of length 1, similarity their product."""

    async def find(self, asked: Question) -> Answer | None: ...

    async def similar(self, asked: Question, vector: bytes, at_least: float) -> Answer | None:
        """The answer to the question of the same family that is most like this one."""

    async def claim(self, asked: Question, holder: str) -> "Answer | bool":
        """True: ask now, all others wait. False: somebody else is asking. Or the answer, if it just came."""

    async def keep(self, asked: Question, answer: Answer, seconds: float, vector: bytes | None) -> None:
        """Keep an answer for so long; ends the claim."""

    def release(self, asked: Question, holder: str) -> None:
        """There is no answer: the next may ask."""


class InMemory:
    """The newest answers of this process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Answer, str, bytes | None]] = OrderedDict()

    async def find(self, asked: Question) -> Answer | None:
        kept = self._kept.get(asked.id)
        if kept is None or kept[0] < time.monotonic():
            return None
        self._kept.move_to_end(asked.id)
        return kept[1]

    async def similar(self, asked: Question, vector: bytes, at_least: float) -> Answer | None:
        now = time.monotonic()
        alive = [kept for kept in self._kept.values() if kept[2] == asked.family and kept[0] >= now and kept[3]]
        best = nearest(vector, [kept[3] or b"" for kept in alive], at_least)
        return None if best is None else alive[best][1]

    async def claim(self, asked: Question, holder: str) -> Answer | bool:
        return True  # one process: its own flights are enough

    async def keep(self, asked: Question, answer: Answer, seconds: float, vector: bytes | None) -> None:
        self._kept[asked.id] = (time.monotonic() + seconds, answer, asked.family, vector)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def release(self, asked: Question, holder: str) -> None:
        """Nothing was claimed."""


class InDatabase:
    """The answers of all processes that share a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, asked: Question) -> Answer | None:
        return await self._database.read(lambda connection: _found(connection, asked.id))

    async def similar(self, asked: Question, vector: bytes, at_least: float) -> Answer | None:
        return await self._database.read(lambda connection: _similar(connection, asked, vector, at_least))

    async def claim(self, asked: Question, holder: str) -> Answer | bool:
        return await self._database.write(lambda connection: _claim(connection, asked, holder))

    async def keep(self, asked: Question, answer: Answer, seconds: float, vector: bytes | None) -> None:
        await self._database.write(lambda connection: _keep(connection, asked, answer, seconds, vector))

    def release(self, asked: Question, holder: str) -> None:
        self._database.write_soon(lambda connection: _release(connection, asked, holder)).add_done_callback(_noted)


def nearest(vector: bytes, others: list[bytes], at_least: float) -> int | None:
    """The index of the most similar vector, None where none is similar enough, or made by the same model."""
    import numpy as np

    same = [index for index, other in enumerate(others) if len(other) == len(vector)]
    if not same:
        return None
    rows = np.frombuffer(b"".join(others[index] for index in same), dtype=np.float32).reshape(len(same), -1)
    products = rows @ np.frombuffer(vector, dtype=np.float32)
    best = int(products.argmax())
    return same[best] if products[best] >= at_least else None


# ── Statements ─────────────────────────────────────────────────────────────────────────────────


def _found(connection: "Connection", id: str) -> Answer | None:
    import sqlalchemy as sa

    from coachwork.store.tables import answers

    query = sa.select(answers.c.answer).where(answers.c.id == id, answers.c.claimed_by == "", answers.c.until > _now())
    value: Any = connection.execute(query).scalar_one_or_none()
    return None if value is None else Answer.from_json(value)


def _similar(connection: "Connection", asked: Question, vector: bytes, at_least: float) -> Answer | None:
    import sqlalchemy as sa

    from coachwork.store.tables import answers

    query = (
        sa.select(answers.c.id, answers.c.vector)
        .where(answers.c.family == asked.family, answers.c.until > _now(), answers.c.vector.is_not(None))
        .order_by(answers.c.at.desc())
        .limit(_MOST_COMPARED)
    )
    rows = connection.execute(query).all()
    best = nearest(vector, [row.vector for row in rows], at_least)
    return None if best is None else _found(connection, rows[best].id)


def _claim(connection: "Connection", asked: Question, holder: str) -> Answer | bool:
    """Take the question, if nobody has it or who had it did not end in time; again to hold on to it."""
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql, sqlite

    from coachwork.store.tables import answers

    insert: Callable[..., Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name]
    now = _now()
    claim = {
        "claimed_by": holder,
        "answer": None,
        "vector": None,
        "at": now,
        "until": now + round(CLAIM_SECONDS * 1000),
    }
    statement = insert(answers).values(id=asked.id, family=asked.family, **claim)
    free = sa.or_(answers.c.until <= now, answers.c.claimed_by == holder)
    taken = connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_=claim, where=free).returning(answers.c.id)
    ).one_or_none()
    return True if taken is not None else _found(connection, asked.id) or False


def _keep(connection: "Connection", asked: Question, answer: Answer, seconds: float, vector: bytes | None) -> None:
    import sqlalchemy as sa

    from coachwork.store.tables import answers

    now = _now()
    connection.execute(sa.delete(answers).where(sa.or_(answers.c.id == asked.id, answers.c.until <= now)))
    row = {"id": asked.id, "family": asked.family, "answer": answer.to_json(), "vector": vector, "at": now}
    connection.execute(sa.insert(answers).values(**row, until=now + round(seconds * 1000)))


def _release(connection: "Connection", asked: Question, holder: str) -> None:
    import sqlalchemy as sa

    from coachwork.store.tables import answers

    connection.execute(sa.delete(answers).where(answers.c.id == asked.id, answers.c.claimed_by == holder))


def _noted(future: "Future[None]") -> None:
    if future.exception() is not None:
        log.error("models.claim_not_released", error=type(future.exception()).__name__)


def _now() -> int:
    return time.time_ns() // 1_000_000
