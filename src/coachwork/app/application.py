"""The application a project declares. Knows its pipelines; does not know where the project lies."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from coachwork.errors import ProjectError, did_you_mean
from coachwork.pipelines.pipeline import Example, Pipeline, Queue
from coachwork.pipelines.schedule_times import Missed, Schedule

if TYPE_CHECKING:
    from coachwork.hosting.pipeline import Hosted

P = ParamSpec("P")
R = TypeVar("R")


_BY_THE_CLOCK = {"cron", "every", "schedule", "scheduled"}


class App:
    """One application: a title, a sentence, and pipelines. A project's `app.py` has exactly one.

    >>> app = App("Support desk", about="Answers tickets from the handbook.")
    """

    def __init__(self, title: str, *, about: str = "") -> None:
        self.title = title
        self.about = about
        self.pipelines: dict[str, Pipeline[..., Any]] = {}
        self.schedules: dict[str, Schedule] = {}

    if not TYPE_CHECKING:  # or every name would be known to a checker of types

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"an App has no {name!r}. {_instead(name)}", name=name, obj=self)

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
        schedule: str | None = None,
        timezone: str = "UTC",
        missed: Missed = "skip",
        concurrency: int | None = None,
        rate: str | None = None,
        priority: int = 0,
        deadline: str | None = None,
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
        schedule: str | None = None,
        timezone: str = "UTC",
        missed: Missed = "skip",
        concurrency: int | None = None,
        rate: str | None = None,
        priority: int = 0,
        deadline: str | None = None,
    ) -> Any:
        """Declare an async function as a pipeline of this application.

        `title`, `about` and `examples` are what the page shows; `knowledge` names the knowledge bases
        it draws on. `schedule` is a cron of five fields by the clock of `timezone`, at whose times a run without
        input begins; `missed` says which times at which no server lived are made up: none ("skip"), the last
        ("once") or all. See docs/schedules.md. Over all workers at most `concurrency` of its runs are at work at
        once, and begin as `rate` says: `30/m`, `5/10s`. Those of a higher `priority` go before others; one that has
        not ended within `deadline`, as `90s` or `2h`, is stopped. See docs/workers.md.
        Raises ProjectError for a function without types or a name used twice.
        """

        def declare(function: Callable[..., Awaitable[Any]]) -> Pipeline[..., Any]:
            queue = Queue.written(function, concurrency, rate, priority, deadline)
            made = Pipeline(function, title=title, about=about, examples=examples, knowledge=knowledge, queue=queue)
            if made.name in self.pipelines:
                raise ProjectError(f"there are two pipelines named {made.name!r}", hint="Rename one of the functions.")
            self.pipelines[made.name] = made
            if schedule is not None:
                self.schedules[made.name] = Schedule(made.name, made.name, schedule, timezone, missed)
            return made

        return declare if function is None else declare(function)

    def host(
        self,
        name: str,
        thing: object | None = None,
        /,
        *,
        input: Any = None,
        output: Any = None,
        expires: str | None = None,
        options: Mapping[str, Any] | None = None,
        title: str = "",
        about: str = "",
        examples: Sequence[Example] = (),
        knowledge: Sequence[str] = (),
    ) -> "Hosted":
        """Declare what another framework made as a pipeline: a LangGraph graph, a LangChain runnable, an agent, …

        Without `thing` it works in a process of its own, as `[hosted.NAME]` of the settings says. `input` and
        `output` are its types, where it does not say them itself. Its interrupts become approvals, which expire
        after `expires`. `options` are passed to the framework's own call: `{"context": …}`, `{"deps": …}`.
        See docs/hosting.md. Raises ProjectError for an object that no adapter hosts, or a name used twice.
        """
        from coachwork.hosting.pipeline import Hosted

        made = Hosted(
            name,
            thing,
            input=input,
            output=output,
            expires=expires,
            options=options or {},
            title=title,
            about=about,
            examples=examples,
            knowledge=knowledge,
        )
        if made.name in self.pipelines:
            raise ProjectError(f"there are two pipelines named {made.name!r}", hint="Give one another name.")
        self.pipelines[made.name] = made
        return made


def _instead(name: str) -> str:
    """What to write instead of `app.NAME`."""
    import coachwork

    if name in _BY_THE_CLOCK:
        return 'A pipeline that begins by the clock: @app.pipeline(schedule="0 7 * * *"), see docs/schedules.md.'
    plain = name.replace("_", "").lower()
    for public in coachwork.__all__:
        if public.replace("_", "").lower() == plain:
            return f"It is no part of an App: `from coachwork import {public}`."
    return did_you_mean(name, ["pipeline", "host", "title", "about", "pipelines", "schedules"])
