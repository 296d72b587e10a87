"""One line of runs for all workers: each is claimed once, in its order, and never more than may be are at work."""

import threading
import time
from collections import Counter
from functools import partial

import pytest

from coachwork.pipelines import line
from coachwork.pipelines.journal import finish, now
from coachwork.store.database import Database
from coachwork.store.tables import runs


def accept(database: Database, count: int) -> list[str]:
    ids = [f"run_{number:03d}" for number in range(count)]
    rows = [
        {"id": id_, "pipeline": "p", "title": "", "status": "queued", "input": {}, "created_at": now() + number}
        for number, id_ in enumerate(ids)
    ]
    database.write_soon(lambda connection: connection.execute(runs.insert(), rows)).result()
    return ids


@pytest.fixture
def database(database_url: str):  # type: ignore[no-untyped-def]
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.mark.slow
def test_workers_of_several_processes_hold_a_common_limit_exactly(database: Database) -> None:
    ids = accept(database, 60)
    at_work: set[str] = set()
    most: list[int] = []
    claimed: Counter[str] = Counter()
    lock = threading.Lock()

    def worker(name: str) -> None:
        mine = Database(database.url)
        give_up = time.monotonic() + 60
        try:
            while sum(claimed.values()) < len(ids) and time.monotonic() < give_up:
                run_id = mine.write_soon(partial(line.claim_next, worker=name, total=7)).result()
                if run_id is None:
                    time.sleep(0.002)
                    continue
                with lock:
                    claimed[run_id] += 1
                    at_work.add(run_id)
                    most.append(len(at_work))
                assert mine.write_soon(partial(line.take_place, run_id=run_id, total=7)).result()
                time.sleep(0.005)
                with lock:
                    at_work.discard(run_id)
                mine.write_soon(partial(finish, run_id=run_id, status="succeeded")).result()
        finally:
            mine.close()

    workers = [threading.Thread(target=worker, args=(f"w{number}",)) for number in range(12)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert claimed == Counter(ids)  # each once
    assert max(most) <= 7
    assert max(most) > 1


def test_who_was_first_is_claimed_first_and_the_others_are_told_their_place(database: Database) -> None:
    first, second, third = accept(database, 3)
    claim = partial(line.claim_next, worker="w", total=None)
    assert database.write_soon(claim).result() == first
    assert database.read_now(line.positions) == {second: 1, third: 2}


def test_what_a_dead_worker_had_claimed_is_in_line_again_unless_it_was_begun(database: Database) -> None:
    first, second, third = accept(database, 3)
    for _ in range(2):
        database.write_soon(partial(line.claim_next, worker="dead", total=None)).result()
    database.write_soon(partial(line.hand_over, dead="dead", by="heir", recovered=[first])).result()
    assert database.read_now(line.positions) == {second: 1, third: 2}
    owner = database.read_now(lambda c: c.execute(runs.select().where(runs.c.id == first)).one().worker)
    assert owner == "heir"


def test_a_run_that_comes_back_waits_while_as_many_as_may_are_at_work(database: Database) -> None:
    first, second, _third = accept(database, 3)
    for _ in range(2):
        run_id = database.write_soon(partial(line.claim_next, worker="w", total=2)).result()
        assert database.write_soon(partial(line.take_place, run_id=run_id, total=2)).result()
    assert database.write_soon(partial(line.claim_next, worker="w", total=2)).result() is None
    database.write_soon(lambda c: c.execute(runs.update().where(runs.c.id == first).values(status="waiting"))).result()
    assert database.write_soon(partial(line.claim_next, worker="w", total=2)).result() == "run_002"
    back = partial(line.take_place, run_id=first, total=2)
    assert database.write_soon(back).result() is False
    database.write_soon(partial(finish, run_id=second, status="succeeded")).result()
    assert database.write_soon(back).result() is True
