"""Which passages a search may see: who reads, what their documents' metadata say. Knows conditions; knows no store.

A store turns a `Filter` into its own language and applies it before it ranks: what is not let through is never looked
at, so it can't take a place, change a score or be missed by its absence.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from pydantic import model_validator

from coachwork.errors import InputError
from coachwork.messages import Frozen

Scalar: TypeAlias = str | int | float | bool
Metadata: TypeAlias = Mapping[str, Any]  # of a document: scalars, and lists of them
OPEN = "*"  # the reader that everybody is
DOCUMENT = "document"  # the one field of a filter that is no metadata: the document's id

_NAME = re.compile(r"[^\W\d]\w{0,79}")
_MOST_VALUES = 500


class Range(Frozen):
    """From `least` to `most`, both included; numbers with numbers, or text with text (dates as `2026-11-25`)."""

    least: float | str | None = None
    most: float | str | None = None

    @model_validator(mode="after")
    def _comparable(self) -> "Range":
        ends = [end for end in (self.least, self.most) if end is not None]
        if not ends:
            raise ValueError("a range needs `least` or `most`")
        if len({isinstance(end, str) for end in ends}) > 1:
            raise ValueError("`least` and `most` must both be numbers or both be text")
        if any(isinstance(end, float) and not math.isfinite(end) for end in ends):
            raise ValueError("`least` and `most` must be finite")
        return self


Where: TypeAlias = Mapping[str, Scalar | Sequence[Scalar] | Range]


@dataclass(frozen=True)
class Condition:
    """A field of the metadata that has one of `values`, or lies in `range`."""

    field: str
    values: tuple[Scalar, ...] = ()
    range: Range | None = None


@dataclass(frozen=True)
class Filter:
    """`readers` are the groups of who asks, None for somebody who may read all. Hidden passages only where asked for.

    There is no default for `readers`: whoever builds a filter has to say who asks.
    """

    readers: frozenset[str] | None
    conditions: tuple[Condition, ...] = ()
    hidden: bool = False


def conditions_of(where: Where) -> tuple[Condition, ...]:
    """`{"year": Range(least=2024), "product": ["a", "b"], "draft": False}` as conditions that must all hold.

    Raises InputError for a name or value that can't be one.
    """
    return tuple(_condition(field, wanted) for field, wanted in where.items())


def _condition(field: str, wanted: Any) -> Condition:
    if not _NAME.fullmatch(field):
        raise InputError(
            f"{field!r} can't be the name of a metadata field",
            hint="Use letters, digits and underscores, beginning with a letter.",
        )
    if isinstance(wanted, Range):
        if field == DOCUMENT:
            raise InputError("documents have no order: `document` takes ids, no range", hint="Name the documents.")
        return Condition(field, range=wanted)
    values = (wanted,) if isinstance(wanted, str | int | float | bool) else tuple(wanted)
    wrong = [value for value in values if not isinstance(value, str | int | float | bool)]
    if wrong or len(values) > _MOST_VALUES:
        found = f"{wrong[0]!r}" if wrong else f"{len(values)} values"
        raise InputError(
            f"{found} can't be wanted of {field!r}",
            hint=f"Give text, a number, true or false, up to {_MOST_VALUES} of them in a list, or a Range.",
        )
    return Condition(field, values=values)


def facet(field: str, value: Scalar) -> str:
    """A field and its value as one word, as stores keep it for equality: `year=2026`, `product="e-bike"`.

    1 and 1.0 are the same, 1 and true are not.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{field}={json.dumps(value, ensure_ascii=False)}"


def facets_of(metadata: Metadata) -> list[str]:
    """Every field of a document with each of its values."""
    return [
        facet(field, value)
        for field, found in metadata.items()
        for value in (found if isinstance(found, list | tuple) else [found])
    ]


def plain_metadata(found: Mapping[Any, Any]) -> dict[str, Scalar | list[Scalar]]:
    """What of a front matter can be filtered by: scalars and lists of them, dates as `2026-11-25`; the rest is left."""
    plain: dict[str, Scalar | list[Scalar]] = {}
    for field, value in found.items():
        name = str(field).strip().replace("-", "_").replace(" ", "_")
        if not _NAME.fullmatch(name) or name == DOCUMENT:
            continue
        if isinstance(value, list):
            items = [item for item in map(_scalar, value) if item is not None]
            if items:
                plain[name] = items
        elif (scalar := _scalar(value)) is not None:
            plain[name] = scalar
    return plain


def _scalar(value: Any) -> Scalar | None:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")  # which no database takes
    return value if isinstance(value, int | float | bool) else None
