"""Four real processes and one budget: a thousand calls at once, a hundred dollars, and kill -9 at random moments."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coachwork.models.budget_desk import LEASE_SECONDS
from coachwork.models.budget_store import reap, standing
from coachwork.models.budget_windows import Window
from coachwork.store.database import Database

pytestmark = pytest.mark.slow
WORKER = Path(__file__).with_name("budget_workers.py")
BUDGET = Window("installation", "", "total", 0)
DOLLAR = 1_000_000_000
BUDGET_USD = 250


class Worker:
    """A process, and the lines it has said so far."""

    def __init__(self, url: str, usd: float, calls: int, worst: int) -> None:
        command = [sys.executable, str(WORKER), url, str(usd), str(calls), str(worst)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: Counter[str] = Counter()
        self.ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.said[line.split()[0]] += 1
            if line.startswith("ready"):
                self.ready.set()

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def wait(self) -> int:
        code = self.process.wait(60)
        self._reader.join(10)
        return code

    def kill(self) -> None:
        self.process.kill()
        self.wait()


@pytest.fixture
def workers(database_url: str) -> Iterator[Callable[..., list[Worker]]]:
    Database(database_url).migrate()
    started: list[Worker] = []

    def start(calls: int, usd: float, worst: int) -> list[Worker]:
        fresh = [Worker(database_url, usd, calls, worst) for _ in range(4)]
        started.extend(fresh)
        for worker in fresh:
            assert worker.ready.wait(60), "a worker did not start"
        return fresh

    yield start
    for worker in started:
        worker.kill()


def total(workers: list[Worker], what: str) -> int:
    return sum(worker.said[what] for worker in workers)


@pytest.mark.parametrize("worst", [1, 4])
def test_a_thousand_calls_at_once_spend_a_budget_for_a_hundred(workers, database_url, worst):
    """Also where the worst case is four times what a call costs in the end."""
    four = workers(250, 100, worst)
    for worker in four:
        worker.go()
    assert [worker.wait() for worker in four] == [0, 0, 0, 0]
    served, refused = total(four, "served"), total(four, "refused")
    print(f"served {served}, refused {refused}, of a budget for 100")
    assert total(four, "sent") <= 100  # no overshoot
    assert served >= 95
    assert served + refused == 1000
    database = Database(database_url)
    assert database.read_now(lambda c: standing(c, [BUDGET])) == {BUDGET: (served * DOLLAR, 0)}
    database.close()


def test_kills_at_random_moments_neither_overshoot_nor_leave_anything_held(workers, database_url):
    seed = random.randrange(10**6)
    luck = random.Random(seed)
    print(f"seed {seed}")
    everybody: list[Worker] = []
    for _round in range(3):
        four = workers(100, BUDGET_USD, 2)
        everybody += four
        for worker in four:
            worker.go()
        time.sleep(luck.uniform(0, 0.25))
        for victim in luck.sample(four, 2):
            victim.kill()
            time.sleep(luck.uniform(0, 0.1))
        for worker in four:
            worker.kill() if luck.random() < 0.2 else time.sleep(luck.uniform(0, 0.2))
    for worker in everybody:
        worker.kill()
    sent = total(everybody, "sent")
    database = Database(database_url)
    spent, held = database.read_now(lambda c: standing(c, [BUDGET]))[BUDGET]
    later = int((time.time() + LEASE_SECONDS + 1) * 1000)
    database.write_soon(lambda c: reap(c, later)).result(10)
    after, stuck = database.read_now(lambda c: standing(c, [BUDGET]))[BUDGET]
    database.close()
    print(f"sent {sent}, served {total(everybody, 'served')}; spent {spent / DOLLAR}, held {held / DOLLAR}")
    assert sent <= BUDGET_USD  # no overshoot, whatever was killed
    assert sent * DOLLAR <= after <= BUDGET_USD * DOLLAR  # all that was sent is paid, the lost ones at their worst case
    assert stuck == 0
