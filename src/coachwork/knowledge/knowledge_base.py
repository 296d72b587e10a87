"""A knowledge base as an application uses it: search, verify, ingest. Knows who does what; does none of it itself."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pydantic import TypeAdapter

from coachwork.errors import InputError, ProjectError
from coachwork.knowledge.cite import check
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import DocumentInfo, DocumentText, IngestProgress, IngestReport, KnowledgeStatus
from coachwork.knowledge.embedder import Embedder
from coachwork.messages import Checked, Passage, StepRecord
from coachwork.tracing.scope import recorded

if TYPE_CHECKING:
    from coachwork.knowledge.index import LanceStore
    from coachwork.knowledge.ingest import Ingest
    from coachwork.store.database import Database

_PASSAGES: TypeAdapter[list[Passage]] = TypeAdapter(list[Passage])
_QUERY_CHARACTERS = 4000  # of a long ticket: an embedding model reads some 1,000, full-text search gains nothing beyond
MAX_TOP_K = 200
Writer: TypeAlias = Callable[[str, list[Passage]], Awaitable[str]]


@dataclass(frozen=True)
class _Bound:
    config: KnowledgeConfig
    project: Path
    index: str
    database: "Database"
    models: Embedder


class KnowledgeBase:
    """Documents that can be searched and cited. Declare it in `app.py`; the project binds it to its settings.

    handbook = KnowledgeBase("handbook")
    passages = await handbook.search("How long do refunds take?", top_k=6)
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.writer: Writer | None = None  # writes answers for `answer_from`: set where the project uses it
        self._bound: _Bound | None = None
        self._store: LanceStore | None = None

    def __repr__(self) -> str:
        return f"KnowledgeBase({self.name!r})"

    def bind(
        self, config: KnowledgeConfig, *, project: Path, index: str, database: "Database", models: Embedder
    ) -> None:
        """Give it its place. `index` is a folder or an object-storage URI; `models` makes the embeddings."""
        self._bound = _Bound(config, project.resolve(), index, database, models)
        self._store = None

    @property
    def folder(self) -> Path:
        """Where the documents lie."""
        bound = self._need()
        return bound.project / bound.config.folder

    @property
    def title(self) -> str:
        return self._need().config.title or self.name.replace("_", " ")

    async def search(self, query: str, *, top_k: int = 6) -> list[Passage]:
        """The `top_k` passages nearest to `query`, by meaning and by words, best first; one recorded step.

        Raises ProjectError before the first ingest, InputError where top_k is not from 1 to 200.
        """
        bound = self._need()
        if not 1 <= top_k <= MAX_TOP_K:
            raise InputError(f"top_k={top_k!r} does not fit", hint=f"Ask for 1 to {MAX_TOP_K} passages.")
        record = StepRecord(
            "search", self.name, label=f"Searching the {self.title}", input={"query": query, "top_k": top_k}
        )

        async def find() -> list[Passage]:
            passages = await self._find(bound, query.strip()[:_QUERY_CHARACTERS], top_k)
            record.detail = found_in_words(passages)
            return passages

        return await recorded(record, _PASSAGES, find)

    async def _find(self, bound: _Bound, query: str, top_k: int) -> list[Passage]:
        from coachwork.knowledge.index import table_name, table_prefix
        from coachwork.knowledge.search import as_passage, hybrid

        if not query:
            return []
        store = self._lance(bound)
        made = await bound.models.embed(bound.config.embed, [query], purpose="query")
        index = await store.open(table_name(self.name, made.model, made.dimensions), bound.config.language)
        if index is None:
            names = await store.tables()
            other = any(name.startswith(table_prefix(self.name)) for name in names)
            why = f"was indexed with another embedding model than {made.model!r}" if other else "is not indexed yet"
            raise ProjectError(f"knowledge base {self.name!r} {why}", hint=f"Run: coachwork ingest {self.name}")
        hits = await hybrid(index, query, next(iter(made.vectors)), top_k, bound.config.language)
        return [as_passage(self.name, hit, score) for hit, score in hits]

    def verify(self, text: str, passages: Sequence[Passage]) -> Checked:
        """Hold an answer against the passages it was written from; `[n]` in it means the n-th of them, from 1.

        Pure and quick, no model is asked. How it decides: `cite.py`.
        """
        return check(text, passages)

    async def ingest(self, progress: Callable[[IngestProgress], None] | None = None) -> IngestReport:
        """Index what is new or changed in the folder, forget what is gone; documents that can't be read are reported.

        Safe to kill and to run from several processes: one works, the others wait for it.
        """
        async with self._ingesting(progress or _nobody) as job:
            return await job.run()

    async def add(
        self, name: str, data: bytes, progress: Callable[[IngestProgress], None] | None = None
    ) -> DocumentInfo:
        """Put a document into the folder under `name`, in place of one of that name, and index it.

        It is in the folder, and found, when this returns. A running ingest is waited for. Raises InputError for a
        name or size that can't be taken, DocumentUnreadable for what can't be read: then nothing has changed.
        """
        from coachwork.knowledge.document import SourceFile
        from coachwork.knowledge.ingest import limits_of
        from coachwork.knowledge.uploads import clean, place_of, staged

        place = place_of(self.folder, name)
        limit = limits_of(self._need().config).max_bytes
        async with self._ingesting(progress or _nobody) as job:
            await asyncio.to_thread(clean, self.folder)
            path = await asyncio.to_thread(staged, self.folder, place, data, limit)
            try:
                await job.add(SourceFile(name, path, len(data)), place)
            finally:
                path.unlink(missing_ok=True)
            return next(found for found in await job.catalog.listed() if found.id == name)

    async def remove(self, name: str) -> None:
        """Take a document out of the folder and, at once, out of every answer. Raises NotFound.

        A running ingest is not waited for: should it be at this very document, it follows the delete at its end.
        """
        from coachwork.knowledge.uploads import file_of

        path = file_of(self.folder, name)
        job = await self._job(_nobody)
        path.unlink(missing_ok=True)
        await job.remove(name)

    @asynccontextmanager
    async def _ingesting(self, tell: Callable[[IngestProgress], None]) -> "AsyncIterator[Ingest]":
        """The right to write, and what to write with; tables of other embedding models are dropped at the end."""
        from coachwork.knowledge.index import table_name, table_prefix
        from coachwork.knowledge.lock import exclusive

        def waiting() -> None:
            tell(IngestProgress(0, 0, 0, 0, "", 0.0, "waiting"))

        bound = self._need()
        async with exclusive(self._lock_file(bound), waiting):
            job = await self._job(tell)
            yield job
            store = self._lance(bound)
            for other in await store.tables():
                if other.startswith(table_prefix(self.name)) and other != table_name(
                    self.name, job.model, job.dimensions
                ):
                    await store.drop(other)

    async def _job(self, tell: Callable[[IngestProgress], None]) -> "Ingest":
        from coachwork.knowledge.catalog import Catalog
        from coachwork.knowledge.index import table_name
        from coachwork.knowledge.ingest import Ingest

        bound = self._need()
        # Which model answers is asked and not assumed: the table, and what counts as unchanged, depend on it.
        probe = await bound.models.embed(bound.config.embed, ["model"], purpose="passage")
        name = table_name(self.name, probe.model, probe.dimensions)
        index = await self._lance(bound).create(name, probe.dimensions, bound.config.language)
        catalog = Catalog(bound.database, self.name)
        return Ingest(self.folder, bound.config, catalog, index, bound.models, probe.model, probe.dimensions, tell)

    async def status(self) -> KnowledgeStatus:
        """Counts, from the last ingest."""
        from coachwork.knowledge.catalog import Catalog

        return await Catalog(self._need().database, self.name).status()

    async def documents(self) -> list[DocumentInfo]:
        """Every document by id, failed ones with their reason."""
        from coachwork.knowledge.catalog import Catalog

        return await Catalog(self._need().database, self.name).listed()

    async def document(self, id: str) -> DocumentText:
        """The stored text of a document, into which passages and citations point. Raises NotFound."""
        from coachwork.knowledge.catalog import Catalog

        return await Catalog(self._need().database, self.name).text(id)

    def file(self, id: str) -> Path:
        """The original file of a document, never outside of the folder. Raises NotFound."""
        from coachwork.knowledge.folder import original

        return original(self.folder, id)

    def _lance(self, bound: _Bound) -> "LanceStore":
        from coachwork.knowledge.index import LanceStore

        if self._store is None:
            self._store = LanceStore(bound.index)
        return self._store

    def _lock_file(self, bound: _Bound) -> Path:
        place = bound.project / ".coachwork" if "://" in bound.index else Path(bound.index)
        return place / f".{hashlib.sha256(self.name.encode()).hexdigest()[:16]}.lock"

    def _need(self) -> _Bound:
        if self._bound is None:
            raise ProjectError(
                f"knowledge base {self.name!r} is used outside of a project",
                hint="Load the project first: coachwork run PIPELINE, or load_project(folder) in Python.",
            )
        return self._bound


def found_in_words(passages: Sequence[Passage]) -> str:
    """`6 passages from 3 documents`, as the page shows it."""
    if not passages:
        return "nothing found"
    documents = len({passage.document for passage in passages})
    return (
        f"{len(passages)} passage{'s' if len(passages) > 1 else ''}"
        f" from {documents} document{'s' if documents > 1 else ''}"
    )


def _nobody(_progress: IngestProgress) -> None:
    """Nobody watches."""
