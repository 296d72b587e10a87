"""What a person decided of single passages: hidden, or worth more or less; and the access rules of the whole index.

Knows rows of the database. They stand beside the index, by document and digest, so that they outlive every ingest.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from coachwork.store.database import Database
from coachwork.store.tables import knowledge_access, passage_weights


@dataclass(frozen=True)
class Weight:
    """A `hidden` passage is not found; the fused score of others is multiplied by `boost`."""

    hidden: bool = False
    boost: float = 1.0


Weights: TypeAlias = Mapping[tuple[str, str], Weight]  # by document and digest
PLAIN = Weight()


class WeightTable:
    """The weights of one knowledge base."""

    def __init__(self, database: Database, knowledge: str) -> None:
        self._database = database
        self._knowledge = knowledge
        self._mine = passage_weights.c.knowledge == knowledge

    async def all(self) -> Weights:
        rows = await self._database.read(
            lambda connection: connection.execute(sa.select(passage_weights).where(self._mine)).all()
        )
        return {(row.document, row.digest): Weight(row.hidden, row.boost) for row in rows}

    async def change(self, document: str, digest: str, hidden: bool | None, boost: float | None) -> Weight:
        """Set what is not None and give what holds now. What is plain again is forgotten."""
        here = (self._mine, passage_weights.c.document == document, passage_weights.c.digest == digest)

        def work(connection: sa.Connection) -> Weight:
            row = connection.execute(sa.select(passage_weights).where(*here)).one_or_none()
            before = PLAIN if row is None else Weight(row.hidden, row.boost)
            after = Weight(before.hidden if hidden is None else hidden, before.boost if boost is None else boost)
            connection.execute(sa.delete(passage_weights).where(*here))
            if after != PLAIN:
                key = {"knowledge": self._knowledge, "document": document, "digest": digest}
                connection.execute(sa.insert(passage_weights).values(**key, **_values(after)))
            return after

        return await self._database.write(work)

    async def rules(self) -> str:
        """The fingerprint of the access rules by which every document of the index was let in, "" for none."""
        query = sa.select(knowledge_access.c.rules).where(knowledge_access.c.knowledge == self._knowledge)
        return str(await self._database.read(lambda connection: connection.execute(query).scalar()) or "")

    async def set_rules(self, rules: str) -> None:
        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(knowledge_access).where(knowledge_access.c.knowledge == self._knowledge))
            connection.execute(sa.insert(knowledge_access).values(knowledge=self._knowledge, rules=rules))

        await self._database.write(work)


def _values(weight: Weight) -> dict[str, Any]:
    return {"hidden": weight.hidden, "boost": weight.boost, "updated_at": int(time.time() * 1000)}
