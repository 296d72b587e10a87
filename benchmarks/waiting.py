"""10,000 runs that wait for a person: what they cost a worker, and how soon one goes on: `make bench-waiting`.

A server accepts, one worker asks. Then nobody says anything for a while: what it has grown by, the statements it sends
to the database and its CPU are measured. Then 20 of them are answered, one after the other. Exit code 1 where a goal is
missed: 100 MB; no more statements than with 50 runs, and never 100 a second; half a second from an answer to the next
line (95 of 100).
"""

import argparse
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa
from stand import Process, Stand, accepted, post, stand, told, wait_for

from coachwork.store.tables import approvals, runs

APP = """
import os
import threading
import time
from pathlib import Path

import sqlalchemy as sa

from coachwork import App, approval

app = App("Waiting")
FOLDER = Path(__file__).parent
WITNESS = os.open(FOLDER / "witness", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
sent = 0


@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def count(*_: object) -> None:
    global sent
    sent += 1


def tell() -> None:
    while True:
        (FOLDER / f"sent-{os.getpid()}").write_text(str(sent))
        time.sleep(0.2)


threading.Thread(target=tell, daemon=True).start()


@app.pipeline
async def asking(number: int) -> str:
    decision = await approval("Shall it go out?", "a draft of a letter " * 10)
    os.write(WITNESS, f"{number} {time.monotonic_ns()}\\n".encode())
    return decision.status
"""
PENDING = sa.select(sa.func.count()).select_from(approvals).where(approvals.c.status == "pending")


def ask(tried: Stand, server: Process, first: int, last: int) -> None:
    """Runs with these numbers, until each of them waits."""
    with ThreadPoolExecutor(8) as clients:
        asked = clients.map(
            lambda n: accepted(server.address, "asking", {"number": n}, str(n), seconds=300), range(first, last)
        )
        assert len(set(asked)) == last - first
    waiting = sa.select(sa.func.count()).select_from(runs).where(runs.c.status == "waiting")
    wait_for(lambda: tried.look(PENDING) == last == tried.look(waiting), 600, every=0.5, what="all questions")


def sent(tried: Stand, worker: Process) -> int:
    return int((tried.folder / f"sent-{worker.program.pid}").read_text())


def answered(tried: Stand, server: Process, count: int) -> list[float]:
    """Milliseconds from an answer to the line that follows the question, for some of those that wait."""
    witness, ms = tried.folder / "witness", []
    one = sa.select(approvals.c.id, runs.c.input).join(runs, runs.c.id == approvals.c.run_id)
    questions = tried.rows(one.where(approvals.c.status == "pending"))
    for approval_id, given in random.sample(questions, count):
        time.sleep(random.uniform(0.1, 0.6))
        began = time.monotonic_ns()
        status, answer = post(server.address, f"/api/approvals/{approval_id}/answer", {"decision": "accept"})
        assert status == 200, answer
        number = str(given["number"])
        wait_for(lambda number=number: number in after(witness), 60, every=0.005, what="its next line")  # type: ignore[misc]
        ms.append((after(witness)[number] - began) / 1e6)
    return sorted(ms)


def after(witness: Path) -> dict[str, int]:
    return {number: int(at) for number, at in map(str.split, witness.read_text().splitlines())}


def idle(tried: Stand, worker: Process, seconds: float) -> tuple[float, float]:
    """Statements a second and percent of a core while nothing happens."""
    statements, cpu = sent(tried, worker), worker.cpu_seconds()
    time.sleep(seconds)
    return (sent(tried, worker) - statements) / seconds, 100 * (worker.cpu_seconds() - cpu) / seconds


def measure(tried: Stand, count: int, seconds: float) -> bool:
    tried.write(APP)
    server, worker = tried.server().wait_ready(), tried.worker(8).wait_ready()
    ask(tried, server, 0, 50)  # what is loaded once is loaded
    time.sleep(1)
    few, _ = idle(tried, worker, seconds)
    before, began = worker.memory_mb(), time.monotonic()
    ask(tried, server, 50, 50 + count)
    print(f"{count} runs accepted and asked in {time.monotonic() - began:.0f} s", flush=True)
    time.sleep(3)
    grown = worker.memory_mb() - before
    many, cpu = idle(tried, worker, seconds)
    ms = answered(tried, server, 20)
    held = [
        told(grown < 100, f"{count} waiting runs: {grown:.0f} MB above {before:.0f} MB"),
        told(many < min(100, 1.5 * few + 5), f"{many:.1f} statements a second while idle, {few:.1f} with 50 runs"),
        told(cpu < 5, f"{cpu:.1f} % of a core while idle"),
        told(
            ms[18] < 500, f"from an answer to the next line: p50 {ms[10]:.0f}, p95 {ms[18]:.0f}, most {ms[-1]:.0f} ms"
        ),
    ]
    return all(held)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--idle", type=float, default=10, help="seconds in which nothing happens")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--quick", action="store_true", help="1,000 runs")
    given = parser.parse_args()
    random.seed(0)
    with stand(given.database) as tried:
        return 0 if measure(tried, 1000 if given.quick else given.runs, given.idle) else 1


if __name__ == "__main__":
    sys.exit(main())
