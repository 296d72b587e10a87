"""Documents from Python: anything that can be gone through, once for each ingest. Knows pairs and items."""

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import TypeAlias, cast

from coachwork.errors import InputError
from coachwork.knowledge.sources.contract import Item, Source

Document: TypeAlias = Item | tuple[str, str | bytes]
Documents: TypeAlias = Iterable[Document] | AsyncIterable[Document]
Given: TypeAlias = Source | Documents | Mapping[str, str | bytes] | Callable[[], Documents]


class Iterated:
    """Items, or pairs of a name and a text or bytes, of a function or of something that can be gone through again."""

    def __init__(self, given: Documents | Callable[[], Documents]) -> None:
        self._given = given

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        given = self._given() if callable(self._given) else self._given
        if isinstance(given, AsyncIterable):
            async for document in given:
                yield _item(document)
        else:
            for document in given:
                yield _item(document)


def source_of(given: Given) -> Source:
    """A source of what was given to `KnowledgeBase(source=…)`. Raises InputError for what can be read only once."""
    if callable(getattr(given, "items", None)) and not isinstance(given, Mapping):
        return cast(Source, given)
    if isinstance(given, Mapping):
        return Iterated(list(given.items()))
    if isinstance(given, Iterator | AsyncIterator) or inspect.iscoroutine(given):
        raise InputError(
            "a source is gone through at every ingest, and this one can be only once",
            hint="Give the function instead of what it returned: KnowledgeBase(name, source=documents).",
        )
    if not callable(given) and (isinstance(given, str | bytes) or not isinstance(given, Iterable | AsyncIterable)):
        raise InputError(
            f"a {type(given).__name__} is no source of documents",
            hint="Give a function that yields pairs of a name and a text, a dict of them, or a Source.",
        )
    return Iterated(cast("Documents | Callable[[], Documents]", given))


def _item(document: Document) -> Item:
    if isinstance(document, Item):
        return document
    if isinstance(document, tuple) and len(document) == 2 and isinstance(document[0], str):
        name, content = document
        if isinstance(content, str | bytes):
            return Item(name, content.encode() if isinstance(content, str) else content)
    raise InputError(
        f"a source gave a {type(document).__name__} instead of a document",
        hint='Give pairs of a name and a text or bytes: ("returns.md", "# Returns …").',
    )
