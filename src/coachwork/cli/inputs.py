"""What a person types as input, made into JSON by a pipeline's schema. Knows text and types; runs nothing.

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
_MEDIA_TYPES = {".m4a": "audio/mp4", ".opus": "audio/ogg", ".wav": "audio/wav", ".weba": "audio/webm"}


def parse_input(given: Sequence[str], schema: Schema, *, stdin: Callable[[], str], folder: Path) -> JsonValue:
    """The input of a run from the values of --input.

    One value may be JSON, `@file.json` or `-` for stdin; any number may be `key=value`, where `key` is a
    path such as `customer.name` and `@file` as a value is the file's content. Files are looked up in `folder`.
    Raises InputError.
    """
    if not given:
        return {}
    if len(given) == 1 and (text := given[0].strip()) and (text[0] in '{["' or text == "-" or text[0] == "@"):
        if text == "-":
            return _json(stdin(), "stdin")
        if text[0] == "@":
            return _json(_read(folder / text[1:]), text)
        return _json(text, "--input")
    pairs = []
    for item in given:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise InputError(
                f"--input {item!r} is neither JSON, nor @file, nor key=value",
                hint="For example: --input subject=Hello, or --input @ticket.json, or --input - for stdin",
            )
        pairs.append((key.strip(), value))
    return from_pairs(pairs, schema, attach=lambda name: folder / name)


def from_pairs(pairs: Iterable[tuple[str, str]], schema: Schema, *, attach: Callable[[str], Path]) -> dict[str, Any]:
    """An object from (path, text) pairs; `attach` says which file `@name` means. Raises InputError."""
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


def is_file_field(schema: Schema) -> bool:
    """Whether a field takes a file as a data URL."""
    return any(option.get("format") == "data-url" for option in _options(schema, schema))


def data_url(path: Path) -> str:
    """A file as a data URL of its media type. Raises InputError where it can't be read."""
    media_type = _MEDIA_TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    return f"data:{media_type or 'application/octet-stream'};base64,{base64.b64encode(data).decode()}"


def _typed(text: str, schema: Schema, key: str, attach: Callable[[str], Path]) -> JsonValue:
    if text.startswith("@") and len(text) > 1 and (is_file_field(schema) or _takes(schema, "string")):
        path = attach(text[1:])
        return data_url(path) if is_file_field(schema) else _read(path)
    options = list(_options(schema, schema))
    kinds = {kind for option in options for kind in _kinds(option)}
    if not kinds or "string" in kinds:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return {"yes": True, "no": False}.get(text.lower(), text) if "boolean" in kinds else text
    return value


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


def _json(text: str, where: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{where} is not JSON: {error}", hint="Or give fields one by one: --input key=value") from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{str(path)!r} can't be read: {error.strerror or error}")
