"""A prompt file as data: settings, and sections by role, each line with where it came from. Pure: text in, no disk.

Roles are read from the source alone, before anything is filled in, so no value can ever open a section.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from coachwork.errors import ProjectError, did_you_mean
from coachwork.messages import Frozen, JsonValue

SectionRole = Literal["system", "user", "assistant", "example"]
_ROLES: dict[str, SectionRole] = {"system": "system", "user": "user", "assistant": "assistant", "example": "example"}
_HEADING = re.compile(r"##[ \t]+(\w+)[ \t]*#*[ \t]*\Z")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})(.*)\Z")
_PARTIAL = re.compile(r"\{\{~?>\s*([\w./-]+)\s*~?\}\}")
_MAX_PARTIALS = 10


class ExampleCase(Frozen):
    """A worked example: the function's arguments, and the answer to them."""

    input: dict[str, JsonValue]
    output: JsonValue


class Settings(Frozen):
    """The front matter of a prompt file: this, and nothing else."""

    about: str = ""
    route: str = "default"
    label: str = ""
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, gt=0)
    seconds: float | None = Field(default=None, gt=0)
    output: Literal["auto", "text", "json"] = "auto"
    show: bool = False
    reask: int = Field(default=1, ge=0, le=3)
    reask_route: str = ""
    examples: list[ExampleCase] = []


@dataclass(frozen=True)
class Line:
    """A line of a template and where it stands: the file's path as shown to people, and its number from 1."""

    text: str
    file: str
    number: int


@dataclass(frozen=True)
class Section:
    role: SectionRole
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True)
class PromptFile:
    """A parsed prompt file. `key_lines` tells where each setting stands, `partials` what was included."""

    path: str
    settings: Settings
    sections: tuple[Section, ...]
    key_lines: Mapping[str, int] = field(default_factory=dict)
    partials: tuple[str, ...] = ()

    def line_of(self, *keys: str) -> int:
        return next((self.key_lines[key] for key in keys if key in self.key_lines), 1)


@dataclass(frozen=True)
class Partials:
    """Where `{{> name}}` is looked up: `read` gives (path, text) or None, `names` what there is."""

    read: Callable[[str], tuple[str, str] | None] = lambda name: None
    names: Sequence[str] = ()


def parse(source: str, path: str, partials: Partials | None = None) -> PromptFile:
    """Read a prompt file's text. Raises ProjectError with `path`, the line and the fix."""
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    settings, key_lines, body_start = _front_matter(lines, path)
    body = [Line(text, path, number) for number, text in enumerate(lines[body_start:], body_start + 1)]
    used: list[str] = []
    sections = []
    for role, content in _split(body):
        expanded = _expanded(content, partials or Partials(), used, ())
        trimmed = _trimmed(expanded)
        if trimmed:
            sections.append(Section(role, tuple(trimmed)))
        elif content and content[0].number > body_start + 1:
            raise ProjectError(
                f"the section `## {role}` is empty",
                file=path,
                line=content[0].number,
                hint="Write its text below it, or remove it.",
            )
    if not sections:
        raise ProjectError(
            "this prompt has no text",
            file=path,
            line=body_start + 1,
            hint="Write what the model should do below the front matter.",
        )
    return PromptFile(path, settings, tuple(sections), key_lines, tuple(used))


# ── front matter ───────────────────────────────────────────────────────────────────────────────


def _front_matter(lines: Sequence[str], path: str) -> tuple[Settings, dict[str, int], int]:
    if not lines or lines[0].rstrip() != "---":
        return Settings(), {}, 0
    end = next((number for number, text in enumerate(lines[1:], 1) if text.rstrip() == "---"), None)
    if end is None:
        raise ProjectError(
            "the front matter has no end", file=path, line=1, hint="Close it with a line of three dashes: ---"
        )
    text = "\n".join(lines[1:end])
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 2 if mark else 2
        raise ProjectError(
            f"the front matter is not YAML: {error.problem or error}",
            file=path,
            line=min(line, end),
            hint='Put quotes around text that holds ": ", "#", "{{" or starts with a sign.',
        ) from None
    except yaml.YAMLError as error:
        raise ProjectError(
            f"the front matter is not YAML: {error}",
            file=path,
            line=2,
            hint="Use plain text without control characters.",
        ) from None
    if data is None:
        return Settings(), {}, end + 1
    if not isinstance(data, dict) or not isinstance(node, yaml.MappingNode):
        raise ProjectError(
            "the front matter is not a list of `key: value` lines",
            file=path,
            line=2,
            hint="Write for example `route: default`.",
        )
    return _settings(data, _key_lines(node, path), path), _key_lines(node, path), end + 1


def _key_lines(node: yaml.MappingNode, path: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, _value in node.value:
        name, line = str(key.value), key.start_mark.line + 2
        if name in found:
            raise ProjectError(
                f"the key {name!r} stands twice",
                file=path,
                line=line,
                hint=f"It is also on line {found[name]}; keep one.",
            )
        found[name] = line
    return found


def _settings(data: dict[Any, Any], key_lines: Mapping[str, int], path: str) -> Settings:
    known = sorted(Settings.model_fields)
    for key in data:
        if key not in Settings.model_fields:
            raise ProjectError(
                f"unknown key {key!r}", file=path, line=key_lines.get(str(key), 2), hint=did_you_mean(str(key), known)
            )
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        place = ".".join(map(str, first["loc"]))
        shown = repr(first["input"])[:60]
        raise ProjectError(
            f"{place}: {first['msg']}, is {shown}", file=path, line=key_lines.get(key, 2), hint=_FIXES.get(key, "")
        ) from None


_FIXES = {
    "output": "Use auto (by the return type), text or json.",
    "show": "Use true or false.",
    "reask": "Use 0 to 3: how often a refused answer is asked again.",
    "temperature": "Use a number from 0 to 2.",
    "max_tokens": "Use a whole number above 0.",
    "seconds": "Use a number above 0.",
    "examples": "Each example has `input:` (the function's arguments by name) and `output:`.",
    "label": 'Put quotes around text that starts with {{: label: "{{ticket.subject}}"',
}


# ── sections ───────────────────────────────────────────────────────────────────────────────────


def _split(body: Sequence[Line]) -> list[tuple[SectionRole, list[Line]]]:
    """The body by role. Text before the first role heading is the system message; headings in fences are text."""
    sections: list[tuple[SectionRole, list[Line]]] = [("system", [])]
    fence = ""
    for line in body:
        mark = _FENCE.match(line.text)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark:
            fence = mark[1]
        elif (heading := _HEADING.match(line.text)) and heading[1] in _ROLES:
            sections.append((_ROLES[heading[1]], [Line("", line.file, line.number)]))
            continue
        sections[-1][1].append(line)
    return sections


def _trimmed(lines: Sequence[Line]) -> list[Line]:
    kept = list(lines)
    while kept and not kept[0].text.strip():
        kept.pop(0)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return kept


def _expanded(lines: Sequence[Line], partials: Partials, used: list[str], inside: tuple[str, ...]) -> list[Line]:
    made: list[Line] = []
    for line in lines:
        if "{{" not in line.text or not _PARTIAL.search(line.text):
            made.append(line)
            continue
        whole = _PARTIAL.fullmatch(line.text.strip())
        if whole:
            made += _partial(whole[1], line, partials, used, inside)
            continue
        text = line.text
        for match in reversed(list(_PARTIAL.finditer(line.text))):
            inner = "\n".join(each.text for each in _partial(match[1], line, partials, used, inside))
            text = text[: match.start()] + inner + text[match.end() :]
        made += [Line(piece, line.file, line.number) for piece in text.split("\n")]
    return made


def _partial(name: str, line: Line, partials: Partials, used: list[str], inside: tuple[str, ...]) -> list[Line]:
    if name in inside or len(inside) >= _MAX_PARTIALS:
        raise ProjectError(
            f"the partial {name!r} includes itself", file=line.file, line=line.number, hint=" → ".join((*inside, name))
        )
    found = partials.read(name)
    if found is None:
        raise ProjectError(
            f"there is no partial {name!r}",
            file=line.file,
            line=line.number,
            hint=f"{did_you_mean(name, partials.names)} A partial is prompts/_{name}.md or prompts/partials/{name}.md.",
        )
    path, text = found
    lines = [Line(piece, path, number) for number, piece in enumerate(text.replace("\r\n", "\n").split("\n"), 1)]
    for role, content in _split(lines)[1:]:
        raise ProjectError(
            f"a partial can't open the section `## {role}`",
            file=path,
            line=content[0].number,
            hint="Keep headings of roles in the prompt itself.",
        )
    if name not in used:
        used.append(name)
    return _expanded(_trimmed(lines), partials, used, (*inside, name))
