"""What a person types behind --input, made into JSON by a pipeline's schema. Knows its three forms; runs nothing."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from coachwork.errors import InputError
from coachwork.messages import JsonValue
from coachwork.pipelines.typed_text import Schema, from_pairs, read_text


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
            return _json(read_text(folder / text[1:]), text)
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


def _json(text: str, where: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{where} is not JSON: {error}", hint="Or give fields one by one: --input key=value") from None
