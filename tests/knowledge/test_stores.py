"""LanceDB and PostgreSQL keep one contract: filters inside the search, whole documents, many processes, kills."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coachwork.errors import ProjectError
from coachwork.knowledge.filters import Filter, Range, Where, conditions_of
from coachwork.knowledge.index import WHOLE, Hit, PassageIndex, PassageStore, Stretch
from coachwork.knowledge.lance import LanceStore
from coachwork.knowledge.moving import copied
from coachwork.knowledge.postgres import PostgresStore

from . import stores
from .stores import NAME, PASSAGES, index_at, row, store_at, whole

ALL = Filter(readers=None)
EVE = Filter(readers=frozenset({"*"}))


@pytest.fixture(params=["lancedb", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "lancedb":
        return str(tmp_path / "index")
    new = request.getfixturevalue("new_postgres")
    return str(new())


@pytest.fixture
async def store(uri: str) -> AsyncIterator[PassageStore]:
    store = store_at(uri)
    yield store
    await store.close()


@pytest.fixture
async def index(store: PassageStore) -> PassageIndex:
    return await index_at(store)


LETS_THROUGH: list[tuple[Where, int]] = [
    ({}, 30),
    ({"year": Range(least=2010, most=2012)}, 3),
    ({"year": Range(least=2028)}, 2),
    ({"year": Range(least="a")}, 0),
    ({"year": [2010, 2011.0]}, 2),
    ({"of": "a"}, 20),
    ({"of": ["x", "z"]}, 10),
    ({"of": Range(least="w")}, 10),
    ({"of": Range(least=3)}, 0),
    ({"name": 'it\'s "q" %'}, 30),
    ({"name": "it's"}, 0),
    ({"name": "'); drop table x; --\x00"}, 0),
    ({"document": ["d1.md", "d2.md"]}, 10),
    ({"document": "d1.md", "year": 2005}, 1),
    ({"nothing": 1}, 0),
    ({"of": []}, 0),
]


async def test_a_filter_lets_through_the_same_by_meaning_and_by_words(index: PassageIndex) -> None:
    metadata = [
        {"year": 2000 + n, "of": ["a", "b"] if n % 3 else "x", "name": 'it\'s "q" %', "draft": n == 7}
        for n in range(30)
    ]
    await index.put([row(n, metadata=metadata[n]) for n in range(30)], {})
    for where, count in LETS_THROUGH:
        wanted = replace(ALL, conditions=conditions_of(where))
        assert len(await index.by_words("passage", 50, wanted)) == count, where
        assert len(await index.by_vector([1.0] * 16, 50, wanted)) == count, where


async def test_a_word_is_found_by_its_forms_its_parts_and_without_accents_and_rare_ones_first(
    index: PassageIndex,
) -> None:
    texts = ["Bikes are repaired", "A bike and a Café", "max_retry_count\nmax retry count of a/b.txt", "bike " * 40]
    await index.put([row(n, words=text) for n, text in enumerate(texts)], {})
    await index.settle()

    async def best(question: str) -> list[int]:
        return [hit.position for hit in await index.by_words(question, 10, ALL)]

    assert set(await best("the bike's")) == {0, 1, 3}
    assert (await best("repairing bikes"))[0] == 0
    assert (await best("cafe bike"))[0] == 1
    assert await best("retries") == [2]
    assert await best("b") == [2]
    assert await best("") == await best("?!") == await best("nowhere \x00 ' & | \\") == []


@pytest.mark.slow
async def test_nothing_near_is_lost_to_a_filter_and_nothing_else_comes(index: PassageIndex) -> None:
    count = 2000
    allowed = {"few": {n for n in range(count) if n % 100 == 3}, "some": {n for n in range(count) if n % 5 == 3}}
    readers = [tuple(name for name, own in allowed.items() if n in own) or ("*",) for n in range(count)]
    await index.put([row(n, readers=readers[n]) for n in range(count)], {})
    await index.settle()
    vectors = np.array([stores.vector_of(n) for n in range(count)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for name, own in allowed.items():  # 1 % and 20 %
        wanted, found = Filter(readers=frozenset({name})), 0
        for question in range(20):
            asked = np.array(stores.vector_of(90_000 + question))
            order = [n for n in np.argsort(-(vectors @ asked)) if n in own][:10]
            hits = await index.by_vector([float(value) for value in asked], 10, wanted)
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
            given = {number_of(hit) for hit in hits}
            assert given <= own
            found += len(given & set(order))
            words = await index.by_words(f"number{question * 100 + 3} passage", 10, wanted)
            assert number_of(words[0]) == question * 100 + 3
            assert {number_of(hit) for hit in words} <= own
        assert found >= 0.95 * 200, name


def number_of(hit: Hit) -> int:
    return int(hit.document.removeprefix("d").removesuffix(".md")) * PASSAGES + hit.position


async def test_what_is_put_is_seen_at_once_by_who_has_it_open_and_a_document_changes_whole(
    index: PassageIndex, uri: str
) -> None:
    other_store = store_at(uri)
    other = await index_at(other_store)
    await index.put(whole(1, "1") + whole(2, "1"), {"d1.md": "1", "d2.md": "1"})
    assert await other.versions() == {"d1.md": {"1": 5}, "d2.md": {"1": 5}}
    await index.put(whole(1, "2")[:3], {"d1.md": "2"})
    assert await other.versions() == {"d1.md": {"2": 3}, "d2.md": {"1": 5}}
    assert set(await other.vectors("d1.md")) == {"digest5", "digest6", "digest7"}

    await index.weigh("d2.md", "digest11", True, 1.3)
    assert [hit.position for hit in await other.passages([Stretch("d2.md", 0, 2)], EVE)] == [0, 2]
    seen = await other.passages([Stretch("d2.md", 0, WHOLE)], replace(EVE, hidden=True))
    assert [(hit.hidden, hit.boost) for hit in seen][:2] == [(False, 1.0), (True, 1.3)]
    assert await other.passages([], ALL) == []

    await index.remove(["d1.md", "never.md"])
    assert {hit.document for hit in await other.by_words("passage", 50, ALL)} == {"d2.md"}
    assert {hit.document for hit in await other.by_vector([1.0] * 16, 50, ALL)} == {"d2.md"}
    await index.purge()
    assert len(await (await index_at(other_store)).by_words("passage", 50, replace(ALL, hidden=True))) == 5
    await other_store.close()


@pytest.mark.slow
async def test_what_is_in_no_index_yet_stays_little_and_an_index_has_few_parts(tmp_path: Path) -> None:
    lancedb = pytest.importorskip("lancedb")
    store = LanceStore(str(tmp_path), exact_up_to=300, fold_at=100, fold_pause=0)
    index = await index_at(store)
    table = await (await lancedb.connect_async(tmp_path, read_consistency_interval=timedelta(0))).open_table(NAME)

    async def told(column: str) -> Any:
        return next(found for found in await table.list_indices() if found.columns == [column])

    for begin in range(0, 1250, 50):
        await index.put([row(n) for n in range(begin, begin + 50)], {})
        assert (await told("words")).num_unindexed_rows < 100
        if begin >= 300:  # a large table, and an ingest of few passages after another
            await index.settle()
            assert (await told("vector")).num_segments <= 17
    for n in (3, 417, 999):
        assert number_of((await index.by_words(f"number{n}", 10, ALL))[0]) == n
        assert number_of((await index.by_vector(stores.vector_of(n), 10, ALL))[0]) == n


@pytest.mark.slow
async def test_processes_write_and_read_together_and_one_that_is_killed_leaves_no_half_document(
    store: PassageStore, index: PassageIndex, uri: str
) -> None:
    async def writer(document: int, rounds: int) -> asyncio.subprocess.Process:
        program = [sys.executable, str(Path(stores.__file__)), uri, str(document), str(rounds)]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE, env=environ)

    doomed, steady = await writer(1, 10_000), await writer(2, 15)
    assert doomed.stdout is not None
    async with asyncio.timeout(120):
        for _ in range(5):
            put = int((await doomed.stdout.readline()).split()[1])
            for versions in (await index.versions()).values():
                assert list(versions.values()) == [PASSAGES]
        doomed.kill()
        put = max([put, *(int(line.split()[1]) for line in (await doomed.stdout.read()).splitlines() if b" " in line)])
        await doomed.wait()
        assert (await steady.communicate())[0].split()[-1] == b"15"
    assert steady.returncode == 0

    left = await index.versions()
    assert left["d2.md"] == {"15": PASSAGES}
    [(version, count)] = left["d1.md"].items()
    assert int(version) >= put  # what was put is there, and at most what came after it
    assert count == PASSAGES
    await index.put(whole(1, "new"), {"d1.md": "new"})
    assert (await index.versions())["d1.md"] == {"new": PASSAGES}
    assert await store.tables() == [NAME]


async def test_an_index_is_copied_whole_also_after_a_copy_that_was_cut_off(index: PassageIndex, tmp_path: Path) -> None:
    metadata = {"year": 2025, "of": ["a", "b"]}
    await index.put([row(n, metadata=metadata, readers=("legal",), boost=2.0, page=n) for n in range(12)], {})
    target = store_at(str(tmp_path / "other"))
    before = await index_at(target)
    await before.put([*whole(0, "older"), *whole(9, "1")], {})
    moved = await copied(index, target, NAME, "English", lambda _passages: None)
    assert (moved.documents, moved.passages) == (3, 12)
    here, there = [[one async for some in each.rows() for one in some] for each in (index, before)]
    by_id = {one.id: one for one in here}
    assert {one.id for one in there} == set(by_id)
    for one in there:
        assert replace(one, vector=()) == replace(by_id[one.id], vector=())
        assert list(one.vector) == pytest.approx(list(by_id[one.id].vector))
    await target.drop(NAME)
    assert await target.tables() == []


async def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    store = PostgresStore("postgresql://me:hidden@127.0.0.1:1/nowhere")
    with pytest.raises(ProjectError, match="can't be reached") as refused:
        await store.tables()
    assert "hidden" not in f"{refused.value} {refused.value.hint}"
