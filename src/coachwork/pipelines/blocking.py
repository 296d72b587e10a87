"""What is done about a run whose code holds the event loop, and with it every other run of the process.

Knows whose code holds it and what the database is told; does not know clocks or signals (see `app/interruption.py`).
"""

import asyncio
import gc
from contextvars import Context
from typing import Any

import sqlalchemy as sa

from coachwork.errors import WorkerBlocked
from coachwork.pipelines import journal
from coachwork.pipelines.run_scope import RunScope
from coachwork.store.tables import workers
from coachwork.tracing.scope import Scope, current_scope, scope_in


def let_go_here(where: str, seconds: float) -> bool:
    """Let go of the run whose code calls this, in the end; False where it is no run's, or was let go of."""
    scope: Scope = current_scope()
    return isinstance(scope, RunScope) and scope.hold.end(WorkerBlocked(scope.run_id, where, seconds))


def run_of(task: "asyncio.Task[Any] | None") -> str:
    """The id of the run that a task works for, seen from another thread; "" for none."""
    context = None if task is None else _context(task)
    return "" if context is None else scope_in(context).run_id


def _context(task: "asyncio.Task[Any]") -> Context | None:
    if hasattr(task, "get_context"):  # since Python 3.12
        found: Context = task.get_context()
        return found
    return next((each for each in gc.get_referents(task) if isinstance(each, Context)), None)


def alive(connection: sa.Connection, worker: str) -> None:
    """Say that a process lives whose loop can't say so now: it works, and will be stopped where it takes too long."""
    connection.execute(workers.update().where(workers.c.id == worker).values(heartbeat_at=journal.now()))


def leave(connection: sa.Connection, worker: str, run_id: str, where: str, seconds: float) -> None:
    """End the run that can't be stopped, and have others take this process's other runs at once.

    They count no death for those: it is known which run it was.
    """
    journal.fail(connection, run_id, WorkerBlocked(run_id, where, seconds))
    connection.execute(workers.update().where(workers.c.id == worker).values(stopped_at=journal.now()))
