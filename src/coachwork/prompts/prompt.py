"""The `@prompt` decorator: a typed function whose body is a Markdown file. Knows the project folder; no models.

A saved file is live at the next call. A broken one is reported loudly and the last good one keeps serving.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from coachwork.errors import ProjectError, did_you_mean

if TYPE_CHECKING:
    from coachwork.messages import ModelRequest
    from coachwork.prompts.ask import Asked
    from coachwork.prompts.compiled import Compiled, Signature
    from coachwork.prompts.file import PromptFile
    from coachwork.prompts.partial import Partial, Whole

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class _Bound:
    """What binding found: where the file is, what it was at which time, and who answers."""

    project: Path
    models: "Asked"
    routes: Collection[str]
    signature: "Signature"
    compiled: "Compiled"
    seen: tuple[tuple[str, int, int], ...]


class Prompt(Generic[P, R]):
    """A prompt as a function: `await triage(ticket)` asks the model of its route and gives its typed answer.

    Made by `@prompt`; works once the project has bound it.
    """

    def __init__(self, function: Callable[P, Awaitable[R]], file: str = "") -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._file = (file or function.__name__).removesuffix(".md")
        self._bound: _Bound | None = None

    def __repr__(self) -> str:
        return f"<prompt {self.name}: prompts/{self._file}.md>"

    @property
    def name(self) -> str:
        return self._function.__name__

    @property
    def file(self) -> str:
        """The prompt's file, relative to the project."""
        return f"prompts/{self._file}.md"

    @property
    def about(self) -> str:
        return self._live().file.settings.about

    @property
    def route(self) -> str:
        return self._live().file.settings.route

    @property
    def version(self) -> str:
        """12 hex digits over the body, its partials, settings and the answer's schema."""
        return self._live().version

    def bind(self, project: Path, models: "Asked", routes: Collection[str]) -> None:
        """Load and check the file. Raises ProjectError with file, line and fix."""
        from coachwork.prompts.compiled import Signature, compile_prompt

        signature = Signature.of(self._function)
        seen = _stamps(project, self.file)
        compiled = compile_prompt(_load(project, self.file), signature, routes)
        seen = _stamps(project, self.file, compiled.file) if seen else seen
        self._bound = _Bound(project, models, routes, signature, compiled, seen)

    def render(self, *args: P.args, **kwargs: P.kwargs) -> "ModelRequest":
        """What a model would receive for these arguments; nothing is sent."""
        compiled = self._live()
        return compiled.request(compiled.arguments(args, kwargs))

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        from coachwork.prompts.ask import ask

        compiled = self._live()
        bound = cast(_Bound, self._bound)
        return cast(R, await ask(compiled, bound.models, compiled.arguments(args, kwargs)))

    async def stream(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator["Partial | Whole[R]", None]:
        """The answer while it is written: `Partial` values for display, and last the `Whole`, which is the result."""
        from coachwork.prompts.ask import streamed

        compiled = self._live()
        bound = cast(_Bound, self._bound)
        async with aclosing(streamed(compiled, bound.models, compiled.arguments(args, kwargs))) as updates:
            async for update in updates:
                yield update

    def _live(self) -> "Compiled":
        """The prompt as its file is now; the last good one where the file is broken."""
        bound = self._bound
        if bound is None:
            raise ProjectError(
                f"the prompt {self.name!r} is not part of a loaded project",
                file=inspect.getsourcefile(self._function) or "",
                line=self._function.__code__.co_firstlineno,
                hint="Load the folder first: coachwork.load_project(path), or run it with `coachwork run`.",
            )
        seen = _stamps(bound.project, self.file, bound.compiled.file)
        if seen != bound.seen:
            bound.seen = seen  # also when it is broken: said once, not at every call
            self._reload(bound)
        return bound.compiled

    def _reload(self, bound: _Bound) -> None:
        import structlog

        from coachwork.prompts.compiled import compile_prompt

        log = structlog.get_logger(__name__)
        try:
            compiled = compile_prompt(_load(bound.project, self.file), bound.signature, bound.routes)
        except ProjectError as error:
            log.error(
                "prompt.broken", prompt=self.name, problem=error.message, fix=error.hint, serving=bound.compiled.version
            )
            return
        if compiled.version != bound.compiled.version:
            log.info("prompt.reloaded", prompt=self.name, before=bound.compiled.version, now=compiled.version)
        bound.compiled = compiled
        bound.seen = _stamps(bound.project, self.file, compiled.file)


@overload
def prompt(function: Callable[P, Awaitable[R]], /) -> Prompt[P, R]: ...
@overload
def prompt(file: str, /) -> Callable[[Callable[P, Awaitable[R]]], Prompt[P, R]]: ...
def prompt(target: Any, /) -> Any:
    """Make a typed async function a prompt: its body is `prompts/<name>.md`, or the file named in `@prompt("file")`."""
    if isinstance(target, str):
        return lambda function: prompt_of(function, target)
    return prompt_of(target)


def prompt_of(function: Callable[P, Awaitable[R]], file: str = "") -> Prompt[P, R]:
    if not inspect.iscoroutinefunction(function):
        raise ProjectError(
            f"@prompt needs an async function, and {getattr(function, '__name__', function)!r} is none",
            file=getattr(getattr(function, "__code__", None), "co_filename", ""),
            line=getattr(getattr(function, "__code__", None), "co_firstlineno", None),
            hint="Write: @prompt\nasync def name(input: Type) -> Type: ...",
        )
    return Prompt(function, file)


# ── the folder ─────────────────────────────────────────────────────────────────────────────────


def _load(project: Path, file: str) -> "PromptFile":
    from coachwork.prompts.file import Partials, parse

    return parse(_text(project, file), file, Partials(lambda name: _partial(project, name), _partial_names(project)))


def _text(project: Path, file: str) -> str:
    path = project / file
    folder = project / "prompts"
    if not _inside(path, folder) or not path.is_file():
        known = [
            str(each.relative_to(folder))[:-3] for each in sorted(folder.rglob("*.md")) if not each.name.startswith("_")
        ]
        name = file.removeprefix("prompts/").removesuffix(".md")
        raise ProjectError(
            "this prompt file is missing", file=file, hint=f"Write it in {folder}. {did_you_mean(name, known)}"
        )
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ProjectError("this file is not UTF-8 text", file=file, line=line, hint="Save it as UTF-8.") from None
    except OSError as error:
        raise ProjectError(
            f"this file can't be read: {error.strerror}", file=file, hint="Check its permissions."
        ) from None


def _partial_file(project: Path, name: str) -> str | None:
    parent, _, last = name.rpartition("/")
    for file in (f"prompts/{parent + '/' if parent else ''}_{last}.md", f"prompts/partials/{name}.md"):
        if _inside(project / file, project / "prompts") and (project / file).is_file():
            return file
    return None


def _partial(project: Path, name: str) -> tuple[str, str] | None:
    file = _partial_file(project, name)
    return None if file is None else (file, _text(project, file))


def _partial_names(project: Path) -> list[str]:
    folder = project / "prompts"
    own = [str(each.relative_to(folder).with_name(each.name[1:]))[:-3] for each in folder.rglob("_*.md")]
    return sorted(
        {*own, *(str(each.relative_to(folder / "partials"))[:-3] for each in (folder / "partials").rglob("*.md"))}
    )


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _stamps(project: Path, file: str, parsed: "PromptFile | None" = None) -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every file a prompt is made of: what tells that it was saved again."""
    files = [file, *(_partial_file(project, name) or name for name in (parsed.partials if parsed else ()))]
    made = []
    for each in files:
        try:
            status = (project / each).stat()
            made.append((each, status.st_mtime_ns, status.st_size))
        except OSError:
            made.append((each, 0, 0))
    return tuple(made)
