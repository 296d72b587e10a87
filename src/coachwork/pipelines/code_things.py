"""What calls of Coachwork's own things come by: steps, prompts, agents with their tools, searches, approvals."""

import ast
import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

from coachwork.agents.a2a import RemoteAgent
from coachwork.agents.agent import Agent
from coachwork.agents.mcp import McpServer
from coachwork.agents.tool import Tool
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.knowledge_base import CHECKING
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.code_values import PLAIN, UNSEEN, Begun, Member, one_of, title_of
from coachwork.pipelines.deliver import deliver
from coachwork.pipelines.labels import in_words, label_of
from coachwork.pipelines.outline import Part
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.steps import note, transcribe
from coachwork.pipelines.waits import patched, sleep
from coachwork.prompts import Prompt

if TYPE_CHECKING:
    from coachwork.pipelines.code_walk import Args, Walk


def called(walk: "Walk", function: Any, given: "Args", node: ast.AST, where: str) -> Any:
    """What a call of a thing of ours gives; None for what is not ours."""
    if isinstance(function, Member):
        return _member(walk, function, given, where)
    if isinstance(function, Agent | Prompt | Pipeline | KnowledgeBase | RemoteAgent):
        return Begun((_thing(walk, function, where),))
    if isinstance(function, FunctionType) and (label := getattr(function, "__coachwork_step__", "")):
        parts = walk.followed(function)
        return Begun((Part(kind="step", label=label, name=function.__name__, where=where, parts=parts),))
    if one_of(function, (patched, note)):
        return Begun()
    return _verb(function, given, node, where)


def _verb(function: Any, given: "Args", node: ast.AST, where: str) -> Any:
    first = given[0][0] if given[0] else next(iter(given[1].values()), UNSEEN)
    written = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if function is approval:
        title = given[1].get("title", first) if not given[0] else first
        return Begun((Part(kind="approval", label=title_of(written, title), name="approval", where=where),))
    if function is sleep:
        label = f"Waiting {first}" if isinstance(first, str) else "Waiting for a time"
        return Begun((Part(kind="sleep", label=label, name="sleep", where=where),))
    if function is deliver:
        to = title_of(written, first)
        return Begun((Part(kind="webhook", label=f"Sending the result to {to}", name=to, where=where),))
    if function is transcribe:
        return Begun((Part(kind="transcribe", label="Listening to the recording", name="transcribe", where=where),))
    return None


def _member(walk: "Walk", member: Member, given: "Args", where: str) -> Any:
    owner, name = member.owner, member.name
    if isinstance(owner, Agent):
        return {"run": Begun((_thing(walk, owner, where),)), "remembering": owner}.get(name, UNSEEN)
    if isinstance(owner, Prompt):
        if name in ("at", "drafted", "only_on"):
            return owner
        return Begun((_thing(walk, owner, where),)) if name == "stream" else Begun()
    if isinstance(owner, KnowledgeBase):
        if name == "verify_by_model":
            return Begun(_check(owner, given, where))
        return Begun((_thing(walk, owner, where),)) if name == "search" else PLAIN if name == "verify" else Begun()
    return UNSEEN


def _check(owner: KnowledgeBase, given: "Args", where: str) -> tuple[Part, ...]:
    """What a check by a model records: nothing where neither the call nor the settings name a route."""
    route = given[0][2] if len(given[0]) > 2 else given[1].get("route")
    if (owner.check_route if route is None else route) == "":
        return ()
    return (Part(kind="verify", label=CHECKING, name=owner.name, where=where),)


def _thing(walk: "Walk", thing: Any, where: str) -> Part:
    if isinstance(thing, KnowledgeBase):
        return Part(kind="search", label=f"Searching the {thing.title}", name=thing.name, where=where)
    if isinstance(thing, Prompt):
        return Part(kind="prompt", label=in_words(thing.name), name=thing.name, where=where)
    if isinstance(thing, RemoteAgent):
        return Part(kind="agent", label=in_words(thing.name), name=thing.name, where=where)
    if isinstance(thing, Pipeline):
        return Part(kind="pipeline", label=thing.title, name=thing.name, where=where, parts=_child(walk, thing))
    parts = [_tool(walk, each) for each in thing.given]
    return Part(kind="agent", label=in_words(thing.name), name=thing.name, where=where, parts=parts)


def _child(walk: "Walk", pipeline: Pipeline[..., Any]) -> list[Part]:
    parts = told if (told := pipeline.own_parts()) is not None else walk.read(pipeline.function)
    if parts is None:
        return [Part(kind="unknown", label="It is not made in this project's code", name=pipeline.name)]
    return parts


def _tool(walk: "Walk", given: Any) -> Part:
    """Something that an agent may use: what it is, and what is in it."""
    if isinstance(given, McpServer):
        return Part(kind="server", label=f"The tools of {in_words(given.name)}", name=given.name)
    if isinstance(given, Agent | Prompt | Pipeline | KnowledgeBase | RemoteAgent):
        return _thing(walk, given, "")
    if isinstance(given, Tool):
        return Part(kind="tool", label=given.spec.description.split("\n")[0].rstrip("."), name=given.name)
    name = getattr(inspect.unwrap(given), "__name__", "") if callable(given) else ""
    if not name:
        return Part(kind="unknown", label=type(given).__name__)
    return Part(
        kind="tool", label=label_of(given, name), name=name, where=walk.place_of(given), parts=walk.followed(given)
    )
