"""Brings index and catalog to what the documents say now, beside other processes that do the same. Knows in which order
to claim, read, embed and write; parses nothing.

Order, so that a kill at any instant costs only time: a document's passages are in the index before its row says so,
and are gone from the index before its row is. Reading and embedding go on side by side; the index is written by one
process at a time, under a lock that is held for a moment, and only with documents that are still the writer's.
"""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import sqlalchemy as sa
import structlog

from coachwork.errors import CoachworkError, DocumentUnreadable, ModelUnavailable
from coachwork.knowledge.access import fingerprint, readers_of
from coachwork.knowledge.beside import filled
from coachwork.knowledge.catalog import Catalog, Entry, Written
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import (
    NOTHING_YET,
    FailedDocument,
    IngestProgress,
    IngestReport,
    Parsed,
    Phase,
    SourceFile,
)
from coachwork.knowledge.embedder import Embedder
from coachwork.knowledge.formats.text_builder import title_of
from coachwork.knowledge.index import PassageIndex, PassageStore, Row, table_name, table_prefix
from coachwork.knowledge.ingest import Draft, draft, is_settled, limits_of, recipe_of, row_text, version_of
from coachwork.knowledge.ingest_queue import Claim, IngestQueue, Kind, Worker
from coachwork.knowledge.opened import sha256_of
from coachwork.knowledge.parse import format_of
from coachwork.knowledge.reader import DocumentReader, DocumentTimeout, ReadFile, Reading
from coachwork.knowledge.sources.gathered import Sources
from coachwork.knowledge.weights import PLAIN, WeightTable
from coachwork.store.locks import Locks

log = structlog.get_logger(__name__)
_BATCH = 64  # passages embedded and written at once: what a kill can cost
_COMPARED = 200  # documents of a source that are looked at before others hear of them
_BEAT_SECONDS = 0.5
_POLL_SECONDS = 0.1  # for documents that others may find or give back

Progress = Callable[[IngestProgress], None]
Indexed: TypeAlias = Mapping[str, Mapping[str, int]]  # document → version → rows


@dataclass(frozen=True)
class Model:
    """The embedding model that answers on a route."""

    name: str
    dimensions: int


@dataclass(frozen=True)
class Ingest:
    """One process's part in ingestions: what it reads, where it writes, whom it tells. `beside` is the model of
    `next_embed`."""

    knowledge: str
    folder: Path
    config: KnowledgeConfig
    catalog: Catalog
    queue: IngestQueue
    locks: Locks
    store: PassageStore
    embedder: Embedder
    model: Model
    beside: Model | None
    tell: Progress
    weights: WeightTable
    sources: Sources

    async def run(self) -> IngestReport:
        """Do it, alone or with others. Raises ProjectError without a folder, and errors of the embedding model."""
        while True:
            async with self._working("ingest") as run:
                if (report := await run.share()) is not None:
                    return report

    async def add(self, file: SourceFile, place: Path) -> None:
        """Read one file, move it to `place`, and index it with what is attached to it. Raises DocumentUnreadable."""
        async with self._working("add") as run:
            await run.add(file, place)
            if not await self.queue.is_open():  # else the ingestion's end does it
                await run.fill_beside()
            run.say(file.id, "done")

    async def remove(self, document: str) -> list[str]:
        """Take a document, and what is attached to it, out of the index and the catalog; what was in either."""
        index = await self.index()
        known, indexed = await self.catalog.entries(), await index.versions()
        gone = sorted(id_ for id_ in {*known, *indexed} if id_ == document or id_.startswith(f"{document}/"))
        await index.remove(gone)
        await self.catalog.forget(gone)
        return gone

    async def index(self) -> PassageIndex:
        """The index of the model. It is made once: two who make one at the same moment are in each other's way."""
        async with self.locks.exclusive(self.writing()):
            return await self.store.create(self.table(self.model), self.model.dimensions, self.config.language)

    def table(self, model: Model) -> str:
        return table_name(self.knowledge, model.name, model.dimensions)

    def writing(self) -> str:
        """The lock under which the index is written."""
        return writing_lock(self.knowledge)

    @asynccontextmanager
    async def _working(self, kind: Kind) -> AsyncIterator["_Run"]:
        terms = self._terms()
        while (worker := await self.queue.join(kind, terms)) is None:
            self.tell(replace(NOTHING_YET, phase="waiting"))
            await asyncio.sleep(2 * _POLL_SECONDS)
        error: CoachworkError | None = None
        try:
            run = _Run(self, worker, await self.index())
            beating = asyncio.create_task(run.beat())
            try:
                yield run
            finally:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)
        except CoachworkError as found:
            error = found
            raise
        finally:
            await asyncio.shield(self.queue.leave(worker, error))

    def _terms(self) -> str:
        """What all who share an ingestion have to agree on, and behind it what searches by either model depend on."""
        said = f"{recipe_of(self.config, self.model.name, '')}|{self.beside}"
        models = [model for model in (self.model, self.beside) if model is not None]
        search = [f"{model.name}|{model.dimensions}|{fingerprint(self.config.access)}" for model in models]
        return " ".join(hashlib.sha256(part.encode()).hexdigest()[:24] for part in (said, *search))


def writing_lock(knowledge: str) -> str:
    return f"index of {knowledge}"


@dataclass
class _Run:
    """The state of one worker while it works."""

    job: Ingest
    worker: Worker
    index: PassageIndex
    phase: Phase = "reading"
    current: str = ""
    last: IngestProgress = NOTHING_YET
    started: float = field(default_factory=time.monotonic)
    files: dict[str, SourceFile] = field(default_factory=dict)
    known: Mapping[str, Entry] = field(default_factory=dict)  # as of the start
    indexed: Indexed = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)  # "added" or "changed", of claims that are not finished
    drafts: list[Draft] = field(default_factory=list)
    finished: list[tuple[Written, str, Claim]] = field(default_factory=list)  # with the version of its rows
    fetching: str = ""  # what a source is asked for
    busy: bool = False

    # ── The whole ──────────────────────────────────────────────────────────────────────────────

    async def share(self) -> IngestReport | None:
        """Work until the ingestion is at its end; None where this worker was taken for dead, and has to join anew."""
        job = self.job
        self.known, self.indexed = await job.catalog.entries(), await self.index.versions()
        limits, settings = limits_of(job.config), job.config
        own = await job.sources.own(job.folder, limits)
        self.files = {file.id: file for file in own}
        gathering = asyncio.create_task(self._gather(own))
        try:
            async with DocumentReader(limits, size=settings.passage_tokens, overlap=settings.overlap_tokens) as reader:
                while True:
                    claims = await job.queue.claim(self.worker)
                    if claims:
                        await self._documents(claims, reader)
                        continue
                    await self._flush()
                    if claims is None or await job.queue.is_over(self.worker):
                        break
                    if gathering.done():
                        await gathering
                        if await self._close():
                            break
                    elif self.fetching:
                        self.say(self.fetching, "fetching")
                    await job.queue.bury()
                    await asyncio.sleep(_POLL_SECONDS)
        finally:
            gathering.cancel()
            await asyncio.gather(gathering, return_exceptions=True)
        return await self._report() if await job.queue.is_over(self.worker) else None

    async def _gather(self, own: Sequence[SourceFile]) -> None:
        """Find out what has to be read: of the folder, then of each source while others read already."""
        job = self.job
        if own or not job.sources:
            await self._compare("", own)
        for number, name in enumerate(job.sources.names):

            def tell(at: str, name: str = name) -> None:
                self.fetching = f"{name}: {at}" if name else at
                if not self.busy:
                    self.say(self.fetching, "fetching")

            tell("")
            files = await job.sources.asked(name, limits_of(job.config), tell)
            new = [file for file in files if file.id not in self.files]
            self.files.update((file.id, file) for file in new)
            await self._compare(f"{number} {name}", new)
        await job.queue.gathered(self.worker)

    async def _compare(self, part: str, files: Sequence[SourceFile]) -> None:
        if not files:
            await self.job.queue.enlist(self.worker, part, 0, 0, {})
        for begin in range(0, len(files), _COMPARED):
            some = files[begin : begin + _COMPARED]
            refused = [file for file in some if file.refusal]
            changed = await asyncio.to_thread(self._changed, some)
            for file in refused:
                if file.id in changed:
                    await self._refused(file)
            read = {id_: sha256 for id_, sha256 in changed.items() if not self.files[id_].refusal}
            looked = begin + len(some)
            await self.job.queue.enlist(self.worker, part, len(files), looked, read, [file.id for file in refused])

    def _changed(self, files: Sequence[SourceFile]) -> dict[str, str]:
        """Documents that are not as the index has them, with their SHA-256. Runs beside the event loop."""
        config = self.job.config
        limit, changed = limits_of(config).max_bytes, {}
        for file in files:
            sha256 = "" if file.refusal else sha256_of(file.id, file.path, limit)
            recipe = recipe_of(config, self.job.model.name, file.id)
            if not is_settled(file, self.known.get(file.id), self.indexed.get(file.id, {}), sha256, recipe):
                changed[file.id] = sha256
        return changed

    async def _close(self) -> bool:
        """Bring the ingestion to its end, where nobody else reads, finds or does that; False where it goes on."""
        job = self.job
        if not await job.queue.begin_close(self.worker):
            return False
        async with job.locks.exclusive(job.writing()):
            deleted = await self._follow_deletes()
            await job.weights.set_rules(fingerprint(job.config.access))  # from here on every document stands by them
            totals = await job.queue.totals()
            if deleted or totals["added"] or totals["changed"]:
                self.say("", "indexing")
                await self.index.settle()
        embedded = await self.fill_beside()
        async with job.locks.exclusive(job.writing()):
            kept = {job.table(model) for model in (job.model, job.beside) if model is not None}
            for other in await job.store.tables():
                if other.startswith(table_prefix(job.knowledge)) and other not in kept:
                    await job.store.drop(other)
        return await job.queue.end(self.worker, {"deleted": deleted, "embedded_beside": embedded})

    async def _follow_deletes(self) -> int:
        """Forget documents that are nowhere any more. What is attached to one that is there was seen to with it."""
        job = self.job
        known, indexed = await job.catalog.entries(), await self.index.versions()
        present = {*await job.sources.listed(job.folder, limits_of(job.config)), *await job.queue.refused()}
        gone = [id_ for id_ in {*known, *indexed} if not _is_there(id_, present)]
        if orphans := sorted(set(gone) & set(indexed)):
            await self.index.remove(orphans)
        await job.catalog.forget(sorted(set(gone) & set(known)))
        return len(gone)

    async def fill_beside(self) -> int:
        """Bring the index of `next_embed` to what serves; how many passages were embedded for it."""
        job, beside = self.job, self.job.beside
        if beside is None:
            return 0

        async def embed(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            return list((await job.embedder.embed(job.config.next_embed, texts, purpose="passage")).vectors)

        async with job.locks.exclusive(f"{job.writing()} beside"):
            index = await job.store.create(job.table(beside), beside.dimensions, job.config.language)
            return await filled(self.index, index, row_text, embed, lambda _count: self.say("", "beside"))

    async def _report(self) -> IngestReport:
        state, totals = await self.job.queue.state(), await self.job.queue.totals()
        status, listed = await self.job.catalog.status(), await self.job.catalog.listed()
        names = ("added", "changed", "deleted", "embedded", "reused", "embedded_beside")
        self.last = state.progress
        self.say("", "done")
        return IngestReport(
            found=state.progress.found,
            unchanged=state.progress.unchanged,
            passages=status.passages,
            seconds=time.monotonic() - self.started,
            failed=[FailedDocument(info.id, info.reason) for info in listed if info.status == "failed"],
            **{name: totals[name] for name in names},
        )

    # ── One document ───────────────────────────────────────────────────────────────────────────

    async def add(self, file: SourceFile, place: Path) -> None:
        job, settings = self.job, self.job.config
        self.say(file.id)
        async with DocumentReader(
            limits_of(settings), size=settings.passage_tokens, overlap=settings.overlap_tokens
        ) as reader:
            read = await reader.read(file.id, file.path)
        while (claim := await job.queue.take(self.worker, file.id)) is None:
            self.say(file.id, "waiting")
            await asyncio.sleep(_POLL_SECONDS)
        self.known, self.indexed = await job.catalog.entries(), await self.index.versions()
        place.parent.mkdir(parents=True, exist_ok=True)
        file.path.replace(place)
        await self._readings(claim, file, read, looked_up=file.id in self.indexed)
        await self._flush()
        self.say(file.id, "indexing")
        async with job.locks.exclusive(job.writing()):
            await self.index.settle()

    async def _documents(self, claims: Sequence[Claim], reader: DocumentReader) -> None:
        self.busy = True
        entries = await self.job.catalog.entries([claim.id for claim in claims])
        for claim in claims:
            await self._document(claim, entries.get(claim.id), reader)
        self.busy = False

    async def _document(self, claim: Claim, entry: Entry | None, reader: DocumentReader) -> None:
        """A document that was claimed: read with what is attached to it. Its own row is written last, and so stands
        for the attachments' too."""
        file = self.files.get(claim.id) or await self._found(claim.id)
        if file is None:
            await self.job.queue.gone(self.worker, claim.id)
            return
        self.say(file.id)
        self.kinds[claim.id] = "added" if entry is None else "changed"
        try:
            read = await reader.read(file.id, file.path)
        except DocumentUnreadable as error:
            await self._failed(file, error, claim)
            return
        # Another worker may have had it before, and embedded some of it.
        looked_up = file.id in self.indexed or claim.tries > 1 or entry != self.known.get(file.id)
        await self._readings(claim, file, read, looked_up)

    async def _found(self, id_: str) -> SourceFile | None:
        """A document that another worker was told of."""
        self.files |= await self.job.sources.listed(self.job.folder, limits_of(self.job.config))
        return self.files.get(id_)

    async def _readings(self, claim: Claim, file: SourceFile, read: ReadFile, looked_up: bool) -> None:
        file = replace(file, size=read.size)
        await self._drop_attached(file.id, {reading.id for reading in read.readings})
        own = read.readings[0].parsed.groups if read.readings else None
        readers = readers_of(self.job.config.access, file.id, own)  # what is attached is read by who may read the file
        recipe = recipe_of(self.job.config, self.job.model.name, file.id)
        for reading in reversed(read.readings):
            one = replace(file, id=reading.id)
            if reading.reason:
                await self._failed(one, DocumentUnreadable(reading.id, reading.reason), None, read.sha256)
            else:
                known = looked_up or reading.id in self.indexed
                await self._passages(claim, one, reading, (read.sha256, recipe), readers, known)

    async def _passages(
        self,
        claim: Claim,
        file: SourceFile,
        reading: Reading,
        made_of: tuple[str, str],
        readers: tuple[str, ...],
        looked_up: bool,
    ) -> None:
        vectors = await self.index.vectors(file.id) if looked_up else {}
        version = version_of(*made_of)
        for position, piece in enumerate(reading.pieces):
            if len(self.drafts) >= _BATCH:
                await self._flush()
            self.drafts.append(draft(claim.id, file.id, version, position, reading.parsed, piece, vectors, readers))
        written = Written(file.id, file.size, *made_of, reading.parsed, passages=len(reading.pieces), readers=readers)
        self.finished.append((written, version, claim))

    async def _failed(
        self, file: SourceFile, error: DocumentUnreadable, claim: Claim | None, sha256: str | None = None
    ) -> None:
        """Write down that a file (with its claim) or an attachment can't be read: what it once said is gone."""
        limit = limits_of(self.job.config).max_bytes
        if sha256 is None:
            sha256 = "" if file.refusal else await asyncio.to_thread(sha256_of, file.id, file.path, limit)
        recipe = recipe_of(self.job.config, self.job.model.name, file.id)
        nothing = Parsed(title_of(file.id), format_of(file.id), "")
        retry = isinstance(error, DocumentTimeout) or not sha256
        written = Written(file.id, file.size, sha256, recipe, nothing, reason=error.reason, retry=retry)
        if claim is not None:
            await self._drop_attached(file.id, set())
        read = [(claim, sha256)] if claim else []
        counts = {"failed": 1, **self._counted([file.id])}
        async with self.job.locks.exclusive(self.job.writing()):
            if file.id in self.indexed or (claim is not None and claim.tries > 1):
                await self.index.remove([file.id])
            await self.job.queue.finish(
                self.worker, read, counts, lambda connection: self.job.catalog.put(connection, [written], _now())
            )

    async def _refused(self, file: SourceFile) -> None:
        self.kinds[file.id] = "added" if file.id not in self.known else "changed"
        await self._failed(file, DocumentUnreadable(file.id, file.refusal), None)

    async def _drop_attached(self, id_: str, there: set[str]) -> None:
        """Forget what was attached to a file and is not any more."""
        before = {other for other in {*self.known, *self.indexed} if other.startswith(f"{id_}/")}
        if gone := sorted(before - there):
            async with self.job.locks.exclusive(self.job.writing()):
                await self.index.remove(gone)
            await self.job.catalog.forget(gone)

    # ── Writing ────────────────────────────────────────────────────────────────────────────────

    async def _flush(self) -> None:
        """Embed what has gathered, put it into the index, and only then write down which documents are whole.

        What another worker has taken over is left to it, before it is paid for and again before it is written.
        """
        job = self.job
        drafts, finished = self.drafts, self.finished
        self.drafts, self.finished = [], []
        files = {one.file for one in drafts} | {claim.id for _written, _version, claim in finished}
        if not files:
            return
        mine = await job.queue.held(self.worker, sorted(files))
        drafts = [one for one in drafts if one.file in mine]
        missing = [one for one in drafts if not one.known]
        vectors = iter(await self._embedded([one.embedded for one in missing]))
        rows = [(one.file, one.row if one.known else replace(one.row, vector=next(vectors))) for one in drafts]
        async with job.locks.exclusive(job.writing()):
            mine &= await job.queue.held(self.worker, sorted(files))
            ours = [row for file, row in rows if file in mine]
            written = [(document, version) for document, version, claim in finished if claim.id in mine]
            if ours:
                await self._put(ours, {document.id: version for document, version in written})
            done = [  # a file's own document comes after what is attached to it
                (claim, document.sha256)
                for document, _version, claim in finished
                if claim.id in mine and document.id == claim.id
            ]
            counts = {
                "embedded": len(missing),
                "reused": len(drafts) - len(missing),
                **self._counted([claim.id for claim, _sha256 in done]),
            }
            await job.queue.finish(
                self.worker,
                done,
                counts,
                lambda connection: job.catalog.put(connection, [document for document, _ in written], _now()),
            )

    async def _embedded(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        if not texts:
            return []
        job = self.job
        made = await job.embedder.embed(job.config.embed, texts, purpose="passage")
        if made.model != job.model.name:
            raise _another_model(job.model.name, made.model)
        return list(made.vectors)

    async def _put(self, rows: Sequence[Row], complete: Mapping[str, str]) -> None:
        """Put rows with what people decided of them; also what they decide while this goes on."""
        before = await self.job.weights.all()
        weighed = [(row, before.get((row.document, row.digest), PLAIN)) for row in rows]
        await self.index.put(
            [replace(row, hidden=weight.hidden, boost=weight.boost) for row, weight in weighed], complete
        )
        after = await self.job.weights.all()
        for document, digest in {(row.document, row.digest) for row in rows}:
            now = after.get((document, digest), PLAIN)
            if now != before.get((document, digest), PLAIN):
                await self.index.weigh(document, digest, now.hidden, now.boost)

    # ── Telling ────────────────────────────────────────────────────────────────────────────────

    async def beat(self) -> None:
        """Say twice a second that this worker lives, and hear how far all of them are."""
        while True:
            try:
                await self.job.queue.beat(self.worker, self.phase, self.current)
                if self.worker.kind == "ingest":
                    self.last = (await self.job.queue.state()).progress
                    self.say(self.current, self.phase)
            except sa.exc.SQLAlchemyError as error:  # the next one may get through; without any, others take over
                log.warning("ingest.no_heartbeat", knowledge=self.job.knowledge, error=type(error).__name__)
            await asyncio.sleep(_BEAT_SECONDS)

    def say(self, current: str, phase: Phase = "reading") -> None:
        self.current, self.phase = current, phase
        self.job.tell(replace(self.last, current=current, phase=phase))

    def _counted(self, finished: Sequence[str]) -> dict[str, int]:
        """How many of these were new and how many changed: once each, by the one who finished it."""
        return dict(Counter(self.kinds.pop(id_) for id_ in finished if id_ in self.kinds))


def _is_there(id_: str, present: set[str]) -> bool:
    """Is it a document that is there, or attached to one?"""
    parts = id_.split("/")
    return any("/".join(parts[:number]) in present for number in range(1, len(parts) + 1))


def _another_model(expected: str, made: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"the embedding route changed from {expected!r} to {made!r} in the middle of an ingest",
        model=expected,
        hint="Vectors of two models can't be mixed. Run the ingest again when the first model answers.",
    )


def _now() -> int:
    return int(time.time() * 1000)
