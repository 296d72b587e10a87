"""Passages asked for over HTTP: found, bounded, refused, described. The embedding model alone is a fake."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mcp.client.client import Client

from coachwork.knowledge import KnowledgeConfig
from coachwork.models import Models
from coachwork.models.config import ModelsConfig
from coachwork.testing import FakeModel

from .over_http import Here, serving

SEARCH = "/api/knowledge/handbook/search"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, make_project: Callable[[Path], Path]) -> Iterator[Here]:
    """A desk whose handbook is not indexed yet, and whose embeddings are made of words."""
    folder = make_project(tmp_path_factory.mktemp("search") / "desk")
    (folder / "knowledge/handbook/hours.md").write_text("# Hours\n\nThe shop in Bremen opens at 9 on weekdays.\n")
    with serving(folder, {"HOME": str(folder), "COACHWORK_CACHE": str(folder / "cache")}, runs=False) as here:
        config = ModelsConfig.model_validate({"routes": {"embed": {"models": ["fake:words"]}}})
        fake = {"fake": FakeModel([], dimensions=64)}
        models = Models(config, database=None, cache_dir=folder / "cache", environ={}, extra_providers=fake)
        here.project.knowledge["handbook"].bind(
            KnowledgeConfig(folder="knowledge/handbook"),
            project=folder,
            index=str(folder / "index"),
            database=here.project.database,
            models=models,
        )
        yield here


@pytest.fixture(scope="module")
def indexed(desk: Here) -> Here:
    before = desk.http.post(SEARCH, json={"query": "parcel"})
    assert (before.status_code, before.json()["hint"]) == (500, "Run: coachwork ingest handbook")
    asyncio.run(desk.project.knowledge["handbook"].ingest())
    return desk


def test_a_question_finds_passages_that_stand_in_their_documents(indexed: Here) -> None:
    answer = indexed.http.post(SEARCH, json={"query": "Within how many days may a parcel be returned?"})
    assert answer.status_code == 200, answer.text
    best, other = answer.json()["items"]
    assert (best["document"], other["document"]) == ("returns.md", "hours.md")
    assert 1 >= best["score"] > other["score"] > 0
    stored = indexed.http.get(f"/api/knowledge/handbook/documents/{best['document']}").json()["text"]
    assert stored[best["start"] : best["end"]] == best["text"]
    assert "within 30 days" in best["text"]


def test_no_more_passages_come_than_were_asked_for(indexed: Here) -> None:
    [only] = indexed.http.post(SEARCH, json={"query": "When does the shop open?", "top_k": 1}).json()["items"]
    assert only["document"] == "hours.md"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": " \n"}, "query"),
        ({"query": "parcel", "top_k": 0}, "top_k"),
        ({"query": "parcel", "top_k": 201}, "top_k"),
        ({"query": "parcel", "topk": 3}, "topk"),
    ],
)
def test_a_question_that_does_not_fit_is_refused_at_its_field(indexed: Here, asked: object, field: str) -> None:
    answer = indexed.http.post(SEARCH, json=asked)
    assert answer.status_code == 422
    assert [found["path"] for found in answer.json()["fields"]] == [[field]]


def test_search_is_guarded_like_the_rest_of_the_api(indexed: Here) -> None:
    asked = {"query": "parcel"}
    foreign = indexed.http.post(SEARCH, json=asked, headers={"Origin": "https://elsewhere.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross-site")
    rebound = indexed.http.post(SEARCH, json=asked, headers={"Host": "elsewhere.example"})
    assert (rebound.status_code, rebound.json()["code"]) == (403, "unknown-host")
    unknown = indexed.http.post("/api/knowledge/handbok/search", json=asked)
    assert (unknown.status_code, unknown.json()["hint"]) == (404, "Did you mean 'handbook'?")


def test_search_is_described_with_its_types(indexed: Here) -> None:
    found = indexed.http.get("/api/openapi.json").json()
    asked = found["paths"]["/api/knowledge/{name}/search"]["post"]
    given = asked["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert found["components"]["schemas"][given]["properties"]["items"]["items"]["$ref"].endswith("/Passage")


def test_a_search_is_filtered_by_metadata_and_told_with_its_stages(indexed: Here) -> None:
    (indexed.folder / "knowledge/handbook/hours.md").write_text(
        "---\nyear: 2026\n---\n# Hours\n\nThe shop in Bremen opens at 9 on weekdays.\n"
    )
    asyncio.run(indexed.project.knowledge["handbook"].ingest())
    asked = {"query": "When does the shop open?", "where": {"year": {"least": 2026}}}
    assert [found["document"] for found in indexed.http.post(SEARCH, json=asked).json()["items"]] == ["hours.md"]
    assert indexed.http.post(SEARCH, json={**asked, "where": {"year": 2025}}).json()["items"] == []
    told = indexed.http.post(SEARCH.replace("search", "explain"), json={"query": asked["query"], "top_k": 1}).json()
    assert [each["fate"] for each in told["candidates"]] == ["kept", "below"]
    assert told["candidates"][0]["passage"]["scores"]["words_rank"] == 1
    assert {"shop", "open"} <= set(told["candidates"][0]["matched"])
    wrong = indexed.http.post(SEARCH, json={**asked, "where": {"no name": 1}})
    assert (wrong.status_code, "no name" in wrong.text) == (422, True)


def test_a_passage_is_hidden_and_shown_again(indexed: Here) -> None:
    passages = "/api/knowledge/handbook/passages/hours.md"
    [one] = indexed.http.get(passages).json()["items"]
    assert (one["hidden"], one["boost"]) == (False, 1.0)
    asked = {"query": "When does the shop in Bremen open?"}
    digest = one["passage"]["digest"]
    [hidden] = indexed.http.put(passages, json={"digest": digest, "hidden": True}).json()["items"]
    assert hidden["hidden"] is True
    assert "hours.md" not in [found["document"] for found in indexed.http.post(SEARCH, json=asked).json()["items"]]
    [shown] = indexed.http.put(passages, json={"digest": digest, "hidden": False, "boost": 2}).json()["items"]
    assert (shown["hidden"], shown["boost"]) == (False, 2.0)
    assert indexed.http.post(SEARCH, json=asked).json()["items"][0]["document"] == "hours.md"
    assert indexed.http.put(passages, json={"digest": "0", "hidden": True}).status_code == 404
    assert indexed.http.put(passages, json={"digest": digest, "boost": 100}).status_code == 422
    assert indexed.http.get("/api/knowledge/handbook/passages/never.md").status_code == 404


async def test_a_program_that_speaks_mcp_finds_the_same_passages(indexed: Here) -> None:
    asked = {"query": "Within how many days may a parcel be returned?", "top_k": 1}
    async with Client(str(indexed.http.base_url.join("/mcp"))) as client:
        found = await client.call_tool("search_handbook", asked)
        refused = await client.call_tool("search_handbook", {"query": "", "colour": "red"})
    assert not found.is_error
    assert found.structured_content == indexed.http.post(SEARCH, json=asked).json()
    assert refused.is_error
    [words] = refused.content
    assert words.type == "text"
    assert "query: " in words.text
    assert "colour: Extra inputs are not permitted" in words.text
