"""Batches, schedules, approvals and forks on PostgreSQL, each once: the statements are the same as on SQLite."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coachwork.app.project import load_project
from coachwork.app.runtime import Runtime
from coachwork.pipelines.batches import Table

APP = """
from coachwork import App, approval, step

app = App("Desk")


@step
async def shout(text: str) -> str:
    if text == "bad":
        raise ValueError("kaputt")
    return text.upper()


@app.pipeline(schedule="* * * * *", missed="all")
async def answer(subject: str = "x", ask: bool = False) -> str:
    said = await shout(subject)
    if ask:
        said = (await approval("Send it?", said, by="alice", expires="2d", remind="1d", default="no")).value
    return said + await shout(" end")
"""
TABLE = Table("a.csv", b"subject,ask\nAda,no\nbad,no\nEve,yes\n,maybe\n")


async def end_of(runtime: Runtime, run_id: str) -> None:
    async with asyncio.timeout(30):
        async for _event in runtime.runs.events(run_id):
            pass


async def test_the_whole_day_of_a_desk(new_postgres, tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "coachwork.toml").write_text(f'database = "{new_postgres()}"\n')
    project = load_project(tmp_path, {})
    async with Runtime(project, feed=False) as runtime:
        batches, runs = runtime.batches, runtime.runs
        batch = await batches.start("answer", TABLE, cap_usd=1, idempotency_key="k")
        assert (await batches.start("answer", TABLE, cap_usd=1, idempotency_key="k")).id == batch.id
        await runtime.feeder.feed_only(batch.id)
        rows = (await batches.rows(batch.id)).items
        assert [row.status for row in rows] == ["succeeded", "failed", "waiting", "refused"]
        await batches.retry(batch.id)
        await runtime.feeder.feed_only(batch.id)
        assert (await batches.rows(batch.id, status="failed")).items[0].tries == 2

        [asked] = (await runs.get(rows[2].run_id)).approvals
        await runtime.notices.look(round(asked.reminders[0].timestamp() * 1000) + 1)
        await runs.answer(asked.id, "accept", by="alice")
        assert [entry.what for entry in await runs.trail(asked.id)] == ["opened", "reminded", "decided"]
        await end_of(runtime, asked.run_id)
        await runtime.feeder.feed_only(batch.id)
        assert (await batches.get(batch.id)).status == "finished"

        fork = await runs.fork(asked.run_id, 3)
        await end_of(runtime, fork.id)
        fork = await runs.get(fork.id)
        assert (fork.output, [step.reused for step in fork.steps]) == ("EVE END", [True, True, False])

        at = datetime(2026, 11, 25, 9, tzinfo=UTC)
        assert [await runtime.schedules.look(at + timedelta(minutes=minutes)) for minutes in (0, 2, 2)] == [0, 2, 0]
        assert (await runtime.schedules.list())[0].last_run is not None
    await project.close()
