"""A budget is never exceeded, whoever asks in whatever order: many workers on one database, in virtual time."""

import asyncio
import selectors
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from coachwork.models import budget_store
from coachwork.models.budget_desk import LEASE_SECONDS, Desk, Short
from coachwork.models.budget_windows import Allowance, Window
from coachwork.store.tables import budget_leases, budgets

ALL = Window("installation", "", "total", 0)
ADA = Window("user", "ada", "total", 0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes only when everybody waits, and then at once."""

    class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
        loop: "VirtualLoop"

        def select(self, timeout: float | None = None) -> Any:
            assert timeout is not None, "everybody waits for ever"
            self.loop.now += timeout
            return super().select(0)

    def __init__(self) -> None:
        self.now = 0.0
        selector = self._Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


@dataclass
class Ask:
    """A call: of which worker, when it begins, how long it takes, what it can cost and what it does cost."""

    worker: int
    at: float
    seconds: float
    worst: int
    share: float
    by_ada: bool

    @property
    def cost(self) -> int:
        return int(self.worst * self.share)


@dataclass
class World:
    limits: dict[Window, int]
    slow: list[float]
    spent: dict[Window, int] = field(default_factory=dict)
    flying: dict[Window, int] = field(default_factory=dict)
    refused: list[Ask] = field(default_factory=list)
    dead: set[int] = field(default_factory=set)
    turns: int = 0

    def __post_init__(self) -> None:
        self.loop = VirtualLoop()
        self.engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
        budgets.metadata.create_all(self.engine, tables=[budgets, budget_leases])
        self.spent = dict.fromkeys(self.limits, 0)
        self.flying = dict.fromkeys(self.limits, 0)

    def desk(self, worker: int) -> Desk:
        """A worker whose questions reach the database late, and whose answers come back late."""

        def turn(wishes: Any, needs: Any) -> Future[Any]:
            answer: Future[Any] = Future()

            def reach() -> None:
                if worker in self.dead:
                    return
                now = int(self.loop.now * 1000)
                try:
                    with self.engine.begin() as connection:
                        expires = now + int(LEASE_SECONDS * 1000)
                        found = budget_store.turn(
                            connection, str(worker), wishes, needs, now_ms=now, expires_at=expires
                        )
                except budget_store.LeaseLost as lost:
                    self.loop.call_later(self.delay(), answer.set_exception, lost)
                else:
                    self.loop.call_later(self.delay(), answer.set_result, found)
                self.holds()

            self.loop.call_later(self.delay(), reach)
            return answer

        return Desk(turn, self.loop)

    def delay(self) -> float:
        self.turns += 1
        return self.slow[self.turns % len(self.slow)]

    def allowances(self, ask: Ask) -> list[Allowance]:
        windows = [window for window in sorted(self.limits) if window == ALL or ask.by_ada]
        return [Allowance(window, self.limits[window], self.limits[window], None) for window in windows]

    async def call(self, desk: Desk, ask: Ask) -> None:
        await asyncio.sleep(ask.at)
        allowances = self.allowances(ask)
        try:
            hold = desk.hold(allowances, ask.worst) or await desk.wait(allowances, ask.worst, 100)
        except Short:
            self.refused.append(ask)
            return
        if ask.worker in self.dead:
            return
        for terms in allowances:
            self.flying[terms.window] += ask.worst
        self.holds()
        await asyncio.sleep(ask.seconds)
        for terms in allowances:
            self.flying[terms.window] -= ask.worst
            self.spent[terms.window] += ask.cost
        if ask.worker not in self.dead:
            desk.settle(hold, ask.cost)
        self.holds()

    def rows(self) -> dict[Window, tuple[int, int]]:
        with self.engine.begin() as connection:
            return budget_store.standing(connection, list(self.limits))

    def holds(self) -> None:
        """The law: what was spent and what may yet be spent never exceed the limit, here and in the database."""
        for window, (spent, held) in self.rows().items():
            assert spent + held <= self.limits[window]
            assert held >= 0
        for window, limit in self.limits.items():
            assert self.spent[window] + self.flying[window] <= limit

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            self.loop.run_until_complete(asyncio.wait_for(work, 10_000))
        finally:
            self.loop.close()


asks = st.builds(
    Ask,
    worker=st.integers(0, 3),
    at=st.floats(0, 2),
    seconds=st.floats(0, 3),
    worst=st.integers(1, 40),
    share=st.floats(0, 1),
    by_ada=st.booleans(),
)
delays = st.lists(st.floats(0, 0.3), min_size=1, max_size=7)


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(st.lists(asks, min_size=1, max_size=40), st.integers(20, 400), st.integers(20, 400), delays)
def test_workers_together_spend_a_budget_up_and_never_beyond(calls, of_all, of_ada, slow):
    world = World({ALL: of_all, ADA: of_ada}, slow)

    async def work() -> None:
        desks = [world.desk(worker) for worker in range(4)]
        await asyncio.gather(*(world.call(desks[ask.worker], ask) for ask in calls))
        await asyncio.sleep(5)  # what lay idle is given back

    world.run(work())
    rows = world.rows()
    for window, spent in world.spent.items():
        assert rows.get(window, (0, 0)) == (spent, 0)  # to the nano-dollar, and nothing stuck
    for ask in world.refused:  # and only what could not fit any more was refused
        left = min(world.limits[terms.window] - world.spent[terms.window] for terms in world.allowances(ask))
        assert ask.worst > left


@pytest.mark.slow
@settings(max_examples=30, deadline=None)  # minutes of virtual time each
@given(st.lists(asks, min_size=4, max_size=40), st.integers(20, 400), delays, st.floats(0, 3), st.integers(0, 3))
def test_what_a_dead_worker_held_is_spent_at_its_deadline(calls, limit, slow, dies_at, victim):
    world = World({ALL: limit, ADA: limit}, slow)

    async def work() -> None:
        desks = [world.desk(worker) for worker in range(4)]
        world.loop.call_later(dies_at, world.dead.add, victim)
        tasks = {ask.worker: [] for ask in calls}
        for ask in calls:
            tasks[ask.worker].append(asyncio.ensure_future(world.call(desks[ask.worker], ask)))
        alive = [task for worker, own in tasks.items() if worker != victim for task in own]
        reaper = asyncio.ensure_future(reap())
        await asyncio.gather(*alive)
        await asyncio.sleep(LEASE_SECONDS + 5)
        reaper.cancel()
        for task in tasks.get(victim, []):
            task.cancel()

    async def reap() -> None:
        while True:
            await asyncio.sleep(1)
            with world.engine.begin() as connection:
                budget_store.reap(connection, int(world.loop.now * 1000))
            world.holds()

    world.run(work())
    for window, (spent, held) in world.rows().items():
        assert held == 0  # no reservation is stuck
        assert world.spent[window] <= spent <= limit


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.lists(asks, min_size=4, max_size=30), st.integers(40, 400), delays)
def test_a_worker_that_was_only_asleep_does_not_spend_what_was_taken_from_it(calls, limit, slow):
    """Its lease runs out while it works; it comes back, finds it counted as spent, and leases anew."""
    world = World({ALL: limit, ADA: limit}, slow)

    async def work() -> None:
        desks = [world.desk(worker) for worker in range(4)]

        async def steal() -> None:
            for _ in range(6):
                await asyncio.sleep(0.7)
                with world.engine.begin() as connection:
                    budget_store.reap(connection, int((world.loop.now + 2 * LEASE_SECONDS) * 1000))
                world.holds()

        await asyncio.gather(steal(), *(world.call(desks[ask.worker], ask) for ask in calls))
        await asyncio.sleep(LEASE_SECONDS + 5)

    world.run(work())
    for window, (spent, held) in world.rows().items():
        assert held == 0
        assert world.spent[window] <= spent <= limit
