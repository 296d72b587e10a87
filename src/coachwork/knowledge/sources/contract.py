"""What a source of documents has to do. Knows names and versions; knows no place where documents come from."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Item:
    """A document that a source has, by a name whose ending tells its format: `guide/returns.html`.

    `data` is None where the copy of `version` that was taken before still holds. `version` is whatever tells
    that without fetching it, an ETag for one; "" where nothing does. With a `reason` it can't be had: it is
    named with it and left out, or stays as it was taken before where `keep` says that the trouble may pass.
    """

    name: str
    data: bytes | None = None
    version: str = ""
    reason: str = ""
    keep: bool = False


class Source(Protocol):
    """Where documents come from. What it does not name any more is deleted, once it has named all."""

    def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        """Every document there is; `known` are the versions, by name, that were taken before.

        Raises SourceUnavailable where nothing can be said: then everything stays as it is.
        """
