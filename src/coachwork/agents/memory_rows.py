"""The rows of conversations: read, appended once for each step, deleted. Knows the table; not what is remembered."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from coachwork.agents.memory import Past, Said
from coachwork.messages import ChatMessage
from coachwork.store.inserting import insert_if_new
from coachwork.store.tables import agent_messages as m


def past(connection: sa.Connection, memory: str, conversation: str) -> Past:
    rows = connection.execute(_rows(memory, conversation)).all()
    # of two that runs beside each other wrote, the one that goes further
    summed = max((row for row in rows if row.role == "summary"), key=lambda row: (row.covers, row.number), default=None)
    covers = -1 if summed is None else summed.covers
    since = [row for row in rows if row.role != "summary" and row.number > covers]
    return Past(
        summary="" if summed is None else summed.content,
        said=[Said(number=row.number, role=row.role, content=row.content) for row in since],
        tainted=any(row.tainted for row in rows),
    )


def history(connection: sa.Connection, memory: str, conversation: str) -> list[ChatMessage]:
    rows = connection.execute(_rows(memory, conversation).where(m.c.role != "summary")).all()
    return [ChatMessage(role=row.role, content=row.content, run_id=row.run_id) for row in rows]


def forget(connection: sa.Connection, memory: str, conversation: str) -> int:
    gone = sa.delete(m).where(m.c.memory == memory, m.c.conversation == conversation)
    return connection.execute(gone).rowcount


def append(
    connection: sa.Connection,
    memory: str,
    conversation: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    turn: str,
    run_id: str,
) -> int:
    """Append rows, unless this `turn` did so before it was cut off; how many."""
    here = (m.c.memory == memory, m.c.conversation == conversation)
    if connection.execute(sa.select(m.c.number).where(*here, m.c.turn == turn)).first() is not None:
        return 0
    more = {"memory": memory, "conversation": conversation, "turn": turn, "run_id": run_id, "at": _now()}
    for row in rows:
        inserted = False
        while not inserted:  # another process may take the number at the same moment
            last = connection.execute(sa.select(sa.func.max(m.c.number)).where(*here)).scalar()
            number = 0 if last is None else last + 1
            key = ("memory", "conversation", "number")
            inserted = insert_if_new(connection, m, {**row, **more, "number": number}, key)
    return len(rows)


def _rows(memory: str, conversation: str) -> sa.Select[Any]:
    return sa.select(m).where(m.c.memory == memory, m.c.conversation == conversation).order_by(m.c.number)


def _now() -> int:
    return time.time_ns() // 1_000_000
