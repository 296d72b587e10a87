"""A knowledge base in a folder of its own, with a fake embedding, for the stories of this room."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from coachwork.errors import Overloaded
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.models import Models, ModelsConfig
from coachwork.providers.wire import Abilities, Meter
from coachwork.store.database import Database
from coachwork.testing import FakeModel


class BrokenRanker(FakeModel):
    """A reranker whose server is out of order."""

    async def rerank(self, model: str, query: str, texts: Sequence[str], meter: Meter) -> list[float]:
        raise Overloaded(f"{model!r} is out of order.", model=f"broken:{model}")


Made = Callable[..., KnowledgeBase]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """A function: documents by name, and settings of the knowledge base, to one that is bound to them."""
    databases: list[Database] = []

    def make(
        documents: dict[str, str],
        *,
        groups: dict[str, list[str]] | None = None,
        chat: Any = (),
        index: str = "",
        source: Any = None,
        database: str = "",
        **settings: Any,
    ) -> KnowledgeBase:
        folder = tmp_path / "documents"
        folder.mkdir(exist_ok=True)
        for name, text in documents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        opened = Database(database or f"sqlite:///{tmp_path}/test.db")
        opened.migrate()
        databases.append(opened)
        config = ModelsConfig.model_validate(
            {
                "routes": {
                    "embed": {"models": ["fake:words"]},
                    "chat": {"models": ["fake:words"]},
                    "other": {"models": ["fake:other"]},
                    "ranker": {"models": ["ranker:words"]},
                    "mixed": {"models": ["broken:words", "fake:words"], "retries": 0},
                    "graded": {"models": ["fake:words", "ranker:words"], "retries": 0},
                    "down": {"models": ["broken:words", "broken:other"], "retries": 0},
                },
                "models": {"fake:words": {"input_usd_per_million": 2, "output_usd_per_million": 2}},
            }
        )
        ranker = FakeModel((), abilities=Abilities(frozenset({"rerank"})))
        broken = BrokenRanker((), abilities=Abilities(frozenset({"rerank"})))
        fake = {"broken": broken, "fake": FakeModel(chat, dimensions=8), "ranker": ranker}
        base = KnowledgeBase("documents", source)
        base.bind(
            KnowledgeConfig.model_validate({"folder": "documents", **settings}),
            project=tmp_path,
            index=index or str(tmp_path / "index"),
            database=opened,
            groups=groups,
            models=Models(config, database=None, cache_dir=tmp_path, environ={}, extra_providers=fake),
        )
        return base

    yield make
    for opened in databases:
        opened.close()
