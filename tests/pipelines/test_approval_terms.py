"""Approvals by their terms: who may decide, who is reminded and told, and what holds if nobody decides."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from coachwork.errors import DeliveryFailed
from coachwork.pipelines import approval_terms
from coachwork.pipelines.approval_notices import Notices
from coachwork.pipelines.approval_terms import House, may_decide, people
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.journal import now
from coachwork.store.database import Database

ROLES = {"lead": ["alice", "bob"], "empty": []}
HOUR = 3_600_000


class Offer(BaseModel):
    price: int


async def offered(expires: str = "2d", default: int | None = None) -> str:
    """The terms of the test above all: a lead or carol, reminded a day and two hours before the end."""
    decision = await approval(
        "Send this offer?",
        Offer(price=7),
        expires=expires,
        default=None if default is None else Offer(price=default),
        remind=["1d", "2h"] if expires == "2d" else [],
        by=["role:lead", "carol"],
    )
    return f"{decision.status} {decision.value.price} {decision.accepted}"


class Post:
    """A receiver that fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.taken: list[tuple[str, dict]] = []

    async def send(self, name, message_id, body):
        assert name == "inbox"
        if self.failures:
            self.failures -= 1
            raise DeliveryFailed("the receiver did not take it")
        self.taken.append((message_id, json.loads(json.dumps(body))))


@pytest.fixture
async def database(start, tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/test.db")
    opened.migrate()
    yield opened
    opened.close()


def notices(database: Database, post: Post) -> Notices:
    link = "https://desk.example/decide/{}/{}".format
    return Notices(database, post, webhook="inbox", roles=ROLES, titles=str.title, link=link)


async def asked(start, *, notify: bool = False, **input):
    """A pending approval and the runs it belongs to."""
    runs = await start(offered, house=House(ROLES, notify))
    run = await runs.wait((await runs.start("offered", input)).id, 20)
    return runs, run.approvals[0]


async def end_of(runs, run_id):
    async with asyncio.timeout(20):
        async for _event in runs.events(run_id):
            pass
    return await runs.get(run_id)


# ── Who ────────────────────────────────────────────────────────────────────────────────────────


def test_names_and_roles_say_who_may_decide():
    assert may_decide([], "", ROLES)
    assert may_decide(["role:lead"], "bob", ROLES)
    assert may_decide(["role:lead", "carol"], "carol", ROLES)
    for name in ("", "eve", "lead", "role:lead"):
        assert not may_decide(["role:lead", "role:empty", "role:unknown", "carol"], name, ROLES)
    assert people(["carol", "role:lead", "alice"], ROLES) == ["carol", "alice", "bob"]


@pytest.mark.parametrize(
    ("by", "remind", "seconds"),
    [([], [], None), ([""], [], None), ("role:", [], None), (None, [5.0], None), (None, [60.0], 60.0)],
)
def test_terms_that_can_not_hold_are_refused(by, remind, seconds):
    with pytest.raises(ValueError, match=r"names nobody|expires|shorter"):
        approval_terms.checked(by, remind, seconds)


# ── When nobody decides ────────────────────────────────────────────────────────────────────────


async def test_a_role_that_nobody_has_ends_the_run_instead_of_waiting_for_ever(start):
    runs = await start(offered, house=House({"boss": ["alice"]}))
    run = await end_of(runs, (await runs.start("offered", {})).id)
    assert (run.status, run.error["code"], run.approvals) == ("failed", "project", [])
    assert "for the role 'lead', which coachwork.toml does not have" in run.error["message"]


async def test_a_default_holds_when_time_is_over(start):
    runs = await start(offered, house=House(ROLES))
    begun = [await runs.start("offered", {"expires": "0.05s", **more}) for more in ({"default": 3}, {})]
    ended = [await end_of(runs, run.id) for run in begun]
    assert [run.output for run in ended] == ["expired 3 False", "expired 7 False"]
    assert ended[0].approvals[0].default == {"price": 3}
    trail = await runs.trail(ended[0].approvals[0].id)
    assert [(entry.what, entry.who) for entry in trail] == [("opened", ""), ("decided", "expiry")]


@pytest.mark.slow
async def test_a_run_that_was_cut_still_has_its_default(start):
    runs, approval = await asked(start, expires="1.5s", default=3)
    runs = await start(offered)  # as after a crash
    assert (await end_of(runs, approval.run_id)).output == "expired 3 False"


# ── Reminders and messages ─────────────────────────────────────────────────────────────────────


async def test_reminders_come_once_each_before_the_end(start, database):
    runs, approval = await asked(start)
    end = round(approval.expires_at.timestamp() * 1000)
    assert [round(end - at.timestamp() * 1000) // HOUR for at in approval.reminders] == [24, 2]
    workers = [notices(database, Post()) for _ in range(2)]
    for at in (end - 25 * HOUR, end - 24 * HOUR, end - 20 * HOUR, end - HOUR, end - 1):
        for worker in workers:
            await worker.look(at)
    trail = await runs.trail(approval.id)
    assert [(entry.what, entry.detail.get("left")) for entry in trail[1:]] == [("reminded", 1), ("reminded", 0)]
    await runs.answer(approval.id, "accept", by="alice")
    events = [event async for _seq, event in runs.events(approval.run_id)]
    assert [event["id"] for event in events if event["type"] == "data-reminder"] == [approval.id] * 2


async def test_reminders_that_were_slept_through_are_one_and_a_decided_approval_has_none(start, database):
    runs, approval = await asked(start)
    end = round(approval.expires_at.timestamp() * 1000)
    await notices(database, Post()).look(end - HOUR)
    assert [entry.what for entry in await runs.trail(approval.id)] == ["opened", "reminded"]
    runs, approval = await asked(start)
    await runs.answer(approval.id, "reject", by="bob")
    await notices(database, Post()).look(end + HOUR)
    assert "reminded" not in [entry.what for entry in await runs.trail(approval.id)]


async def test_the_receiver_is_told_until_it_takes_it_and_gets_links_that_are_nowhere_kept(start, database):
    runs, approval = await asked(start, notify=True)
    post, at = Post(failures=1), now()
    await notices(database, post).look(at)
    assert post.taken == []
    await notices(database, post).look(at + 20_000)  # not yet
    await notices(database, post).look(at + 40_000)
    [(message_id, message)] = post.taken
    assert (message_id, message["type"]) == (f"{approval.id}-1", "approval.opened")
    assert message["data"]["value"] == {"price": 7}
    assert message["data"]["links"][0] == {"for": "alice", "url": f"https://desk.example/decide/{approval.id}/alice"}
    assert [link["for"] for link in message["data"]["links"]] == ["alice", "bob", "carol"]

    await runs.answer(approval.id, "accept", by="alice")
    for worker in (notices(database, post), notices(database, post)):
        await worker.look(at + 50_000)
    assert [message["type"] for _id, message in post.taken[1:]] == ["approval.decided"]
    assert "links" not in post.taken[1][1]["data"]
    assert post.taken[1][1]["data"]["decided_by"] == "alice"


async def test_without_a_receiver_nothing_gathers_for_one(start, database):
    _runs, _approval = await asked(start)
    post = Post()
    await notices(database, post).look(now() + HOUR)
    assert post.taken == []
