"""One row for every call, however it ended, and one record for whoever traces. Knows usage and cost, never text."""

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from coachwork.messages import Usage
from coachwork.providers.wire import Kind
from coachwork.store.database import Database
from coachwork.tracing.scope import current_scope

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CallRecord:
    """A finished call. Times are nanoseconds since 1970 UTC; `model` is `provider:name`.

    `outcome` is "ok", "cancelled", or the code of the error. `usage` and `cost_nano` cover every
    attempt of the call; `cost_nano` is in 1e-9 USD, None where a price is unknown.
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


OnCall = Callable[[CallRecord], None]


def book(record: CallRecord, database: Database | None, on_call: OnCall | None) -> None:
    """Queue the row and tell the tracer. Never waits: the writer commits it with its next batch."""
    if database is not None:
        row = _row(record)

        def insert(connection: "Connection") -> None:
            from coachwork.store.tables import calls

            connection.execute(calls.insert(), row)

        def written(future: Future[None]) -> None:
            if future.exception() is not None:
                log.error("models.ledger_row_lost", model=record.model, route=record.route, run_id=record.run_id)

        database.write_soon(insert).add_done_callback(written)
    if on_call is not None:
        on_call(record)


def _row(record: CallRecord) -> dict[str, object]:
    first = None if record.first_token_ns is None else (record.first_token_ns - record.started_ns) // 1_000_000
    return {
        "id": uuid.uuid4().hex,
        "at": record.started_ns // 1_000_000,
        "kind": record.kind,
        "route": record.route,
        "model": record.model,
        "outcome": record.outcome,
        "input_tokens": record.usage.input_tokens,
        "output_tokens": record.usage.output_tokens,
        "cached_tokens": record.usage.cached_tokens,
        "thinking_tokens": record.usage.thinking_tokens,
        "audio_ms": round(record.usage.audio_seconds * 1000),
        "cost_nano": record.cost_nano,
        "price_version": record.price_version,
        "first_token_ms": first,
        "total_ms": (record.ended_ns - record.started_ns) // 1_000_000,
        "run_id": record.run_id,
        "user": record.user,
    }


def scope_names() -> tuple[str, str]:
    """The run and the user this call belongs to, "" outside a run."""
    scope = current_scope()
    return scope.run_id, scope.user
