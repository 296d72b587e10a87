"""What an agent and a person said to each other before: kept a message a row, summed up where it grows long.

Knows the table and how much fits; the summary itself is asked by `work.Work`, inside the agent's limits.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from coachwork.errors import ProjectError
from coachwork.messages import ChatMessage, Frozen, Message, StepRecord
from coachwork.models.counting import likely_tokens
from coachwork.store.database import Database
from coachwork.store.inserting import insert_if_new
from coachwork.store.tables import agent_messages as m
from coachwork.tracing.scope import current_scope, recorded

_REMEMBERED = "What we said before, summed up:\n{}"


class Said(Frozen):
    """A message of the conversation, `number` in its order."""

    number: int
    role: str
    content: str


class Past(Frozen):
    """What there is to remember: a summary of what lies further back, and the messages since.

    `tainted`: an agent had read something from outside when it wrote some of this.
    """

    summary: str = ""
    said: list[Said] = []
    tainted: bool = False

    @property
    def messages(self) -> list[Message]:
        """As a model reads it. A summary is no system message: strangers may have had their part in it."""
        summed: list[Message] = []
        if self.summary:
            summed = [Message.of("user", _REMEMBERED.format(self.summary)), Message.of("assistant", "I remember.")]
        return summed + [Message.of("user" if one.role == "user" else "assistant", one.content) for one in self.said]


class Memory:
    """What agents remember: `Agent(answer, memory=Memory("desk"))`, then `agent.remembering("ann")(question)`.

    Question and answer of each turn are rows of the project's database. Where they and the summary are more than
    `tokens` (an estimate), all but the last `keep` turns are summed up by the agent's own route.
    """

    def __init__(self, name: str, *, tokens: int = 4_000, keep: int = 3) -> None:
        self.name = name
        self.tokens = tokens
        self.keep = keep
        self._database: Database | None = None

    def __repr__(self) -> str:
        return f"<memory {self.name}>"

    def bind(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        if self._database is None:
            raise ProjectError(
                f"the memory {self.name!r} is not part of a loaded project",
                hint="Make it a global of app.py, and load the folder: coachwork.load_project(path).",
            )
        return self._database

    async def history(self, conversation: str) -> list[ChatMessage]:
        """All that was said, also what is summed up by now."""
        query = self._rows(conversation).where(m.c.role != "summary")
        rows = await self.database.read(lambda connection: connection.execute(query).all())
        return [ChatMessage(role=row.role, content=row.content, run_id=row.run_id) for row in rows]

    async def forget(self, conversation: str) -> int:
        """Delete a conversation; how many rows it had."""
        gone = sa.delete(m).where(m.c.memory == self.name, m.c.conversation == conversation)
        return await self.database.write(lambda connection: connection.execute(gone).rowcount)

    def _rows(self, conversation: str) -> sa.Select[Any]:
        return sa.select(m).where(m.c.memory == self.name, m.c.conversation == conversation).order_by(m.c.number)

    def past(self, connection: sa.Connection, conversation: str) -> Past:
        rows = connection.execute(self._rows(conversation)).all()
        summed = next((row for row in reversed(rows) if row.role == "summary"), None)
        covers = -1 if summed is None else summed.covers
        since = [row for row in rows if row.role != "summary" and row.number > covers]
        return Past(
            summary="" if summed is None else summed.content,
            said=[Said(number=row.number, role=row.role, content=row.content) for row in since],
            tainted=any(row.tainted for row in rows),
        )


@dataclass(frozen=True)
class Talk:
    """One conversation of a memory. Reading and keeping are recorded steps: a run that goes on finds the same past."""

    memory: Memory
    conversation: str

    async def recall(self) -> Past:
        async def read() -> Past:
            return await self.memory.database.read(lambda connection: self.memory.past(connection, self.conversation))

        return await recorded(self._step("recall", "Remembering what was said"), Past, read)

    def too_much(self, past: Past) -> list[Said]:
        """What has to be summed up for the rest to fit: none where all does."""
        size = likely_tokens(past.summary) + sum(likely_tokens(one.content) for one in past.said)
        return past.said[: -2 * self.memory.keep or None] if size > self.memory.tokens else []

    async def sum_up(self, past: Past, older: Sequence[Said], summary: str) -> Past:
        """Keep the summary in the place of `older`; what there is to remember from then on."""
        row = {"role": "summary", "content": summary, "covers": older[-1].number, "tainted": past.tainted}
        await self._kept("sum_up", "Keeping a summary of what was said", [row])
        return past.model_copy(update={"summary": summary, "said": past.said[len(older) :]})

    async def keep(self, question: str, answer: str, *, tainted: bool) -> None:
        """Keep a turn: both messages, or none."""
        rows = [
            {"role": "user", "content": question, "tainted": tainted},
            {"role": "assistant", "content": answer, "tainted": tainted},
        ]
        await self._kept("keep", "Keeping what was said", rows)

    async def _kept(self, name: str, label: str, rows: Sequence[dict[str, Any]]) -> None:
        async def write() -> int:
            scope = current_scope()
            turn = f"{scope.run_id}:{scope.step_seq}" if scope.run_id else uuid.uuid4().hex
            more = {"turn": turn, "run_id": scope.run_id}
            return await self.memory.database.write(lambda connection: self._insert(connection, rows, more))

        await recorded(self._step(name, label), int, write)

    def _insert(self, connection: sa.Connection, rows: Sequence[dict[str, Any]], more: dict[str, Any]) -> int:
        """Append rows, unless this step did so before it was cut off; how many."""
        here = (m.c.memory == self.memory.name, m.c.conversation == self.conversation)
        if connection.execute(sa.select(m.c.number).where(*here, m.c.turn == more["turn"])).first() is not None:
            return 0
        for row in rows:
            values = {"memory": self.memory.name, "conversation": self.conversation, "at": _now(), **row, **more}
            inserted = False
            while not inserted:  # another process may take the number at the same moment
                last = connection.execute(sa.select(sa.func.max(m.c.number)).where(*here)).scalar()
                number = 0 if last is None else last + 1
                key = ("memory", "conversation", "number")
                inserted = insert_if_new(connection, m, {**values, "number": number}, key)
        return len(rows)

    def _step(self, name: str, label: str) -> StepRecord:
        return StepRecord(kind="step", name=f"{self.memory.name}:{name}", label=label, input=self.conversation)


def _now() -> int:
    return time.time_ns() // 1_000_000
