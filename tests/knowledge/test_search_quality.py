"""What is found: identifiers by their parts, word forms in four languages, and how two rankings become one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coachwork.errors import DownloadError
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.index import Hit
from coachwork.knowledge.language import language_of
from coachwork.knowledge.search import Ranking, fused, weight_of_words
from coachwork.models import Models, ModelsConfig
from coachwork.store.database import Database
from coachwork.testing import FakeModel

CACHE = Path(os.environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork")
Made = Callable[..., KnowledgeBase]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A knowledge base of documents by name, with a fake embedding that says nothing of meaning."""

    def make(documents: dict[str, str], language: str = "English", embed: str = "fake:words") -> KnowledgeBase:
        folder = tmp_path / "documents"
        folder.mkdir()
        for name, text in documents.items():
            (folder / name).write_text(text)
        database = Database(f"sqlite:///{tmp_path}/test.db")
        database.migrate()
        config = ModelsConfig.model_validate({"routes": {"embed": {"models": [embed]}}})
        fake = {"fake": FakeModel([], dimensions=8)}
        models = Models(config, database=None, cache_dir=CACHE, environ={}, extra_providers=fake)
        base = KnowledgeBase("documents")
        settings = KnowledgeConfig.model_validate({"folder": "documents", "language": language})
        base.bind(settings, project=tmp_path, index=str(tmp_path / "index"), database=database, models=models)
        return base

    return make


FILLER = {f"filler{n}.md": f"# Filler {n}\n\nNothing of interest stands in number {n}.\n" for n in range(6)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "question", ["getUserName", "user name", "X-Request-Id", "request id", "max_retry_count", "retry"]
)
async def test_an_identifier_is_found_whole_and_by_its_parts(made: Made, question: str) -> None:
    base = made(FILLER | {"code.md": "# API\n\nCall getUserName with X-Request-Id and max_retry_count set.\n"})
    await base.ingest()
    assert (await base.search(question, top_k=1))[0].document == "code.md"


@pytest.mark.parametrize(
    ("language", "text", "question"),
    [
        ("English", "Returned parcels are refunded.", "refunding a parcel"),
        ("German", "Die Häuser werden im Frühling gestrichen.", "Haus streichen gestrichene"),
        ("French", "Les chevaux mangent lentement.", "un cheval mange"),
        ("Spanish", "Los gatos duermen en las casas.", "el gato en casa"),
        ("Other", "払い戻しは五日以内に行われます。", "払い戻し"),
    ],
)
async def test_word_forms_of_a_language_meet(made: Made, language: str, text: str, question: str) -> None:
    base = made(FILLER | {"it.md": text + "\n"}, language)
    await base.ingest()
    assert (await base.search(question, top_k=1))[0].document == "it.md"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long does a refund take?", "English"),
        ("Wie lange dauert eine Rückerstattung?", "German"),
        ("Combien de temps pour un remboursement ?", "French"),
        ("¿Cuánto tarda el reembolso?", "Spanish"),
        ("返金にはどのくらいかかりますか", "Other"),
        ("getUserName", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_question_is_told_by_its_small_words(text: str, language: str) -> None:
    assert language_of(text) == language


def hit(name: str, score: float = 1.0) -> Hit:
    return Hit(name, name, 0, 1, None, "", (), "", score)


def order_of(*rankings: Ranking) -> list[str]:
    return [found.hit.id for found in fused(rankings)]


def test_words_count_less_where_the_question_is_in_another_language() -> None:
    words, meaning = [hit("word"), hit("both")], [hit("meaning"), hit("both")]
    own, foreign = weight_of_words("How long is it?", "English"), weight_of_words("Wie lange ist es?", "English")
    order = [order_of(Ranking("words", words, counts), Ranking("dense", meaning, 1.0)) for counts in (own, foreign)]
    assert order == [["both", "word", "meaning"], ["both", "meaning", "word"]]


def test_who_leads_by_far_stands_before_who_leads_by_a_hair() -> None:
    far, hair = (9.0, 3.0), (0.61, 0.60)
    first = []
    for by_words, by_meaning in ((far, hair), (hair, far)):
        words = [hit(name, score) for name, score in zip(("word", "sense"), by_words, strict=True)]
        meaning = [hit(name, score) for name, score in zip(("sense", "word"), by_meaning, strict=True)]
        first.append(order_of(Ranking("words", words, 1.0), Ranking("dense", meaning, 1.0))[0])
    assert first == ["word", "sense"]


def test_without_any_likeness_ranks_alone_decide() -> None:
    assert order_of(Ranking("dense", [hit("a", -0.1), hit("b", -0.2)], 1.0)) == ["a", "b"]


def test_what_leads_both_rankings_scores_one() -> None:
    best = fused([Ranking("words", [hit("a"), hit("b")], 1.25), Ranking("dense", [hit("a")], 1.0)])[0]
    assert (best.hit.id, best.scores.fused) == ("a", pytest.approx(1.0))


@pytest.mark.local_model
async def test_a_german_question_finds_an_english_passage(made: Made) -> None:
    try:
        Models(ModelsConfig(), database=None, cache_dir=CACHE, environ=os.environ).pull("local:multilingual-e5")
    except DownloadError as error:
        pytest.skip(f"local:multilingual-e5 can't be had here: {error.message}")
    documents = {
        "refunds.md": "We pay the money back within five days after the goods have arrived.\n",
        "hours.md": "The shop opens at nine in the morning.\n",
        "rental.md": "Bicycles are rented out by the day.\n",
    }
    base = made(documents, embed="local:multilingual-e5")
    await base.ingest()
    assert (await base.search("Wie lange dauert eine Rückerstattung?", top_k=1))[0].document == "refunds.md"
    assert (await base.search("¿Puedo alquilar una bicicleta?", top_k=1))[0].document == "rental.md"
