"""Text that people write, made into JSON by a pipeline's schema. Knows text and types; runs nothing.

A text becomes a number, a truth value, a list or an object only where the schema asks for one, so a
ticket's subject `007` stays a text. What does not fit is left as it is: the pipeline's own check names it.
"""

import base64
import json
import mimetypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coachwork.errors import InputError
from coachwork.messages import JsonValue

Schema = Mapping[str, Any]
Attach = Callable[[str], Path]
_MEDIA_TYPES = {".m4a": "audio/mp4", ".opus": "audio/ogg", ".wav": "audio/wav", ".weba": "audio/webm"}

_DEEPEST = 6  # levels of objects in objects; a type may hold itself


def from_pairs(pairs: Iterable[tuple[str, str]], schema: Schema, *, attach: Attach | None) -> dict[str, Any]:
    """An object from (path, text) pairs; `attach` says which file `@name` means, and raises InputError for none.

    Without it only a field of files may not begin with `@`; any other text is taken as it stands. Raises InputError.
    """
    found: dict[str, Any] = {}
    for key, text in pairs:
        *parents, last = key.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise InputError(f"{key!r} and {parent!r} are both given, and one lies in the other")
        if last in place:
            raise InputError(f"{key!r} is given twice: {place[last]!r} and {text!r}")
        place[last] = _typed(text, schema_at(schema, key.split(".")), key, attach)
    return found


def schema_at(schema: Schema, path: Sequence[str]) -> Schema:
    """The schema of the field at `path`, {} where the schema names none."""
    here = _resolved(schema, schema)
    for part in path:
        holders = (option for option in _options(here, schema) if "properties" in option)
        properties: Schema = next(holders, {}).get("properties", {})
        here = _resolved(properties.get(part, {}), schema)
    return {**here, "$defs": schema.get("$defs", {})} if here else {}


def paths_of(schema: Schema, at: tuple[str, ...] = ()) -> list[str]:
    """The fields that a text can name: `subject`, `customer.name`. Lists, and objects of many kinds, are one field."""
    here = schema_at(schema, at)
    fields = here.get("properties", {})
    if not fields or len(at) > _DEEPEST:
        return [".".join(at)] if at else []
    return [path for name in fields for path in paths_of(schema, (*at, name))]


def is_file_field(schema: Schema) -> bool:
    """Whether a field takes a file as a data URL."""
    return any(option.get("format") == "data-url" for option in _options(schema, schema))


def file_beside(name: str, attach: Attach | None) -> Path:
    """The file that `@name` means. Raises InputError where nothing lies beside the text, as for an upload."""
    if attach is None:
        raise InputError(
            f"@{name} names a file, and an uploaded table has none beside it",
            hint="Put the file's data URL into the cell, or run the batch from the folder: coachwork run --batch",
        )
    return attach(name)


def data_url(path: Path) -> str:
    """A file as a data URL of its media type. Raises InputError where it can't be read."""
    media_type = _MEDIA_TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    return f"data:{media_type or 'application/octet-stream'};base64,{base64.b64encode(data).decode()}"


def _typed(text: str, schema: Schema, key: str, attach: Attach | None) -> JsonValue:
    if text.startswith("@") and len(text) > 1:
        if is_file_field(schema):
            return data_url(file_beside(text[1:], attach))
        if attach is not None and _takes(schema, "string"):
            return read_text(attach(text[1:]))
    options = list(_options(schema, schema))
    kinds = {kind for option in options for kind in _kinds(option)}
    if not kinds or "string" in kinds:
        return text
    try:
        value = json.loads(text)
    except ValueError as error:
        if kinds <= {"array", "object"}:
            raise _no_json(text, key, error, "list" if "array" in kinds else "object") from None
        return {"yes": True, "no": False}.get(text.lower(), text) if "boolean" in kinds else text
    return value


def _no_json(text: str, key: str, error: ValueError, kind: str) -> InputError:
    """What is said of a text that should be a list or an object."""
    example = '["a", "b"]' if kind == "list" else '{"name": "value"}'
    message = f"a{'n' if kind == 'object' else ''} {kind} is written as JSON, like {example} ({error})"
    fields = [{"path": key.split("."), "message": message, "value": text[:120]}]
    return InputError(f"{key}: {message}", details={"fields": fields})


def _takes(schema: Schema, kind: str) -> bool:
    return any(kind in _kinds(option) for option in _options(schema, schema))


def _kinds(option: Schema) -> set[str]:
    """The JSON types a schema without alternatives allows; enums speak for themselves."""
    if "enum" in option or "const" in option:
        values = option.get("enum", [option.get("const")])
        return {"string"} if any(isinstance(value, str) for value in values) else {"other"}
    named = option.get("type", [])
    return {named} if isinstance(named, str) else set(named)


def _options(schema: Schema, root: Schema) -> Iterable[Schema]:
    """A schema's alternatives, references followed."""
    here = _resolved(schema, root)
    branches = [*here.get("anyOf", []), *here.get("oneOf", []), *here.get("allOf", [])]
    if not branches:
        yield here
    for branch in branches:
        yield from _options(branch, root)


def _resolved(schema: Schema, root: Schema) -> Schema:
    seen = 0
    while (reference := schema.get("$ref")) and seen < 20:
        schema, seen = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {}), seen + 1
    return schema


def read_text(path: Path) -> str:
    """A file's text. Raises InputError where it can't be read, or is not UTF-8."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{str(path)!r} can't be read: {error.strerror or error}")
