"""The tools a program that speaks MCP finds here: a search of each knowledge base, each pipeline, the result of a run.

Knows names, schemas and answers; does not know the protocol (`mcp_endpoint`).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from coachwork.app.project import Project
from coachwork.errors import RunFailed
from coachwork.messages import ENDED, Frozen, JsonValue
from coachwork.pipelines.pipeline import Pipeline, closed_schema, input_error
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.views import RunDetail
from coachwork.server.api_search import PassagesFound, SearchQuestion, search_knowledge

Schema = dict[str, Any]
Tell = Callable[[float, str], Awaitable[None]]
"""Told of progress: a number that only grows, and what is done now in the author's words."""
Call = Callable[[Mapping[str, JsonValue], Tell], Awaitable[dict[str, JsonValue]]]
WAIT_SECONDS = 50.0  # clients give up after 60 s; what takes longer is asked for again by `run_result`
RUN_RESULT = "run_result"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True)
class Tool:
    """What may be called. `takes` and `gives` are JSON Schemas (2020-12) of objects; `call` raises CoachworkError."""

    name: str
    title: str
    about: str
    takes: Schema
    gives: Schema
    reads_only: bool
    call: Call


class RunAsked(Frozen):
    """A run by its id, and how long to wait for its end; 0 asks how it stands now."""

    run_id: str
    wait_seconds: float = Field(WAIT_SECONDS, ge=0, le=WAIT_SECONDS)


def tools_of(project: Project, runs: Runs | None, stopping: asyncio.Event) -> dict[str, Tool]:
    """The tools of a project by name; those that start runs only where there are `runs`.

    A run that takes longer than WAIT_SECONDS, waits for a person, or is under way when `stopping` is set is
    answered as it stands.
    """
    waiting = _Waiting(runs, stopping) if runs is not None and project.pipelines else None
    tools = [_pipeline_tool(pipeline, waiting) for pipeline in project.pipelines.values()] if waiting else []
    tools += [_result_tool(waiting)] if waiting else []
    taken = {tool.name for tool in tools}
    for name in project.knowledge:
        tools.append(_search_tool(project, name, taken))
        taken.add(tools[-1].name)
    return {tool.name: tool for tool in tools}


# ── Knowledge ──────────────────────────────────────────────────────────────────────────────────


def _search_tool(project: Project, knowledge: str, taken: set[str]) -> Tool:
    base = project.knowledge[knowledge]
    asked = TypeAdapter(SearchQuestion)

    async def search(arguments: Mapping[str, JsonValue], _tell: Tell) -> dict[str, JsonValue]:
        question = _checked(asked, arguments, name)
        return (await search_knowledge(knowledge, question, project)).model_dump(mode="json")

    name = _free_name(f"search_{_NOT_IN_NAMES.sub('_', knowledge)}", taken)
    return Tool(
        name=name,
        title=f"Search {base.title}",
        about=f"Find passages in the documents of “{base.title}” by meaning and by words, best first. Each passage "
        "says its document, its place there and its words: quote them, and name the document.",
        takes=closed_schema(asked.json_schema()),
        gives=PassagesFound.model_json_schema(mode="serialization"),
        reads_only=True,
        call=search,
    )


def _free_name(name: str, taken: set[str]) -> str:
    """The name, or with the first number behind it that makes it another one: a pipeline keeps its own."""
    names = (name[:64], *(f"{name[:60]}_{number}" for number in range(2, len(taken) + 3)))
    return next(free for free in names if free not in taken)


# ── Pipelines ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Waiting:
    runs: Runs
    stopping: asyncio.Event

    async def result(self, run_id: str, tell: Tell, seconds: float = WAIT_SECONDS) -> dict[str, JsonValue]:
        """The run once it has ended, waits for a person, or takes too long. Raises RunFailed where it failed."""
        watching = asyncio.create_task(self._watch(run_id, tell))
        stop = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({watching, stop}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
        finally:
            watching.cancel()
            stop.cancel()
        return _as_result(await self.runs.get(run_id))

    async def _watch(self, run_id: str, tell: Tell) -> None:
        """Tell what the run does until it ends or begins to wait for a person."""
        last = ""
        async for number, event in self.runs.events(run_id):
            kind, data = event["type"], event.get("data") or {}
            if kind in ("data-step", "data-note") and data.get("label") not in (None, "", last):
                last = data["label"]
                await tell(number, last)
            if kind == "data-run" and data["status"] == "waiting":
                run = await self.runs.get(run_id)
                if run.status in ENDED or _question(run):
                    return


def _pipeline_tool(pipeline: Pipeline[..., Any], waiting: _Waiting) -> Tool:
    takes, wrapped = pipeline.input_schema, False
    if takes.get("type") != "object" and "$ref" not in takes:
        definitions = {"$defs": takes["$defs"]} if "$defs" in takes else {}
        inner = {key: value for key, value in takes.items() if key != "$defs"}
        takes = {"properties": {"input": inner}, "required": ["input"], "additionalProperties": False, **definitions}
        wrapped = True

    async def run(arguments: Mapping[str, JsonValue], tell: Tell) -> dict[str, JsonValue]:
        value = arguments.get("input") if wrapped and set(arguments) == {"input"} else dict(arguments)
        begun = await waiting.runs.start(pipeline.name, value)
        return await waiting.result(begun.id, tell)

    return Tool(
        name=pipeline.name[:64],
        title=pipeline.title,
        about=pipeline.about or pipeline.title,
        takes={"type": "object", **takes},
        gives=_run_schema(pipeline.output_schema),
        reads_only=False,
        call=run,
    )


def _result_tool(waiting: _Waiting) -> Tool:
    asked = TypeAdapter(RunAsked)

    async def result(arguments: Mapping[str, JsonValue], tell: Tell) -> dict[str, JsonValue]:
        question: RunAsked = _checked(asked, arguments, RUN_RESULT)
        return await waiting.result(question.run_id, tell, question.wait_seconds)

    return Tool(
        name=RUN_RESULT,
        title="The result of a run",
        about="Ask again for a run that had not ended: its status, and its output once there is one.",
        takes=closed_schema(asked.json_schema()),
        gives=_run_schema({}),
        reads_only=True,
        call=result,
    )


def _run_schema(output: Schema) -> Schema:
    """How a run is answered: its output is null until it has succeeded, and `note` says what to do then."""
    inner = {key: value for key, value in output.items() if key != "$defs"}
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {"run_id": text, "status": text, "output": {"anyOf": [inner, {"type": "null"}]}, "note": text},
        "required": ["run_id", "status", "output", "note"],
        **({"$defs": output["$defs"]} if "$defs" in output else {}),
    }


def _as_result(run: RunDetail) -> dict[str, JsonValue]:
    if run.error is not None:
        raise RunFailed(
            f"run {run.id} {run.status}: {run.error.get('message', '')}",
            hint=str(run.error.get("hint", "")),
        )
    return {"run_id": run.id, "status": run.status, "output": run.output, "note": _note(run)}


def _note(run: RunDetail) -> str:
    if run.status in ENDED:
        return ""
    what = f"It waits for a person ({_question(run)})" if _question(run) else "It goes on, and nothing is lost"
    return f"{what}. Ask for it again with the tool {RUN_RESULT}."


def _question(run: RunDetail) -> str:
    """What a person is asked now, if one is."""
    return next((asked.title for asked in run.approvals if asked.status == "pending"), "")


def _checked(adapter: TypeAdapter[Any], arguments: Mapping[str, JsonValue], tool: str) -> Any:
    try:
        return adapter.validate_python(dict(arguments))
    except ValidationError as error:
        raise input_error(f"the arguments of {tool!r} do not fit", error) from None
