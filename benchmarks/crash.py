"""kill -9 at random instants, over and over: no run is lost, nothing kept is made again, nothing received bought again.

Waves of 10 runs of 60 paid calls each, which a provider on this machine writes down. Workers are killed and replaced
(`--kills`), or die of runs that end their process (`--deadly`), or PostgreSQL itself is hurt under the hands of workers
that live on (`--restarts`: stopped fast, stopped immediately, kill -9 of all its processes, kill -9 of one
connection's). Ends with counts, and with exit code 1 where one of them is wrong.

    python benchmarks/crash.py --kills 200 --database sqlite|postgresql --workers 4
    python benchmarks/crash.py --kills 0 --restarts 20 --database postgresql
    python benchmarks/crash.py --kills 0 --deadly 2 --workers 1
    python benchmarks/crash.py --kills 0 --stops 5    # each stands still for 40 s, is taken for dead, and goes on
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from stand import OPEN, Postgres, Process, Stand, accepted, stand, told

from coachwork.pipelines.line import MOST_DEATHS
from coachwork.store.tables import calls, runs, steps
from coachwork.testing import ProviderServer
from coachwork.testing.provider.question import Answer, Question, Script

APP = """
import os
from pathlib import Path

import pydantic_ai.models.openai  # noqa: F401, at the start: who says that it is ready can call

from coachwork import App, prompt

app = App("Crash")
LOG = Path(__file__).with_name("log")


@prompt
async def count(name: str, number: int) -> str: ...


def kept(line: str) -> None:
    descriptor = os.open(LOG, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, f"kept {line}\\n".encode())  # in one write: whole, whenever the process dies
    os.close(descriptor)


@app.pipeline
async def counting(name: str, steps: int) -> int:
    total = 0
    for number in range(steps):
        total += int((await count(name, number)).split()[-1])
        kept(f"{name} {number}")
    return total


@app.pipeline
async def dying(name: str) -> int:
    total = int((await count(name, 0)).split()[-1])
    os._exit(9)
"""
PROMPT = """---
about: Says a number.
route: paid
---
Say the number.

## user
{{name}} {{number}}
"""
SETTINGS = """
[routes.paid]
models = ["lab:small"]
retries = 0

[providers.lab]
base_url = "{url}/v1"

[models."lab:small"]
input_usd_per_million = 1.0
output_usd_per_million = 2.0
"""


_STILL_SECONDS = 40.0  # longer than it takes until others take it for dead


@dataclass
class Asked(Script):
    """The provider's answers: the number that was asked for. Each question is written into the log when it comes."""

    log: Path = field(default=Path(os.devnull))

    def take(self, question: Question) -> Answer:
        with self.log.open("a") as file:
            file.write(f"asked {question.last.strip()}\n")
        return Answer(f"the number {question.last.split()[-1]}", times=None)


@dataclass(frozen=True)
class Load:
    """So many runs at a time, of so many paid calls each; `served` of them at once in the server beside the workers."""

    runs: int
    steps: int
    workers: int
    served: int
    deadly: int = 0  # runs that end each process that works on them


@dataclass
class Troubles:
    """What is still to be done to the workers and to PostgreSQL, in turns."""

    kills: int
    restarts: int
    stops: int
    made: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> bool:
        return bool(self.kills or self.restarts or self.stops)

    def one(self, tried: Stand, workers: list[Process]) -> bool:
        """Make one trouble; gives whether it was PostgreSQL's."""
        if self.restarts and (not self.kills or random.random() < self.restarts / (self.kills + self.restarts)):
            assert tried.postgres is not None
            way = Postgres.WAYS[self.restarts % len(Postgres.WAYS)]
            tried.postgres.restart(way, away=random.choice((0.0, 0.0, 1.0)))
            self.restarts -= 1
            self.made[way] += 1
            return True
        ready = [worker for worker in workers if worker.ready]  # no use in killing one that begins
        if self.kills and ready:
            victim = random.choice(ready)
            workers.remove(victim)
            victim.kill()
            workers.append(tried.worker())
            self.kills -= 1
            self.made["kill -9 of a worker"] += 1
        elif self.stops and ready:
            victim = random.choice(ready)
            victim.stand_still(_STILL_SECONDS)
            self.stops -= 1
            self.made["worker that stood still"] += 1
        return False


def supervise(tried: Stand, workers: list[Process]) -> int:
    """Begin anew those that ended by themselves; gives how many of them had been at work.

    A worker that begins while PostgreSQL is away ends with that error, as whoever supervises it expects.
    """
    ended = [worker for worker in workers if not worker.alive]
    for worker in ended:
        workers[workers.index(worker)] = tried.worker()
    return sum(worker.ready for worker in ended)


def crash(tried: Stand, troubles: Troubles, load: Load, patience: float) -> tuple[int, float]:
    """Make all trouble, let the rest end its work; gives the waves and the seconds."""
    server, workers = tried.server(load.served), [tried.worker() for _ in range(load.workers)]
    server.wait_ready()
    for worker in workers:
        worker.wait_ready()
    began, waves = time.monotonic(), 0
    for number in range(load.deadly):
        accepted(server.address, "dying", {"name": f"deadly {number}"}, f"deadly {number}")
    while troubles.left or not waves:
        if tried.look(OPEN) < load.runs:
            waves += 1
            for number in range(load.runs):
                name = f"{waves}.{number}"
                accepted(server.address, "counting", {"name": name, "steps": load.steps}, name)
        time.sleep(random.uniform(0.2, 1.2))
        troubles.made["ended by itself"] += supervise(tried, workers)
        if troubles.one(tried, workers):
            time.sleep(random.uniform(0.5, 3))  # so that something goes on between two restarts
    give_up = time.monotonic() + patience
    while tried.look(OPEN) and time.monotonic() < give_up:
        time.sleep(0.2)
        troubles.made["ended by itself"] += supervise(tried, workers)
    return waves, time.monotonic() - began


def written(log: Path) -> tuple[Counter[str], int]:
    """How often each call was asked for, and how many were asked again after their result was kept."""
    asked: Counter[str] = Counter()
    kept: set[str] = set()
    repeated = 0
    for line in log.read_text().splitlines():
        what, _, where = line.partition(" ")
        if what == "asked":
            repeated += where in kept
            asked[where] += 1
        elif what == "kept":
            kept.add(where)
    return asked, repeated


def report(tried: Stand, load: Load, waves: int, seconds: float, made: Counter[str]) -> bool:
    count, all_steps = waves * load.runs, waves * load.runs * load.steps
    asked, repeated = written(tried.folder / "log")
    all_steps += load.deadly
    ended = tried.rows(sa.select(runs.c.status, runs.c.output, runs.c.error).where(runs.c.pipeline == "counting"))
    wrong = [row for row in ended if (row.status, row.output) != ("succeeded", sum(range(load.steps)))]
    deadly = tried.rows(sa.select(runs.c.status, runs.c.error).where(runs.c.pipeline == "dying"))
    left = [row for row in deadly if row.status != "failed" or row.error["code"] != "workers-died"]
    done = tried.look(sa.select(sa.func.count()).select_from(steps).where(steps.c.status == "succeeded"))
    twice = Counter((row.run_id, row.step) for row in tried.rows(sa.select(calls).where(calls.c.outcome == "ok")))
    booked, other = sum(twice.values()), tried.rows(sa.select(calls.c.outcome).where(calls.c.outcome != "ok"))
    again = sum(asked.values()) - len(asked)
    died = made.pop("ended by itself", 0)
    cut = 4 * made["worker that stood still"]  # at most so many of its calls were in flight, and were asked again
    live = (
        made["kill -9 of a worker"] == load.deadly == cut == 0
    )  # every process lived to write down what it had received
    print(f"\n{', '.join(f'{times} x {what}' for what, times in made.items()) or 'no trouble'}; {seconds:.0f} s")
    print(f"{count} runs accepted, {len(ended)} there, {done} steps, {sum(asked.values())} calls at the provider")
    for row in wrong[:3]:
        print(f"  a run is {row.status}: {str(row.error)[:300]}")
    if other:
        print(f"  calls booked otherwise: {Counter(row.outcome for row in other)}")
    for complaint, times in Counter(line.partition("[error")[2][:90] for line in tried.complaints()).most_common(6):
        print(f"  in the logs, {times} times: {complaint.strip()}")
    held = [
        told(died <= MOST_DEATHS * load.deadly, f"workers that ended by themselves:        {died}"),
        told(len(deadly) - len(left) == load.deadly, f"deadly runs that did not end:            {len(left)}"),
        told(len(ended) == count and not wrong, f"runs lost or wrong:                      {len(wrong)}"),
        told(done == all_steps, f"steps missing:                           {all_steps - done}"),
        told(not repeated, f"kept steps made again:                   {repeated}"),
        told(booked - len(twice) <= cut, f"received answers bought again:           {booked - len(twice)}"),
        told(len(twice) == done, f"kept answers without a row in the ledger: {done - len(twice)}"),
        told(not (live and again), f"calls asked again because cut in flight: {again}"),
        told(
            sum(asked.values()) == booked + len(other) + (0 if live else again - (booked - len(twice)) - len(other)),
            f"provider {sum(asked.values())}, ledger {booked + len(other)}, cut in flight {again}",
        ),
    ]
    return all(held)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--restarts", type=int, default=0, help="of PostgreSQL")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--runs", type=int, default=10, help="at a time")
    parser.add_argument("--steps", type=int, default=60, help="paid calls of a run")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--stops", type=int, default=0, help="of workers, for longer than others wait for them")
    parser.add_argument("--deadly", type=int, default=0, help="runs that end their worker each time")
    parser.add_argument("--served", type=int, default=0, help="runs at once in the server beside the workers")
    parser.add_argument("--patience", type=float, default=120, help="seconds for what is left after the last trouble")
    parser.add_argument("--quick", action="store_true", help="an eighth of the trouble")
    parser.add_argument("--url", help="an empty database that is there already, instead of --database")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    if given.restarts and (given.database != "postgresql" or given.url):
        parser.error("--restarts needs --database postgresql: SQLite has no server, and that at --url is not ours")
    random.seed(given.seed)
    part = 8 if given.quick else 1
    with (
        stand(given.database, given.url or "") as tried,
        ProviderServer(faults=["slow-first-token-20"], keep=1) as provider,
    ):
        log = tried.folder / "log"
        log.touch()
        provider.script = Asked(log=log)
        tried.write(APP, SETTINGS.format(url=provider.url), {"prompts/count.md": PROMPT})
        troubles = Troubles(given.kills // part, given.restarts // part, given.stops)
        load = Load(given.runs, given.steps, given.workers, given.served, given.deadly)
        patience = given.patience + (180 if given.deadly else 0)  # they are taken up again after pauses that grow
        waves, seconds = crash(tried, troubles, load, patience)
        time.sleep(1)  # what waits to be written down with others
        return 0 if report(tried, load, waves, seconds, troubles.made) else 1


if __name__ == "__main__":
    sys.exit(main())
