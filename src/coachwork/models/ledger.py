"""One row for every call, however it ended, and one record for whoever traces. Knows usage and cost, never text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import getrandbits
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

from coachwork.messages import Attempt, Usage
from coachwork.models.prices import price
from coachwork.models.routes import Target
from coachwork.providers.wire import Kind
from coachwork.store.database import Database
from coachwork.tracing.scope import current_scope

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from coachwork.store.row_queue import Beside, RowQueue


class ScopeNames(NamedTuple):
    """Whom a call is booked on: the run, the user, the API key's id, the team and the app. "" where there is none.

    `batch` counts for budgets alone: whose run it is says it.
    """

    run: str = ""
    user: str = ""
    key: str = ""
    team: str = ""
    app: str = ""
    batch: str = ""


@dataclass(frozen=True)
class CallRecord:
    """A finished call. Times are nanoseconds since 1970 UTC; `model` is `provider:name`.

    `outcome` is "ok", "cancelled", or the code of the error. `usage` and `cost_nano` cover every
    attempt of the call; `cost_nano` is in 1e-9 USD, None where a price is unknown. `fallbacks` are the
    attempts that failed before. `step` is the number of the run's step. `cached`: nobody was asked.
    """

    route: str
    model: str
    provider: str
    kind: Kind
    started_ns: int
    ended_ns: int
    first_token_ns: int | None
    usage: Usage
    cost_nano: int | None
    price_version: str
    outcome: str
    error_code: str
    finish_reason: str
    attempts: int
    run_id: str
    user: str
    key: str = ""
    team: str = ""
    app: str = ""
    step: int | None = None
    cached: bool = False
    fallbacks: tuple[Attempt, ...] = ()


OnCall = Callable[[CallRecord], None]


def book(record: CallRecord, database: Database | None, on_call: OnCall | None, beside: "Beside | None" = None) -> None:
    """Queue the row, with what is written beside it, and tell the tracer.

    Never waits: the writer commits it with its next batch.
    """
    if database is not None:
        ledger = _ledgers.get(database) or _ledgers.setdefault(database, _ledger(database))
        ledger.add(_row(record), beside)
    if on_call is not None:
        on_call(record)


def _ledger(database: Database) -> "RowQueue":
    from coachwork.store.row_queue import RowQueue
    from coachwork.store.tables import calls

    return RowQueue(database, calls)


_ledgers: "WeakKeyDictionary[Database, RowQueue]" = WeakKeyDictionary()


def _row(record: CallRecord) -> dict[str, object]:
    first = None if record.first_token_ns is None else (record.first_token_ns - record.started_ns) // 1_000_000
    usage = record.usage
    return {
        "id": f"{getrandbits(128):032x}",  # uuid4 asks the system for each, which can take 0.1 ms
        "at": record.started_ns // 1_000_000,
        "kind": record.kind,
        "route": record.route,
        "model": record.model,
        "provider": record.provider,
        "outcome": record.outcome,
        "finish_reason": record.finish_reason,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "thinking_tokens": usage.thinking_tokens,
        "input_audio_tokens": usage.input_audio_tokens,
        "output_audio_tokens": usage.output_audio_tokens,
        "audio_ms": round(usage.audio_seconds * 1000),
        "images": usage.images,
        "searches": usage.searches,
        "estimated": usage.estimated,
        "cached": record.cached,
        "cost_nano": record.cost_nano,
        "price_version": record.price_version,
        "first_token_ms": first,
        "total_ms": (record.ended_ns - record.started_ns) // 1_000_000,
        "fallbacks": [{"model": a.model, "code": a.code, "message": a.message} for a in record.fallbacks] or None,
        "run_id": record.run_id,
        "step": record.step,
        "user": record.user,
        "key": record.key,
        "team": record.team,
        "app": record.app,
    }


def scope_names(app: str = "") -> ScopeNames:
    """Whom a call now is booked on; `app` is the application of this process."""
    scope = current_scope()
    return ScopeNames(scope.run_id, scope.user, scope.key, scope.team, scope.app or app)


def charged(used: Sequence[tuple[Target, Usage]], at_ns: int) -> tuple[Usage, int | None, str]:
    """What the attempts of a call used in all, what that cost, and by which table.

    In 1e-9 USD, None where one price is unknown. An attempt that used nothing was refused before it cost anything.
    """
    usage, cost, version = Usage(), 0, ""
    unknown = False
    for target, part in used:
        if part == _NOTHING:
            continue
        usage = usage + part
        found = price(target, part, at_ns=at_ns)
        unknown = unknown or found.cost_nano is None
        cost, version = cost + (found.cost_nano or 0), found.version or version
    return usage, None if unknown else cost, version


_NOTHING = Usage()

# ── Looking ────────────────────────────────────────────────────────────────────────────────────

SpendBy = Literal["day", "route", "model", "provider", "kind", "user", "key", "team", "app", "run", "pipeline"]


@dataclass(frozen=True)
class Spend:
    """What a group of calls came to. `name` is the group: a model, a user, or a day as `2026-11-25`.

    `cost_nano` in 1e-9 USD is of the calls with a known price; `unpriced` counts the others.
    """

    name: str
    calls: int
    failed: int
    cached: int
    estimated: int
    unpriced: int
    cost_nano: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    thinking_tokens: int
    audio_seconds: float


def spend(connection: "Connection", by: SpendBy, *, since_ms: int, until_ms: int | None = None) -> list[Spend]:
    """The calls that began in [`since_ms`, `until_ms`), in groups: days in their order, else the dearest first."""
    import sqlalchemy as sa

    from coachwork.store.tables import calls, runs

    c = calls.c
    day = c.at - c.at % 86_400_000
    of_run = sa.func.coalesce(runs.c.pipeline, "")  # "" for calls outside of a run
    groups: dict[str, Any] = {"day": day, "run": c.run_id, "pipeline": of_run}
    group = groups[by] if by in groups else c[by]
    source = calls.outerjoin(runs, runs.c.id == c.run_id) if by == "pipeline" else calls

    def count(condition: Any) -> Any:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    sums = (c.input_tokens, c.output_tokens, c.cached_tokens, c.cache_write_tokens, c.thinking_tokens, c.audio_ms)
    query = (
        sa.select(
            group.label("name"),
            sa.func.count().label("calls"),
            count(c.outcome.not_in(("ok", "cancelled"))).label("failed"),
            count(c.cached.is_(True)).label("cached"),
            count(c.estimated.is_(True)).label("estimated"),
            count(c.cost_nano.is_(None)).label("unpriced"),
            sa.func.coalesce(sa.func.sum(c.cost_nano), 0).label("cost_nano"),
            *(sa.func.sum(column).label(column.name) for column in sums),
        )
        .select_from(source)
        .where(c.at >= since_ms, *([c.at < until_ms] if until_ms is not None else []))
        .group_by(group)
    )
    found = [_spend(row._mapping, by) for row in connection.execute(query)]
    return sorted(found, key=lambda s: (s.name,) if by == "day" else (-s.cost_nano, -s.calls, s.name))


def _spend(row: Any, by: SpendBy) -> Spend:
    from datetime import UTC, datetime

    name = datetime.fromtimestamp(row["name"] / 1000, UTC).date().isoformat() if by == "day" else str(row["name"])
    whole = {field: int(row[field]) for field in Spend.__dataclass_fields__ if field not in ("name", "audio_seconds")}
    return Spend(name=name, **whole, audio_seconds=int(row["audio_ms"]) / 1000)
