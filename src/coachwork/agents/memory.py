"""What an agent and a person said to each other before: kept a message a row, summed up where it grows long.

Knows how much fits, not the table (`memory_rows`); a summary is asked by `work.Work`, inside the agent's limits.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coachwork.errors import ProjectError
from coachwork.messages import ChatMessage, Frozen, Message, StepRecord
from coachwork.tracing.scope import current_scope, recorded

if TYPE_CHECKING:
    from coachwork.store.database import Database

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


def _last(sizes: Sequence[int], turns: int) -> Sequence[int]:
    """Those of the last so many turns, each of two messages."""
    return sizes[-2 * turns :] if turns else []


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

    def bind(self, database: "Database") -> None:
        self._database = database

    @property
    def database(self) -> "Database":
        if self._database is None:
            raise ProjectError(
                f"the memory {self.name!r} is not part of a loaded project",
                hint="Make it a global of app.py, and load the folder: coachwork.load_project(path).",
            )
        return self._database

    async def history(self, conversation: str) -> list[ChatMessage]:
        """All that was said, also what is summed up by now."""
        from coachwork.agents import memory_rows as rows

        return await self.database.read(lambda connection: rows.history(connection, self.name, conversation))

    async def forget(self, conversation: str) -> int:
        """Delete a conversation; how many rows it had."""
        from coachwork.agents import memory_rows as rows

        return await self.database.write(lambda connection: rows.forget(connection, self.name, conversation))


@dataclass(frozen=True)
class Talk:
    """One conversation of a memory. Reading and keeping are recorded steps: a run that goes on finds the same past."""

    memory: Memory
    conversation: str

    async def recall(self) -> Past:
        from coachwork.agents import memory_rows as rows

        memory, name = self.memory, self.conversation

        async def read() -> Past:
            return await memory.database.read(lambda connection: rows.past(connection, memory.name, name))

        return await recorded(self._step("recall", "Remembering what was said"), Past, read)

    def too_much(self, past: Past) -> list[Said]:
        """What has to be summed up for the rest to fit: none where all does.

        All but the last `keep` turns; fewer are kept where those alone are too long, none where a single one is.
        """
        from coachwork.models.counting import likely_tokens

        sizes = [likely_tokens(one.content) for one in past.said]
        if likely_tokens(past.summary) + sum(sizes) <= self.memory.tokens:
            return []
        kept = next(keep for keep in range(self.memory.keep, -1, -1) if sum(_last(sizes, keep)) <= self.memory.tokens)
        return past.said[: len(past.said) - len(_last(sizes, kept))]

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

    async def _kept(self, name: str, label: str, said: Sequence[dict[str, Any]]) -> None:
        from coachwork.agents import memory_rows as rows

        memory, conversation = self.memory, self.conversation

        async def write() -> int:
            scope = current_scope()
            turn = f"{scope.run_id}:{scope.step_seq}" if scope.run_id else uuid.uuid4().hex
            return await memory.database.write(
                lambda connection: rows.append(
                    connection, memory.name, conversation, said, turn=turn, run_id=scope.run_id
                )
            )

        await recorded(self._step(name, label), int, write)

    def _step(self, name: str, label: str) -> StepRecord:
        return StepRecord(kind="step", name=f"{self.memory.name}:{name}", label=label, input=self.conversation)
