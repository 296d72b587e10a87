"""A prompt file as data: settings, and sections by role, each line with where it came from. Pure: text in, no disk.

Roles are read from the source alone, before anything is filled in, so no value can ever open a section.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from coachwork.errors import ProjectError, did_you_mean
from coachwork.prompts.located import Located, read_yaml
from coachwork.prompts.settings import Settings, Tunable, VariantSettings, read_settings, read_variant

SectionRole = Literal["system", "user", "assistant", "example"]
_ROLES: dict[str, SectionRole] = {"system": "system", "user": "user", "assistant": "assistant", "example": "example"}
_HEADING = re.compile(r"##[ \t]+(\w+)[ \t]*#*[ \t]*\Z")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})(.*)\Z")
_PARTIAL = re.compile(r"\{\{~?>\s*([\w./-]+)\s*~?\}\}")
_MAX_PARTIALS = 10


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
class Variant:
    """The prompt for the models of a pattern: other words, from a file of its own, or other settings alone.

    `front` and `place` tell where in a file its settings stand.
    """

    pattern: str
    settings: Tunable
    front: Located
    place: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True)
class PromptFile:
    """A parsed prompt file. `front` tells where each setting stands, `partials` what was included.

    `variants` are those of `on`, in their order, and then those with a file of their own.
    """

    path: str
    settings: Settings
    sections: tuple[Section, ...]
    front: Located
    partials: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()

    def line_of(self, *keys: str) -> int:
        return next((self.front.lines[(key,)] for key in keys if (key,) in self.front.lines), 1)


@dataclass(frozen=True)
class Partials:
    """Where `{{> name}}` is looked up: `read` gives (path, text) or None, `names` what there is."""

    read: Callable[[str], tuple[str, str] | None] = lambda name: None
    names: Sequence[str] = ()


def parse(
    source: str, path: str, partials: Partials | None = None, variant_files: Mapping[str, str] | None = None
) -> PromptFile:
    """Read a prompt file's text. Raises ProjectError with `path`, the line and the fix.

    `variant_files` are the texts of its variants by path: `prompts/triage@anthropic.md`.
    """
    partials = partials or Partials()
    front, lines, body_start = _front_matter(source, path)
    settings = read_settings(front)
    sections, used = _sections(lines, path, body_start, partials)
    variants = [Variant(pattern, tuned, front, ("on", pattern)) for pattern, tuned in settings.on.items()]
    for each, text in sorted((variant_files or {}).items(), key=lambda item: (_breadth(item[0]), item[0])):
        variant, more = _variant_file(text, each, partials)
        variants.append(variant)
        used = [*used, *(name for name in more if name not in used)]
    return PromptFile(path, settings, tuple(sections), front, tuple(used), tuple(variants))


def _variant_file(text: str, path: str, partials: Partials) -> tuple[Variant, list[str]]:
    front, lines, body_start = _front_matter(text, path)
    settings: VariantSettings = read_variant(front)
    sections, used = _sections(lines, path, body_start, partials)
    pattern = settings.pattern or f"{path.rpartition('@')[2].removesuffix('.md')}:*"
    return Variant(pattern, settings, front, sections=tuple(sections)), used


def _breadth(path: str) -> int:
    """Longer names are for fewer models, and come later, so that they win."""
    return len(path)


def _sections(lines: Sequence[str], path: str, body_start: int, partials: Partials) -> tuple[list[Section], list[str]]:
    """The body by role, with its partials, and their names."""
    body = [Line(text, path, number) for number, text in enumerate(lines[body_start:], body_start + 1)]
    used: list[str] = []
    sections = []
    for role, content in _split(body):
        expanded = _expanded(content, partials, used, ())
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
    return sections, used


# ── front matter ───────────────────────────────────────────────────────────────────────────────


def _front_matter(source: str, path: str) -> tuple[Located, list[str], int]:
    """The front matter, all lines of the file, and how many of them it takes."""
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    nothing = Located({}, path, {})
    if lines[0].rstrip() != "---":
        return nothing, lines, 0
    end = next((number for number, text in enumerate(lines[1:], 1) if text.rstrip() == "---"), None)
    if end is None:
        raise ProjectError(
            "the front matter has no end", file=path, line=1, hint="Close it with a line of three dashes: ---"
        )
    found = read_yaml("\n".join(lines[1:end]), path, what="the front matter", first_line=2, plain_booleans=True)
    if found.value is None:
        return nothing, lines, end + 1
    if not isinstance(found.value, dict) or not all(isinstance(key, str) for key in found.value):
        raise ProjectError(
            "the front matter is not a list of `key: value` lines",
            file=path,
            line=2,
            hint="Write for example `route: default`.",
        )
    return found, lines, end + 1


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
