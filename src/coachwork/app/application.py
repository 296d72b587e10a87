"""The application a project declares. Knows its pipelines; does not know where the project lies."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ParamSpec, TypeVar, overload

from coachwork.errors import ProjectError
from coachwork.pipelines.pipeline import Example, Pipeline

P = ParamSpec("P")
R = TypeVar("R")


class App:
    """One application: a title, a sentence, and pipelines. A project's `app.py` has exactly one.

    >>> app = App("Support desk", about="Answers tickets from the handbook.")
    """

    def __init__(self, title: str, *, about: str = "") -> None:
        self.title = title
        self.about = about
        self.pipelines: dict[str, Pipeline[..., Any]] = {}

    @overload
    def pipeline(self, function: Callable[P, Awaitable[R]], /) -> Pipeline[P, R]: ...

    @overload
    def pipeline(
        self,
        /,
        *,
        title: str = "",
        about: str = "",
        examples: Sequence[Example] = (),
        knowledge: Sequence[str] = (),
    ) -> Callable[[Callable[P, Awaitable[R]]], Pipeline[P, R]]: ...

    def pipeline(
        self,
        function: Any = None,
        /,
        *,
        title: str = "",
        about: str = "",
        examples: Sequence[Example] = (),
        knowledge: Sequence[str] = (),
    ) -> Any:
        """Declare an async function as a pipeline of this application.

        `title`, `about` and `examples` are what the page shows; `knowledge` names the knowledge bases
        it draws on. Raises ProjectError for a function without types or a name used twice.
        """

        def declare(function: Callable[..., Awaitable[Any]]) -> Pipeline[..., Any]:
            made = Pipeline(function, title=title, about=about, examples=examples, knowledge=knowledge)
            if made.name in self.pipelines:
                raise ProjectError(f"there are two pipelines named {made.name!r}", hint="Rename one of the functions.")
            self.pipelines[made.name] = made
            return made

        return declare if function is None else declare(function)
