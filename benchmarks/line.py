"""2,000 queued runs on four workers, never more than 7 at work, while workers come, go and die: `make bench-line`.

Every run's step writes its begin and its end to one file, with the clock that all processes share; what is counted is
that file, not what the engine says of itself. In the middle the workers become more and fewer, some are told to stop
(SIGTERM) and one dies (kill -9). Exit code 1 where more than 7 worked at once, 7 were never reached, a run was lost,
or a step was done again which nobody cut.
"""

import argparse
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa
from stand import OPEN, Process, Stand, accepted, stand, told, wait_for

from coachwork.store.tables import runs

APP = """
import asyncio
import os
import time
from pathlib import Path

from coachwork import App, step

app = App("Line")
WITNESS = os.open(Path(__file__).with_name("witness"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def mark(what: str, number: int) -> None:
    os.write(WITNESS, f"{time.monotonic_ns()} {what} {number} {os.getpid()}\\n".encode())


@step
async def work(number: int, seconds: float) -> int:
    mark("begin", number)
    await asyncio.sleep(seconds)
    mark("end", number)
    return number


@app.pipeline
async def one(number: int, seconds: float) -> int:
    return await work(number, seconds)
"""


@dataclass(frozen=True)
class Event:
    """A line of the witness."""

    at: int
    what: str
    number: int
    pid: int


def witnessed(tried: Stand, killed: dict[int, int]) -> list[Event]:
    """What happened, in order; what a killed process (by its id: when) had begun ended with it."""
    lines = (line.split() for line in (tried.folder / "witness").read_text().splitlines())
    seen = [Event(int(at), what, int(number), int(pid)) for at, what, number, pid in lines]
    open_ = {(event.number, event.pid) for event in seen if event.what == "begin"}
    open_ -= {(event.number, event.pid) for event in seen if event.what == "end"}
    seen += [Event(killed[pid], "cut", number, pid) for number, pid in open_ if pid in killed]
    return sorted(seen, key=lambda event: event.at)


def at_once(seen: list[Event]) -> tuple[int, Counter[int]]:
    """The most that worked at the same time, and the nanoseconds during which so many did."""
    working, most, spent, before = 0, 0, Counter[int](), seen[0].at
    for event in seen:
        spent[working] += event.at - before
        before = event.at
        working += 1 if event.what == "begin" else -1
        most = max(most, working)
    return most, spent


@dataclass
class Crew:
    """The workers, as they come and go."""

    tried: Stand
    workers: list[Process]
    killed: dict[int, int]
    ends: list[tuple[str, int]]

    def more(self, count: int) -> None:
        self.workers += [self.tried.worker(4) for _ in range(count)]

    def drain(self, count: int) -> None:
        """Told to stop; each may end what it has begun."""
        leaving = [self.workers.pop(0) for _ in range(count)]
        for worker in leaving:
            self.ends.append(("told to stop", worker.end()))

    def kill(self) -> None:
        victim = self.workers.pop(0)
        victim.kill()
        self.killed[victim.program.pid] = time.monotonic_ns()

    def end(self) -> None:
        self.drain(len(self.workers))


def go(tried: Stand, count: int, seconds: float) -> Crew:
    server = tried.server().wait_ready()

    def accept(number: int) -> str:
        return accepted(server.address, "one", {"number": number, "seconds": seconds}, str(number))

    with ThreadPoolExecutor(8) as clients:
        ids = set(clients.map(accept, range(count)))
    assert len(ids) == count, len(ids)
    server.end()
    crew = Crew(tried, [], {}, [])
    crew.more(4)
    ended = sa.select(sa.func.count()).select_from(runs).where(runs.c.finished_at.is_not(None))
    steps = (0.1, crew.drain, 2), (0.2, crew.more, 1), (0.35, crew.more, 2), (0.5, crew.kill), (0.65, crew.drain, 1)
    for share, what, *how_many in (*steps, (0.75, crew.more, 1)):
        wait_for(lambda share=share: tried.look(ended) >= share * count, 600, every=0.05)  # type: ignore[misc]
        wait_for(lambda: all(worker.ready for worker in crew.workers), 120)
        what(*how_many)
        at = tried.look(ended)
        print(
            f"after {at} runs: {what.__name__} {' '.join(map(str, how_many))}; {len(crew.workers)} workers", flush=True
        )
    wait_for(lambda: not tried.look(OPEN), 600, every=0.1, what="the end of all runs")
    crew.end()
    return crew


def report(tried: Stand, crew: Crew, count: int, total: int, seconds: float) -> bool:
    seen = witnessed(tried, crew.killed)
    most, spent = at_once(seen)
    ended = tried.rows(sa.select(runs.c.status, sa.func.count()).group_by(runs.c.status))
    begun = Counter(event.number for event in seen if event.what == "begin")
    whole = Counter(event.number for event in seen if event.what == "end")
    cut = sum(1 for event in seen if event.what == "cut")
    again = sum(begun.values()) - len(begun)
    shares = ", ".join(f"{n}: {spent[n] / sum(spent.values()):.0%}" for n in sorted(spent, reverse=True))
    print(f"{count} runs in {seconds:.0f} s; share of the time with so many at work: {shares}")
    held = [
        told(most <= total, f"at most {most} at work at once, {total} may"),
        told(most >= total, f"{total} were reached"),
        told(
            sum(n for status, n in ended if status == "succeeded") == count,
            f"runs by status: {dict(map(tuple, ended))}",
        ),
        told(set(whole) == set(range(count)), f"{len(whole)} of {count} runs did their step"),
        told(max(whole.values()) == 1 and again <= cut, f"{again} steps begun again, {cut} were cut by the kill"),
        told(not any(code for _, code in crew.ends), f"{len(crew.ends)} workers told to stop ended with 0"),
    ]
    return all(held)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--total", type=int, default=7)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--seconds", type=float, default=0.2, help="that a run works: long enough for all changes")
    parser.add_argument("--quick", action="store_true", help="200 runs of 1 s")
    given = parser.parse_args()
    random.seed(0)
    count, seconds = (200, 1.0) if given.quick else (given.runs, given.seconds)
    with stand(given.database) as tried:
        tried.write(APP, f"[runs]\ntotal = {given.total}\n")
        began = time.monotonic()
        crew = go(tried, count, seconds)
        return 0 if report(tried, crew, count, given.total, time.monotonic() - began) else 1


if __name__ == "__main__":
    sys.exit(main())
