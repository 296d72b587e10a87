"""One line of runs for all workers: each is claimed once, in its order, and never more than may be are at work."""

import threading
import time
from collections import Counter
from functools import partial

import pytest

from coachwork.messages import StepRecord
from coachwork.pipelines import journal, line
from coachwork.pipelines.journal import finish, now
from coachwork.pipelines.pipeline import Queue
from coachwork.store.database import Database
from coachwork.store.tables import runs, workers


def times(number: int) -> dict[str, int]:
    return {"created_at": now() - 1000 + number, "ready_at": now() - 1}


def accept(database: Database, count: int) -> list[str]:
    ids = [f"run_{number:03d}" for number in range(count)]
    rows = [
        {"id": id_, "pipeline": "p", "title": "", "status": "queued", "input": {}, **times(number)}
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
                found = mine.write_soon(partial(line.claim_next, worker=name, total=7)).result()
                if found is None:
                    time.sleep(0.002)
                    continue
                run_id = found.run_id
                with lock:
                    claimed[run_id] += 1
                    at_work.add(run_id)
                    most.append(len(at_work))
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
    assert database.write_soon(claim).result() == (first, 0, False)
    assert database.read_now(line.positions) == {second: 1, third: 2}


def begins(database: Database, worker: str) -> None:
    row = workers.insert().values(id=worker, host="here", pid=1, started_at=now(), heartbeat_at=now())
    database.write_soon(lambda c: c.execute(row)).result()


def test_what_a_dead_worker_had_is_in_line_again_by_one_of_the_living_alone(database: Database) -> None:
    first, second, third = accept(database, 3)
    begins(database, "dead")
    for _ in range(2):
        database.write_soon(partial(line.claim_next, worker="dead", total=None)).result()
    adopt = partial(line.adopt, dead="dead")
    assert sorted(database.write_soon(partial(adopt, by="heir")).result()) == [(first, 0, False), (second, 0, False)]
    assert database.write_soon(partial(adopt, by="another")).result() == []
    claims = [database.write_soon(partial(line.claim_next, worker="w", total=None)).result() for _ in range(4)]
    assert claims == [(first, 1, False), (second, 1, False), (third, 0, False), None]


def test_who_was_taken_for_dead_can_write_nothing_more(database: Database) -> None:
    [run_id] = accept(database, 1)
    begins(database, "slow")
    database.write_soon(partial(line.claim_next, worker="slow")).result()
    place = journal.Place(run_id, 1, "1", claim=1)
    record = StepRecord(kind="step", name="work")
    ended = partial(journal.step_ended, record=record, began_at=now(), known=False, output=1)
    database.write_soon(partial(line.adopt, dead="slow", by="heir")).result()
    for work in (partial(ended, place=place), partial(journal.check_claim, run_id=run_id, claim=1)):
        with pytest.raises(journal.ClaimLost):
            database.write_soon(work).result()
    database.write_soon(partial(journal.check_claim, run_id=run_id, claim=2)).result()
    assert not database.write_soon(partial(finish, run_id=run_id, status="failed", claim=1)).result()
    database.write_soon(partial(ended, place=place._replace(claim=2))).result()
    assert database.read_now(partial(journal.recorded, run_id=run_id))["1"].output == 1


def test_a_pipeline_has_limits_of_its_own_and_the_important_go_first(database: Database) -> None:
    ids = accept(database, 6)

    def change(number: int, **values: object) -> None:
        row = runs.update().where(runs.c.id == ids[number]).values(**values)
        database.write_soon(lambda c: c.execute(row)).result()

    change(4, priority=5)
    change(5, pipeline="other")
    for number in (2, 3):
        change(number, pipeline="slow")
    queues = {"p": Queue(starts=2, seconds=3600), "slow": Queue(concurrency=1)}
    claim = partial(line.claim_next, worker="w", queues=queues)
    order = [database.write_soon(claim).result() for _ in range(5)]
    assert [found and found.run_id for found in order] == [ids[4], ids[0], ids[2], ids[5], None]
    database.write_soon(partial(finish, run_id=ids[2], status="succeeded")).result()
    found = database.write_soon(claim).result()
    assert found == (ids[3], 0, False)


def test_a_run_that_waits_stands_in_line_when_its_time_has_come_or_a_person_was_faster(database: Database) -> None:
    first, second = accept(database, 2)
    claim = partial(line.claim_next, worker="w")
    for _ in range(2):
        database.write_soon(claim).result()
    back = partial(journal.put_back, asked=[])
    assert not database.write_soon(partial(back, run_id=first, due_at=None, claim=7)).result()
    assert database.write_soon(partial(back, run_id=first, due_at=now() + 3_600_000, claim=1)).result()
    assert database.write_soon(partial(back, run_id=second, due_at=now() - 1, claim=1)).result()
    assert database.write_soon(claim).result() == (second, 1, False)
    assert database.write_soon(claim).result() is None
    database.write_soon(partial(journal.go_on, run_id=first)).result()
    assert database.write_soon(claim).result() == (first, 1, False)
