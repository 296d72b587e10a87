"""Passages in LanceDB: a folder or an object-storage URI, no server. Knows LanceDB's filter language and its traps."""

import asyncio
import json
import time
import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from coachwork.errors import NotInstalled, ProjectError
from coachwork.knowledge.filters import DOCUMENT, Condition, Filter, Metadata, facet, facets_of
from coachwork.knowledge.index import HIT_FIELDS, Hit, Row, Stretch

# What a search tells of a passage lies in one column: to read 50 rows of one takes 1.1 ms, of twelve 3.7. It is JSON,
# `[boost, {field: value, …}]`, with the boost where an update can change it.
_SHOWN = tuple(name for name in HIT_FIELDS if name not in ("hidden", "boost"))
_KEEP_VERSIONS = timedelta(hours=1)  # a reader holds an old version for one query; an hour is plenty
_JUST_NOW = timedelta(milliseconds=5)
_GRAPHS = 16  # parts of an index of vectors, each of which a search asks, .5 ms: more are made into one
_FOLD_KEEPS = timedelta(minutes=10)  # of old versions, while an ingest writes its full-text index anew again and again
_MANY = 1000  # rows read at once by `rows`
_TRIES = 6  # of a write that met another process's: each is undone whole, and made again


class LanceIndex:
    """A table of LanceDB. Made by `LanceStore`."""

    def __init__(self, table: Any, language: str, exact_up_to: int, fold_at: int, fold_pause: float) -> None:
        self._table = table
        self._language = language
        self._exact_up_to = exact_up_to
        self._fold_at = fold_at
        self._fold_pause = fold_pause
        self._fold_after = time.monotonic() + fold_pause

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
        stale = [
            f"(document = {_quoted(document)} AND version != {_quoted(version)})"
            for document, version in complete.items()
        ]
        data = _as_arrow(rows, _dimensions(await self._table.schema()))

        async def write() -> None:
            merge = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            if stale:
                merge = merge.when_not_matched_by_source_delete(" OR ".join(stale))
            await merge.execute(data)

        await self._again(write)
        await self._fold()

    async def remove(self, documents: Sequence[str]) -> None:
        for begin in range(0, len(documents), 200):
            names = ", ".join(_quoted(document) for document in documents[begin : begin + 200])
            await self._again(lambda names=names: self._table.delete(f"document IN ({names})"))

    async def weigh(self, document: str, digest: str, hidden: bool, boost: float) -> None:
        where = f"document = {_quoted(document)} AND digest = {_quoted(digest)}"
        changed = {
            "hidden": "true" if hidden else "false",
            "shown": f"concat('[{float(boost)!r}, ', substr(shown, strpos(shown, '{{')))",
        }
        await self._again(lambda: self._table.update(where=where, updates_sql=changed))

    async def by_vector(self, vector: Sequence[float], limit: int, filter: Filter) -> list[Hit]:
        query = self._table.query().nearest_to([float(number) for number in vector]).distance_type("cosine")
        query = _where(query.limit(limit), filter)
        # With an index (large tables alone): look wide, then rank by the true vectors.
        query = query.ef(max(400, 8 * limit)).nprobes(20).refine_factor(1).select([*_of_hits(filter), "_distance"])
        return [_hit(row, 1.0 - row["_distance"]) for row in await query.to_list()]

    async def by_words(self, text: str, limit: int, filter: Filter) -> list[Hit]:
        query = _where(self._table.query().nearest_to_text(text, columns="words").limit(limit), filter)
        return [_hit(row, row["_score"]) for row in await query.select([*_of_hits(filter), "_score"]).to_list()]

    async def passages(self, stretches: Sequence[Stretch], filter: Filter) -> list[Hit]:
        if not stretches:
            return []
        wanted = " OR ".join(
            f"(document = {_quoted(stretch.document)} AND position BETWEEN {stretch.first} AND {stretch.last})"
            for stretch in stretches
        )
        query = _where(self._table.query(), filter, f"({wanted})")
        rows = await query.select(_of_hits(filter)).to_list()
        return sorted((_hit(row, 0.0) for row in rows), key=lambda hit: (hit.document, hit.position))

    async def embedded(self, ids: Sequence[str]) -> dict[str, Sequence[float]]:
        if not ids:
            return {}
        names = ", ".join(map(_quoted, ids))
        columns = (await self._table.query().where(f"id IN ({names})").select(["id", "vector"]).to_arrow()).to_pydict()
        return dict(zip(columns["id"], columns["vector"], strict=True))

    async def rows(self) -> AsyncIterator[list[Row]]:
        names = ["shown", *(name for name in Row.__dataclass_fields__ if name not in (*_SHOWN, "boost"))]
        async for batch in await self._table.query().select(names).to_batches(max_batch_length=_MANY):
            yield [_row(found) for found in batch.to_pylist()]

    async def settle(self) -> None:
        from lancedb.index import Bitmap, HnswSq, LabelList

        if await self._table.count_rows() > self._exact_up_to:
            if not 1 <= await self._parts("vector") <= _GRAPHS:
                await self._table.create_index("vector", config=HnswSq(distance_type="cosine"))
            for column in ("readers", "facets"):  # without them a filter reads every row: 7 ms against 2 at 100,000
                if not await self._parts(column):
                    await self._table.create_index(column, config=LabelList())
            if not await self._parts("hidden"):
                await self._table.create_index("hidden", config=Bitmap())
        await self._again(lambda: self._table.optimize(cleanup_older_than=_KEEP_VERSIONS))

    async def purge(self) -> None:
        # Compaction leaves a file in which few rows are dropped, so each row is written anew; the words of dropped rows
        # stay in the full-text index until it is made again.
        await self._again(lambda: self._table.update(updates_sql={"hidden": "hidden"}, where="true"))
        await self._table.optimize()
        await self._make_word_index()
        await self._table.optimize(cleanup_older_than=timedelta(milliseconds=1), delete_unverified=True)

    async def prepare(self) -> None:
        """Make the full-text index of a new table."""
        if not await self._parts("words"):
            await self._make_word_index()

    async def _make_word_index(self) -> None:
        from lancedb.index import FTS

        plain = FTS(base_tokenizer="icu/split", stem=False, remove_stop_words=False)
        config = plain if self._language == "Other" else FTS(language=self._language)
        await self._table.create_index("words", config=config)

    async def _parts(self, column: str) -> int:
        """How many parts the index of a column has, 0 for no index: each `optimize` adds one to that of vectors."""
        return sum(found.num_segments or 1 for found in await self._table.list_indices() if column in found.columns)

    async def _fold(self) -> None:
        """Fold rows that no index holds yet into the indexes once they are many.

        Every search reads them all, 35 ms of CPU for a thousand; to fold takes .5 to 1 s, to embed 500 some 15.
        """
        if time.monotonic() < self._fold_after:
            return
        words = next((found for found in await self._table.list_indices() if "words" in found.columns), None)
        if words is None or words.num_unindexed_rows < max(self._fold_at, words.num_indexed_rows // 200):
            return
        began = time.monotonic()
        try:
            await self._table.optimize(cleanup_older_than=_FOLD_KEEPS)
        except RuntimeError as error:
            if not _is_conflict(error):
                raise
            # Somebody else wrote or folded meanwhile. Nothing is lost: whoever puts next tries again.
        ended = time.monotonic()
        self._fold_after = ended + self._fold_pause * max(1.0, ended - began)

    async def _again(self, write: Any) -> None:
        """Write, and once more where another process wrote the same rows at the same moment."""
        for tried in range(1, _TRIES + 1):
            try:
                await write()
                return
            except RuntimeError as error:
                if tried == _TRIES or not _is_conflict(error):
                    raise
                await asyncio.sleep(0.05 * 2**tried)


class LanceStore:
    """The tables of one folder or URI. Connections are made once for each event loop that asks.

    `exact_up_to` is how many passages are compared each with a question (some 5 ms), which needs no index and misses
    nothing; `fold_at` how many new ones a search may have to read before they are folded into the indexes,
    `fold_pause` the seconds that a writer leaves between two foldings, more where folding itself took more than one: a
    copy writes thousands a second.
    """

    def __init__(self, uri: str, exact_up_to: int = 20_000, fold_at: int = 500, fold_pause: float = 5) -> None:
        self._uri = uri
        self._exact_up_to = exact_up_to
        self._fold_at = fold_at
        self._fold_pause = fold_pause
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
        if name not in await self.tables():
            return None
        return self._index(await (await self._connection()).open_table(name), language)

    async def create(self, name: str, dimensions: int, language: str) -> LanceIndex:
        index = await self.open(name, language)
        if index is None:
            # `exist_ok` compares schemas and finds that its own JSON columns differ from themselves.
            try:
                table = await (await self._connection()).create_table(name, schema=_schema(dimensions))
                index = self._index(table, language)
            except ValueError:
                index = await self.open(name, language)  # another process was faster
                if index is None:
                    raise
        await index.prepare()
        return index

    async def drop(self, name: str) -> None:
        await (await self._connection()).drop_table(name, ignore_missing=True)

    async def close(self) -> None:
        self._connections = {}

    def _index(self, table: Any, language: str) -> LanceIndex:
        return LanceIndex(table, language, self._exact_up_to, self._fold_at, self._fold_pause)

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
        lancedb = await asyncio.to_thread(import_module, "lancedb")  # a second and more, in which a server answers
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"the index of a knowledge base needs the Python package {error.name!r}",
            hint='Install the knowledge parts: pip install "coachwork[knowledge]"',
        ) from None
    # Under uvloop a process is begun by a fork that runs Python's hooks; it then becomes another program at once.
    warnings.filterwarnings("ignore", message="lancedb fork support", category=RuntimeWarning)
    try:
        # An interval of zero: every read looks whether another process has written.
        return await lancedb.connect_async(uri, read_consistency_interval=timedelta(0))
    except (OSError, ValueError, RuntimeError) as error:
        raise ProjectError(
            f"the index at {uri!r} can't be opened: {error}", hint="Check `index` in coachwork.toml and its rights."
        ) from error


# ── The filter language (DataFusion's SQL) ─────────────────────────────────────────────────────


def sql_of(filter: Filter) -> str:
    """The filter as LanceDB reads it; "" where it lets everything through."""
    parts = [] if filter.hidden else ["NOT hidden"]
    if filter.readers is not None:
        parts.append(_any("readers", sorted(filter.readers)))
    parts.extend(_sql(condition) for condition in filter.conditions)
    return " AND ".join(parts)


def _sql(condition: Condition) -> str:
    if condition.range is not None:
        is_text = any(isinstance(end, str) for end in (condition.range.least, condition.range.most))
        column, kind = ("texts", "string") if is_text else ("numbers", "float")
        value = f"json_get_{kind}({column}, {_quoted(condition.field)})"
        ends = ((">=", condition.range.least), ("<=", condition.range.most))
        return "(" + " AND ".join(f"{value} {sign} {_literal(end)}" for sign, end in ends if end is not None) + ")"
    if condition.field == DOCUMENT:
        names = ", ".join(_quoted(str(value)) for value in condition.values)
        return f"document IN ({names})" if names else "false"
    return _any("facets", [facet(condition.field, value) for value in condition.values])


def _any(column: str, wanted: Sequence[str]) -> str:
    return f"array_has_any({column}, [{', '.join(map(_quoted, wanted))}])" if wanted else "false"


def _literal(end: float | str) -> str:
    return _quoted(end) if isinstance(end, str) else repr(float(end))


def _quoted(value: str) -> str:
    """A string of the filter language: single quotes, doubled inside."""
    return "'" + value.replace("'", "''") + "'"


def _where(query: Any, filter: Filter, more: str = "") -> Any:
    sql = " AND ".join(part for part in (more, sql_of(filter)) if part)
    return query.where(sql) if sql else query


# ── Rows ───────────────────────────────────────────────────────────────────────────────────────


def _of_hits(filter: Filter) -> list[str]:
    """The columns a hit is made of: where hidden passages are not asked for, none that comes is hidden."""
    return ["shown", "hidden"] if filter.hidden else ["shown"]


def _hit(row: Mapping[str, Any], score: float) -> Hit:
    boost, shown = json.loads(row["shown"])
    shown["title_path"] = tuple(shown["title_path"])
    return Hit(**shown, hidden=row.get("hidden", False), boost=boost, score=float(score))


def _row(found: Mapping[str, Any]) -> Row:
    boost, shown = json.loads(found["shown"])
    told = {name: value for name, value in found.items() if name != "shown"}
    lists = {"title_path": tuple(shown["title_path"]), "readers": tuple(found["readers"])}
    return Row(**{**told, **shown, **lists, "metadata": json.loads(found["metadata"]), "boost": boost})


def _as_arrow(rows: Sequence[Row], dimensions: int) -> Any:
    import pyarrow as pa

    schema = _schema(dimensions)
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in Row.__dataclass_fields__}
    columns["shown"] = [_as_json([row.boost, {name: getattr(row, name) for name in _SHOWN}]) for row in rows]
    columns["facets"] = [facets_of(row.metadata) for row in rows]
    columns["metadata"] = [_as_json(row.metadata) for row in rows]
    columns["numbers"] = [_of_kind(row.metadata, lambda value: not isinstance(value, str)) for row in rows]
    columns["texts"] = [_of_kind(row.metadata, lambda value: isinstance(value, str)) for row in rows]
    arrays = []
    for field in schema:
        if field.name in ("numbers", "texts"):
            arrays.append(pa.ExtensionArray.from_storage(field.type, pa.array(columns[field.name], pa.string())))
        elif field.name == "vector":
            arrays.append(pa.array([list(vector) for vector in columns["vector"]], field.type))
        else:
            arrays.append(pa.array(columns[field.name], field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _of_kind(metadata: Metadata, fits: Callable[[Any], bool]) -> str:
    """The single values of one kind as JSON: LanceDB's `json_get_float` fails on a row where it meets a text."""
    single = {field: value for field, value in metadata.items() if not isinstance(value, list | tuple | bool)}
    return _as_json({field: value for field, value in single.items() if fits(value)})


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _dimensions(schema: Any) -> int:
    return int(schema.field("vector").type.list_size)


def _schema(dimensions: int) -> Any:
    import pyarrow as pa

    text = ("id", "document", "version", "words", "digest", "shown")
    return pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in text),
            pa.field("position", pa.int32(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimensions), nullable=False),
            pa.field("readers", pa.list_(pa.string()), nullable=False),
            pa.field("facets", pa.list_(pa.string()), nullable=False),
            pa.field("metadata", pa.string(), nullable=False),
            pa.field("numbers", pa.json_(), nullable=False),
            pa.field("texts", pa.json_(), nullable=False),
            pa.field("hidden", pa.bool_(), nullable=False),
        ]
    )


def _is_conflict(error: RuntimeError) -> bool:
    return "conflict" in str(error).lower()
