"""The passage index: what any index has to do, and LanceDB doing it. Knows rows and vectors; knows no files, no models.

One table for each knowledge base and embedding model, so vectors of two models never meet. Passages of a document
change in one transaction. Several processes may read while one writes.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from coachwork.errors import NotInstalled, ProjectError

_EXACT_UP_TO = 20_000  # rows: below it every vector is compared (some 5 ms), which needs no index and misses nothing
_KEEP_VERSIONS = timedelta(hours=1)  # a reader holds an old version for one query; an hour is plenty


@dataclass(frozen=True)
class Row:
    """A passage as it is kept. `version` names the document's bytes and how they were cut, `digest` the embedded text.

    `words` is what full-text search sees: titles, text, and identifiers split into their parts.
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


@dataclass(frozen=True)
class Hit:
    """A passage that was found. `score` is the stage's own: cosine similarity, or BM25."""

    id: str
    document: str
    start: int
    end: int
    page: int | None
    title: str
    title_path: tuple[str, ...]
    text: str
    score: float


class PassageIndex(Protocol):
    """What search and ingestion ask of an index. LanceDB is one; PostgreSQL will be another."""

    async def versions(self) -> dict[str, dict[str, int]]:
        """For each document the versions it has rows of, and how many."""

    async def vectors(self, document: str) -> dict[str, Sequence[float]]:
        """The vectors of a document's rows by digest, so that unchanged text is not embedded again."""

    async def put(self, rows: Sequence[Row], complete: Mapping[str, str]) -> None:
        """Insert or replace rows by id and, in the same transaction, drop every row of another version of the
        documents in `complete` (document → its version)."""

    async def remove(self, documents: Sequence[str]) -> None:
        """Drop every row of these documents."""

    async def by_vector(self, vector: Sequence[float], limit: int) -> list[Hit]:
        """The rows nearest in meaning, best first."""

    async def by_words(self, text: str, limit: int) -> list[Hit]:
        """The rows that share words with `text`, best first by BM25."""

    async def settle(self) -> None:
        """After many writes: fold new rows into the indexes, compact, forget old versions."""


def table_prefix(knowledge: str) -> str:
    """How the names of a knowledge base's tables begin: `handbook-1a2b3c.`"""
    return f"{_plain(knowledge)}-{hashlib.sha256(knowledge.encode()).hexdigest()[:6]}."


def table_name(knowledge: str, model: str, dimensions: int) -> str:
    """A name that LanceDB takes, one for each knowledge base and embedding model."""
    mark = hashlib.sha256(f"{model}\n{dimensions}".encode()).hexdigest()[:6]
    return f"{table_prefix(knowledge)}{_plain(model)}-{dimensions}-{mark}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-")[:60]


class LanceIndex:
    """A table of LanceDB, in a folder or at an object-storage URI. Made by `open_index`."""

    def __init__(self, table: Any, language: str) -> None:
        self._table = table
        self._language = language

    async def versions(self) -> dict[str, dict[str, int]]:
        columns = (await self._table.query().select(["document", "version"]).to_arrow()).to_pydict()
        found: dict[str, dict[str, int]] = {}
        for document, version in zip(columns["document"], columns["version"], strict=True):
            counts = found.setdefault(document, {})
            counts[version] = counts.get(version, 0) + 1
        return found

    async def vectors(self, document: str) -> dict[str, Sequence[float]]:
        query = self._table.query().where(f"document = {_quoted(document)}").select(["digest", "vector"])
        columns = (await query.to_arrow()).to_pydict()
        return dict(zip(columns["digest"], columns["vector"], strict=True))

    async def put(self, rows: Sequence[Row], complete: Mapping[str, str]) -> None:
        import pyarrow

        stale = [
            f"(document = {_quoted(document)} AND version != {_quoted(version)})"
            for document, version in complete.items()
        ]
        schema = await self._table.schema()
        merge = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        if stale:
            merge = merge.when_not_matched_by_source_delete(" OR ".join(stale))
        data = [{**row.__dict__, "title_path": list(row.title_path), "vector": list(row.vector)} for row in rows]
        await merge.execute(pyarrow.Table.from_pylist(data, schema=schema))

    async def remove(self, documents: Sequence[str]) -> None:
        for begin in range(0, len(documents), 200):
            names = ", ".join(_quoted(document) for document in documents[begin : begin + 200])
            await self._table.delete(f"document IN ({names})")

    async def by_vector(self, vector: Sequence[float], limit: int) -> list[Hit]:
        query = self._table.query().nearest_to(list(vector)).distance_type("cosine").limit(limit)
        # With an index (large tables alone): look wide, then rank by the true vectors.
        rows = await query.ef(max(100, 4 * limit)).nprobes(20).refine_factor(2).select([*_HIT, "_distance"]).to_list()
        return [_hit(row, 1.0 - row["_distance"]) for row in rows]

    async def by_words(self, text: str, limit: int) -> list[Hit]:
        query = self._table.query().nearest_to_text(text, columns="words").limit(limit)
        return [_hit(row, row["_score"]) for row in await query.select([*_HIT, "_score"]).to_list()]

    async def settle(self) -> None:
        from lancedb.index import HnswSq

        if await self._table.count_rows() > _EXACT_UP_TO and not await self._has_index("vector"):
            await self._table.create_index("vector", config=HnswSq(distance_type="cosine"))
        await self._table.optimize(cleanup_older_than=_KEEP_VERSIONS)

    async def prepare(self) -> None:
        """Make the full-text index of a new table."""
        from lancedb.index import FTS

        if not await self._has_index("words"):
            plain = FTS(base_tokenizer="icu/split", stem=False, remove_stop_words=False)
            config = plain if self._language == "Other" else FTS(language=self._language)
            await self._table.create_index("words", config=config)

    async def _has_index(self, column: str) -> bool:
        return any(column in found.columns for found in await self._table.list_indices())


class LanceStore:
    """The tables of one folder or URI. Connections are made once for each event loop that asks."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._connections: dict[int, tuple[asyncio.AbstractEventLoop, Any]] = {}

    async def tables(self) -> list[str]:
        connection = await self._connection()
        names: list[str] = []
        token = None
        while True:
            page = await connection.list_tables(page_token=token) if token else await connection.list_tables()
            names.extend(page.tables)
            token = page.page_token
            if not token:
                return names

    async def open(self, name: str, language: str) -> LanceIndex | None:
        """The index called `name`, None where there is none yet."""
        if name not in await self.tables():
            return None
        return LanceIndex(await (await self._connection()).open_table(name), language)

    async def create(self, name: str, dimensions: int, language: str) -> LanceIndex:
        """The index called `name`, made where there is none yet."""
        table = await (await self._connection()).create_table(name, schema=_schema(dimensions), exist_ok=True)
        index = LanceIndex(table, language)
        await index.prepare()
        return index

    async def drop(self, name: str) -> None:
        await (await self._connection()).drop_table(name, ignore_missing=True)

    async def _connection(self) -> Any:
        loop = asyncio.get_running_loop()
        known = self._connections.get(id(loop))
        if known is None or known[0] is not loop:
            known = (loop, await _connect(self._uri))
            self._connections = {key: kept for key, kept in self._connections.items() if not kept[0].is_closed()}
            self._connections[id(loop)] = known
        return known[1]


async def _connect(uri: str) -> Any:
    try:
        import lancedb
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"the index of a knowledge base needs the Python package {error.name!r}",
            hint='Install the knowledge parts: pip install "coachwork[knowledge]"',
        ) from None
    try:
        # An interval of zero: every read looks whether another process has written.
        return await lancedb.connect_async(uri, read_consistency_interval=timedelta(0))
    except (OSError, ValueError, RuntimeError) as error:
        raise ProjectError(
            f"the index at {uri!r} can't be opened: {error}", hint="Check `index` in coachwork.toml and its rights."
        ) from error


_HIT = ["id", "document", "start", "end", "page", "title", "title_path", "text"]


def _hit(row: Mapping[str, Any], score: float) -> Hit:
    return Hit(
        row["id"],
        row["document"],
        row["start"],
        row["end"],
        row["page"],
        row["title"],
        tuple(row["title_path"]),
        row["text"],
        float(score),
    )


def _schema(dimensions: int) -> Any:
    import pyarrow as pa

    text = ("id", "document", "version")
    return pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in text),
            pa.field("position", pa.int32(), nullable=False),
            pa.field("start", pa.int64(), nullable=False),
            pa.field("end", pa.int64(), nullable=False),
            pa.field("page", pa.int32()),
            pa.field("title", pa.string(), nullable=False),
            pa.field("title_path", pa.list_(pa.string()), nullable=False),
            *(pa.field(name, pa.string(), nullable=False) for name in ("text", "words", "digest")),
            pa.field("vector", pa.list_(pa.float32(), dimensions), nullable=False),
        ]
    )


def _quoted(value: str) -> str:
    """A string of the filter language: single quotes, doubled inside."""
    return "'" + value.replace("'", "''") + "'"
