"""One search, many wishes: filters, neighbours, unlike passages, a limit, a model's grades; and why a passage came."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from coachwork.errors import InputError, NotFound, OutputRefused, RouteExhausted
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.filters import Range, Where
from coachwork.knowledge.tokens import estimated_tokens
from coachwork.messages import JsonValue, ModelRequest, StepRecord
from coachwork.tracing.scope import DirectScope, entered

from .made_base import Made, made  # noqa: F401  a fixture

pytestmark = pytest.mark.slow
DOCUMENTS = {
    "city.md": "---\nproduct: city\nyear: 2024\ntags: [bikes, sale]\n---\n# City\n\nThe city bike weighs 15 kg.\n",
    "cargo.md": "---\nproduct: cargo\nyear: 2025\ntags: [bikes]\n---\n# Cargo\n\nThe cargo bike weighs 40 kg.\n",
    "lock.md": "---\nproduct: lock\nyear: 2025.5\nold: true\n---\n# Lock\n\nThe lock of a bike weighs 1 kg.\n",
    "plain.md": "# Plain\n\nA bike is a bike, and weighs what it weighs.\n",
}
LONG = "# Story\n\n" + "\n\n".join(
    f"## Part {n}\n\n" + f"Part {n} tells of day {n} on tour. " * 30 for n in range(1, 6)
)


async def names(base: KnowledgeBase, query: str = "bike weighs", **options: Any) -> list[str]:
    return [passage.document.removesuffix(".md") for passage in await base.search(query, **options)]


LETS_THROUGH: list[tuple[Where, set[str]]] = [
    ({"product": "city"}, {"city"}),
    ({"product": ["city", "cargo", "boat"]}, {"city", "cargo"}),
    ({"tags": "sale"}, {"city"}),
    ({"year": Range(least=2025)}, {"cargo", "lock"}),
    ({"year": Range(least=2024, most=2025)}, {"city", "cargo"}),
    ({"year": 2025}, {"cargo"}),
    ({"year": 2025.0, "tags": "bikes"}, {"cargo"}),
    ({"old": True}, {"lock"}),
    ({"old": 1}, set()),
    ({"product": '" OR true --'}, set()),
    ({"nothing_like_it": "x"}, set()),
    ({"document": ["plain.md", "lock.md"]}, {"plain", "lock"}),
    ({}, {"city", "cargo", "lock", "plain"}),
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"top_k": 0}, "top_k=0"),
    ({"neighbours": 11}, "neighbours=11"),
    ({"diversity": 1.5}, "diversity=1.5"),
    ({"max_tokens": 0}, "max_tokens=0"),
    ({"where": {"no name": 1}}, "'no name'"),
    ({"where": {"year": [None]}}, "None"),
    ({"where": {"year": list(range(501))}}, "501 values"),
    ({"where": {"document": Range(least="a")}}, "no order"),
    ({"rerank": "chat", "top_k": 100}, "top_k=100"),
]


async def test_only_documents_that_a_filter_lets_through_are_found(made: Made) -> None:  # noqa: F811
    base = made(DOCUMENTS)
    await base.ingest()
    for where, expected in LETS_THROUGH:
        assert set(await names(base, where=where)) == expected, where
        told = await base.explain("bike", where=where)
        assert {each.passage.document.removesuffix(".md") for each in told.candidates} == expected, where


async def test_what_does_not_fit_is_refused_with_its_value(made: Made) -> None:  # noqa: F811
    base = made(DOCUMENTS)
    for options, says in REFUSED:
        with pytest.raises(InputError, match=says):
            await base.search("bike", **options)


async def test_neighbours_stand_around_a_passage_in_their_order_and_count_against_the_limit(made: Made) -> None:  # noqa: F811
    base = made({"story.md": LONG}, passage_tokens=120, overlap_tokens=0)
    await base.ingest()
    whole = [passage for passage, _ in await base.passages("story.md")]
    [best] = await base.search("day 3", top_k=1)
    at = [passage.digest for passage in whole].index(best.digest)
    around = await base.search("day 3", top_k=1, neighbours=1)
    assert [passage.digest for passage in around] == [passage.digest for passage in whole[at - 1 : at + 2]]
    assert [bool(passage.scores and passage.scores.neighbour) for passage in around] == [True, False, True]
    limit = estimated_tokens(best.text) + 5
    alone = await base.search("day 3", top_k=1, neighbours=1, max_tokens=limit)
    assert [passage.digest for passage in alone] == [best.digest]
    assert sum(estimated_tokens(passage.text) for passage in await base.search("day", top_k=5, max_tokens=300)) <= 300


async def test_unlike_passages_come_before_one_that_repeats_another(made: Made) -> None:  # noqa: F811
    twins = {f"twin{n}.md": f"# Bike\n\nThe bike weighs 15 kg in total{'.' * n}\n" for n in (1, 2)}
    base = made({**twins, "other.md": "# Bike lamps\n\nLamps of a bike shine brightly at night in winter.\n"})
    await base.ingest()
    assert set(await names(base, "bike weighs 15 kg", top_k=2)) == {"twin1", "twin2"}
    varied = await names(base, "bike weighs 15 kg", top_k=2, diversity=0.9)
    assert "other" in varied
    told = await base.explain("bike weighs 15 kg", top_k=2, diversity=0.9)
    fates = {each.passage.document: each.fate for each in told.candidates}
    assert sorted(fates.values()) == ["alike", "kept", "kept"]


@pytest.mark.slow
async def test_a_hidden_passage_is_found_by_nobody_and_a_boosted_one_sooner_also_after_an_ingest(
    made: Made,  # noqa: F811
    tmp_path: Path,
) -> None:
    base = made(DOCUMENTS)
    await base.ingest()
    first, second, *_ = await names(base, top_k=4)
    [(passage, weight)] = await base.passages(f"{first}.md")
    assert (weight.hidden, weight.boost) == (False, 1.0)
    await base.weigh(f"{first}.md", passage.digest, hidden=True)
    assert first not in await names(base, top_k=4)
    told = {each.passage.document: each.fate for each in (await base.explain("bike weighs")).candidates}
    assert told[f"{first}.md"] == "hidden"

    last = (await names(base, top_k=4))[-1]
    [(other, _)] = await base.passages(f"{last}.md")
    await base.weigh(f"{last}.md", other.digest, boost=5)
    assert (await names(base, top_k=4))[0] == last
    (tmp_path / "documents" / "new.md").write_text("# New\n\nNothing of the kind.\n")
    (tmp_path / "documents" / f"{second}.md").touch()
    await base.ingest()
    assert first not in await names(base, top_k=5)
    assert (await names(base, top_k=4))[0] == last

    shown = await base.weigh(f"{first}.md", passage.digest, hidden=False)
    assert (shown.hidden, shown.boost) == (False, 1.0)
    assert first in await names(base, top_k=4)
    with pytest.raises(NotFound, match="has no passage"):
        await base.weigh("city.md", "0" * 64, hidden=True)
    with pytest.raises(InputError, match="boost=11"):
        await base.weigh(f"{last}.md", other.digest, boost=11)


async def test_an_explanation_tells_ranks_scores_and_the_words_that_matched(made: Made) -> None:  # noqa: F811
    base = made(DOCUMENTS)
    await base.ingest()
    told = await base.explain("Which cargo bike weighs 40 kg?", top_k=2)
    best = told.candidates[0]
    assert (best.passage.document, best.rank, best.fate) == ("cargo.md", 1, "kept")
    assert {"cargo", "bike"} <= {word.lower() for word in best.matched}
    scores = best.passage.scores
    assert scores is not None
    assert scores.words_rank == 1
    assert scores.fused_rank == 1
    assert 0 < (scores.fused or 0) <= 1
    assert [each.fate for each in told.candidates] == ["kept", "kept", "below", "below"]
    assert [passage.document for passage in await base.search("Which cargo bike weighs 40 kg?", top_k=2)] == [
        each.passage.document for each in told.candidates[:2]
    ]


class Chat:
    """Answers what the rerank and the wording ask, as told."""

    def __init__(self, grade: Callable[[str], float], wordings: list[str]) -> None:
        self.grade, self.wordings, self.asked = grade, wordings, 0

    async def __call__(self, request: ModelRequest) -> str:
        self.asked += 1
        if "search engine" in request.messages[0].text:
            return json.dumps({"wordings": self.wordings})
        passages = request.messages[-1].text.split("Passage ")[1:]
        return json.dumps({"grades": [self.grade(passage) for passage in passages]})


async def test_a_model_grades_passages_and_words_the_question_anew_where_it_is_asked_to(made: Made) -> None:  # noqa: F811
    chat = Chat(lambda passage: 10 if "lock" in passage else 1, ["lock of a bike"])
    base = made(DOCUMENTS, chat=chat)
    await base.ingest()
    assert (await names(base, "bike weighs", top_k=2, rerank="chat"))[0] == "lock"
    [best, *_] = await base.search("bike weighs", top_k=2, rerank="chat")
    assert best.scores is not None
    assert best.scores.rerank == 1.0
    told = await base.explain("what secures it", rewrite="chat")
    assert told.wordings == ["what secures it", "lock of a bike"]
    asked = chat.asked
    await base.search("bike weighs")
    assert chat.asked == asked


async def test_a_reranker_puts_passages_in_order_without_a_chat_model(made: Made) -> None:  # noqa: F811
    base = made(DOCUMENTS)  # a chat that would raise if it were asked
    await base.ingest()
    query = DOCUMENTS["lock.md"].splitlines()[-1]
    [best, second] = await base.search(query, top_k=2, rerank="ranker")
    assert (best.document, best.scores and best.scores.rerank, best.score) == ("lock.md", 1.0, 1.0)
    assert second.score < 1
    await base.weigh(best.document, best.digest, boost=0.1)
    assert (await names(base, query, top_k=2, rerank="ranker"))[0] != "lock"


class Recording(DirectScope):
    def __init__(self) -> None:
        self.records: list[StepRecord] = []

    async def step(self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        self.records.append(record)
        return await super().step(record, call)


async def test_the_step_of_a_search_costs_what_its_models_cost(made: Made) -> None:  # noqa: F811
    base = made(DOCUMENTS, chat=Chat(lambda _passage: 5, ["lock of a bike"]))
    await base.ingest()
    with entered(Recording()) as scope:
        await base.search("bike weighs")
        await base.search("bike weighs", rerank="ranker")
        await base.search("bike weighs", rerank="chat", rewrite="chat")
    assert isinstance(scope, Recording)
    plain, ranked, graded = [record.cost_nano or 0 for record in scope.records]
    assert plain == ranked == 2 * 2_000  # two words to embed; this reranker is free
    assert graded > plain + 100 * 2_000  # the words of all passages were read


async def test_where_rerankers_fail_the_chat_models_of_the_route_grade_and_the_other_way_round(made: Made) -> None:  # noqa: F811
    chat = Chat(lambda passage: 10 if "lock" in passage else 1, [])
    base = made(DOCUMENTS, chat=chat)
    await base.ingest()
    query = DOCUMENTS["lock.md"].splitlines()[-1]
    with entered(Recording()) as scope:
        assert (await names(base, query, top_k=2, rerank="mixed"))[0] == "lock"
        chat.grade = lambda _passage: 11
        [best, *_] = await base.search(query, top_k=2, rerank="graded")
    assert (best.document, best.scores and best.scores.rerank) == ("lock.md", 1.0)
    assert isinstance(scope, Recording)
    assert [[(one.model, one.code) for one in record.attempts] for record in scope.records] == [
        [("broken:words", "overloaded")],
        [("fake:words", "output-refused")],
    ]
    with pytest.raises(RouteExhausted, match="broken:other"):
        await base.search(query, rerank="down")


async def test_grades_that_are_none_are_refused_and_never_guessed(made: Made) -> None:  # noqa: F811
    base = made(DOCUMENTS, chat=Chat(lambda _passage: 11, []))
    await base.ingest()
    with pytest.raises(OutputRefused, match="grades"):
        await base.search("bike", rerank="chat")
