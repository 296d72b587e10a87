"""LangGraph compiled graphs (https://docs.langchain.com/oss/python/langgraph): the thread is the run.

An interrupt becomes a question. The state stays with the graph's own checkpointer: it is what resumes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from .host import Host
from .on_langchain import text_of, watcher
from .task import Answer, Outcome, Question, Task, plain


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Stream a graph from its input, from the answers to its interrupts, or from where a crash cut it."""
    from langgraph.types import Command

    config = dict(task.options.get("config") or {})
    config["configurable"] = {"thread_id": task.run_id, **(config.get("configurable") or {})}
    config["callbacks"] = [*(config.get("callbacks") or []), watcher(host)]
    more = {name: value for name, value in task.options.items() if name != "config"}
    graph, begun = await _begun(thing, config)
    if not task.answers:
        given = None if begun else task.given
    elif begun:
        given = Command(resume={answer.id: _resumed(answer, task.state) for answer in task.answers})
    else:
        raise RuntimeError(
            f"the graph's checkpointer ({type(thing.checkpointer).__name__}) does not hold thread {task.run_id!r}: "
            "it was interrupted in a process that is gone. Compile the graph with a checkpointer that outlives "
            "the process, for example SqliteSaver or PostgresSaver"
        )
    values, questions = await _streamed(graph, given, config, more, host)
    if questions:
        return Outcome(questions=tuple(questions), state={one.id: one.value for one in questions})
    return Outcome(_told(values))


async def _begun(graph: Any, config: dict[str, Any]) -> tuple[Any, bool]:
    """The graph, with a checkpointer that can be awaited, and whether this thread has work left to do."""
    if not graph.checkpointer:
        return graph, False
    try:
        state = await graph.aget_state(config)
    except NotImplementedError:  # SqliteSaver and others only know plain calls
        graph = graph.copy(update={"checkpointer": _awaitable(graph.checkpointer)})
        state = await graph.aget_state(config)
    return graph, bool(state.next)


async def _streamed(
    graph: Any, given: Any, config: dict[str, Any], more: dict[str, Any], host: Host
) -> tuple[Any, list[Question]]:
    values: Any = None
    questions: dict[str, Question] = {}
    modes = ["messages", "tasks", "values"]
    async for namespace, mode, data in graph.astream(given, config, stream_mode=modes, subgraphs=True, **more):
        if mode == "messages":
            message, _about = data
            if getattr(message, "type", "") in ("ai", "AIMessageChunk"):
                host.text(text_of(message))
        elif mode == "values":
            values = values if namespace else data
        elif "input" in data:
            host.part(data["id"], data["name"])
        else:
            host.part_end(data["id"], str(data.get("error") or ""))
            for asked in data.get("interrupts") or ():
                questions[_of(asked, "id")] = _question(_of(asked, "id"), _of(asked, "value"))
    return values, list(questions.values())


def _of(interrupt: Any, name: str) -> Any:
    return interrupt[name] if isinstance(interrupt, dict) else getattr(interrupt, name)


def _question(id: str, value: Any) -> Question:
    value = plain(value)
    actions = value.get("action_requests") if isinstance(value, dict) else None
    if actions:  # what LangChain's human-in-the-loop middleware asks
        return Question(id, "Allow " + ", ".join(str(action.get("name")) for action in actions) + "?", value)
    title = value if isinstance(value, str) else "The graph asks before it goes on"
    return Question(id, title, value)


def _resumed(answer: Answer, asked: Any) -> Any:
    """What `interrupt()` returns: True, False, or the edited value; decisions where the middleware asked."""
    value = (asked or {}).get(answer.id)
    if isinstance(value, dict) and value.get("action_requests"):
        return {"decisions": _decisions(answer, value)}
    return answer.value if answer.status == "edited" else answer.yes


def _decisions(answer: Answer, asked: dict[str, Any]) -> list[dict[str, Any]]:
    if answer.status == "edited":
        edited = answer.value["action_requests"]
        return [{"type": "edit", "edited_action": {"name": one["name"], "args": one["args"]}} for one in edited]
    if answer.yes:
        return [{"type": "approve"} for _ in asked["action_requests"]]
    message = answer.comment or "A person did not allow this."
    return [{"type": "reject", "message": message} for _ in asked["action_requests"]]


def _told(values: Any) -> Any:
    """The last message's text where the state has a conversation, or what it was brought into; else the state."""
    if isinstance(values, dict) and values.get("structured_response") is not None:
        return plain(values["structured_response"])
    if isinstance(values, dict) and values.get("messages"):
        return text_of(values["messages"][-1])
    return plain(values)


def _awaitable(saver: Any) -> Any:
    """A checkpointer of plain calls as one that can be awaited: each call in a thread."""
    from langgraph.checkpoint.base import BaseCheckpointSaver

    class Awaitable(BaseCheckpointSaver):  # type: ignore[misc]
        config_specs = saver.config_specs

        async def aget_tuple(self, config: Any) -> Any:
            return await asyncio.to_thread(saver.get_tuple, config)

        async def alist(self, config: Any, **more: Any) -> Any:
            for found in await asyncio.to_thread(lambda: list(saver.list(config, **more))):
                yield found

        async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
            return await asyncio.to_thread(saver.put, config, checkpoint, metadata, new_versions)

        async def aput_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
            await asyncio.to_thread(saver.put_writes, config, writes, task_id, task_path)

        def get_next_version(self, current: Any, channel: Any) -> Any:
            return saver.get_next_version(current, channel)

    return Awaitable(serde=saver.serde)
