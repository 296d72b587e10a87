"""Reminders of approvals, and what the project's receiver is told of them. Knows times and rows; decides nothing.

A reminder is noted once, whichever worker finds it due. A message is sent until the receiver takes it, with the same
id every time (https://www.standardwebhooks.com), so that one that comes twice can be told.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from coachwork.errors import CoachworkError, DeliveryFailed
from coachwork.messages import JsonValue
from coachwork.pipelines import approval_trail, events, journal
from coachwork.pipelines.approval_terms import Roles, people
from coachwork.pipelines.deliver import Webhooks
from coachwork.pipelines.views import approval_view, moment
from coachwork.store import tables
from coachwork.store.database import Database
from coachwork.store.tables import approvals

log = structlog.get_logger(__name__)
_LOOK_SECONDS = 2.0
_LEASE_MS = 120_000  # one message's tries take less
_PAUSES_MS = (30_000, 120_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 43_200_000)  # between failed sendings
_AT_A_TIME = 50
LinkFor = Callable[[str, str], str]  # an approval's id and a name, to an address


class Notices:
    """Reminds, and tells the receiver `webhook` of the settings; "" for none."""

    def __init__(
        self,
        database: Database,
        webhooks: Webhooks,
        *,
        webhook: str,
        roles: Roles,
        titles: Callable[[str], str],
        link: LinkFor,
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._webhook = webhook
        self._roles = roles
        self._title = titles
        self._link = link
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="coachwork-notices")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self, at: int) -> None:
        """Note the reminders that are due at `at`, in milliseconds since 1970 UTC, and send what is to be sent."""
        await self._database.write(partial(_remind, at=at))
        if not self._webhook:
            return
        waiting = await self._database.read(partial(_waiting, at=at))
        await asyncio.gather(*(self._send(row, at) for row in waiting))

    async def _watch(self) -> None:
        while True:
            try:
                await self.look(journal.now())
            except Exception as error:  # the database is away for a moment: reminders must outlive that
                log.error("approval.notices_failed", exc_info=error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _send(self, entry: Any, at: int) -> None:
        if not await self._database.write(partial(_put_off, entry=entry, until=at + _LEASE_MS)):
            return  # another worker sends it
        row = await self._database.read(partial(journal.approval_row, approval_id=entry.approval_id))
        if row is None:
            return
        try:
            await self._webhooks.send(self._webhook, f"{entry.approval_id}-{entry.seq}", self._message(entry, row))
        except DeliveryFailed as error:
            tries = entry.tries + 1
            again = None if tries > len(_PAUSES_MS) else at + _PAUSES_MS[tries - 1]
            log.error("approval.notice_failed", approval=row.id, error=error.message, tries=tries, last=again is None)
            await self._database.write(partial(_sent, entry=entry, notify_at=again, tries=tries))
        except CoachworkError as error:  # the settings are wrong: trying again would not mend them
            log.error("approval.notice_failed", approval=row.id, error=error.message, tries=entry.tries + 1, last=True)
            await self._database.write(partial(_sent, entry=entry, notify_at=None, tries=entry.tries + 1))
        else:
            await self._database.write(partial(_sent, entry=entry, notify_at=None, tries=entry.tries + 1))

    def _message(self, entry: Any, row: Any) -> JsonValue:
        """Links are made here and nowhere kept: who holds one may decide."""
        data = approval_view(row, self._title(row.pipeline)).model_dump(mode="json")
        if row.status == "pending":
            names = people(row.deciders or [], self._roles) or ([] if row.deciders else [""])
            data["links"] = [{"for": name, "url": self._link(row.id, name)} for name in names]
        at = moment(entry.at)
        return {"type": f"approval.{entry.what}", "timestamp": at.isoformat() if at else None, "data": data}


def _remind(connection: sa.Connection, at: int) -> None:
    """Note every reminder that is due, once. Of several that were slept through, one."""
    due = approvals.c.remind_at <= at, approvals.c.status == "pending"
    for row in connection.execute(approvals.select().where(*due).limit(500)).all():
        later = [moment for moment in row.reminders if moment > at]
        mine = approvals.c.id == row.id, approvals.c.remind_at == row.remind_at, approvals.c.status == "pending"
        changed = connection.execute(approvals.update().where(*mine).values(remind_at=later[0] if later else None))
        if not changed.rowcount:
            continue
        approval_trail.add(connection, row.id, "reminded", "", at, left=len(later))
        expires = moment(row.expires_at)
        data = {"title": row.title, "expires_at": expires.isoformat() if expires else None}
        events.append(connection, row.run_id, {"type": "data-reminder", "id": row.id, "data": data})


def _waiting(connection: sa.Connection, at: int) -> list[Any]:
    trail = tables.approval_trail
    query = trail.select().where(trail.c.notify_at <= at).order_by(trail.c.notify_at, trail.c.seq)
    return list(connection.execute(query.limit(_AT_A_TIME)))


def _put_off(connection: sa.Connection, entry: Any, until: int) -> bool:
    """Be the one who sends it, until then; False where another was faster."""
    mine = _entry(entry).where(tables.approval_trail.c.notify_at == entry.notify_at)
    return bool(connection.execute(mine.values(notify_at=until)).rowcount)


def _sent(connection: sa.Connection, entry: Any, notify_at: int | None, tries: int) -> None:
    connection.execute(_entry(entry).values(notify_at=notify_at, tries=tries))


def _entry(entry: Any) -> sa.Update:
    trail = tables.approval_trail
    return trail.update().where(trail.c.approval_id == entry.approval_id, trail.c.seq == entry.seq)
