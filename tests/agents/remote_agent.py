"""An agent of somebody else: the A2A SDK's own server, over a real socket, that does what it is told in words."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from a2a.helpers.proto_helpers import new_data_part, new_task_from_user_message, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes.agent_card_routes import create_agent_card_routes
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import a2a_pb2 as wire
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from coachwork.server.listening import address_of, listen


@dataclass
class Remote:
    """The agent under way: where it is, and what it was sent."""

    url: str = ""
    tokens: list[str] = field(default_factory=list)
    messages: list[wire.Message] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)


class Weather(AgentExecutor):
    """`?`: asks for the city. `wait`: works until it is cancelled. `fail`: fails. `data`: answers with data."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        self._remote.messages.append(context.message)
        said = context.get_user_input()
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        assert context.task_id is not None
        assert context.context_id is not None
        task = TaskUpdater(event_queue, context.task_id, context.context_id)
        await task.start_work()
        if said.endswith("?"):
            await task.requires_input(new_text_message("Which city?", role=wire.ROLE_AGENT))
        elif said == "wait":
            await task.add_artifact([new_text_part("Wait")], artifact_id="a")
            await asyncio.Event().wait()
        elif said == "fail":
            await task.failed(new_text_message("no clouds today", role=wire.ROLE_AGENT))
        elif files := [part for part in context.message.parts if part.HasField("raw")]:
            await task.add_artifact([wire.Part(raw=each.raw[::-1], filename="back.png") for each in files])
            await task.complete()
        elif context.message.parts[0].HasField("data"):
            await task.add_artifact([new_data_part({"degrees": 21})], last_chunk=True)
            await task.complete()
        else:
            await task.add_artifact([new_text_part("Sunny ")], artifact_id="a")
            await task.add_artifact([new_text_part(f"in {said}.")], artifact_id="a", append=True, last_chunk=True)
            await task.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id is not None
        assert context.context_id is not None
        self._remote.cancelled.append(context.task_id)
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


@contextmanager
def remote_agent(elsewhere: str = "") -> Iterator[Remote]:
    """Serve it as long as the block lasts; its card leads to itself, or to `elsewhere`."""
    remote, listening = Remote(), listen("127.0.0.1", 0)
    remote.url = address_of(listening)
    card = wire.AgentCard(
        name="Weather",
        description="Knows the weather.",
        version="1",
        supported_interfaces=[
            wire.AgentInterface(
                url=elsewhere or f"{remote.url}/rpc", protocol_binding="JSONRPC", protocol_version="1.0"
            )
        ],
        capabilities=wire.AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
    )
    handler = DefaultRequestHandler(Weather(remote), InMemoryTaskStore(), card)
    app: ASGIApp = Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/rpc")])

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        remote.tokens += [value.decode() for name, value in scope.get("headers", ()) if name == b"authorization"]
        await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(noted, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield remote
    finally:
        server.should_exit = True
        thread.join()
