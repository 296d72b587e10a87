"""Passages made of numbers, both stores, and a process that writes them, for the stories about stores.

As a program: `python stores.py URI DOCUMENT ROUNDS` puts a document's versions one after the other, each whole.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from coachwork.knowledge.index import PassageIndex, PassageStore, Row
from coachwork.knowledge.lance import LanceStore
from coachwork.knowledge.postgres import PostgresStore

NAME = "kb-000000.m-16-abcdef"
DIMENSIONS = 16
PASSAGES = 5  # of each document
EXACT_UP_TO = 500  # so that a small table has what a large one has: indexes


def store_at(uri: str) -> PassageStore:
    kind = PostgresStore if uri.startswith("postgresql") else LanceStore
    return kind(uri, exact_up_to=EXACT_UP_TO)


async def index_at(store: PassageStore) -> PassageIndex:
    return await store.create(NAME, DIMENSIONS, "English")


def vector_of(number: int) -> list[float]:
    """Near others of the same tenth, as passages on one subject are."""
    subject = np.random.default_rng(number % 10).normal(size=DIMENSIONS)
    own = np.random.default_rng(1000 + number).normal(size=DIMENSIONS)
    return [float(value) for value in subject + 0.7 * own]


def row(number: int, version: str = "1", **fields: Any) -> Row:
    document, position = f"d{number // PASSAGES}.md", number % PASSAGES
    words = f"Passage number{number} says it's of {version}"
    plain = Row(
        id=f"{document}\n{version}\n{position}",
        document=document,
        version=version,
        position=position,
        start=0,
        end=len(words),
        page=None,
        title="Title",
        title_path=("A", "B"),
        text=words,
        words=words,
        digest=f"digest{number}",
        vector=vector_of(number),
    )
    return Row(**{**{name: getattr(plain, name) for name in Row.__dataclass_fields__}, **fields})


def whole(document: int, version: str) -> list[Row]:
    return [row(document * PASSAGES + position, version) for position in range(PASSAGES)]


async def write(uri: str, documents: Sequence[int], rounds: int) -> None:
    store = store_at(uri)
    index = await index_at(store)
    for number in range(1, rounds + 1):
        for document in documents:
            await index.put(whole(document, str(number)), {f"d{document}.md": str(number)})
            print(document, number, flush=True)  # it is put: whoever reads this line may count on it
    await store.close()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], [int(sys.argv[2])], int(sys.argv[3])))
