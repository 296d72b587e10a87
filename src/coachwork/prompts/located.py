"""YAML with the line of every value, and a pydantic model read from it, so that a mistake is told where it stands.

Pure: text in. Knows neither prompts nor cases.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from coachwork.errors import ProjectError, did_you_mean

Place = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Located:
    """A value of YAML, of the file shown as `path`, and the line of each place in it, from 1."""

    value: Any
    path: str
    lines: Mapping[Place, int]

    def line(self, *place: str | int) -> int:
        """The line of a place, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def wrong(self, message: str, place: Sequence[str | int], hint: str) -> ProjectError:
        return ProjectError(message, file=self.path, line=self.line(*place), hint=hint)


class _PlainBooleans(yaml.SafeLoader):
    """YAML 1.2's booleans: true and false. In YAML 1.1 the key `on` and the value `off` are booleans too."""


_PlainBooleans.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str, path: str, *, what: str, first_line: int = 1, plain_booleans: bool = False) -> Located:
    """Read YAML that begins at `first_line` of a file. Raises ProjectError with the line and the fix."""
    loader = _PlainBooleans if plain_booleans else yaml.SafeLoader
    last = first_line + max(text.count("\n"), 0)
    try:
        node = yaml.compose(text, Loader=loader)
        value = yaml.load(text, Loader=loader)  # a SafeLoader either way
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + mark.line if mark else first_line
        raise ProjectError(
            f"{what} is not YAML: {error.problem or error}",
            file=path,
            line=min(line, last),
            hint='Put quotes around text that holds ": ", "#", "{{" or starts with a sign.',
        ) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date
        raise ProjectError(
            f"{what} is not YAML: {error}",
            file=path,
            line=first_line,
            hint="Use plain text without control characters.",
        ) from None
    lines: dict[Place, int] = {}
    if node is not None:
        _locate(node, (), lines, path, first_line)
    return Located(value, path, lines)


def _locate(node: yaml.Node, place: Place, lines: dict[Place, int], path: str, first_line: int) -> None:
    lines.setdefault(place, first_line + node.start_mark.line)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), first_line + key.start_mark.line
            if name in seen:
                raise ProjectError(
                    f"the key {name!r} stands twice",
                    file=path,
                    line=line,
                    hint=f"It is also on line {seen[name]}; keep one.",
                )
            seen[name] = line
            lines[(*place, name)] = line
            _locate(value, (*place, name), lines, path, first_line)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _locate(item, (*place, index), lines, path, first_line)


def read_model(model: type[M], found: Located, fix: Callable[[Sequence[str | int]], str]) -> M:
    """The value as a pydantic model. `fix` is the hint for a place. Raises ProjectError at the line."""
    try:
        return model.model_validate(found.value)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
        place = _in_text(first["loc"], found.value)
        if first["type"] == "missing":
            place.append(first["loc"][-1])
        key = str(place[-1]) if place else ""
        hint = fix(place)
        if first["type"] == "extra_forbidden":
            known = _known(model, place[:-1])
            raise found.wrong(f"unknown key {key!r}", place, did_you_mean(key, known) if known else hint) from None
        where = ".".join(map(str, place))
        shown = repr(first["input"])[:60]
        said = first["msg"].removeprefix("Value error, ")
        message = f"{where} is missing" if first["type"] == "missing" else f"{where}: {said}, is {shown}"
        raise found.wrong(message, place, hint) from None


def _in_text(place: Sequence[str | int], value: Any) -> list[str | int]:
    """The parts of pydantic's place that are of the text: it also names branches of unions."""
    found: list[str | int] = []
    for part in place:
        in_list = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if in_list or (isinstance(value, Mapping) and part in value):
            value = value[part]
        else:
            continue
        found.append(part)
    return found


def _known(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The keys that a model knows at a place, [] where that can't be told."""
    here: Any = model
    for index, part in enumerate(place):
        fields = getattr(here, "model_fields", {})
        if part in fields:
            in_list = index + 1 < len(place) and isinstance(place[index + 1], int)
            here = _inner(fields[part].annotation, in_list=in_list)
    return sorted(field.alias or name for name, field in getattr(here, "model_fields", {}).items())


def _inner(kind: Any, *, in_list: bool) -> Any:
    """The pydantic model that a field holds, in a list or else; `kind` where it holds none."""
    found = list(_models(kind, in_list=False))
    fitting = [model for model, listed in found if listed == in_list]
    return fitting[0] if fitting else kind


def _models(kind: Any, *, in_list: bool) -> Iterator[tuple[Any, bool]]:
    if hasattr(kind, "model_fields"):
        yield kind, in_list
    for each in getattr(kind, "__args__", ()):
        yield from _models(each, in_list=in_list or getattr(kind, "__origin__", None) is list)
