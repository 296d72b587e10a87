"""What an ingest would cost before it is done, how far it is, and another embedding model beside the serving one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from coachwork.cli.ingest import planned_in_words, progress_in_words
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.beside import filled
from coachwork.knowledge.document import IngestProgress
from coachwork.knowledge.index import Row, open_store, table_name

from .made_base import Made, made  # noqa: F401

SHOP = {"bells.md": "A bell costs 12 euro.", "lamps.md": "A lamp costs 20 euro.", "hours.md": "We open at nine."}


@pytest.mark.slow
async def test_a_plan_says_what_an_ingest_does_and_does_nothing(made: Made) -> None:  # noqa: F811
    base = made({**SHOP, "broken.pdf": "no PDF"})
    plan = await base.plan()
    assert (plan.found, plan.added, plan.passages, plan.reused) == (4, 4, 3, 0)
    assert plan.cost_usd == pytest.approx(plan.tokens * 2e-6)
    assert [failed.document for failed in plan.failed] == ["broken.pdf"]
    assert await base.documents() == []
    report = await base.ingest()
    assert (report.added, report.embedded) == (plan.added, plan.passages)
    assert planned_in_words(plan).startswith("4 documents: 4 new; 3 passages (some ")

    (base.folder / "bells.md").write_text("A bell costs 15 euro.")
    (base.folder / "lamps.md").unlink()
    plan = await base.plan()
    assert (plan.changed, plan.unchanged, plan.deleted, plan.passages) == (1, 2, 1, 1)
    report = await base.ingest()
    assert (report.changed, report.unchanged, report.deleted, report.embedded) == (1, 2, 1, 1)
    assert (await base.plan()).cost_usd == 0
    assert "nothing to embed" in planned_in_words(await base.plan())


def test_progress_tells_speed_and_time_left() -> None:
    assert progress_in_words(IngestProgress(100, 0, 0, 0, "a.md", 0.2)) == ""
    at = IngestProgress(100, 20, 60, 1, "a.md", 10.0)
    assert progress_in_words(at) == "60 passages embedded, 1 failed, 2.0 documents/s, 40 s left"


@pytest.mark.slow
async def test_another_embedding_model_is_made_ready_beside_the_serving_one(made: Made) -> None:  # noqa: F811
    base = made(SHOP)
    await base.ingest()
    base = made(SHOP, next_embed="other")
    report = await base.ingest()
    assert (report.embedded, report.embedded_beside) == (0, 3)
    (base.folder / "bells.md").write_text("A bell costs 15 euro.")
    report = await base.ingest()
    assert (report.embedded, report.embedded_beside) == (1, 1)
    await base.add("locks.md", b"A lock costs 30 euro.")
    await base.remove("lamps.md")
    assert (await base.search("bell", top_k=1))[0].text == "A bell costs 15 euro."

    switched = made({}, embed="other")
    found = {passage.text for passage in await switched.search("bell", top_k=9)}  # at once, before any ingest
    assert found == {"A bell costs 15 euro.", "We open at nine.", "A lock costs 30 euro."}
    assert (await switched.ingest()).embedded == 0
    assert await _tables(switched) == 1


async def _tables(base: KnowledgeBase) -> int:
    store = open_store(str(base.folder.parent / "index"))
    return len(await store.tables())


async def test_what_was_embedded_beside_before_a_kill_is_not_embedded_again(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "index"))
    serving = await store.create(table_name("a", "one", 2), 2, "English")
    rows = [_row(document, position) for document in "abcd" for position in range(40)]
    await serving.put(rows, {})
    beside = await store.create(table_name("a", "two", 3), 3, "English")
    sent: list[str] = []

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        if len(sent) == 64:
            sent.append("killed")
            raise asyncio.CancelledError
        sent.extend(texts)
        return [[1.0, 0.0, 0.0] for _ in texts]

    with pytest.raises(asyncio.CancelledError):
        await filled(serving, beside, lambda row: row.text, embed, lambda _count: None)
    sent.remove("killed")
    sent.append("")
    await filled(serving, beside, lambda row: row.text, embed, lambda _count: None)
    sent.remove("")
    assert sorted(sent) == sorted(row.text for row in rows)
    assert await beside.versions() == await serving.versions()
    await serving.remove(["b"])
    assert await filled(serving, beside, lambda row: row.text, embed, lambda _count: None) == 0
    assert set(await beside.versions()) == {"a", "c", "d"}


def _row(document: str, position: int) -> Row:
    text = f"Passage {position} of {document}"
    return Row(
        id=f"{document}\nv\n{position}", document=document, version="v", position=position, start=0, end=1, page=None,
        title="", title_path=(), text=text, words=text, digest=text, vector=(1.0, 0.0),
    )  # fmt: skip
