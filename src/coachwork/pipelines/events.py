"""The durable stream of a run's events, numbered from 1. Knows order and resuming; does not know what an event means.

An event is a part of the AI SDK's UI message stream (protocol v1,
https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol); our own parts are of type `data-…`.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa

from coachwork.messages import JsonValue
from coachwork.store.behind import Prepared, later
from coachwork.store.database import Database
from coachwork.store.tables import events

Event = dict[str, Any]
LAST = frozenset({"finish", "abort"})
_APPEND = (  # built once: building it costs more than running it
    events.insert().from_select(
        ["run_id", "seq", "data"],
        sa.select(
            sa.bindparam("of_run", type_=sa.String),
            sa.func.coalesce(sa.func.max(events.c.seq), 0) + 1,
            sa.bindparam("event", type_=events.c.data.type),
        ).where(events.c.run_id == sa.bindparam("of_run", type_=sa.String)),
    )
)
_APPEND_NUMBERED = _APPEND.returning(events.c.seq)
_APPEND_LATER = Prepared(_APPEND)
_SINCE = (
    sa.select(events.c.seq, events.c.data)
    .where(events.c.run_id == sa.bindparam("of_run"), events.c.seq > sa.bindparam("behind"))
    .order_by(events.c.seq)
    .limit(1000)
)
_OTHER_PROCESS_SECONDS = 0.4  # how often a reader looks for events that another process wrote


def append(connection: sa.Connection, run_id: str, event: Event) -> None:
    """Add an event to a run. Called inside a write transaction."""
    later(connection, _APPEND_LATER, {"of_run": run_id, "event": event})


def replace(connection: sa.Connection, run_id: str, event: Event, before: int | None) -> int:
    """Add an event in the place of the one numbered `before`, which goes; give its number.

    The new one comes first, so that no number is ever given twice.
    """
    seq = int(connection.execute(_APPEND_NUMBERED, {"of_run": run_id, "event": event}).scalar_one())
    if before is not None:
        connection.execute(events.delete().where(events.c.run_id == run_id, events.c.seq == before))
    return seq


class EventLog:
    """Writes events and lets any number of readers follow a run from any position."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._readers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def append_soon(self, run_id: str, *new: Event) -> None:
        """Queue events in order; readers wake once they are committed."""

        def work(connection: sa.Connection) -> None:
            for event in new:
                append(connection, run_id, event)

        self.wake_after(run_id, self._database.write_soon(work))

    def wake_after(self, run_id: str, written: Any) -> None:
        """Wake the readers of a run when `written`, a future of the database, is done."""

        def done(_future: Any) -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._wake, run_id)

        written.add_done_callback(done)

    async def since(self, run_id: str, after: int = 0) -> list[tuple[int, Event]]:
        """Events with a number above `after`, in order."""
        asked = {"of_run": run_id, "behind": after}
        rows = await self._database.read(lambda c: c.execute(_SINCE, asked).all())
        return [(row.seq, row.data) for row in rows]

    async def count(self, run_id: str, type_: str) -> int:
        """How many events of a type a run has so far."""
        of_type = events.c.run_id == run_id, events.c.data["type"].as_string() == type_
        query = sa.select(sa.func.count()).select_from(events).where(*of_type)
        return await self._database.read(lambda c: int(c.execute(query).scalar_one()))

    async def follow(self, run_id: str, after: int = 0) -> AsyncIterator[tuple[int, JsonValue]]:
        """Yield what is there above `after`, then what comes, until the run's last event."""
        news = asyncio.Event()
        self._readers[run_id].add(news)
        seen = False
        try:
            while True:
                news.clear()
                found = await self.since(run_id, after)
                for seq, event in found:
                    after, seen = seq, True
                    yield seq, event
                    if event["type"] in LAST:
                        return
                if not (found or seen) and await self._over(run_id, after):
                    return
                if not found and not news.is_set():
                    await _wait(news, _OTHER_PROCESS_SECONDS)
        finally:
            self._readers[run_id].discard(news)
            if not self._readers[run_id]:
                del self._readers[run_id]

    async def _over(self, run_id: str, after: int) -> bool:
        """Whether a reader at `after` has seen the run's last event, and would wait for ever."""
        newest = sa.select(events).where(events.c.run_id == run_id).order_by(events.c.seq.desc()).limit(1)
        row = await self._database.read(lambda c: c.execute(newest).one_or_none())
        return row is not None and row.seq <= after and row.data["type"] in LAST

    def _wake(self, run_id: str) -> None:
        for news in self._readers.get(run_id, ()):
            news.set()


async def _wait(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
