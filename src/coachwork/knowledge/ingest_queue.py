"""An ingestion that several processes share: what is to be read, who has which document, and how far it is.

Knows rows of the database; reads no document. A process joins as a worker, claims documents, and leaves. Who is killed
is known by its lock, which the system frees, and who hangs by its heartbeat: either way others take its documents over.
"""

import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from coachwork.errors import CoachworkError
from coachwork.knowledge.document import IngestProgress, IngestState, State, WorkerState
from coachwork.store.database import Database
from coachwork.store.inserting import insert_if_new
from coachwork.store.locks import Held, Locks
from coachwork.store.tables import ingest_documents, ingest_workers, ingests

HUNG_SECONDS = 60.0  # without a heartbeat: its documents are taken over, though its process is there
STUCK_SECONDS = 15.0  # without a heartbeat, which comes twice a second: it is shown as stuck
_QUIET_SECONDS = 3.0  # without one: its lock is looked at, which tells a killed process from one that is short of CPU
IDLE_SECONDS = 60.0  # without anything that moved: the whole is shown as stuck
_AHEAD = 16  # documents claimed at once
_PART = 500  # ids in one statement

Kind = Literal["ingest", "add"]


@dataclass(frozen=True)
class Claim:
    """A document that a worker has; `asked` says how often it was asked for again, `tries` how often it was claimed."""

    id: str
    sha256: str
    asked: int
    tries: int


@dataclass(frozen=True)
class Worker:
    """A process at work. `generation` names the ingestion it works on; `life` is held for as long as it lives."""

    id: str
    generation: str
    kind: Kind
    life: Held


class IngestQueue:
    """The queue of one knowledge base."""

    def __init__(self, database: Database, locks: Locks, knowledge: str) -> None:
        self._database = database
        self._locks = locks
        self._knowledge = knowledge
        self._documents = ingest_documents.c.knowledge == knowledge
        self._workers = ingest_workers.c.knowledge == knowledge

    # ── Coming and going ───────────────────────────────────────────────────────────────────────

    async def join(self, kind: Kind, terms: str) -> Worker | None:
        """Work on the ingestion that is under way, or begin one. None while others work by other `terms`."""
        await self.bury()
        id_ = uuid.uuid4().hex[:16]
        life = await self._locks.take(_life(id_))
        if life is None:
            raise RuntimeError(f"the lock of the new worker {id_} is held already")

        def work(connection: sa.Connection) -> str | None:
            row = self._row(connection)
            under_way = row.status == "open" and self._others(connection, id_) > 0
            if under_way and row.terms != terms:
                return None
            generation = str(row.generation)
            if kind == "ingest" and not under_way:
                generation = self._begin(connection, terms)
            now = _now()
            connection.execute(
                ingest_workers.insert().values(
                    id=id_,
                    knowledge=self._knowledge,
                    kind=kind,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    gathering=kind == "ingest",
                    phase="reading",
                    started_at=now,
                    moved_at=now,
                    heartbeat_at=now,
                )
            )
            return generation

        try:
            generation = await self._database.write(work)
        except BaseException:
            life.release()
            raise
        if generation is None:
            life.release()
            return None
        return Worker(id_, generation, kind, life)

    async def leave(self, worker: Worker, error: CoachworkError | None = None) -> None:
        """Give back what is claimed. The last one to leave an ingestion that is not at its end says why it ended."""

        def work(connection: sa.Connection) -> None:
            row = self._row(connection)
            self._give_back(connection, worker.id)
            if worker.kind != "ingest" or row.generation != worker.generation or row.status != "open":
                return
            if self._others(connection, worker.id) == 0:
                status = "stopped" if error is None else "failed"
                problem = None if error is None else error.to_dict()
                self._set(connection, status=status, problem=problem, ended_at=_now(), closer="")
            elif row.closer == worker.id:
                self._set(connection, closer="")

        try:
            await self._database.write(work)
        finally:
            worker.life.release()

    async def bury(self) -> None:
        """Take from the dead what they have claimed: those whose lock is free, and those that hang."""
        query = sa.select(ingest_workers.c.id, ingest_workers.c.heartbeat_at).where(self._workers)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        oldest = _now() - 1000 * HUNG_SECONDS
        dead = [row for row in rows if row.heartbeat_at < oldest or not await self._locks.is_held(_life(row.id))]

        def work(connection: sa.Connection) -> None:
            row = self._row(connection)
            for each in dead:
                here = (ingest_workers.c.id == each.id, ingest_workers.c.heartbeat_at == each.heartbeat_at)
                if connection.execute(sa.select(ingest_workers.c.id).where(*here)).first() is not None:
                    self._give_back(connection, each.id)
                    if row.closer == each.id:
                        self._set(connection, closer="")

        if dead:
            await self._database.write(work)

    # ── Documents ──────────────────────────────────────────────────────────────────────────────

    async def enlist(
        self,
        worker: Worker,
        part: str,
        found: int,
        compared: int,
        changed: Mapping[str, str],
        refused: Sequence[str] = (),
    ) -> None:
        """Tell of the documents of a source: how many there are, and were looked at so far; those that have to be
        read, with their SHA-256, and those that can't be had."""

        def work(connection: sa.Connection) -> None:
            row = self._row(connection)
            if row.generation != worker.generation:
                return
            for begin in range(0, len(changed), _PART):
                self._queue(connection, dict(list(changed.items())[begin : begin + _PART]))
            for begin in range(0, len(refused), _PART):
                self._refuse(connection, refused[begin : begin + _PART])
            before = row.parts.get(part, [0, 0])
            parts = {**row.parts, part: [max(before[0], found), max(before[1], compared)]}
            self._set(connection, parts=parts, moved_at=_now())

        await self._database.write(work)

    async def gathered(self, worker: Worker) -> None:
        """From now on this worker finds no further documents."""
        here = ingest_workers.c.id == worker.id
        await self._database.write(
            lambda connection: connection.execute(sa.update(ingest_workers).where(here).values(gathering=False))
        )

    async def claim(self, worker: Worker) -> list[Claim] | None:
        """Some documents that nobody has; None where this worker does not belong to the ingestion any more."""

        def work(connection: sa.Connection) -> list[Claim] | None:
            row = self._row(connection)
            if row.generation != worker.generation or not self._is_here(connection, worker.id):
                return None
            columns = (ingest_documents.c[name] for name in ("id", "sha256", "asked", "tries"))
            queued = sa.select(*columns).where(self._documents, ingest_documents.c.status == "queued")
            rows = connection.execute(queued.order_by(ingest_documents.c.id).limit(4 * _AHEAD)).all()
            share = max(1, len(rows) // (2 * (1 + self._others(connection, worker.id))))
            claims = [Claim(one.id, one.sha256, one.asked, one.tries + 1) for one in rows[: min(share, _AHEAD)]]
            if claims:
                mine = (self._documents, ingest_documents.c.id.in_([claim.id for claim in claims]))
                claimed = {"status": "claimed", "worker": worker.id, "tries": ingest_documents.c.tries + 1}
                connection.execute(sa.update(ingest_documents).where(*mine).values(**claimed))
            return claims

        return await self._database.write(work)

    async def take(self, worker: Worker, id_: str) -> Claim | None:
        """This very document, None while another worker has it."""
        await self.bury()
        here = (self._documents, ingest_documents.c.id == id_)

        def work(connection: sa.Connection) -> Claim | None:
            self._row(connection)
            row = connection.execute(sa.select(ingest_documents).where(*here)).one_or_none()
            if row is not None and row.status == "claimed":
                return None
            asked, tries = (row.asked, row.tries + 1) if row is not None else (0, 1)
            connection.execute(sa.delete(ingest_documents).where(*here))
            values = {"status": "claimed", "sha256": "", "worker": worker.id, "asked": asked, "tries": tries}
            connection.execute(ingest_documents.insert().values(knowledge=self._knowledge, id=id_, **values))
            return Claim(id_, "", asked, tries)

        return await self._database.write(work)

    async def held(self, worker: Worker, ids: Sequence[str]) -> set[str]:
        """Which of these documents the worker still has: what was taken over is another's to write."""
        mine = (self._documents, ingest_documents.c.worker == worker.id, ingest_documents.c.id.in_(list(ids)))
        query = sa.select(ingest_documents.c.id).where(*mine)
        return set(await self._database.read(lambda connection: connection.execute(query).scalars().all()))

    async def finish(
        self,
        worker: Worker,
        read: Sequence[tuple[Claim, str]],
        counts: Mapping[str, int],
        also: Callable[[sa.Connection], None],
    ) -> None:
        """Documents are whole in the index: claims with the SHA-256 that was read. `also` belongs to the same
        transaction, `counts` are added to the ingestion's."""

        def work(connection: sa.Connection) -> None:
            row = self._row(connection)
            also(connection)
            for claim, sha256 in read:
                mine = (self._documents, ingest_documents.c.id == claim.id, ingest_documents.c.worker == worker.id)
                same = ingest_documents.c.asked == claim.asked  # else it was changed since, and is read again
                done = sa.case((same, "done"), else_="queued")
                kept = sa.case((same, sha256), else_=ingest_documents.c.sha256)
                connection.execute(sa.update(ingest_documents).where(*mine).values(status=done, sha256=kept, worker=""))
            if worker.kind == "ingest" and row.generation == worker.generation:
                more = {name: ingests.c[name] + count for name, count in counts.items() if count}
                self._set(connection, moved_at=_now(), **more)

        await self._database.write(work)

    async def gone(self, worker: Worker, id_: str) -> None:
        """A document that was claimed is not there any more."""
        mine = (self._documents, ingest_documents.c.id == id_, ingest_documents.c.worker == worker.id)
        await self._database.write(lambda connection: connection.execute(sa.delete(ingest_documents).where(*mine)))

    async def refused(self) -> set[str]:
        """Documents that this ingestion was told of and can't have."""
        query = sa.select(ingest_documents.c.id).where(self._documents, ingest_documents.c.status == "refused")
        return set(await self._database.read(lambda connection: connection.execute(query).scalars().all()))

    # ── The end ────────────────────────────────────────────────────────────────────────────────

    async def begin_close(self, worker: Worker) -> bool:
        """The right to bring the ingestion to its end: everything is read, and nobody else has it."""

        def work(connection: sa.Connection) -> bool:
            row = self._row(connection)
            if not self._is_quiet(connection, row, worker) or row.closer not in ("", worker.id):
                return False
            self._set(connection, closer=worker.id)
            return True

        return await self._database.write(work)

    async def end(self, worker: Worker, counts: Mapping[str, int]) -> bool:
        """It is at its end. False where documents came in the meantime."""

        def work(connection: sa.Connection) -> bool:
            row = self._row(connection)
            more: dict[str, Any] = {name: ingests.c[name] + count for name, count in counts.items() if count}
            if row.generation != worker.generation:
                return False
            quiet = self._is_quiet(connection, row, worker)
            if quiet:
                more |= {"status": "done", "ended_at": _now(), "whole_terms": row.terms}
                connection.execute(sa.delete(ingest_workers).where(self._workers, ingest_workers.c.kind == "ingest"))
            self._set(connection, closer="", moved_at=_now(), **more)
            return quiet

        return await self._database.write(work)

    async def is_over(self, worker: Worker) -> bool:
        """Has the ingestion of this worker ended, by whosever hand?"""
        query = sa.select(ingests.c.generation, ingests.c.status).where(ingests.c.knowledge == self._knowledge)
        row = await self._database.read(lambda connection: connection.execute(query).one())
        return bool(row.generation != worker.generation or row.status != "open")

    async def is_open(self) -> bool:
        """Is an ingestion under way, or cut off before its end?"""
        query = sa.select(ingests.c.status).where(ingests.c.knowledge == self._knowledge)
        return await self._database.read(lambda connection: connection.execute(query).scalar()) == "open"

    async def is_whole(self) -> bool:
        """Has an ingestion come to its end by the terms of the last one that searches depend on?"""
        query = sa.select(ingests.c.terms, ingests.c.whole_terms).where(ingests.c.knowledge == self._knowledge)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return row is not None and bool(row.whole_terms) and row.terms.split()[1] in row.whole_terms.split()[1:]

    # ── How far it is ──────────────────────────────────────────────────────────────────────────

    async def beat(self, worker: Worker, phase: str, current: str) -> None:
        """The worker lives, and says what it does."""
        table = ingest_workers.c
        moved = sa.case(((table.phase == phase) & (table.current == current), table.moved_at), else_=_now())
        values = {"phase": phase, "current": current, "moved_at": moved, "heartbeat_at": _now()}
        statement = sa.update(ingest_workers).where(table.id == worker.id).values(**values)
        await self._database.write(lambda connection: connection.execute(statement))

    async def totals(self) -> Mapping[str, int]:
        """The counts of the last ingestion by name; none before the first."""
        query = sa.select(ingests).where(ingests.c.knowledge == self._knowledge)
        row = await self._database.read(lambda connection: connection.execute(query).mappings().one_or_none())
        return dict(row) if row else {}

    async def state(self) -> IngestState:
        """How far the last ingestion is, whoever works on it."""

        def look(connection: sa.Connection) -> tuple[Any, dict[str, int], list[Any], dict[str, int]]:
            row = connection.execute(sa.select(ingests).where(ingests.c.knowledge == self._knowledge)).one_or_none()
            by_status = sa.select(ingest_documents.c.status, sa.func.count()).where(self._documents)
            counts = _counted(connection, by_status.group_by(ingest_documents.c.status))
            here = sa.select(ingest_workers).where(self._workers, ingest_workers.c.kind == "ingest")
            workers = list(connection.execute(here.order_by(ingest_workers.c.started_at)).all())
            claimed = sa.select(ingest_documents.c.worker, sa.func.count()).where(
                self._documents, ingest_documents.c.status == "claimed"
            )
            has = _counted(connection, claimed.group_by(ingest_documents.c.worker))
            return row, counts, workers, has

        row, counts, workers, has = await self._database.read(look)
        if row is None or row.status == "none":
            return IngestState("none")
        now = _now()
        quiet = [one.id for one in workers if one.heartbeat_at < now - 1000 * _QUIET_SECONDS]
        killed = {id_ for id_ in quiet if not await self._locks.is_held(_life(id_))}
        stuck = {one.id for one in workers if one.heartbeat_at < now - 1000 * STUCK_SECONDS} | killed
        return _state(row, counts, workers, has, stuck, now)

    # ── Statements ─────────────────────────────────────────────────────────────────────────────

    def _row(self, connection: sa.Connection) -> Any:
        """The row of the ingestion, made where there is none. Who holds it keeps others from changing the queue."""
        first = {"knowledge": self._knowledge, "status": "none", "parts": {}, "started_at": 0, "moved_at": 0}
        insert_if_new(connection, ingests, first, ["knowledge"])
        query = sa.select(ingests).where(ingests.c.knowledge == self._knowledge).with_for_update()
        return connection.execute(query).one()

    def _set(self, connection: sa.Connection, **values: Any) -> None:
        connection.execute(sa.update(ingests).where(ingests.c.knowledge == self._knowledge).values(**values))

    def _begin(self, connection: sa.Connection, terms: str) -> str:
        adding = sa.select(ingest_workers.c.id).where(self._workers, ingest_workers.c.kind == "add")
        connection.execute(sa.delete(ingest_documents).where(self._documents, ingest_documents.c.worker.not_in(adding)))
        connection.execute(sa.delete(ingest_workers).where(self._workers, ingest_workers.c.kind == "ingest"))
        counts = ("added", "changed", "deleted", "failed", "embedded", "reused", "embedded_beside")
        fresh: dict[str, Any] = {"generation": uuid.uuid4().hex[:16], "terms": terms, "status": "open", "closer": ""}
        fresh |= {"parts": {}, "started_at": _now(), "moved_at": _now(), "ended_at": None, "problem": None}
        self._set(connection, **fresh, **dict.fromkeys(counts, 0))
        return str(fresh["generation"])

    def _others(self, connection: sa.Connection, id_: str) -> int:
        query = sa.select(sa.func.count()).where(
            self._workers, ingest_workers.c.kind == "ingest", ingest_workers.c.id != id_
        )
        return int(connection.execute(query).scalar_one())

    def _is_here(self, connection: sa.Connection, id_: str) -> bool:
        return connection.execute(sa.select(ingest_workers.c.id).where(ingest_workers.c.id == id_)).first() is not None

    def _is_quiet(self, connection: sa.Connection, row: Any, worker: Worker) -> bool:
        if row.generation != worker.generation or row.status != "open" or not self._is_here(connection, worker.id):
            return False
        open_ = (self._documents, ingest_documents.c.status.in_(["queued", "claimed"]))
        if connection.execute(sa.select(ingest_documents.c.id).where(*open_).limit(1)).first() is not None:
            return False
        gathering = (self._workers, ingest_workers.c.gathering, ingest_workers.c.id != worker.id)
        return connection.execute(sa.select(ingest_workers.c.id).where(*gathering).limit(1)).first() is None

    def _give_back(self, connection: sa.Connection, worker: str) -> None:
        mine = (self._documents, ingest_documents.c.worker == worker)
        connection.execute(sa.update(ingest_documents).where(*mine).values(status="queued", worker=""))
        connection.execute(sa.delete(ingest_workers).where(ingest_workers.c.id == worker))

    def _queue(self, connection: sa.Connection, changed: Mapping[str, str]) -> None:
        here = (self._documents, ingest_documents.c.id.in_(list(changed)))
        rows = {row.id: row for row in connection.execute(sa.select(ingest_documents).where(*here))}
        new = [{"knowledge": self._knowledge, "id": id_, "status": "queued", "sha256": sha256}
               for id_, sha256 in changed.items() if id_ not in rows]  # fmt: skip
        if new:
            connection.execute(ingest_documents.insert(), new)
        for id_, row in rows.items():
            if row.sha256 != changed[id_]:
                status = "claimed" if row.status == "claimed" else "queued"
                values = {"status": status, "sha256": changed[id_], "asked": row.asked + 1}
                one = (self._documents, ingest_documents.c.id == id_)
                connection.execute(sa.update(ingest_documents).where(*one).values(**values))

    def _refuse(self, connection: sa.Connection, ids: Sequence[str]) -> None:
        here = (self._documents, ingest_documents.c.id.in_(list(ids)))
        connection.execute(sa.delete(ingest_documents).where(*here))
        rows = [{"knowledge": self._knowledge, "id": id_, "status": "refused", "sha256": ""} for id_ in ids]
        connection.execute(ingest_documents.insert(), rows)


def _state(
    row: Any, counts: Mapping[str, int], rows: Sequence[Any], has: Mapping[str, int], stuck: set[str], now: int
) -> IngestState:
    found = sum(part[0] for part in row.parts.values())
    compared = sum(part[1] for part in row.parts.values())
    read = max(0, compared - counts.get("queued", 0) - counts.get("claimed", 0))
    workers = [
        WorkerState(one.host, one.pid, one.phase, one.current, has.get(one.id, 0), one.id in stuck) for one in rows
    ]
    moved_at = max([row.moved_at, *(one.moved_at for one in rows)])
    phase = "done" if row.status != "open" else "reading" if not rows else str(rows[0].phase)
    if any(one.phase == "reading" for one in rows):
        phase = "reading"
    progress = IngestProgress(
        found,
        read,
        row.embedded,
        row.failed,
        next((one.current for one in workers if one.current), ""),
        ((row.ended_at or now) - row.started_at) / 1000,
        phase,  # type: ignore[arg-type]
        unchanged=max(0, read - counts.get("done", 0)),
        workers=len(workers),
    )
    state: State = row.status if row.status != "open" else "working"
    if state == "working" and (all(one.stuck for one in workers) or now - moved_at > 1000 * IDLE_SECONDS):
        state = "stuck"
    return IngestState(state, progress, row.started_at, moved_at, tuple(workers), row.problem)


def _counted(connection: sa.Connection, query: sa.Select[Any]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def _life(worker: str) -> str:
    return f"ingest worker {worker}"


def _now() -> int:
    return int(time.time() * 1000)
