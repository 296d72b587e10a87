"""Brings a second index, of another embedding model, to what the serving one holds. Knows rows; reads no document.

What serves is not touched. A kill costs time alone: documents that are whole there are passed over, and of the
others the vectors that are there are kept.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from coachwork.knowledge.index import PassageIndex, Row

_BATCH = 64
Embed: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]


async def filled(
    serving: PassageIndex,
    beside: PassageIndex,
    text_of: Callable[[Row], str],
    embed: Embed,
    tell: Callable[[int], None],
) -> int:
    """Make `beside` what `serving` is; how many passages were embedded for it. `tell` hears of them as they grow.

    Raises errors of the embedding model.
    """
    wanted, there = await serving.versions(), await beside.versions()
    if gone := sorted(set(there) - set(wanted)):
        await beside.remove(gone)
    missing = {document for document, versions in wanted.items() if there.get(document) != versions}
    if missing:
        left = {document: sum(wanted[document].values()) for document in missing}
        filling = _Filling(beside, text_of, embed, tell, left, there)
        async for rows in serving.rows():
            for row in rows:
                if row.document in missing:
                    await filling.add(row)
        await filling.flush()
        await beside.settle()
        return filling.embedded
    return 0


@dataclass
class _Filling:
    beside: PassageIndex
    text_of: Callable[[Row], str]
    embed: Embed
    tell: Callable[[int], None]
    left: dict[str, int]  # rows that are still to come, by document
    there: Mapping[str, Mapping[str, int]]
    embedded: int = 0
    vectors: dict[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)  # by document, of those under way
    rows: list[Row] = field(default_factory=list)

    async def add(self, row: Row) -> None:
        if row.document not in self.vectors:
            known = await self.beside.vectors(row.document) if row.document in self.there else {}
            self.vectors[row.document] = known
        self.rows.append(row)
        if len(self.rows) >= _BATCH:
            await self.flush()

    async def flush(self) -> None:
        rows, self.rows = self.rows, []
        if not rows:
            return
        fresh = [row for row in rows if row.digest not in self.vectors[row.document]]
        made = iter(await self.embed([self.text_of(row) for row in fresh]) if fresh else ())
        written = []
        complete = {}
        for row in rows:
            known = self.vectors[row.document].get(row.digest)
            written.append(replace(row, vector=next(made) if known is None else known))
            self.left[row.document] -= 1
            if self.left[row.document] == 0:
                complete[row.document] = row.version
        await self.beside.put(written, complete)
        for document in complete:
            del self.vectors[document]
        self.embedded += len(fresh)
        self.tell(self.embedded)
