"""Files in the messages of A2A: into which field of a pipeline they go, and what comes out as one. Fetches nothing.

Needs the SDK (extra `a2a`): load it behind `a2a_endpoint`.
"""

import base64
import binascii
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from a2a.types import a2a_pb2 as wire
from a2a.utils.errors import ContentTypeNotSupportedError

from coachwork.messages import JsonValue


class FileField(NamedTuple):
    """A field that takes a file of a `kind` (`image/*`, `application/pdf`), or a list of such."""

    name: str
    kind: str
    many: bool


def file_fields(schema: Mapping[str, Any]) -> list[FileField]:
    """The fields of an input that take pictures, recordings or PDFs."""
    fields: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    return [FileField(name, *found) for name, field in fields.items() if (found := _kind_of(field)) is not None]


def _kind_of(field: Mapping[str, Any]) -> tuple[str, bool] | None:
    for each in (field, *field.get("anyOf", ())):
        if (kind := each.get("contentMediaType")) and each.get("format") == "data-url":
            return kind, False
        if each.get("type") == "array" and isinstance(items := each.get("items"), Mapping) and _kind_of(items):
            return _kind_of(items)[0], True  # type: ignore[index]
    return None


def placed(schema: Mapping[str, Any], files: Sequence[wire.Part]) -> dict[str, JsonValue]:
    """Each file in the first free field that takes its kind. Raises the protocol's error for one that none takes."""
    left = file_fields(schema)
    found: dict[str, JsonValue] = {}
    for part in files:
        kind, url = _data_url(part)
        field = next((each for each in left if fnmatchcase(kind, each.kind)), None)
        if field is None:
            takes = ", ".join(f"{each.name} ({each.kind})" for each in file_fields(schema)) or "none"
            raise ContentTypeNotSupportedError(f"no field takes {_named(part, kind)}; fields for files: {takes}")
        if field.many:
            held = found.setdefault(field.name, [])
            assert isinstance(held, list)
            held.append(url)
        else:
            found[field.name] = url
            left.remove(field)
    return found


def _data_url(part: wire.Part) -> tuple[str, str]:
    """The kind of a file, and all of it as the pipelines take it."""
    if part.WhichOneof("content") != "raw":
        raise ContentTypeNotSupportedError("a file that is only named by its address is not fetched: send its bytes")
    kind = (part.media_type or mimetypes.guess_type(part.filename)[0] or "").split(";")[0].strip().lower()
    return kind, f"data:{kind};base64,{base64.b64encode(part.raw).decode()}"


def _named(part: wire.Part, kind: str) -> str:
    return f"{part.filename or 'a file'!r} ({kind or 'of no kind'})"


def file_in(value: JsonValue) -> wire.Part | None:
    """A picture, recording or PDF that a run gave, as a file; None for anything else."""
    if not isinstance(value, str) or not value.startswith("data:"):
        return None
    head, comma, body = value[5:].partition(";base64,")
    if not comma or "/" not in head:
        return None
    try:
        return wire.Part(raw=base64.b64decode(body, validate=True), media_type=head)
    except binascii.Error:
        return None


def kinds(schemas: Iterator[Mapping[str, Any]]) -> list[str]:
    """The kinds of files that inputs take, each once."""
    return list(dict.fromkeys(each.kind for schema in schemas for each in file_fields(schema)))
