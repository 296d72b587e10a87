"""What an expression in a pipeline's code can stand for, as far as reading tells. Knows no syntax of statements."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import EnumMeta
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Literal

from coachwork.agents.a2a import RemoteAgent
from coachwork.agents.agent import Agent
from coachwork.agents.mcp import McpServer
from coachwork.knowledge import KnowledgeBase
from coachwork.pipelines.outline import Part
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.source import Names
from coachwork.prompts import Prompt

THINGS = (Agent, Prompt, KnowledgeBase, Pipeline, RemoteAgent, McpServer)


class _Mark:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


UNSEEN = _Mark("unseen")  # it can be anything
PLAIN = _Mark("plain")  # made by the library of somebody else: none of our steps is in it


@dataclass(frozen=True)
class Begun:
    """A call of something async that is not awaited yet: its parts are done when it is."""

    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Many:
    """A list of such calls, nobody knows how many. `over` is what they were made of."""

    parts: tuple[Part, ...]
    over: str


@dataclass(frozen=True)
class Either:
    """One of several values, with the words by which it is chosen."""

    ways: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Given:
    """A function with its first arguments, as of a method or a `partial`."""

    function: Any
    args: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """`search` of a knowledge base, `append` of a list."""

    owner: Any
    name: str


@dataclass(frozen=True)
class Instance:
    """An object of a class of the project, made in the code that is read."""

    of: type


@dataclass(frozen=True)
class Local:
    """A function or a lambda that is written inside of another; `step` is its label where it is a step."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: "Scope"
    step: str = ""


@dataclass
class Scope:
    """What names stand for in one function. `site` is the call that led to it where its own code is not shown."""

    names: Names
    file: str
    first_line: int
    site: str = ""
    around: "Scope | None" = None
    values: dict[str, Any] = field(default_factory=dict)

    def value(self, node: ast.Name) -> Any:
        if node.id in self.values:
            return self.values[node.id]
        if self.around is not None:
            return self.around.value(node)
        return self.names.value(node.id, UNSEEN)

    def where(self, node: ast.AST) -> str:
        return self.site or f"{self.file}:{self.first_line + getattr(node, 'lineno', 1) - 1}"


def is_async(value: Any) -> bool:
    """Whether steps can follow from it: a thing of ours, an async function, a call of one, or a list of those."""
    if isinstance(value, (Begun, Many, Either, Given, Local, *THINGS)):
        return True
    if isinstance(value, Member):
        return isinstance(value.owner, THINGS)
    if isinstance(value, Instance):
        return any(inspect.iscoroutinefunction(each) for each in vars(value.of).values())
    if isinstance(value, Mapping):
        return any(is_async(each) for each in value.values())
    if isinstance(value, list | tuple):
        return any(is_async(each) for each in value)
    return inspect.iscoroutinefunction(value)


def either(ways: Sequence[tuple[str, Any]]) -> Any:
    """One of the values; itself where there is but one, UNSEEN where none of them leads to steps."""
    values = [value for _, value in ways]
    if values and all(value is values[0] for value in values):
        return values[0]
    return Either(tuple(ways)) if any(is_async(value) for value in values) else UNSEEN


def attribute(value: Any, name: str, folder: Path) -> Any:
    """What `value.name` is, without running any code for it but that of modules and enumerations."""
    if value is UNSEEN or isinstance(value, Begun | Many | Either | Local | Given):
        return UNSEEN
    if value is PLAIN:
        return PLAIN
    if isinstance(value, KnowledgeBase) and name == "writer":
        return value.writer
    if isinstance(value, THINGS) or type(value) in (dict, list, tuple):
        return Member(value, name)
    if isinstance(value, ModuleType | EnumMeta):
        return getattr(value, name, UNSEEN)
    owner = value.of if isinstance(value, Instance) else value
    found = inspect.getattr_static(owner, name, UNSEEN)
    if isinstance(found, staticmethod):
        return found.__func__
    if isinstance(found, classmethod):
        return Given(found.__func__, (owner,))
    if isinstance(found, FunctionType) and not isinstance(value, type):
        return Given(found, (value,)) if is_own(found, folder) else found
    computed = isinstance(found, property) or (hasattr(type(found), "__get__") and not callable(found))
    return UNSEEN if computed else found


def is_own(function: FunctionType, folder: Path) -> bool:
    file = Path(function.__code__.co_filename)
    return file.is_absolute() and file.is_relative_to(folder) and ".venv" not in file.parts


def item(value: Any, index: ast.expr, known: Any) -> Any:
    """What `value[index]` is: one of all where the index is not known."""
    if isinstance(value, Many):
        return value if isinstance(index, ast.Slice) else Begun(value.parts)
    if isinstance(value, list | tuple) and isinstance(index, ast.Slice):
        return UNSEEN if is_async(value) else value
    if isinstance(value, list | tuple | dict):
        if isinstance(known, str | int) and not isinstance(value, tuple | list):
            return value.get(known, UNSEEN)
        if isinstance(known, int) and -len(value) <= known < len(value):
            return value[known]
        pairs = value.items() if isinstance(value, dict) else enumerate(value, 1)
        return either([(words(key), each) for key, each in pairs])
    return PLAIN if value is PLAIN else UNSEEN


def one_of(value: Any, known: Sequence[Any]) -> bool:
    """Whether it is the very same as one of those; comparing might run its code."""
    return any(value is each for each in known)


def words(key: Any) -> str:
    return str(getattr(key, "value", key))


def listed(value: Any) -> list[Any] | None:
    """The elements one by one where they are known and lead to steps; None otherwise."""
    if isinstance(value, dict):
        value = list(value)
    return list(value) if isinstance(value, list | tuple) and is_async(value) else None


def bound(
    spec: ast.arguments, args: Sequence[Any], keywords: Mapping[str, Any], defaults: Mapping[str, Any], *, known: bool
) -> dict[str, Any]:
    """Parameters by name. Without `known`, where arguments were given that nobody can count, what is left is UNSEEN."""
    left, values = list(args), dict(defaults) if known else {}
    names = [each.arg for each in (*spec.posonlyargs, *spec.args)]
    for name in names:
        values[name] = left.pop(0) if left else keywords.get(name, values.get(name, UNSEEN))
    for each in spec.kwonlyargs:
        values[each.arg] = keywords.get(each.arg, values.get(each.arg, UNSEEN))
    if spec.vararg:
        values[spec.vararg.arg] = left if known else UNSEEN
    if spec.kwarg:
        taken = {*names, *(each.arg for each in spec.kwonlyargs)}
        rest = {name: value for name, value in keywords.items() if name not in taken}
        values[spec.kwarg.arg] = rest if known else UNSEEN
    return values


def defaults_of(function: FunctionType) -> dict[str, Any]:
    code, positional = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    return {
        **dict(zip(names[len(names) - len(positional) :], positional, strict=True)),
        **(function.__kwdefaults__ or {}),
    }


Ends = Literal["", "return", "raise", "break", "continue"]
_ENDS: dict[type[ast.stmt], Ends] = {
    ast.Return: "return",
    ast.Raise: "raise",
    ast.Break: "break",
    ast.Continue: "continue",
}


def ends_of(body: Sequence[ast.stmt]) -> Ends:
    return _ENDS.get(type(body[-1]), "") if body else ""


def short(node: ast.AST, limit: int = 60) -> str:
    """The source of an expression, on one line."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def title_of(node: ast.expr | None, value: Any) -> str:
    """A text as it stands in the code, with "…" for what is filled in when it runs."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return value if isinstance(value, str) else "…"


def awaits(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Await) for each in ast.walk(node))


def breaks(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Break | ast.Continue) for each in ast.walk(node))


def stored(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def grown(node: ast.AST) -> set[str]:
    """The lists that a loop appends to."""
    return {
        each.value.id
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and each.attr == "append" and isinstance(each.value, ast.Name)
    }
