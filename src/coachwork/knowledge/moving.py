"""Copies an index from one store to another, vectors and all. Knows rows; embeds nothing and deletes nothing here."""

from collections.abc import Callable
from dataclasses import dataclass

from coachwork.knowledge.index import PassageIndex, PassageStore


@dataclass(frozen=True)
class Moved:
    """How many passages of how many documents the other place has now."""

    documents: int
    passages: int


async def copied(
    source: PassageIndex, target: PassageStore, name: str, language: str, tell: Callable[[int], None]
) -> Moved:
    """Make the index `name` of `target` what `source` is; `tell` hears of the passages so far.

    May be cut off and begun again: what is there is replaced, what the source does not have is dropped at the end.
    """
    index: PassageIndex | None = None
    passages, documents = 0, set[str]()
    async for rows in source.rows():
        if index is None:
            index = await target.create(name, len(rows[0].vector), language)
        await index.put(rows, {row.document: row.version for row in rows})
        documents.update(row.document for row in rows)
        passages += len(rows)
        tell(passages)
    if index is None:
        return Moved(0, 0)
    await index.remove(sorted(set(await index.versions()) - documents))
    await index.settle()
    return Moved(len(documents), passages)
