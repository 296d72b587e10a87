"""The `@prompt` decorator: a typed function whose body is a Markdown file. Knows the project folder; no models.

A saved file is live at the next call. A broken one is reported loudly and the last good one keeps serving.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from coachwork.errors import Finding, ProjectError

if TYPE_CHECKING:
    from coachwork.messages import ModelRequest
    from coachwork.prompts.ask import Asked
    from coachwork.prompts.compiled import Compiled, Routes, Signature
    from coachwork.prompts.partial import Partial, Whole
    from coachwork.prompts.source import Folder
    from coachwork.prompts.versions import Versions

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class _Bound:
    """What binding found: where the file is, what it was at which time, and who answers.

    `folder` is None where a kept version serves instead of the file. `broken` is what is wrong with the file now.
    """

    folder: "Folder | None"
    models: "Asked"
    routes: "Routes"
    versions: "Versions | None"
    signature: "Signature"
    compiled: "Compiled"
    seen: tuple[object, ...] = ()
    broken: ProjectError | None = None


class Prompt(Generic[P, R]):
    """A prompt as a function: `await triage(ticket)` asks the model of its route and gives its typed answer.

    Made by `@prompt`; works once the project has bound it.
    """

    def __init__(self, function: Callable[P, Awaitable[R]], file: str = "", shipped: str = "") -> None:
        functools.update_wrapper(self, function)
        self.shipped = shipped  # the text that serves while the project has no such file, "" for none
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
    def function(self) -> Callable[P, Awaitable[R]]:
        """The typed function that it was made of."""
        return self._function

    @property
    def models(self) -> "Asked":
        """Who answers it. Raises ProjectError where the prompt is not bound."""
        return self._here().models

    @property
    def about(self) -> str:
        return self.compiled.file.settings.about

    @property
    def route(self) -> str:
        return self.compiled.file.settings.route

    @property
    def version(self) -> str:
        """12 hex digits over body, partials, variants, settings, tools, examples and the answer's schema."""
        return self.compiled.version

    @property
    def follows_file(self) -> bool:
        """Whether a saved file is live; not so where the version of a label serves."""
        return self._here().folder is not None

    @property
    def broken(self) -> Finding | None:
        """What is wrong with the file as it is now, where an earlier one serves; None where all is well."""
        bound, serving = self._here(), self.compiled
        error = bound.broken
        if error is None:
            return None
        message = f"{error.message} (version {serving.version}, from before, is serving)"
        return Finding("prompts.E001", "error", message, error.hint, self.file)

    def bind(
        self,
        project: Path,
        models: "Asked",
        routes: "Routes",
        *,
        versions: "Versions | None" = None,
        label: str = "",
    ) -> None:
        """Load and check the file. Raises ProjectError with file, line and fix.

        `routes` are the models of each route. With `versions`, versions are kept there as they are seen. The
        version of `label` serves instead of the file, where the prompt has one.
        """
        from coachwork.prompts.compiled import Signature, compile_prompt
        from coachwork.prompts.source import read_prompt

        signature, folder = Signature.of(self._function), self._folder(project)
        compiled = compile_prompt(read_prompt(folder, self.file), signature, routes)
        bound = _Bound(folder, models, routes, versions, signature, compiled, self._stamps(folder, compiled))
        self._bound = bound
        self._keep(bound)
        if label and versions is not None and label in versions.labels(self.name):
            self._bound = self.at(label)._bound

    def at(self, version: str) -> "Prompt[P, R]":
        """The same prompt as it was in a kept version, by its hash or a label. Raises ProjectError."""
        from coachwork.prompts.compiled import compile_prompt
        from coachwork.prompts.source import Kept, read_prompt

        bound = self._here()
        found = self.versions.find(self.name, version)
        try:
            compiled = compile_prompt(read_prompt(Kept(found.files), self.file), bound.signature, bound.routes)
        except ProjectError as error:
            raise ProjectError(
                f"version {found.version} of the prompt {self.name!r} does not fit the code any more: {error.message}",
                file=error.file,
                line=error.line,
                hint=error.hint,
            ) from None
        compiled = replace(compiled, cases=bound.compiled.cases)  # every version is judged by the cases of today
        other = Prompt(self._function, self._file, self.shipped)
        other._bound = replace(bound, folder=None, compiled=compiled, seen=(), broken=None)
        return other

    def drafted(self, project: Path, text: str) -> "Prompt[P, R]":
        """The same prompt with another text of its file, all else as it is there. Raises ProjectError at the line."""
        from coachwork.prompts.compiled import compile_prompt
        from coachwork.prompts.source import Drafted, read_prompt

        bound = self._here()
        read = read_prompt(Drafted(self._folder(project), self.file, text), self.file)
        other = Prompt(self._function, self._file, self.shipped)
        compiled = compile_prompt(read, bound.signature, bound.routes)
        other._bound = replace(bound, folder=None, compiled=compiled, seen=(), broken=None)
        return other

    def only_on(self, model: str, max_tokens: int) -> "Prompt[P, R]":
        """The same prompt asked of one model and no other, with the bound of an answer that its route gives it."""
        from coachwork.prompts.trial import OneModel

        bound = self._here()
        other = Prompt(self._function, self._file, self.shipped)
        models = OneModel(bound.models, model, max_tokens)
        other._bound = replace(bound, folder=None, models=models, compiled=self.compiled, seen=(), broken=None)
        return other

    @property
    def versions(self) -> "Versions":
        """Where its versions are kept. Raises ProjectError where they are not."""
        bound = self._here()
        if bound.versions is None:
            raise ProjectError(
                f"no versions of the prompt {self.name!r} are kept", hint="Load the project with a database."
            )
        return bound.versions

    def render(self, *args: P.args, **kwargs: P.kwargs) -> "ModelRequest":
        """What the models would receive for these arguments; nothing is sent.

        Raises ProjectError where examples are chosen by similarity: see `requested`.
        """
        compiled = self.compiled
        return compiled.request(compiled.arguments(args, kwargs))

    async def requested(self, *args: P.args, **kwargs: P.kwargs) -> "ModelRequest":
        """What the models would receive for these arguments, with examples chosen for them; they are not asked."""
        compiled = self.compiled
        arguments = compiled.arguments(args, kwargs)
        return compiled.request(arguments, await compiled.ranked(self._here().models, arguments))

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        from coachwork.prompts.ask import ask

        prompt = self._standing()
        compiled = prompt.compiled
        return cast(R, await ask(compiled, prompt._here().models, compiled.arguments(args, kwargs)))

    async def stream(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator["Partial | Whole[R]", None]:
        """The answer while it is written: `Partial` values for display, and last the `Whole`, which is the result."""
        from coachwork.prompts.ask import streamed

        prompt = self._standing()
        compiled = prompt.compiled
        async with aclosing(streamed(compiled, prompt._here().models, compiled.arguments(args, kwargs))) as updates:
            async for update in updates:
                yield update

    @property
    def compiled(self) -> "Compiled":
        """The prompt as its file is now; the last good one where the file is broken."""
        bound = self._here()
        if bound.folder is not None:
            seen = self._stamps(bound.folder, bound.compiled)
            if seen != bound.seen:
                bound.seen = seen  # also when it is broken: said once, not at every call
                self._reload(bound, bound.folder)
        return bound.compiled

    def _standing(self) -> "Prompt[P, R]":
        """The prompt that answers for this one where the call is made: itself, but in a fork that changes it."""
        from coachwork.prompts.replaced import instead_of

        return cast("Prompt[P, R]", instead_of(self.name) or self)

    def _here(self) -> _Bound:
        if self._bound is None:
            raise ProjectError(
                f"the prompt {self.name!r} is not part of a loaded project",
                file=inspect.getsourcefile(self._function) or "",
                line=self._function.__code__.co_firstlineno,
                hint="Load the folder first: coachwork.load_project(path), or run it with `coachwork run`.",
            )
        return self._bound

    def _folder(self, project: Path) -> "Folder":
        from coachwork.prompts.source import Folder

        return Folder(project, {self.file: self.shipped} if self.shipped else {})

    def _reload(self, bound: _Bound, folder: "Folder") -> None:
        import structlog

        from coachwork.prompts.compiled import compile_prompt
        from coachwork.prompts.source import read_prompt

        log = structlog.get_logger(__name__)
        try:
            compiled = compile_prompt(read_prompt(folder, self.file), bound.signature, bound.routes)
        except ProjectError as error:
            bound.broken = error
            log.error(
                "prompt.broken", prompt=self.name, problem=error.message, fix=error.hint, serving=bound.compiled.version
            )
            return
        bound.broken = None
        if compiled.version != bound.compiled.version:
            log.info("prompt.reloaded", prompt=self.name, before=bound.compiled.version, now=compiled.version)
        bound.compiled = compiled
        bound.seen = self._stamps(folder, compiled)
        self._keep(bound)

    def _keep(self, bound: _Bound) -> None:
        if bound.versions is not None:
            bound.versions.seen(self.name, bound.compiled.version, bound.compiled.kept)

    def _stamps(self, folder: "Folder", compiled: "Compiled") -> tuple[object, ...]:
        return folder.stamps([*compiled.texts])


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
