"""Brings index and catalog to what the folder holds now. Knows what changed and in which order to write; parses
nothing.

Order, so that a kill at any instant costs only time: a document's passages are in the index before its row says
so, and are gone from the index before its row is. A second run finds rows that are there by their digest and
embeds only what is missing.
"""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.access import fingerprint, readers_by_rule, readers_of
from coachwork.knowledge.catalog import Catalog, Entry, Written
from coachwork.knowledge.chunk import Piece
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import (
    PARSER_VERSION,
    FailedDocument,
    IngestProgress,
    IngestReport,
    Parsed,
    Phase,
    ReadLimits,
    SourceFile,
)
from coachwork.knowledge.embedder import Embedder
from coachwork.knowledge.formats.text_builder import title_of
from coachwork.knowledge.index import PassageIndex, Row
from coachwork.knowledge.opened import sha256_of
from coachwork.knowledge.parse import format_of
from coachwork.knowledge.reader import DocumentReader, DocumentTimeout, ReadFile, Reading
from coachwork.knowledge.search import search_words
from coachwork.knowledge.sources.gathered import Sources
from coachwork.knowledge.weights import PLAIN, WeightTable

_BATCH = 64  # passages embedded and written at once: what a kill can cost
_TITLE_CHARACTERS = 200  # of the titles that are embedded with a passage, so that they don't crowd it out

Progress = Callable[[IngestProgress], None]
Known: TypeAlias = Mapping[str, Entry]
Indexed: TypeAlias = Mapping[str, Mapping[str, int]]  # document → version → rows


def limits_of(config: KnowledgeConfig) -> ReadLimits:
    return ReadLimits(
        max_bytes=int(config.max_file_mb * 1_000_000),
        max_pages=config.max_pages,
        seconds=config.parse_seconds,
        memory_bytes=config.parse_memory_mb * 1_000_000,
        ocr=config.ocr,
    )


def recipe_of(config: KnowledgeConfig, model: str, document: str) -> str:
    """What besides a document's bytes decides its rows: another recipe means reading it anew."""
    ruled = readers_by_rule(config.access, document)
    readers = "" if ruled is None else f"|{json.dumps(ruled)}"
    ocr = "|ocr" if config.ocr else ""
    return f"{PARSER_VERSION}|{model}|{config.passage_tokens}|{config.overlap_tokens}|{config.language}{readers}{ocr}"


def embedded_text(title: str, title_path: Sequence[str], text: str) -> str:
    """What the embedding model sees of a passage: the titles above it, then its words."""
    titles = [title, *(part for part in title_path if part != title)]
    return f"{' › '.join(titles)[:_TITLE_CHARACTERS]}\n{text}"


@dataclass(frozen=True)
class Ingest:
    """One ingest: what it reads, where it writes, whom it tells."""

    folder: Path
    config: KnowledgeConfig
    catalog: Catalog
    index: PassageIndex
    embedder: Embedder
    model: str
    dimensions: int
    tell: Progress
    weights: WeightTable
    sources: Sources

    async def run(self) -> IngestReport:
        """Do it. Raises ProjectError without a folder, and errors of the embedding model."""
        return await _Run(self).run()

    async def add(self, file: SourceFile, place: Path) -> None:
        """Read one file, move it to `place`, and index it with what is attached to it. Raises DocumentUnreadable."""
        await _Run(self).add(file, place)

    async def remove(self, document: str) -> list[str]:
        """Take a document, and what is attached to it, out of the index and the catalog; what was in either."""
        known, indexed = await self.catalog.entries(), await self.index.versions()
        gone = sorted(id_ for id_ in {*known, *indexed} if id_ == document or id_.startswith(f"{document}/"))
        await self.index.remove(gone)
        await self.catalog.forget(gone)
        return gone


@dataclass(frozen=True)
class _Draft:
    """A passage that has no vector yet, unless `vector` was found in the index."""

    row: Row
    embedded: str
    known: bool


@dataclass
class _Run:
    """The state of one ingest while it goes."""

    job: Ingest
    started: float = field(default_factory=time.monotonic)
    found: int = 0
    read: int = 0
    report: IngestReport = field(default_factory=IngestReport)
    drafts: list[_Draft] = field(default_factory=list)
    finished: list[tuple[Written, str]] = field(default_factory=list)  # with the version of its rows
    failures: list[Written] = field(default_factory=list)
    present: set[str] = field(default_factory=set)  # ids of documents that are there, attached ones too

    async def run(self) -> IngestReport:
        job = self.job
        limits = limits_of(job.config)
        files = await job.sources.gather(job.folder, limits, lambda name: self._say(name, "fetching"))
        known, indexed = await job.catalog.entries(), await job.index.versions()
        self.found = len(files)
        self._say("")
        settings = job.config
        async with DocumentReader(limits, size=settings.passage_tokens, overlap=settings.overlap_tokens) as reader:
            for file in files:
                await self._document(file, known, indexed, reader)
                self.read += 1
                self._say(file.id)
        await self._flush()
        for file in await asyncio.to_thread(_gone, files):
            self.present -= {id_ for id_ in self.present if id_ == file.id or id_.startswith(f"{file.id}/")}
        await self._follow_deletes(known, indexed)
        await job.weights.set_rules(fingerprint(job.config.access))  # from here on every document stands by them
        self._say("", "indexing")
        if self.report.added or self.report.changed or self.report.deleted:
            await job.index.settle()
        await self._sum_up()
        self._say("", "done")
        return self.report

    async def add(self, file: SourceFile, place: Path) -> None:
        job, settings = self.job, self.job.config
        self.found = 1
        self._say(file.id)
        limits = limits_of(settings)
        async with DocumentReader(limits, size=settings.passage_tokens, overlap=settings.overlap_tokens) as reader:
            read = await reader.read(file.id, file.path)
        known, indexed = await job.catalog.entries(), await job.index.versions()
        place.parent.mkdir(parents=True, exist_ok=True)
        file.path.replace(place)
        await self._readings(file, read, recipe_of(settings, job.model, file.id), indexed)
        await self._flush()
        before = {id_ for id_ in {*known, *indexed} if id_.startswith(f"{file.id}/")}
        if gone := sorted(before - self.present):
            await job.index.remove(gone)
            await job.catalog.forget(gone)
        self.read = 1
        self._say(file.id, "indexing")
        await job.index.settle()
        self._say(file.id, "done")

    async def _document(self, file: SourceFile, known: Known, indexed: Indexed, reader: DocumentReader) -> None:
        """A file: settled already, or read with what is attached to it. The file's own row is written last, and so
        stands for the attachments' too."""
        config = self.job.config
        recipe, limit = recipe_of(config, self.job.model, file.id), limits_of(config).max_bytes
        entry, versions = known.get(file.id), indexed.get(file.id, {})
        self.present.add(file.id)
        sha256 = "" if file.refusal else await asyncio.to_thread(sha256_of, file.id, file.path, limit)
        if is_settled(file, entry, versions, sha256, recipe):
            self.report = replace(self.report, unchanged=self.report.unchanged + 1)
            self.present.update(id_ for id_ in known if id_.startswith(f"{file.id}/"))
            return
        self._count(entry)
        try:
            if file.refusal:
                raise DocumentUnreadable(file.id, file.refusal)
            read = await reader.read(file.id, file.path)
        except DocumentUnreadable as error:
            await self._failed(file, sha256, recipe, error, versions)
            return
        await self._readings(file, read, recipe, indexed)

    async def _readings(self, file: SourceFile, read: ReadFile, recipe: str, indexed: Indexed) -> None:
        file, sha256 = replace(file, size=read.size), read.sha256
        config = self.job.config
        own = read.readings[0].parsed.groups if read.readings else None
        readers = readers_of(config.access, file.id, own)  # what is attached is read by who may read the file
        for reading in reversed(read.readings):
            self.present.add(reading.id)
            if reading.reason:
                await self._failed(
                    replace(file, id=reading.id), sha256, recipe, DocumentUnreadable(reading.id, reading.reason),
                    indexed.get(reading.id, {}),
                )  # fmt: skip
            else:
                await self._passages(replace(file, id=reading.id), reading, sha256, recipe, indexed, readers)

    def _count(self, entry: Entry | None) -> None:
        if entry is None:
            self.report = replace(self.report, added=self.report.added + 1)
        else:
            self.report = replace(self.report, changed=self.report.changed + 1)

    async def _failed(
        self, file: SourceFile, sha256: str, recipe: str, error: DocumentUnreadable, versions: Mapping[str, int]
    ) -> None:
        if versions:
            await self.job.index.remove([file.id])  # what it once said is no longer what it says
        nothing = Parsed(title_of(file.id), format_of(file.id), "")
        retry = isinstance(error, DocumentTimeout) or not sha256
        self.failures.append(Written(file.id, file.size, sha256, recipe, nothing, reason=error.reason, retry=retry))
        await self.job.catalog.write(self.failures[-1:], _now())

    async def _passages(
        self,
        file: SourceFile,
        reading: Reading,
        sha256: str,
        recipe: str,
        indexed: Indexed,
        readers: tuple[str, ...],
    ) -> None:
        vectors = await self.job.index.vectors(file.id) if indexed.get(file.id) else {}
        version = version_of(sha256, recipe)
        for position, piece in enumerate(reading.pieces):
            if len(self.drafts) >= _BATCH:
                await self._flush()
                self._say(file.id)
            self.drafts.append(_draft(file.id, version, position, reading.parsed, piece, vectors, readers))
        written = Written(
            file.id, file.size, sha256, recipe, reading.parsed, passages=len(reading.pieces), readers=readers
        )
        self.finished.append((written, version))

    async def _flush(self) -> None:
        """Embed what has gathered, put it into the index, and only then write down which documents are whole."""
        drafts, finished = self.drafts, self.finished
        self.drafts, self.finished = [], []
        missing = [draft for draft in drafts if not draft.known]
        vectors: list[Sequence[float]] = []
        if missing:
            texts = [draft.embedded for draft in missing]
            made = await self.job.embedder.embed(self.job.config.embed, texts, purpose="passage")
            if made.model != self.job.model:
                raise _another_model(self.job.model, made.model)
            vectors = list(made.vectors)
        fresh = iter(vectors)
        rows = [draft.row if draft.known else replace(draft.row, vector=next(fresh)) for draft in drafts]
        if rows:
            await self._put(rows, {written.id: version for written, version in finished})
        await self.job.catalog.write([written for written, _version in finished], _now())
        self.report = replace(
            self.report,
            embedded=self.report.embedded + len(missing),
            reused=self.report.reused + len(drafts) - len(missing),
        )

    async def _put(self, rows: Sequence[Row], complete: Mapping[str, str]) -> None:
        """Put rows with what people decided of them; also what they decide while this goes on."""
        before = await self.job.weights.all()
        weighed = [(row, before.get((row.document, row.digest), PLAIN)) for row in rows]
        await self.job.index.put(
            [replace(row, hidden=weight.hidden, boost=weight.boost) for row, weight in weighed], complete
        )
        after = await self.job.weights.all()
        for document, digest in {(row.document, row.digest) for row in rows}:
            now = after.get((document, digest), PLAIN)
            if now != before.get((document, digest), PLAIN):
                await self.job.index.weigh(document, digest, now.hidden, now.boost)

    async def _follow_deletes(self, known: Known, indexed: Indexed) -> None:
        orphans = sorted(set(indexed) - self.present)
        gone = sorted(set(known) - self.present)
        if orphans:
            await self.job.index.remove(orphans)
        if gone:
            await self.job.catalog.forget(gone)
        self.report = replace(self.report, deleted=len({*orphans, *gone}))

    async def _sum_up(self) -> None:
        status = await self.job.catalog.status()
        listed = await self.job.catalog.listed()
        self.report = replace(
            self.report,
            found=self.found,
            passages=status.passages,
            seconds=time.monotonic() - self.started,
            failed=[FailedDocument(info.id, info.reason) for info in listed if info.status == "failed"],
        )

    def _say(self, current: str, phase: Phase = "reading") -> None:
        self.job.tell(
            IngestProgress(
                self.found,
                self.read,
                self.report.embedded,
                len(self.failures),
                current,
                time.monotonic() - self.started,
                phase,
            )
        )


def _gone(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Those that were deleted while the others were read."""
    return [file for file in files if not file.refusal and not os.path.lexists(file.path)]


def version_of(sha256: str, recipe: str) -> str:
    """Names a document's bytes together with how they were read, cut and embedded."""
    return hashlib.sha256(f"{sha256}|{recipe}".encode()).hexdigest()[:24]


def is_settled(file: SourceFile, entry: Entry | None, versions: Mapping[str, int], sha256: str, recipe: str) -> bool:
    """Does the last ingest's result still hold for this file, in the catalog and in the index?"""
    if entry is None or entry.recipe != recipe or entry.sha256 != sha256 or entry.retry:
        return entry is not None and bool(file.refusal) and entry.reason == file.refusal and not versions
    if entry.status == "failed":
        return not versions
    return dict(versions) == {version_of(sha256, recipe): entry.passages}


def drafted(reading: Reading) -> list[tuple[str, str]]:
    """What a document's passages are embedded as, each with its digest."""
    parsed = reading.parsed
    texts = [
        embedded_text(parsed.title, piece.title_path, parsed.text[piece.start : piece.end]) for piece in reading.pieces
    ]
    return [(digest_of(text), text) for text in texts]


def row_text(row: Row) -> str:
    """What a passage was embedded as."""
    return embedded_text(row.title, row.title_path, row.text)


def digest_of(embedded: str) -> str:
    return hashlib.sha256(embedded.encode()).hexdigest()


def _draft(
    document: str,
    version: str,
    position: int,
    parsed: Parsed,
    piece: Piece,
    vectors: Mapping[str, Sequence[float]],
    readers: tuple[str, ...],
) -> _Draft:
    text = parsed.text[piece.start : piece.end]
    embedded = embedded_text(parsed.title, piece.title_path, text)
    digest = digest_of(embedded)
    row = Row(
        id=f"{document}\n{version}\n{position}",
        document=document,
        version=version,
        position=position,
        start=piece.start,
        end=piece.end,
        page=piece.page,
        title=parsed.title,
        title_path=piece.title_path,
        text=text,
        words=search_words(embedded),
        digest=digest,
        vector=vectors.get(digest, ()),
        readers=readers,
        metadata=parsed.metadata,
    )
    return _Draft(row, embedded, known=digest in vectors)


def _another_model(expected: str, made: str) -> Exception:
    from coachwork.errors import ModelUnavailable

    return ModelUnavailable(
        f"the embedding route changed from {expected!r} to {made!r} in the middle of an ingest",
        model=expected,
        hint="Vectors of two models can't be mixed. Run the ingest again when the first model answers.",
    )


def _now() -> int:
    return int(time.time() * 1000)
