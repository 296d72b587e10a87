"""Filling a template: handlebars, checked against the inputs' types before its first use. Knows no files.

A value is filled in once, as it is: what it contains is never read as a template, and nothing is escaped.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from coachwork.errors import ProjectError, did_you_mean
from coachwork.prompts.file import Line
from coachwork.prompts.shown import Names, all_names

Render = Callable[[Mapping[str, Any]], str]
_LONE_TAG = re.compile(r"[ \t]*\{\{~?(?:[#/^][^{}]*|else[^{}]*|!--.*?--|![^{}]*)~?\}\}[ \t]*\Z")
_TAG = re.compile(r"(?<!\\)\{\{[^{}]*\}\}")
_CALL = re.compile(r"\(\s*([\w-]+)")


@cache
def _environment() -> Any:
    from pydantic_handlebars import HandlebarsEnvironment

    return HandlebarsEnvironment(extra_helpers=True)


@cache
def _helpers() -> frozenset[str]:
    from pydantic_handlebars import HandlebarsEnvironment

    return frozenset(HandlebarsEnvironment(extra_helpers=True)._helpers)  # no public list of names


def compile_template(lines: Sequence[Line], names: Names) -> Render:
    """A function that fills the template from `shown` values. Raises ProjectError where it names what is not there."""
    check(lines, names)
    render = _environment()._compile_fn(_joined(lines))  # `compile` would turn our values into bare JSON again
    return lambda context: str(render(context))


def check(lines: Sequence[Line], names: Names) -> None:
    """Raise ProjectError with the line, for a tag that is not closed, an unknown variable or helper."""
    from pydantic_handlebars import HandlebarsParseError, check_template_compatibility

    source = "\n".join(line.text for line in lines)
    try:
        issues = check_template_compatibility(source, names, helpers=set(_helpers())).issues
    except HandlebarsParseError as error:
        at = _unclosed(lines) if "EOF" in str(error) else lines[min((error.line or 1), len(lines)) - 1]
        raise ProjectError(
            f"the template can't be read: {str(error).split(' at line')[0]}",
            file=at.file,
            line=at.number,
            hint=_hint_for(str(error)),
        ) from None
    for issue in issues:
        at = _line_naming(lines, issue.field_path)
        name = issue.field_path.removeprefix("@root.").replace("../", "")
        raise ProjectError(
            f"unknown variable {{{{{name}}}}}", file=at.file, line=at.number, hint=_suggestion(name, names)
        )
    for line in lines:
        for tag in _TAG.findall(line.text):
            for helper in _CALL.findall(tag):
                if helper not in _helpers():
                    raise ProjectError(
                        f"unknown helper {helper!r}",
                        file=line.file,
                        line=line.number,
                        hint=did_you_mean(helper, sorted(_helpers())),
                    )


def _joined(lines: Sequence[Line]) -> str:
    """The source, with the line break of a line that holds a block tag alone taken away, as Handlebars does."""
    made = []
    for index, line in enumerate(lines):
        last = index == len(lines) - 1
        made.append(line.text.strip() if _LONE_TAG.fullmatch(line.text) else line.text + ("" if last else "\n"))
    return "".join(made)


def _unclosed(lines: Sequence[Line]) -> Line:
    """The line of the first tag that is not closed; the last line where all are, and a block is not."""
    return next((line for line in lines if "{{" in line.text.rpartition("}}")[2]), lines[-1])


def _line_naming(lines: Sequence[Line], path: str) -> Line:
    """The first line with a tag that uses `path`."""
    last = re.escape(path.removeprefix("@root.").replace("../", ""))
    for line in lines:
        if any(re.search(rf"(?<![\w.]){last}(?!\w)", tag) for tag in re.findall(r"\{\{.*?\}\}", line.text)):
            return line
    return lines[0]


def _suggestion(path: str, names: Names) -> str:
    """The nearest name at the same place of the types, else the nearest anywhere."""
    *parents, last = path.split(".")
    here: Names = names
    for parent in parents:
        here = _followed(here.get("properties", {}).get(parent, {}), names)
    known = list(here.get("properties", {})) if parents else list(names["properties"])
    if parents and not known:
        return f"{parents[-1]!r} has no fields."
    near = did_you_mean(last, known)
    if not near.startswith("Did") and not parents and (wider := did_you_mean(last, all_names(names))).startswith("Did"):
        return wider
    return near


def _followed(schema: Names, root: Names) -> Names:
    if "$ref" in schema:
        found: Names = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        return found
    return schema


def _hint_for(problem: str) -> str:
    if "Unclosed" in problem or "EOF" in problem:
        return "Close the block with {{/if}}, {{/each}} or the name it was opened with, and every {{ with }}."
    return "Write \\{{ where two braces are meant as text."
