"""One ingestion by several processes: shared, followed from anywhere, taken over from the dead; nothing holds it up."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from coachwork.errors import ProjectError
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import IngestProgress
from coachwork.knowledge.ingest_queue import IngestQueue
from coachwork.store.database import Database
from coachwork.store.locks import Locks
from coachwork.store.tables import ingest_workers

from .made_base import Made, made  # noqa: F401

pytestmark = pytest.mark.slow

Until = Callable[[Callable[[], bool | Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
def place(request: pytest.FixtureRequest, database_url: str) -> dict[str, str]:
    """SQLite with LanceDB, PostgreSQL with pgvector."""
    return {"database": database_url, "index": database_url if database_url.startswith("postgresql") else ""}


@pytest.mark.slow
async def test_a_second_process_shares_the_work_and_a_slow_source_holds_nobody_up(
    made: Made,  # noqa: F811
    place: dict[str, str],
    until: Until,
) -> None:
    answered = asyncio.Event()
    asked: list[str] = []

    async def slow() -> AsyncIterator[tuple[str, str]]:
        asked.append("once")
        yield "lamps.md", "A lamp costs 20 euro."
        await answered.wait()
        yield "locks.md", "A lock costs 30 euro."

    shop = {f"bell{number}.md": f"Bell {number} costs {number} euro." for number in range(12)}
    await made({"hours.md": "The shop opens at nine."}, **place).ingest()
    one, two = made(shop, source=slow, **place), made({}, source=slow, **place)
    seen: list[IngestProgress] = []
    first, second = asyncio.create_task(one.ingest(seen.append)), asyncio.create_task(two.ingest())

    async def both_at_work() -> bool:
        state = await two.ingestion()
        return len(state.workers) == 2 and state.state == "working"

    async def folder_is_read() -> bool:
        return (await two.ingestion()).progress.read == 13

    await until(both_at_work)
    await until(folder_is_read)  # the folder is indexed while the source still thinks, and both say so
    await two.add("pumps.md", b"A pump costs 9 euro.")
    assert (await two.search("pump", top_k=1))[0].document == "pumps.md"
    answered.set()
    reports = await asyncio.gather(first, second)
    assert asked == ["once"]  # the one who waited for the other took what that one was told
    assert reports[0].embedded == reports[1].embedded == 14  # beside the upload: each once, whoever did it
    assert [found.id for found in await one.documents()] == sorted(
        [*shop, "hours.md", "lamps.md", "locks.md", "pumps.md"]
    )
    state = await two.ingestion()
    assert (state.state, state.progress.found, state.progress.read, state.workers) == ("done", 15, 15, ())
    assert (seen[-1].phase, seen[-1].read) == ("done", 15)


@pytest.mark.slow
async def test_the_documents_of_a_dead_worker_are_taken_over(
    made: Made,  # noqa: F811
    place: dict[str, str],
) -> None:
    base = made({"bells.md": "A bell costs 12 euro.", "lamps.md": "A lamp costs 20 euro."}, **place)
    await base.ingest()
    (base.folder / "bells.md").write_text("A bell costs 15 euro.")
    database = Database(place["database"])
    queue = IngestQueue(database, Locks(database), base.name)
    dead = await queue.join("ingest", "terms")
    assert dead is not None
    await queue.enlist(dead, "", 2, 2, {"bells.md": "0"})
    assert [claim.id for claim in await queue.claim(dead) or []] == ["bells.md"]
    state = await base.ingestion()
    assert (state.state, state.workers[0].documents, state.workers[0].stuck) == ("working", 1, False)

    async def silent_for(seconds: int) -> tuple[str, bool]:
        at = sa.update(ingest_workers).values(heartbeat_at=int((time.time() - seconds) * 1000))
        await database.write(lambda connection: connection.execute(at))
        state = await base.ingestion()
        return state.state, state.workers[0].stuck

    assert await silent_for(30) == ("stuck", True)
    assert await silent_for(5) == ("working", False)  # short of CPU, maybe: its lock says that it lives
    dead.life.release()  # as the system does it for the killed
    assert await silent_for(5) == ("stuck", True)
    report = await base.ingest()
    assert (report.changed, report.unchanged, report.embedded) == (1, 1, 1)
    assert await queue.claim(dead) is None  # should it come back
    assert await queue.held(dead, ["bells.md"]) == set()
    assert (await base.ingestion()).state == "done"
    database.close()


class _Vectors(NamedTuple):
    vectors: list[list[float]]
    model: str = "plain"
    dimensions: int = 8
    cost_nano: int | None = 0
    counts: float = 1.0


class _Model:
    """Embeds so many batches, the question for its name among them, and then never answers again."""

    def __init__(self, batches: int) -> None:
        self.left = batches
        self.silent = asyncio.Event()

    async def embed(self, route: str, texts: Sequence[str], *, purpose: str) -> _Vectors:
        if self.left == 0:
            self.silent.set()
            await asyncio.Event().wait()
        self.left -= 1
        return _Vectors([[1.0] * 8 for _ in texts])


async def test_a_document_that_changes_hands_in_the_middle_is_counted_once(
    made: Made,  # noqa: F811
    tmp_path: Path,
    until: Until,
) -> None:
    made({"bells.md": "\n\n".join(f"# Bell {n}\n\nBell {n} costs {n} euro." for n in range(100))})
    database = Database(f"sqlite:///{tmp_path}/test.db")

    def base_with(model: Any) -> KnowledgeBase:
        base, config = KnowledgeBase("documents"), KnowledgeConfig(folder="documents")
        base.bind(config, project=tmp_path, index=str(tmp_path / "index"), database=database, models=model)
        return base

    slow = _Model(batches=2)  # the first 64 of 100 passages are indexed, then it hangs
    first = asyncio.create_task(base_with(slow).ingest())
    await until(slow.silent.is_set)
    other = base_with(_Model(batches=1000))
    second = asyncio.create_task(other.ingest())

    async def both_at_work() -> bool:
        return len((await other.ingestion()).workers) == 2

    await until(both_at_work)
    first.cancel()
    report = await asyncio.wait_for(second, 60)
    assert (report.found, report.added, report.passages) == (1, 1, 100)
    assert (await other.ingestion()).progress.read == 1
    database.close()


async def test_an_ingestion_that_fails_or_is_stopped_says_so_everywhere(made: Made, until: Until) -> None:  # noqa: F811
    gone = made({"bells.md": "A bell costs 12 euro."})
    gone.folder.rename(gone.folder.parent / "elsewhere")
    with pytest.raises(Exception, match="folder of documents is not there"):
        await gone.ingest()
    state = await gone.ingestion()
    assert state.state == "failed"
    assert "not there" in (state.problem or {})["message"]
    (gone.folder.parent / "elsewhere").rename(gone.folder)

    async def endless() -> AsyncIterator[tuple[str, str]]:
        yield "lamps.md", "A lamp costs 20 euro."
        await asyncio.Event().wait()

    stopped = made({}, source=endless)
    task = asyncio.create_task(stopped.ingest())

    async def has_read() -> bool:
        return (await stopped.ingestion()).progress.read == 1

    await until(has_read)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await gone.ingestion()).state == "stopped"
    assert (await gone.ingest()).embedded == 0
    assert (await gone.ingestion()).state == "done"


async def test_a_lock_is_free_when_its_holder_is_gone(database_url: str, tmp_path: Path) -> None:
    one, two = Database(database_url), Database(database_url)
    here, there = Locks(one), Locks(two)
    held = await here.take("index")
    assert held is not None
    assert await there.take("index") is None
    assert await there.is_held("index")
    assert not await there.is_held("other")
    inside: list[str] = []

    async def enter(locks: Locks, name: str) -> None:
        async with locks.exclusive("index"):
            inside.append(name)
            assert len(inside) == 1
            await asyncio.sleep(0.01)
            inside.remove(name)

    waiting = [asyncio.create_task(enter(locks, f"{n}")) for n in range(4) for locks in (here, there)]
    held.release()
    await asyncio.gather(*waiting)
    assert not await here.is_held("index")
    one.close()
    two.close()


async def test_who_is_cancelled_while_taking_a_lock_holds_nothing(database_url: str, until: Until) -> None:
    database = Database(database_url)
    locks = Locks(database)

    async def enter() -> None:
        async with locks.exclusive("index"):
            await asyncio.sleep(0)

    for turns in range(40):  # cancelled at every instant of taking, of holding and of releasing
        entering = asyncio.create_task(enter())
        for _ in range(turns // 2):
            await asyncio.sleep(0 if turns % 2 else 0.0002)
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
    async with asyncio.timeout(20), locks.exclusive("index"):
        pass

    async def is_free() -> bool:
        return not await locks.is_held("index")

    await until(is_free)
    database.close()


async def test_a_search_waits_while_the_documents_are_read_for_the_first_time_and_never_later(
    made: Made,  # noqa: F811
    place: dict[str, str],
    until: Until,
) -> None:
    answered = asyncio.Event()

    async def slow() -> AsyncIterator[tuple[str, str]]:
        await answered.wait()
        yield "locks.md", "A lock costs 30 euro."

    lamps = {"lamps.md": "A lamp costs 20 euro."}
    reader, asker = made(lamps, source=slow, **place), made(lamps, **place)  # two processes
    with pytest.raises(ProjectError, match="is not indexed yet"):
        await asker.search("lock")
    reading = asyncio.create_task(reader.ingest())
    await until(lambda: _read(reader, 1))
    asked = asyncio.create_task(asker.search("A lock costs 30 euro.", top_k=1))
    await asyncio.sleep(0.5)
    assert not asked.done()  # it would have told of the lamp
    answered.set()
    await reading
    assert (await asked)[0].document == "locks.md"

    answered.clear()
    reading = asyncio.create_task(reader.ingest())
    await until(lambda: _working(reader))
    assert (await made({}, **place).search("A lock costs 30 euro.", top_k=1))[0].document == "locks.md"
    answered.set()
    await reading


async def _read(base: KnowledgeBase, count: int) -> bool:
    return (await base.ingestion()).progress.read == count


async def _working(base: KnowledgeBase) -> bool:
    return (await base.ingestion()).state == "working"
