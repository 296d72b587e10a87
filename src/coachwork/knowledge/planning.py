"""What an ingest would do, and what its embedding would cost. Reads documents; embeds, writes and deletes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.catalog import Catalog, Entry
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import FailedDocument, IngestProgress, SourceFile
from coachwork.knowledge.index import PassageIndex
from coachwork.knowledge.ingest import drafted, is_settled, limits_of, recipe_of
from coachwork.knowledge.opened import sha256_of
from coachwork.knowledge.reader import DocumentReader
from coachwork.knowledge.sources.gathered import Sources
from coachwork.knowledge.tokens import estimated_tokens


@dataclass(frozen=True)
class PlannedChange:
    """A document that an ingest would take up, read anew or forget."""

    document: str
    what: Literal["new", "changed", "gone"]


@dataclass(frozen=True)
class IngestPlan:
    """What an ingest would do now. `passages` would be sent to `model`, estimated as `tokens`, `reused` would not;
    `cost_usd` is the most they cost, None where the model's price is unknown. `failed` can't be read."""

    model: str
    found: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    passages: int = 0
    reused: int = 0
    tokens: int = 0
    cost_usd: float | None = None
    changes: list[PlannedChange] = field(default_factory=list)
    failed: list[FailedDocument] = field(default_factory=list)


@dataclass(frozen=True)
class Planning:
    """What is looked at. `index` is None where there is none yet; `cost` gives 1e-9 US dollars of tokens on a model.

    Sources are asked as an ingest asks them, and their copies renewed.
    """

    folder: Path
    config: KnowledgeConfig
    catalog: Catalog
    sources: Sources
    model: str
    index: PassageIndex | None
    cost: Callable[[str, int], int | None]
    tell: Callable[[IngestProgress], None]

    async def run(self) -> IngestPlan:
        """Do it. Raises ProjectError without a folder."""
        limits, config = limits_of(self.config), self.config
        files = await self.sources.gather(self.folder, limits, lambda name: self._say(IngestPlan(""), 0, name))
        known = await self.catalog.entries()
        indexed = await self.index.versions() if self.index else {}
        plan = IngestPlan(self.model, found=len(files))
        present: set[str] = set()
        async with DocumentReader(limits, size=config.passage_tokens, overlap=config.overlap_tokens) as reader:
            for number, file in enumerate(files):
                self._say(plan, number, file.id)
                entry, versions = known.get(file.id), indexed.get(file.id, {})
                present.add(file.id)
                sha256 = (
                    "" if file.refusal else await asyncio.to_thread(sha256_of, file.id, file.path, limits.max_bytes)
                )
                if is_settled(file, entry, versions, sha256, recipe_of(config, self.model, file.id)):
                    present.update(id_ for id_ in known if id_.startswith(f"{file.id}/"))
                    plan = _unchanged(plan, entry)
                    continue
                plan = _counted(plan, file.id, entry)
                plan, ids = await _read(plan, file, reader, self.index)
                present.update(ids)
        nano = self.cost(self.model, plan.tokens)
        cost_usd = None if nano is None else nano / 1e9
        gone = sorted({*known, *indexed} - present)
        changes = [*plan.changes, *(PlannedChange(id_, "gone") for id_ in gone)]
        return replace(plan, deleted=len(gone), changes=changes, cost_usd=cost_usd)

    def _say(self, plan: IngestPlan, read: int, name: str) -> None:
        self.tell(IngestProgress(plan.found, read, 0, len(plan.failed), name, 0.0))


def _unchanged(plan: IngestPlan, entry: Entry | None) -> IngestPlan:
    failed = [FailedDocument(entry.id, entry.reason)] if entry and entry.status == "failed" else []
    return replace(plan, unchanged=plan.unchanged + 1, failed=plan.failed + failed)


def _counted(plan: IngestPlan, document: str, entry: Entry | None) -> IngestPlan:
    if entry is None:
        return replace(plan, added=plan.added + 1, changes=[*plan.changes, PlannedChange(document, "new")])
    return replace(plan, changed=plan.changed + 1, changes=[*plan.changes, PlannedChange(document, "changed")])


async def _read(
    plan: IngestPlan, file: SourceFile, reader: DocumentReader, index: PassageIndex | None
) -> tuple[IngestPlan, set[str]]:
    """The plan with one document more, and the documents that were found in it."""
    if file.refusal:
        return replace(plan, failed=[*plan.failed, FailedDocument(file.id, file.refusal)]), set()
    try:
        read = await reader.read(file.id, file.path)
    except DocumentUnreadable as error:
        return replace(plan, failed=[*plan.failed, FailedDocument(file.id, error.reason)]), set()
    for reading in read.readings:
        if reading.reason:
            plan = replace(plan, failed=[*plan.failed, FailedDocument(reading.id, reading.reason)])
            continue
        vectors = await index.vectors(reading.id) if index else {}
        texts = [text for digest, text in drafted(reading) if digest not in vectors]
        plan = replace(
            plan,
            passages=plan.passages + len(texts),
            reused=plan.reused + len(reading.pieces) - len(texts),
            tokens=plan.tokens + sum(estimated_tokens(text) for text in texts),
        )
    return plan, {reading.id for reading in read.readings}
