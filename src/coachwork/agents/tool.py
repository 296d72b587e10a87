"""What an agent may use: typed functions, knowledge bases, pipelines and other agents, and what each may do.

Knows names, types and marks; calls nothing by itself. A function that says nothing of itself is taken to be the most
dangerous it could be: it acts on the world, and what it returns was written by strangers.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter

from coachwork.errors import ProjectError
from coachwork.knowledge import KnowledgeBase
from coachwork.messages import ToolSpec
from coachwork.prompts import Prompt
from coachwork.prompts.shape import Shape
from coachwork.prompts.tool_arguments import shape_of
from coachwork.prompts.tools import Wrong, typed_arguments

F = TypeVar("F", bound=Callable[..., Any])
Approve = Literal["tainted", "always", "never"]
LONGEST = 8_000  # characters of a result
_LONGEST_SEARCH = 40_000  # of 20 long passages


@dataclass(frozen=True)
class Marks:
    """What a tool says of itself.

    `reads`: it changes nothing and tells nobody outside. `trusted`: what it returns was written by nobody who could
    want something of the model. `repeats`: it may be done twice where a crash left unknown whether it was, as all that
    only reads may. `approve`: when a person is asked before it acts. `users` may use it, None for
    everybody. `seconds` is the most it may take, `longest` the most characters of its result.
    """

    reads: bool = False
    trusted: bool = False
    approve: Approve = "tainted"
    users: frozenset[str] | None = None
    seconds: float = 60.0
    longest: int = LONGEST
    repeats: bool = False


@dataclass(frozen=True)
class Tool:
    """A tool as an agent has it. `alone`: it makes recorded steps of its own, so that no other runs beside it."""

    spec: ToolSpec
    shape: Shape
    arguments: TypeAdapter[Any]
    call: Callable[..., Awaitable[Any]]
    marks: Marks
    alone: bool = False

    @property
    def name(self) -> str:
        return self.spec.name


def tool(
    *,
    reads: bool = False,
    trusted: bool = False,
    approve: Approve = "tainted",
    users: Collection[str] | None = None,
    seconds: float = 60.0,
    longest: int = LONGEST,
    repeats: bool = False,
) -> Callable[[F], F]:
    """Say of a function what it does, for the agents that use it; it stays the function it is.

    Without it, or without `reads`, the function acts: a person is asked before, as soon as anything from outside is in
    the agent's context (`approve="tainted"`), each time (`"always"`), or never (`"never"`: you answer for it). Where a
    crash cut one that acts, a person is asked whether it is to be done again, unless it `repeats` without harm.
    """
    who = None if users is None else frozenset(users)
    marks = Marks(reads, trusted, approve, who, seconds, longest, repeats)

    def marked(function: F) -> F:
        inspect.unwrap(function).__coachwork_marks__ = marks
        return function

    return marked


def tool_of(thing: Any) -> Tool:
    """A tool from a function, a knowledge base, a pipeline or an agent. Raises ProjectError for anything else."""
    if isinstance(thing, Tool):
        return thing
    if isinstance(thing, KnowledgeBase):
        return _search(thing)
    if (as_tool := getattr(thing, "as_tool", None)) is not None:  # an agent
        made: Tool = as_tool()
        return made
    if inspect.isfunction(getattr(thing, "function", None)) and hasattr(thing, "about"):  # a pipeline, or a prompt
        only_asks = isinstance(thing, Prompt) and not thing.compiled.form.tools
        return called(thing, thing.function, thing.name, thing.about, reads=only_asks)
    if inspect.isfunction(thing):
        return _function(thing)
    raise ProjectError(
        f"{thing!r} can't be a tool of an agent",
        hint="Give a function with types and a docstring, a KnowledgeBase, a pipeline, a prompt or an agent.",
    )


def called(
    call: Callable[..., Awaitable[Any]], typed: Callable[..., Any], name: str, about: str, *, reads: bool = False
) -> Tool:
    """A tool that is a pipeline, a prompt or an agent: what it does is recorded by itself."""
    wrong = _wrong_at(typed)
    if not about.strip():
        raise wrong(f"{name!r} says nothing of itself", "Give it an `about`, so that a model knows when to use it.")
    arguments, schema = typed_arguments(typed, name, wrong)
    spec = ToolSpec(name, about, schema)
    marks = getattr(inspect.unwrap(typed), "__coachwork_marks__", Marks(reads=reads, seconds=600.0))
    return Tool(spec, shape_of(spec), arguments, call, marks, alone=True)


def wire_name(name: str) -> str:
    """A name as every provider takes it: letters, digits, `_` and `-`, at most 64 of them."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64]


def marked_tool(function: Callable[..., Any], **marks: Any) -> Tool:
    """A function with its marks as a tool, where there is no place for a decorator."""
    return _function(tool(**marks)(function))


def _function(function: Callable[..., Any]) -> Tool:
    plain, wrong = inspect.unwrap(function), _wrong_at(function)
    name = plain.__name__
    if not inspect.iscoroutinefunction(plain):
        raise wrong(f"the tool {name!r} is not async", "Write `async def`.")
    about = inspect.cleandoc(plain.__doc__ or "")
    if not about:
        raise wrong(f"the tool {name!r} has no docstring", "Say in it, for the model, what the tool does and when.")
    arguments, schema = typed_arguments(plain, name, wrong)
    spec = ToolSpec(name, about, schema)
    return Tool(spec, shape_of(spec), arguments, plain, getattr(plain, "__coachwork_marks__", Marks()))


def _search(knowledge: KnowledgeBase) -> Tool:
    async def search(query: str, top_k: int = 4) -> Any:
        return await knowledge.search(query, top_k=min(max(top_k, 1), 20))

    about = (
        f"Searches {knowledge.name.replace('_', ' ')} and gives the passages nearest to `query`, each with its number. "
        "Ask in full words, one question at a time."
    )
    arguments, schema = typed_arguments(search, search.__name__, _wrong_at(search))
    spec = ToolSpec(wire_name(f"search_{knowledge.name}"), about, schema)
    return Tool(spec, shape_of(spec), arguments, search, Marks(reads=True, longest=_LONGEST_SEARCH), alone=True)


def _wrong_at(function: Callable[..., Any]) -> Wrong:
    plain = inspect.unwrap(function)

    def wrong(message: str, hint: str) -> ProjectError:
        file, line = inspect.getsourcefile(plain) or "", plain.__code__.co_firstlineno
        return ProjectError(message, file=file, line=line, hint=hint)

    return wrong
