"""Passages in PostgreSQL with pgvector: many machines, one truth. Knows which plan suits which filter.

Full text is ranked by BM25: PostgreSQL folds the words, a sparse vector of each passage holds what each is worth
there, and `settle` counts in how many passages a word stands. The database and its tables are `postgres.py`'s.
"""

import json
import math
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from coachwork.knowledge.filters import Filter, facets_of
from coachwork.knowledge.index import HIT_FIELDS, Hit, Row, Stretch
from coachwork.knowledge.postgres import SCHEMA, WORD_PLACES, PostgresStore, Table, both
from coachwork.knowledge.postgres_filter import sql_of, stored

_SELECTIVE = 0.03  # of the table, or a smaller share let through: an HNSW search would walk past most of what it meets
_CANDIDATES = 1000  # passages that are ranked by words: those with the rarest words of the question
_TERMS = 24  # of a question, the rarest: a ticket of 4,000 characters has hundreds, and the others tell little
_MANY = 1000  # rows read at once by `rows`
_K1, _B = 1.2, 0.75  # of BM25: how soon repetition says nothing new, how much more a long passage needs
_AVERAGE = 120  # words of a passage, against which its length counts
_HITS = ", ".join('"end"' if name == "end" else name for name in HIT_FIELDS)
_ROWS = ", ".join(
    {"end": '"end"', "vector": "cast(vector as text) as vector"}.get(name, name) for name in Row.__dataclass_fields__
)
_FAR = "vector <=> cast(:vector as vector)"
_NO_WORD = re.compile(r"[\W_]+")
_UNSPACED = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
# The lexemes of :words, each at its place, which is its hash: of two words at one place, in a million words one in
# 2,000 is such a pair, each counts for the other.
_PLACE = f"cast(cast('x' || substr(md5(lexeme), 1, 15) as bit(60)) as bigint) % {WORD_PLACES} + 1"
_SATURATED = f"repeated * {_K1 + 1} / (repeated + {_K1} * ({1 - _B} + {_B} * words / {_AVERAGE}))"
_WORTH = f"""(select '{{' || coalesce(string_agg(place || ':' || worth, ',' order by place), '') || '}}/{WORD_PLACES}'
 from (select {_PLACE} as place, sum({_SATURATED}) as worth
 from (select lexeme, cardinality(positions) as repeated, sum(cardinality(positions)) over () as words
 from unnest(to_tsvector(cast(:config as regconfig), :words))) as counted group by 1) as placed)"""
_VALUES = {
    "title_path": "cast(:title_path as text[])",
    "vector": "cast(:vector as vector)",
    "readers": "cast(:readers as text[])",
    "metadata": "cast(:metadata as jsonb)",
    "facets": "cast(:facets as text[])",
    "terms": "strip(to_tsvector(cast(:config as regconfig), :words))",
    "worth": f"cast({_WORTH} as sparsevec)",
}


@dataclass(frozen=True)
class _Term:
    """A word of a question as it is kept, its place in the sparse vectors, and how many passages have it."""

    word: str
    place: int
    passages: int


class PostgresIndex:
    """A table of passages and one of how rare its words are. Made by `open_index` and `made_index`."""

    def __init__(self, store: PostgresStore, table: Table, language: str) -> None:
        self._store = store
        self._table = table
        self._at = f"{SCHEMA}.{table.place}"
        self._config = "simple" if language == "Other" else language.lower()

    async def versions(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        query = f"select document, version, count(*) from {self._at} group by document, version"
        for document, version, count in await self._read(query):
            found.setdefault(document, {})[version] = count
        return found

    async def vectors(self, document: str) -> dict[str, Sequence[float]]:
        query = f"select digest, cast(vector as text) from {self._at} where document = :document"
        return {digest: json.loads(vector) for digest, vector in await self._read(query, document=document)}

    async def put(self, rows: Sequence[Row], complete: Mapping[str, str]) -> None:
        names = [*Row.__dataclass_fields__, "facets", "terms", "worth"]
        columns = ['"end"' if name == "end" else name for name in names if name != "words"]
        values = [_VALUES.get(name, f":{name}") for name in names if name != "words"]
        changed = ", ".join(f"{column} = excluded.{column}" for column in columns if column != "id")
        insert = sa.text(
            f"insert into {self._at} ({', '.join(columns)}, words) values ({', '.join(values)}, :kept)"
            f" on conflict (id) do update set {changed}, words = excluded.words"
        )
        stale = sa.text(f"delete from {self._at} where document = :document and version <> :version")
        # In the order of ids, so that of two writers of the same rows one waits, instead of each for the other.
        told = sorted((self._values(row) for row in rows), key=lambda value: str(value["id"]))

        def work(connection: sa.Connection) -> None:
            if told:
                connection.execute(insert, told)
            for document, version in sorted(complete.items()):
                connection.execute(stale, {"document": document, "version": version})

        await self._store.run(work)

    async def remove(self, documents: Sequence[str]) -> None:
        await self._write(
            f"delete from {self._at} where document = any(cast(:documents as text[]))", documents=list(documents)
        )

    async def weigh(self, document: str, digest: str, hidden: bool, boost: float) -> None:
        query = (
            f"update {self._at} set hidden = :hidden, boost = :boost where document = :document and digest = :digest"
        )
        await self._write(query, document=document, digest=digest, hidden=hidden, boost=boost)

    async def by_vector(self, vector: Sequence[float], limit: int, filter: Filter) -> list[Hit]:
        where, values = sql_of(filter)
        values |= {"vector": _vector(vector), "limit": limit}

        # Materialized: the planner would rather take the HNSW index, and find next to nothing.
        exact = (
            f"with allowed as materialized (select id, {_FAR} as far from {self._at} where {where}),"
            ' best as (select id, 1 - far as score from allowed order by far, id collate "C" limit :limit)'
        )

        def work(connection: sa.Connection) -> list[Hit]:
            rows: Sequence[Any] = ()
            if self._table.near and (through := self._let_through(connection, where, values)) > self._few():
                rows = self._nearest(connection, where, values, through)
            if len(rows) < limit:  # of the HNSW index it says that the estimate was wrong, or that there are no more
                rows = list(connection.execute(sa.text(_of_best(exact, self._at)), values))
            return [_hit(row) for row in rows]

        return await self._store.look(work)

    async def by_words(self, text: str, limit: int, filter: Filter) -> list[Hit]:
        where, values = sql_of(filter)
        words = self._words(stored(text))
        return await self._store.look(lambda connection: self._ranked(connection, words, limit, where, values))

    async def passages(self, stretches: Sequence[Stretch], filter: Filter) -> list[Hit]:
        if not stretches:
            return []
        where, values = sql_of(filter)
        wanted = []
        for number, stretch in enumerate(stretches):
            wanted.append(f"(document = :d{number} and position between :f{number} and :l{number})")
            values |= {f"d{number}": stored(stretch.document), f"f{number}": stretch.first, f"l{number}": stretch.last}
        query = (
            f"select {_HITS}, 0 as score from {self._at} where {where} and ({' or '.join(wanted)})"
            ' order by document collate "C", position'
        )
        return [_hit(row) for row in await self._read(query, **values)]

    async def embedded(self, ids: Sequence[str]) -> dict[str, Sequence[float]]:
        query = f"select id, cast(vector as text) from {self._at} where id = any(cast(:ids as text[]))"
        return {id_: json.loads(vector) for id_, vector in await self._read(query, ids=list(ids))}

    async def rows(self) -> AsyncIterator[list[Row]]:
        # The ids are read at one moment and the rows by them: what is dropped meanwhile is no row any more.
        ids = [id_ for (id_,) in await self._read(f"select id from {self._at} order by document, position")]
        query = f"select {_ROWS} from {self._at} where id = any(cast(:ids as text[]))"
        for begin in range(0, len(ids), _MANY):
            yield [_row(row) for row in await self._read(query, ids=ids[begin : begin + _MANY])]

    async def settle(self) -> None:
        await self._store.run(self._count_words)
        await self._make_near()
        await self._store.alone(f"vacuum (analyze) {self._at}", f"analyze {self._at}_rare")
        self._store.estimates.clear()

    async def purge(self) -> None:
        await self._store.alone(f"vacuum (full, analyze) {self._at}")

    # ── Ranking ──

    def _nearest(
        self, connection: sa.Connection, where: str, values: Mapping[str, Any], through: float
    ) -> Sequence[Any]:
        """By the HNSW index, of half the precision, and then by the true vectors.

        It looks wide enough for a filter that lets `through` of all pass: to go on searching costs more.
        """
        half = f"halfvec({self._table.dimensions})"
        values = {**values, "wide": values["limit"] + 20}
        look_at = int(1.2 * values["wide"] * self._table.total / through)
        plans = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off"}
        search = {"hnsw.iterative_scan": "relaxed_order", "hnsw.ef_search": str(min(1000, max(300, look_at)))}
        told = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in {**plans, **search}.items())
        query = (
            f"with near as materialized (select id, {_FAR} as far from {self._at} where {where}"
            f" order by cast(vector as {half}) <=> cast(:vector as {half}) limit :wide),"
            ' best as (select id, 1 - far as score from near order by far, id collate "C" limit :limit)'
        )
        return both(connection, f"select {told}", _of_best(query, self._at), values)

    def _ranked(
        self, connection: sa.Connection, words: str, limit: int, where: str, values: dict[str, Any]
    ) -> list[Hit]:
        terms = self._terms(connection, words)
        if not terms:
            return []
        total = max(self._table.total, *(term.passages for term in terms))
        worth = {term.place: math.log(1 + (total - term.passages + 0.5) / (term.passages + 0.5)) for term in terms}
        values = values | {"limit": limit, "asked": _sparse(worth)}
        if self._let_through(connection, where, values) > self._few():
            where += " and terms @@ cast(:wanted as tsquery)"
            values["wanted"] = " | ".join(_quoted(term.word) for term in _telling(terms))
        query = (
            "with found as materialized"
            f" (select id, -(worth <#> cast(:asked as sparsevec)) as score from {self._at} where {where}),"
            ' best as (select * from found where score > 0 order by score desc, id collate "C" limit :limit)'
        )
        return [_hit(row) for row in connection.execute(sa.text(_of_best(query, self._at)), values)]

    def _terms(self, connection: sa.Connection, words: str) -> list[_Term]:
        """The question's words as they are kept, rarest first; a word that nobody counted yet is a rare one."""
        query = sa.text(
            f"select lexeme, {_PLACE}, coalesce(rare.passages, 0)"
            f" from unnest(to_tsvector(cast(:config as regconfig), :words))"
            f" left join {self._at}_rare as rare on rare.word = lexeme order by 3, 1 limit :most"
        )
        found = connection.execute(query, {"config": self._config, "words": words, "most": _TERMS})
        return [_Term(word, place, passages) for word, place, passages in found]

    def _few(self) -> float:
        """So few that to look at each is quicker, and misses none."""
        return max(self._store.exact_up_to / 10, _SELECTIVE * self._table.total)

    def _let_through(self, connection: sa.Connection, where: str, values: Mapping[str, Any]) -> float:
        """How many passages the filter lets through, as the planner estimates it from its statistics; at least one.

        Asked once in a while for each filter: it is a journey to the server, and the statistics change seldom.
        """
        if where in ("true", "not hidden"):
            return max(1, self._table.total)
        query = f"explain (format json) select 1 from {self._at} where {where}"
        used = {name: value for name, value in values.items() if f":{name}" in where}

        def asked() -> float:
            plan = connection.execute(sa.text(query), used).scalar_one()
            return max(1.0, float(plan[0]["Plan"]["Plan Rows"]))

        return self._store.estimates.of(f"{query}\n{json.dumps(used, sort_keys=True)}", asked)

    # ── Reading and writing ──

    def _count_words(self, connection: sa.Connection) -> None:
        """Count passages and their words anew, of large tables only where many passages came or went."""
        total = connection.execute(sa.text(f"select count(*) from {self._at}")).scalar_one()
        if total > self._store.exact_up_to and abs(total - self._table.total) < 0.05 * total:
            return
        connection.exec_driver_sql(f"delete from {self._at}_rare")
        connection.exec_driver_sql(
            f"insert into {self._at}_rare select word, ndoc from ts_stat('select terms from {self._at}')"
        )
        self._table = self._store.change(connection, self._table, total=total)

    async def _make_near(self) -> None:
        dimensions = self._table.dimensions
        if self._table.total <= self._store.exact_up_to or self._table.near or dimensions > 4000:
            return
        await self._store.alone(
            "set maintenance_work_mem = '256MB'",
            f"create index if not exists {self._table.place}_near on {self._at} using hnsw"
            f" ((cast(vector as halfvec({dimensions}))) halfvec_cosine_ops) with (m = 24, ef_construction = 256)",
        )
        self._table = await self._store.run(
            lambda connection: self._store.change(connection, self._table, total=self._table.total, near=True)
        )

    async def _read(self, query: str, **values: Any) -> list[Any]:
        return await self._store.look(lambda connection: list(connection.execute(sa.text(query), values)))

    async def _write(self, query: str, **values: Any) -> None:
        await self._store.run(lambda connection: connection.execute(sa.text(query), values))

    def _values(self, row: Row) -> dict[str, Any]:
        return {
            **{name: getattr(row, name) for name in Row.__dataclass_fields__},
            "title_path": list(row.title_path),
            "vector": _vector(row.vector),
            "readers": list(row.readers),
            "metadata": json.dumps(dict(row.metadata), ensure_ascii=False),
            "facets": facets_of(row.metadata),
            "words": self._words(row.words),
            "kept": row.words,
            "config": self._config,
        }

    def _words(self, text: str) -> str:
        """Words alone, without accents: PostgreSQL's own parser would keep `a.b/c` whole, as it may be an address.

        Scripts without spaces are cut into their characters where the language is "Other".
        """
        plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
        plain = _UNSPACED.sub(r" \1 ", plain) if self._config == "simple" else plain
        return _NO_WORD.sub(" ", plain)


async def open_index(store: PostgresStore, name: str, language: str) -> PostgresIndex | None:
    table = await store.table(name)
    return None if table is None else PostgresIndex(store, table, language)


def _telling(terms: Sequence[_Term]) -> list[_Term]:
    """The rarest words, as many as keep the passages that have one of them to a number that is quickly ranked."""
    picked, passages = [terms[0]], terms[0].passages
    for term in terms[1:]:
        passages += term.passages
        if passages > _CANDIDATES:
            break
        picked.append(term)
    return picked


def _quoted(word: str) -> str:
    """A word for a tsquery, in which none of its characters means anything."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _sparse(values: Mapping[int, float]) -> str:
    return "{" + ",".join(f"{place}:{values[place]!r}" for place in sorted(values)) + f"}}/{WORD_PLACES}"


def _vector(vector: Sequence[float]) -> str:
    return "[" + ",".join(repr(float(number)) for number in vector) + "]"


def _of_best(query: str, table: str) -> str:
    """Whole passages for what `query` calls `best`: texts are read for these alone."""
    return query + f' select {_HITS}, score from best join {table} using (id) order by score desc, id collate "C"'


def _hit(row: Any) -> Hit:
    """A row of HIT_FIELDS and the score, in that order."""
    fields = dict(zip((*HIT_FIELDS, "score"), row, strict=True))
    return Hit(**{**fields, "title_path": tuple(fields["title_path"]), "score": float(fields["score"])})


def _row(found: Any) -> Row:
    fields = dict(found._mapping)
    lists = {name: tuple(fields[name]) for name in ("title_path", "readers")}
    return Row(**{**fields, **lists, "vector": json.loads(fields["vector"])})
