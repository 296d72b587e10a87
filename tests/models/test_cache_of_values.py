"""Vectors, transcripts, rankings and judgements cost once where their route has a cache; who asks again is told so."""

import asyncio

import numpy as np
import pytest

from coachwork.errors import Overloaded
from coachwork.messages import Audio, SpokenWord, Transcript, Usage
from coachwork.models import ModelConfig, RouteConfig
from coachwork.models.config import BudgetConfig
from coachwork.testing import FakeModel
from coachwork.tracing.scope import DirectScope, entered

PRICED = {"one:m": ModelConfig(input_usd_per_million=1000, output_usd_per_million=0, usd_per_minute=60)}
SPOKEN = Transcript(text="Guten Tag", language="de", seconds=2.0, words=[SpokenWord(word="Guten", start=0, end=1)])


class Counting(FakeModel):
    """The fake, with how often each kind was asked; it fails while `down`."""

    def __init__(self, dimensions: int = 8) -> None:
        super().__init__((), billed=True, transcript=SPOKEN, moderations={"mean": "hate"}, dimensions=dimensions)
        self.asked: list[str] = []
        self.down = False

    async def embed(self, model, texts, purpose, meter):
        self.asked.append("embed")
        await asyncio.sleep(0.02)
        if self.down:
            raise Overloaded("it is resting", model=f"{self.name}:m")
        return await super().embed(model, texts, purpose, meter)

    async def transcribe(self, model, audio, meter):
        self.asked.append("transcribe")
        return await super().transcribe(model, audio, meter)

    async def rerank(self, model, query, texts, meter):
        self.asked.append("rerank")
        return await super().rerank(model, query, texts, meter)

    async def moderate(self, model, texts, meter):
        self.asked.append("moderate")
        return await super().moderate(model, texts, meter)


@pytest.fixture(params=["memory", "database"])
def url(request):
    return None if request.param == "memory" else ""


async def test_an_equal_one_is_given_again_at_no_cost_and_the_books_say_so(room, url):
    fake = Counting()
    budget = BudgetConfig(scope="installation", usd=100)
    here = room(fake, cache="exact", models=PRICED, url=url, budgets=[budget])
    models = here.models

    async def all_kinds():
        vectors = await models.embed("smart", ["a red bike", "tax"], purpose="query")
        heard = await models.transcribe("smart", Audio(b"RIFF....sound"))
        ranked = await models.rerank("smart", "red bike", ["tax", "a red bike"])
        judged = await models.moderate("smart", ["tea", "a mean word"])
        return vectors, heard, ranked, judged

    first, again = await all_kinds(), await all_kinds()
    assert fake.asked == ["embed", "transcribe", "rerank", "moderate"]
    assert [made.cached for made in first] == [False] * 4
    assert [(made.cached, made.cost_nano, made.usage, made.model) for made in again] == [
        (True, 0, Usage(), "one:m")
    ] * 4
    assert all(made.cost_nano for made in first)
    np.testing.assert_array_equal(again[0].vectors, first[0].vectors)
    assert (again[0].vectors.dtype, again[0].dimensions) == (np.float32, 8)
    assert [again[1].transcript, again[2].scores] == [SPOKEN, first[2].scores] == [SPOKEN, [0.0, 1.0]]
    assert again[3].moderations == first[3].moderations
    assert [record.cached for record in here.records] == [False] * 4 + [True] * 4
    [state] = await models.budgets()
    if url is not None:
        assert [bool(row["cached"]) for row in here.rows()] == [False] * 4 + [True] * 4
        assert state.spent_nano + state.held_nano <= 100 * 10**9
    await models.close()


@pytest.mark.parametrize(
    "other",
    [
        lambda models: models.embed("smart", ["a red bike "], purpose="query"),
        lambda models: models.embed("smart", ["a red bike", ""], purpose="query"),
        lambda models: models.embed("smart", ["a red bike"], purpose="passage"),
        lambda models: models.rerank("smart", "a red bike", ["a red bike"]),
    ],
    ids=["a blank more", "a text more", "for another purpose", "another kind"],
)
async def test_what_differs_in_anything_is_asked(room, other):
    here = room(Counting(), cache="exact", models=PRICED, url=None)
    await here.models.embed("smart", ["a red bike"], purpose="query")
    assert not (await other(here.models)).cached


async def test_passages_and_a_route_without_a_cache_are_asked_every_time(room):
    fake = Counting()
    here = room(fake, cache="semantic", url=None, routes={"plain": RouteConfig(models=["one:m"])})
    for _ in range(2):
        await here.models.embed("smart", ["a red bike"], purpose="passage")
        await here.models.embed("plain", ["a red bike"], purpose="query")
    assert fake.asked == ["embed"] * 4


async def test_whoever_asks_at_once_shares_one_call_and_gets_vectors_of_his_own(room, url):
    fake = Counting()
    here = room(fake, cache="exact", models=PRICED, url=url)
    made = await asyncio.gather(*(here.models.embed("smart", ["a red bike"], purpose="query") for _ in range(50)))
    assert len(fake.asked) == 1
    assert sum(each.cost_nano or 0 for each in made) == 3_000_000
    made[0].vectors[:] = 0
    assert np.linalg.norm(made[1].vectors) == pytest.approx(1)


class As(DirectScope):
    def __init__(self, team: str) -> None:
        self._team = team

    @property
    def team(self) -> str:
        return self._team


async def test_another_team_pays_for_itself(room):
    fake = Counting()
    here = room(fake, cache="exact", url=None)
    for team in ("red", "blue", "red"):
        with entered(As(team)):
            await here.models.embed("smart", ["a red bike"], purpose="query")
    assert len(fake.asked) == 2


async def test_the_vectors_of_a_stand_in_are_not_kept(room, url):
    first, second = Counting(), Counting(dimensions=4)
    here = room(first, second, cache="exact", url=url, models={"one:m": ModelConfig(breaker_failures=100)})
    first.down = True
    made = await here.models.embed("smart", ["a red bike"], purpose="query")
    assert (made.model, made.dimensions) == ("two:m", 4)
    first.down = False
    made = await here.models.embed("smart", ["a red bike"], purpose="query")
    assert (made.model, made.dimensions, made.cached) == ("one:m", 8, False)
