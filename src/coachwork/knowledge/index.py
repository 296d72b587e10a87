"""The passage index: what a store of passages has to do. Knows rows, vectors and filters; knows no files, no models.

One table for each knowledge base and embedding model, so vectors of two models never meet. Passages of a document
change in one transaction. Several processes may read while others write. LanceDB (`lance.py`) and PostgreSQL
(`pgvector.py`) keep this contract, and pass the same tests.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from coachwork.knowledge.filters import OPEN, Filter, Metadata


@dataclass(frozen=True)
class Row:
    """A passage as it is kept. `version` names the document's bytes and how they were cut, `digest` the embedded text.

    `words` is what full-text search sees: titles, text, and identifiers split into their parts. `readers` are the
    groups that may see it; `hidden` ones come back only where they are asked for, `boost` multiplies the fused score.
    """

    id: str
    document: str
    version: str
    position: int
    start: int
    end: int
    page: int | None
    title: str
    title_path: tuple[str, ...]
    text: str
    words: str
    digest: str
    vector: Sequence[float]
    readers: tuple[str, ...] = (OPEN,)
    metadata: Metadata = field(default_factory=dict)
    hidden: bool = False
    boost: float = 1.0


@dataclass(frozen=True)
class Hit:
    """A passage that was found. `score` is the stage's own: cosine similarity, or what full-text search gives."""

    id: str
    document: str
    start: int
    end: int
    page: int | None
    title: str
    title_path: tuple[str, ...]
    text: str
    score: float
    position: int = 0
    digest: str = ""
    hidden: bool = False
    boost: float = 1.0


@dataclass(frozen=True)
class Stretch:
    """Passages of one document that follow each other: positions `first` to `last`, both included."""

    document: str
    first: int
    last: int


HIT_FIELDS = tuple(name for name in Hit.__dataclass_fields__ if name != "score")


class PassageIndex(Protocol):
    """What search and ingestion ask of an index. Every question about passages comes with a filter."""

    async def versions(self) -> dict[str, dict[str, int]]:
        """For each document the versions it has rows of, and how many."""

    async def vectors(self, document: str) -> dict[str, Sequence[float]]:
        """The vectors of a document's rows by digest, so that unchanged text is not embedded again."""

    async def put(self, rows: Sequence[Row], complete: Mapping[str, str]) -> None:
        """Insert or replace rows by id and, in the same transaction, drop every row of another version of the
        documents in `complete` (document → its version)."""

    async def remove(self, documents: Sequence[str]) -> None:
        """Drop every row of these documents."""

    async def weigh(self, document: str, digest: str, hidden: bool, boost: float) -> None:
        """Hide or show, and weigh, the passages of a document that say just this."""

    async def by_vector(self, vector: Sequence[float], limit: int, filter: Filter) -> list[Hit]:
        """The rows nearest in meaning among those that `filter` lets through, best first."""

    async def by_words(self, text: str, limit: int, filter: Filter) -> list[Hit]:
        """The rows that share words with `text` among those that `filter` lets through, best first."""

    async def passages(self, stretches: Sequence[Stretch], filter: Filter) -> list[Hit]:
        """The rows of these stretches that `filter` lets through, in the order of the document; their score is 0."""

    async def embedded(self, ids: Sequence[str]) -> dict[str, Sequence[float]]:
        """The vectors of rows by id."""

    def rows(self) -> AsyncIterator[list[Row]]:
        """Every row, in batches, as of one moment."""

    async def settle(self) -> None:
        """After many writes: fold new rows into the indexes, compact, forget old versions."""

    async def purge(self) -> None:
        """Take what was dropped off the disk too, now. Needs the index for itself for some seconds."""


class PassageStore(Protocol):
    """The tables behind one URI."""

    async def tables(self) -> list[str]: ...

    async def open(self, name: str, language: str) -> PassageIndex | None:
        """The index called `name`, None where there is none yet."""

    async def create(self, name: str, dimensions: int, language: str) -> PassageIndex:
        """The index called `name`, made where there is none yet."""

    async def drop(self, name: str) -> None: ...

    async def close(self) -> None: ...


WHOLE = 2**31 - 1  # a position that no document reaches: `Stretch(document, 0, WHOLE)` is all of it


def open_store(uri: str) -> PassageStore:
    """The store behind `uri`: a folder or an object-storage URI is LanceDB's, `postgresql://…` is PostgreSQL's."""
    if re.match(r"postgres(ql)?(\+\w+)?://", uri):
        from coachwork.knowledge.postgres import PostgresStore

        return PostgresStore(uri)
    from coachwork.knowledge.lance import LanceStore

    return LanceStore(uri)


def table_prefix(knowledge: str) -> str:
    """How the names of a knowledge base's tables begin: `handbook-1a2b3c.`"""
    return f"{_plain(knowledge)}-{hashlib.sha256(knowledge.encode()).hexdigest()[:6]}."


def table_name(knowledge: str, model: str, dimensions: int) -> str:
    """A name that every store takes, one for each knowledge base and embedding model, and shape of a row."""
    mark = hashlib.sha256(f"{model}\n{dimensions}\n{_SHAPE}".encode()).hexdigest()[:6]
    return f"{table_prefix(knowledge)}{_plain(model)}-{dimensions}-{mark}"


_SHAPE = 3  # of a row: raise it with every new field, so that an older table is not opened but made anew


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-")[:60]
