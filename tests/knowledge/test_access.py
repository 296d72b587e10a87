"""Who may read what: an adversarial second user tries every way to a document that is not hers."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from coachwork.errors import NotFound, ProjectError
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.access import may_read, readers_of
from coachwork.tracing.scope import DirectScope, entered

from .made_base import Made, made  # noqa: F401  a fixture

pytestmark = pytest.mark.slow
SECRET = "The secret salary of the board is 800 for every meeting."
DOCUMENTS = {
    "open.md": "# Open\n\nThe secret salary word is public here.\n",
    "legal/deal.md": "# Deal\n\nThe secret salary of the merger is 900.\n",
    "board.md": f"---\ngroups: [board]\n---\n# Board\n\n{SECRET}\n",
    "board.eml": "From: a@b.example\nSubject: Salary\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
    "Content-Type: text/plain\n\nThe secret salary is attached.\n--x\nContent-Type: text/plain; name=pay.txt\n"
    "Content-Disposition: attachment; filename=pay.txt\n\nThe secret salary list: Ann 700.\n--x--\n",
}
RULES = {"legal/**": ["legal"], "board.eml": ["board"]}
GROUPS = {"legal": ["anna"], "board": ["anna", "bob"]}
HERS = {"open.md"}
ALL = {"open.md", "legal/deal.md", "board.md", "board.eml", "board.eml/pay.txt"}


class As(DirectScope):
    def __init__(self, user: str, key: str = "") -> None:
        self.user, self.key = user, key


async def found(base: KnowledgeBase, user: str, query: str = "secret salary", **options: Any) -> set[str]:
    with entered(As(user)):
        return {passage.document for passage in await base.search(query, top_k=20, **options)}


@pytest.fixture
async def base(made: Made) -> KnowledgeBase:  # noqa: F811
    base = made(DOCUMENTS, groups=GROUPS, access=RULES)
    await base.ingest()
    return base


async def test_each_finds_what_their_groups_may_read(base: KnowledgeBase) -> None:
    assert await found(base, "") == ALL  # the one local user, who has no name
    assert await found(base, "anna") == ALL
    assert await found(base, "bob") == ALL - {"legal/deal.md"}
    assert await found(base, "eve") == HERS
    with entered(As("", key="key_of_nobody")):
        assert {passage.document for passage in await base.search("secret salary", top_k=20)} == HERS


@pytest.mark.parametrize(
    "options",
    [
        {"neighbours": 10},
        {"diversity": 1.0},
        {"where": {"document": sorted(ALL)}},
        {"where": {"readers": "board"}},
        {"where": {"groups": ["board", "*"]}},
    ],
)
async def test_no_option_of_a_search_leads_around_it(base: KnowledgeBase, options: dict[str, Any]) -> None:
    assert await found(base, "eve", **options) <= HERS


async def test_a_place_among_the_best_is_not_lost_to_what_may_not_be_read(made: Made) -> None:  # noqa: F811
    many = {f"legal/{n}.md": f"# Deal {n}\n\nThe secret salary, secret salary, secret salary {n}.\n" for n in range(60)}
    base = made({**many, "open.md": DOCUMENTS["open.md"]}, groups=GROUPS, access=RULES)
    await base.ingest()
    with entered(As("eve")):
        assert [passage.document for passage in await base.search("secret salary", top_k=1)] == ["open.md"]


async def test_nothing_tells_that_a_document_is_there(base: KnowledgeBase) -> None:
    digest = (await base.passages("board.md"))[0][0].digest
    with entered(As("eve")):
        assert {each.passage.document for each in (await base.explain("secret salary")).candidates} == HERS
        assert [info.id for info in await base.documents()] == ["open.md"]
        status = await base.status()
        assert (status.documents, status.passages, status.failed) == (1, 1, 0)
        ways: list[Callable[[str], Awaitable[Any]]] = [
            base.document,
            base.file,
            base.passages,
            lambda id: base.weigh(id, digest, hidden=True),
        ]
        for way in ways:
            told = []
            for id in ("board.md", "never.md"):
                with pytest.raises(NotFound) as refused:
                    await way(id)
                told.append(str(refused.value).replace(id, "…"))
            assert told[0] == told[1]
    assert (await base.passages("board.md"))[0][1].hidden is False


async def test_rules_that_changed_are_not_answered_by_before_an_ingest(
    base: KnowledgeBase,
    made: Made,  # noqa: F811
) -> None:
    tighter = made({}, groups=GROUPS, access={**RULES, "open.md": ["legal"]})
    with entered(As("eve")), pytest.raises(ProjectError, match="access rules"):
        await tighter.search("secret salary")
    report = await tighter.ingest()
    assert report.embedded == 0  # only who may read is written anew
    assert await found(tighter, "eve") == set()
    assert await found(tighter, "anna") == ALL


async def test_in_another_store_the_same_is_found_by_the_same_and_nothing_is_embedded_again(
    base: KnowledgeBase,
    made: Made,  # noqa: F811
    new_postgres: Callable[[], str],
) -> None:
    place = new_postgres()
    moved = await base.move(place, lambda _passages: None)
    assert (moved.documents, moved.passages) == (5, 5)
    there = made({}, groups=GROUPS, access=RULES, index=place)
    assert await found(there, "") == await found(there, "anna") == ALL
    assert await found(there, "bob") == ALL - {"legal/deal.md"}
    assert await found(there, "eve", neighbours=5) == HERS
    report = await there.ingest()
    assert (report.unchanged, report.embedded) == (4, 0)  # a mail stands for what is attached to it
    await there.remove("board.eml")
    assert await found(there, "anna") == ALL - {"board.eml", "board.eml/pay.txt"}
    await there.purge()
    assert await found(there, "eve") == HERS
    await there.close()


async def test_a_deleted_document_is_gone_at_once_and_its_words_leave_the_disk(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    def left() -> list[str]:
        """Files that still hold the words, however they lie in there."""
        words = re.compile(rb"secret\s+salary of the board is 800")
        places = [path for path in tmp_path.rglob("*") if path.is_file() and "documents" not in path.parts]
        return [str(path.relative_to(tmp_path)) for path in places if words.search(path.read_bytes())]

    assert left() != []
    (tmp_path / "documents" / "board.md").unlink()
    await base.ingest()
    assert await found(base, "") == ALL - {"board.md"}
    await base.purge()
    assert left() == []
    assert await found(base, "anna") == ALL - {"board.md"}


@pytest.mark.parametrize(
    ("document", "own", "readers"),
    [
        ("a.md", None, ("*",)),
        ("legal/a.md", None, ("legal",)),
        ("legal/deep/a.md", None, ("legal",)),
        ("legal/open/a.md", None, ("*",)),
        ("a.md", ["board"], ("board",)),
        ("legal/a.md", ["board"], ()),
        ("legal/a.md", ["board", "legal"], ("legal",)),
        ("legal/a.md", ["*"], ("legal",)),
        ("legal/open/a.md", ["board"], ("board",)),
        ("a.md", [], ()),
    ],
)
def test_the_last_pattern_decides_and_a_document_may_only_narrow_it(
    document: str, own: list[str] | None, readers: tuple[str, ...]
) -> None:
    rules = {"legal/**": ["legal"], "legal/open/*": ["*"]}
    assert readers_of(rules, document, own) == readers
    assert may_read(readers, None)
    assert may_read(readers, frozenset({"*"})) is ("*" in readers)
