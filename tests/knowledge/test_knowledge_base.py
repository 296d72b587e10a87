"""A knowledge base through its front door: what is found, what is cited, what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.messages import Passage
from coachwork.models import Models, ModelsConfig
from coachwork.store.database import Database
from coachwork.testing import FakeModel

RETURNS = """# Returns

## Window

Goods ordered from 1 March 2026 can be sent back within 30 days of delivery. Opened helmets can not be sent back.

## Costs

Return shipping within Germany costs 4.90 euro. An e-bike costs 39 euro.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "knowledge" / "handbook"
    made.mkdir(parents=True)
    (made / "returns.md").write_text(RETURNS)
    (made / "hours.md").write_text("# Opening hours\n\nThe shop in Bremen is open from 9 to 18 on weekdays.\n")
    return made


@pytest.fixture
def base(folder: Path, tmp_path: Path) -> Iterator[KnowledgeBase]:
    database = Database(f"sqlite:///{tmp_path}/test.db")
    database.migrate()
    config = ModelsConfig.model_validate({"routes": {"embed": {"models": ["fake:words"]}}})
    fake = {"fake": FakeModel([], dimensions=64)}
    models = Models(config, database=None, cache_dir=tmp_path, environ={}, extra_providers=fake)
    made = KnowledgeBase("handbook")
    made.bind(
        KnowledgeConfig(folder="knowledge/handbook"),
        project=tmp_path,
        index=str(tmp_path / "index"),
        database=database,
        models=models,
    )
    yield made
    database.close()


async def test_a_question_finds_the_passage_with_its_place(base: KnowledgeBase) -> None:
    await base.ingest()
    best = (await base.search("What does return shipping of an e-bike cost?", top_k=2))[0]
    assert best.document == "returns.md"
    assert "Costs" in best.title_path
    stored = await base.document("returns.md")
    assert stored.text[best.start : best.end] == best.text


async def test_what_did_not_change_is_left_alone_and_what_is_gone_is_forgotten(
    base: KnowledgeBase, folder: Path
) -> None:
    await base.ingest()
    before = {found.id: found.updated_at for found in await base.documents()}
    (folder / "hours.md").unlink()
    (folder / "returns.md").write_text(RETURNS.replace("39 euro", "45 euro"))
    (folder / "new.md").write_text("# Keys\n\nA new key costs 14.90 euro.\n")
    await base.ingest()
    assert {found.id for found in await base.documents()} == {"returns.md", "new.md"} != set(before)
    texts = [passage.text for passage in await base.search("e-bike return cost", top_k=5)]
    assert any("45 euro" in text for text in texts)
    assert not any("39 euro" in text or "Bremen" in text for text in texts)


@pytest.mark.parametrize(
    ("name", "content"),
    [("broken.pdf", b"%PDF-1.7 not really"), ("empty.md", b""), ("lying.docx", b"plain text"), ("empty.pdf", b"")],
)
async def test_an_unreadable_file_is_named_and_the_rest_is_indexed(
    base: KnowledgeBase, folder: Path, name: str, content: bytes
) -> None:
    (folder / name).write_bytes(content)
    report = await base.ingest()
    assert [failed.document for failed in report.failed] == [name]
    assert report.failed[0].reason
    status = await base.status()
    assert (status.documents, status.failed) == (2, 1)


def passage(text: str, start: int = 100) -> Passage:
    return Passage(knowledge="h", document="d.md", title="D", start=start, end=start + len(text), text=text)


SOURCE = (
    "Goods ordered from 1 March 2026 can be sent back within 30 days of delivery. "
    "Return shipping within Germany costs 4.90 euro."
)


def test_a_true_sentence_is_proved_by_words_that_stand_there() -> None:
    checked = KnowledgeBase("h").verify("Return shipping within Germany costs 4.90 euro [1].", [passage(SOURCE)])
    [citation] = checked.citations
    assert checked.unsupported == []
    assert citation.quote == SOURCE[citation.start - 100 : citation.end - 100]
    assert "4.90 euro" in citation.quote


@pytest.mark.parametrize(
    "claim",
    [
        "Return shipping within Germany costs 5.90 euro [1].",
        "Return shipping within Austria costs 4.90 euro [1].",
        "Goods ordered from 1 March 2026 can not be sent back within 30 days of delivery [1].",
        "Goods ordered from 1 March 2026 can be sent back within 14 days of delivery [1].",
        "Goods ordered from 1 March 2025 can be sent back within 30 days of delivery [1].",
        "We also repair watches at no charge [1].",
    ],
)
def test_an_altered_or_invented_sentence_is_never_supported(claim: str) -> None:
    assert len(KnowledgeBase("h").verify(claim, [passage(SOURCE)]).unsupported) == 1


@pytest.mark.parametrize(
    ("sentence", "claims"),
    [
        ("The handbook has no answer to this.", False),
        ("Our documents say nothing about parking.", False),
        ("Dazu steht leider nichts in den Unterlagen.", False),
        ("Das steht nicht im Handbuch.", False),
        ("The handbook has no rule against dogs, so bring yours.", True),
        ("The documents have no answer after 30 days.", True),
        ("The shop has no information desk.", True),
    ],
)
def test_saying_that_the_documents_are_silent_claims_nothing(sentence: str, claims: bool) -> None:
    assert bool(KnowledgeBase("h").verify(sentence, [passage(SOURCE)]).unsupported) is claims


def test_a_courtesy_is_no_claim() -> None:
    text = "Hello Anna,\n\nReturn shipping within Germany costs 4.90 euro [1].\n\nKind regards"
    assert KnowledgeBase("h").verify(text, [passage(SOURCE)]).unsupported == []
