"""The documents of a knowledge base in the database: what is stored, what failed and why. Knows rows; reads no
files."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from coachwork.errors import NotFound
from coachwork.knowledge.document import DocumentInfo, DocumentText, Heading, KnowledgeStatus, Page, Parsed
from coachwork.store.database import Database
from coachwork.store.tables import documents


@dataclass(frozen=True)
class Entry:
    """What an ingest has to know of an earlier one: the bytes, how they were read and cut, and what came of it.

    `retry` says that the failure may have been the machine's and not the file's.
    """

    id: str
    sha256: str
    recipe: str
    status: str
    reason: str
    passages: int
    retry: bool


@dataclass(frozen=True)
class Written:
    """A document to be written down: `parsed` where it could be read, else `reason`."""

    id: str
    size: int
    sha256: str
    recipe: str
    parsed: Parsed
    passages: int = 0
    reason: str = ""
    retry: bool = False
    readers: tuple[str, ...] = ()


class Catalog:
    """The rows of one knowledge base."""

    def __init__(self, database: Database, knowledge: str) -> None:
        self._database = database
        self._knowledge = knowledge
        self._mine = documents.c.knowledge == knowledge

    async def entries(self, ids: Sequence[str] | None = None) -> dict[str, Entry]:
        """What is written down of these documents, of all without `ids`."""
        columns = (
            documents.c.id,
            documents.c.sha256,
            documents.c.status,
            documents.c.reason,
            documents.c.passages,
            documents.c.structure,
        )
        query = sa.select(*columns).where(self._mine)
        if ids is not None:
            query = query.where(documents.c.id.in_(list(ids)))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.id: _entry(row) for row in rows}

    def put(self, connection: sa.Connection, written: Sequence[Written], now: int) -> None:
        """Insert or replace these documents' rows; `now` in epoch milliseconds."""
        if not written:
            return
        rows = [self._row(document, now) for document in written]
        connection.execute(sa.delete(documents).where(self._mine, documents.c.id.in_([row["id"] for row in rows])))
        connection.execute(sa.insert(documents), rows)

    async def forget(self, ids: Sequence[str]) -> None:
        def work(connection: sa.Connection) -> None:
            for begin in range(0, len(ids), 500):
                part = list(ids[begin : begin + 500])
                connection.execute(sa.delete(documents).where(self._mine, documents.c.id.in_(part)))

        await self._database.write(work)

    async def listed(self) -> list[DocumentInfo]:
        columns = [documents.c[name] for name in DocumentInfo.__dataclass_fields__]
        query = sa.select(*columns).where(self._mine).order_by(documents.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            DocumentInfo(**{**row._mapping, "readers": tuple(row.readers or ()), "metadata": row.metadata or {}})
            for row in rows
        ]

    async def readers(self, id_: str) -> tuple[str, ...]:
        """The groups that may read a document, () where there is none such."""
        query = sa.select(documents.c.readers).where(self._mine, documents.c.id == id_)
        found = await self._database.read(lambda connection: connection.execute(query).scalar())
        return tuple(found or ())

    async def text(self, id_: str) -> DocumentText:
        """The stored text of a document with its structure. Raises NotFound."""
        query = sa.select(documents).where(self._mine, documents.c.id == id_)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            raise no_such_document(self._knowledge, id_)
        structure: dict[str, Any] = row.structure or {}
        return DocumentText(
            row.id,
            row.title,
            row.format,
            row.text,
            tuple(Heading(**heading) for heading in structure.get("headings", ())),
            tuple(Page(**page) for page in structure.get("pages", ())),
            row.updated_at,
            tuple(row.readers or ()),
            row.metadata or {},
        )

    async def status(self) -> KnowledgeStatus:
        failed = sa.case((documents.c.status == "failed", 1), else_=0)
        query = sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(failed), 0),
            sa.func.coalesce(sa.func.sum(documents.c.passages), 0),
            sa.func.max(documents.c.updated_at),
        ).where(self._mine)
        total, failures, passages, updated_at = await self._database.read(
            lambda connection: connection.execute(query).one()
        )
        return KnowledgeStatus(total - failures, int(passages), int(failures), updated_at)

    def _row(self, document: Written, now: int) -> dict[str, Any]:
        parsed = document.parsed
        structure = {
            "headings": [asdict(heading) for heading in parsed.headings],
            "pages": [asdict(page) for page in parsed.pages],
            "recipe": document.recipe,
            "retry": document.retry,
        }
        return {
            "knowledge": self._knowledge,
            "id": document.id,
            "title": parsed.title,
            "format": parsed.format,
            "sha256": document.sha256,
            "size": document.size,
            "status": "failed" if document.reason else "indexed",
            "reason": document.reason,
            "text": parsed.text,
            "structure": structure,
            "passages": document.passages,
            "updated_at": now,
            "readers": list(document.readers),
            "metadata": dict(parsed.metadata),
        }


def no_such_document(knowledge: str, id_: str) -> NotFound:
    """One sentence for what is not there and for what may not be read: it tells nobody which of the two."""
    return NotFound(f"knowledge base {knowledge!r} has no document {id_!r}")


def _entry(row: Any) -> Entry:
    structure = row.structure or {}
    return Entry(
        row.id,
        row.sha256,
        structure.get("recipe", ""),
        row.status,
        row.reason,
        row.passages,
        bool(structure.get("retry", False)),
    )
