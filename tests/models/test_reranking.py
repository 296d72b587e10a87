"""Rerankers by route: asked on their wire, paid by search or token, held by budgets, booked, and fallen back from."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from coachwork.errors import BudgetExceeded, ModelError, UnknownModel, UnknownPrice
from coachwork.messages import Usage
from coachwork.models import Models, ModelsConfig
from coachwork.models.counting import at_most
from coachwork.store.database import Database
from coachwork.store.tables import calls
from coachwork.testing import ProviderServer

KEYS = {"CO_API_KEY": "sk-of-cohere", "JINA_API_KEY": "sk-of-jina", "VOYAGE_API_KEY": "sk-of-voyage"}
TEXTS = ["the price of tax law", "a red bike", "bikes and a red lamp"]
SCORES = [0.0, 1.0, 0.5]


@pytest.fixture(scope="module")
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as running:
        yield running


@pytest.fixture
async def room(server: ProviderServer, tmp_path: Path) -> AsyncIterator[Any]:
    """A function: models of the route `rank` and further settings, to an open room whose calls are written down."""
    server.clear()
    server.requests.clear()
    opened: list[Models] = []

    def make(*names: str, budget: float | None = None, models: Any = None, **limits: Any) -> Models:
        database = Database(f"sqlite:///{tmp_path / 'calls.db'}")
        database.migrate()
        own = {"base_url": server.url, "key_env": "COACHWORK_TEST_KEY"}
        config = ModelsConfig.model_validate(
            {
                "routes": {"rank": {"models": list(names), "retries": 0, **limits}},
                "models": models or {},
                "budgets": [] if budget is None else [{"scope": "installation", "usd": budget}],
                "providers": {
                    "cohere": {"base_url": server.url},
                    "jina": {"base_url": f"{server.url}/v1"},
                    "voyage": {"base_url": f"{server.url}/v1"},
                    "own": {**own, "rerank": "tei"},
                },
            }
        )
        environ = {**KEYS, "COACHWORK_TEST_KEY": "sk-of-own"}
        opened.append(Models(config, database=database, cache_dir=tmp_path, environ=environ))
        opened[-1].database = database  # type: ignore[attr-defined]
        return opened[-1]

    yield make
    for models in opened:
        await models.close()
        models.database.close()  # type: ignore[attr-defined]


def rows(models: Any) -> list[Any]:
    models.database.flush()
    return models.database.read_now(lambda c: [row._mapping for row in c.execute(sa.select(calls))])


@pytest.mark.parametrize(
    ("model", "path", "used", "nano"),
    [
        ("cohere:rerank-v3.5", "/v2/rerank", Usage(searches=1), 2_000_000),
        ("voyage:rerank-2.5", "/v1/rerank", Usage(19), 950),  # $0.05 a million tokens
        ("jina:jina-reranker-v2-base-multilingual", "/v1/rerank", Usage(19), 380),
        ("own:bge-reranker-v2-m3", "/rerank", Usage(19, searches=1, estimated=True), None),  # TEI counts nothing
    ],
)
async def test_each_shape_of_the_wire_is_asked_paid_and_booked(room, server, model, path, used, nano):
    models = room(model)
    made = await models.rerank("rank", "red bike", TEXTS)
    assert (made.scores, made.model, made.usage, made.cost_nano) == (SCORES, model, used, nano)
    [asked] = server.requests
    assert (asked.path, asked.model) == (path, model.partition(":")[2])
    [row] = rows(models)
    assert (row["kind"], row["outcome"], row["cost_nano"]) == ("rerank", "ok", nano)
    assert row["searches"] == used.searches


async def test_more_texts_than_a_server_takes_go_in_several_requests(room, server):
    made = await room("own:bge-reranker").rerank("rank", "red bike", [*["red"] * 32, "a red bike"])
    assert made.scores == [*[0.5] * 32, 1.0]
    assert [len(asked.body["texts"]) for asked in server.requests] == [32, 1]


async def test_one_that_fails_is_asked_again_and_then_left_for_the_next(room, server):
    models = room("cohere:rerank-v3.5+503", "jina:jina-reranker-v2", retries=1)
    made = await models.rerank("rank", "red bike", TEXTS)
    assert (made.scores, made.model) == (SCORES, "jina:jina-reranker-v2")
    assert [asked.wire for asked in server.requests] == ["cohere-rerank", "cohere-rerank", "rerank"]
    assert [failed["code"] for failed in rows(models)[0]["fallbacks"]] == ["overloaded"] * 2


async def test_a_budget_holds_the_worst_case_and_no_price_is_no_ticket(room):
    models = room("cohere:rerank-v3.5", budget=0.005)
    for _ in range(2):
        await models.rerank("rank", "red bike", TEXTS)
    with pytest.raises(BudgetExceeded, match=r"can cost up to \$0\.002"):  # two are paid for
        await models.rerank("rank", "red bike", TEXTS)
    unpriced = room("jina:jina-reranker-of-tomorrow", budget=0.005)
    with pytest.raises(UnknownPrice) as refused:
        await unpriced.rerank("rank", "red bike", TEXTS)
    assert "usd_per_search = 1.00" in refused.value.hint


def test_the_worst_case_counts_long_texts_as_many():
    assert at_most(None, ["short"] * 100, query="q").searches == 1
    assert at_most(None, ["short"] * 101, query="q").searches == 2
    assert at_most(None, ["word " * 300] * 40, query="q" * 100).searches == 2  # 4 pieces of 400 bytes each
    assert at_most(None, ["text"] * 10, query="q" * 20).input_tokens >= 10 * 24
    assert at_most(None, ["text"]).searches == 0  # nothing to rank


async def test_what_is_no_reranker_is_refused_before_it_is_asked(room, server):
    with pytest.raises(UnknownModel, match="can't rank passages"):
        await room("cohere:embed-v4.0").rerank("rank", "red bike", TEXTS)
    assert not server.requests
    assert room("cohere:rerank-v3.5").ranks_by("rank") == ("rerank",)
    assert room("cohere:command-a-03-2025").ranks_by("rank") == ("chat",)
    assert room("cohere:command-a-03-2025", "cohere:rerank-v3.5").ranks_by("rank") == ("chat", "rerank")


async def test_a_key_that_is_wrong_is_named_and_not_shown(room):
    with pytest.raises(ModelError, match="refused the API key") as refused:
        await room("voyage:rerank-2.5+401").rerank("rank", "red bike", TEXTS)
    assert "sk-of-voyage" not in json.dumps(refused.value.to_dict())
    assert "VOYAGE_API_KEY" in refused.value.hint
