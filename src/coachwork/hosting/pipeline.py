"""A hosted object as a pipeline: its types, its stretches as recorded steps, its questions as approvals.

Knows runs; does not know frameworks. Between two questions lies one step: what happens inside it is not recorded
apart, so a crash in it begins it again.
"""

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from coachwork.errors import InDoubt, ProjectError
from coachwork.hosting import guest
from coachwork.hosting.guest.task import Answer, Outcome, Task
from coachwork.hosting.inside import inside
from coachwork.hosting.process import Process
from coachwork.hosting.shapes import types_of
from coachwork.hosting.stretch import Runner, play
from coachwork.messages import Conversation, StepRecord
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.outline import Part
from coachwork.pipelines.pipeline import Example, Pipeline
from coachwork.pipelines.run_scope import current_run
from coachwork.pipelines.steps import done_again
from coachwork.tracing.care import careful_here, in_time
from coachwork.tracing.scope import recorded

_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
_KNOWN = (
    "LangGraph compiled graphs, LangChain runnables, pydantic-ai agents, OpenAI Agents SDK agents, "
    "Haystack pipelines, LlamaIndex workflows and agents over A2A (RemoteAgent)"
)


class Hosted(Pipeline[..., Any]):
    """A pipeline whose work is done by another framework: an object here, or a process of `[hosted.NAME]`."""

    def __init__(
        self,
        name: str,
        thing: object | None,
        *,
        input: Any,
        output: Any,
        expires: str | None,
        options: Mapping[str, Any],
        title: str,
        about: str,
        examples: Sequence[Example],
        knowledge: Sequence[str],
    ) -> None:
        self.process: Process | None = None
        self.thing = thing
        self._expires = expires
        self._options = options
        given, gives = _types(name, thing, input, output)
        super().__init__(
            _function(self, name, given, gives), title=title, about=about, examples=examples, knowledge=knowledge
        )

    @property
    def elsewhere(self) -> bool:
        """Whether it works in a process of its own."""
        return self.thing is None

    def own_parts(self) -> list[Part]:
        if self.thing is None:
            return [Part(kind="unknown", label="It works in a process of its own", name=self.name)]
        return inside(self.thing)

    async def work(self, given: Any) -> Any:
        """From the input to the value, over as many questions as the hosted code asks."""
        run = current_run(f"the hosted pipeline {self.name!r}")
        task = Task(run.run_id, to_jsonable_python(given), options=self._options)
        while True:
            outcome = await self._stretch(task)
            if not outcome.questions:
                return outcome.value
            answers = []
            for question in outcome.questions:
                decision = await approval(question.title, question.value, expires=self._expires)
                answers.append(Answer(question.id, decision.status, decision.value, decision.comment))
            task = Task(task.run_id, task.given, outcome.state, tuple(answers), self._options)

    async def _stretch(self, task: Task) -> Outcome:
        run = current_run(f"the hosted pipeline {self.name!r}")
        label = f"{self.title}: going on" if task.answers else self.title
        shown = [to_jsonable_python(answer) for answer in task.answers] if task.answers else task.given
        while True:
            again = not careful_here()
            record = StepRecord(kind="step", name=self.name, label=label, input=shown, repeatable=again, tainted=True)
            try:
                work = partial(play, run, record, self._runner(), task)
                return await recorded(record, _OUTCOME, partial(in_time, label, work))
            except InDoubt:
                if again or not await done_again(label, shown):
                    raise

    def _runner(self) -> Runner:
        if self.thing is not None:
            return partial(guest.run, self.thing)
        if self.process is None:
            raise ProjectError(
                f"{self.name!r} has no object, and coachwork.toml has no [hosted.{self.name}] that could run it",
                file="coachwork.toml",
                hint=f"Add [hosted.{self.name}] with python = … and object = …, or give app.host() the object.",
            )
        return self.process.run


def _function(hosted: Hosted, name: str, given: Any, gives: Any) -> Any:
    """The typed function that the pipeline is read from: its one parameter is the model, or a plain value."""
    fields = isinstance(given, type) and issubclass(given, BaseModel)
    parameter = "given" if fields else "text" if given is str else "input"

    async def function(**arguments: Any) -> Any:
        return await hosted.work(arguments[parameter])

    function.__name__ = function.__qualname__ = name
    function.__annotations__ = {parameter: given, "return": gives}
    one = inspect.Parameter(parameter, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=given)
    function.__signature__ = inspect.Signature([one])  # type: ignore[attr-defined]
    return function


def _types(name: str, thing: object | None, given: Any, gives: Any) -> tuple[Any, Any]:
    """The types that were declared, else those that the thing says. Raises ProjectError where nobody says one."""
    if not name.isidentifier():
        raise ProjectError(f"{name!r} can't be the name of a pipeline", hint="Use letters, digits and underscores.")
    if thing is None:
        return (Conversation if given is None else given), (str if gives is None else gives)
    adapter = guest.adapter_of(thing)
    if not adapter:
        kind = f"{type(thing).__module__}.{type(thing).__qualname__}"
        raise ProjectError(
            f"app.host({name!r}, …) was given a {kind}, which no adapter hosts",
            hint=f"Hosted are {_KNOWN}. Call anything else from a function under @app.pipeline, "
            "or let it run in a process of its own: [hosted.NAME] command = […].",
        )
    if given is None or gives is None:
        said = types_of(adapter, thing)
        given, gives = said[0] if given is None else given, said[1] if gives is None else gives
    if given is None:
        raise ProjectError(
            f"app.host({name!r}, …) can't tell what its input is: the object does not say",
            hint="Say it: app.host(…, input=YourModel), where YourModel is a Pydantic model with the fields it takes.",
        )
    return given, gives
