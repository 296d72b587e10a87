"""All that ever happened to an approval, in order: opened, shown, reminded, misfit, refused, decided. Only added to.

Knows rows; does not know who reads them. What the project's receiver is told of is marked here, in the same
transaction, and sent by `approval_notices`.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from coachwork.messages import JsonValue
from coachwork.pipelines.views import View, moment
from coachwork.store.behind import Prepared, later
from coachwork.store.tables import approval_trail, approvals

What: TypeAlias = Literal["opened", "shown", "reminded", "misfit", "refused", "decided", "link"]
_TOLD = ("opened", "reminded", "decided")
_NEWEST = sa.select(sa.func.coalesce(sa.func.max(approval_trail.c.seq), 0) + 1).where(
    approval_trail.c.approval_id == approvals.c.id
)
_AT = sa.bindparam("ended_at", type_=approval_trail.c.at.type)
_ALL_CANCELLED = Prepared(
    approval_trail.insert().from_select(
        ["approval_id", "seq", "at", "what", "who", "detail", "notify_at"],
        sa.select(
            *(approvals.c.id, _NEWEST.scalar_subquery(), _AT, sa.literal("decided", sa.Text), sa.literal("", sa.Text)),
            sa.literal({"status": "cancelled"}, approval_trail.c.detail.type),
            sa.case((approvals.c.notify, _AT)),
        ).where(approvals.c.run_id == sa.bindparam("of_run"), approvals.c.status == "pending"),
    )
)


class TrailView(View):
    """One entry. `detail` by what happened: the decision, the value that did not fit and why, how long a link holds."""

    at: datetime
    what: What
    who: str
    detail: dict[str, JsonValue]


def add(connection: sa.Connection, approval_id: str, what: What, who: str, at: int, **detail: JsonValue) -> None:
    """Write an entry down; `at` in milliseconds since 1970 UTC."""
    newest = sa.select(sa.func.coalesce(sa.func.max(approval_trail.c.seq), 0))
    seq = int(connection.execute(newest.where(approval_trail.c.approval_id == approval_id)).scalar_one()) + 1
    told = sa.select(approvals.c.notify).where(approvals.c.id == approval_id)
    notify = what in _TOLD and bool(connection.execute(told).scalar())
    values = {"approval_id": approval_id, "seq": seq, "at": at, "what": what, "who": who, "detail": detail}
    connection.execute(approval_trail.insert().values(**values, notify_at=at if notify else None))


def all_cancelled(connection: sa.Connection, run_id: str, at: int) -> None:
    """Write down that whatever a run still asks is decided by its end."""
    later(connection, _ALL_CANCELLED, {"of_run": run_id, "ended_at": at})


def shown(connection: sa.Connection, approval_id: str, who: str, at: int) -> None:
    """Note that somebody has read it; the first time alone."""
    known = sa.select(approval_trail.c.seq).where(
        approval_trail.c.approval_id == approval_id, approval_trail.c.what == "shown", approval_trail.c.who == who
    )
    if connection.execute(known).first() is None:
        add(connection, approval_id, "shown", who, at)


def of(connection: sa.Connection, approval_id: str) -> list[TrailView]:
    query = approval_trail.select().where(approval_trail.c.approval_id == approval_id)
    return [_view(row) for row in connection.execute(query.order_by(approval_trail.c.seq))]


def _view(row: sa.Row[Any]) -> TrailView:
    at = moment(row.at)
    assert at is not None
    return TrailView(at=at, what=row.what, who=row.who, detail=row.detail)
