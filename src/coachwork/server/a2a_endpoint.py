"""/a2a: the Agent2Agent protocol, by its official SDK. Knows addresses and cards; not what a task is (`a2a_handler`).

Nothing is kept here: a task is a run, so any process may answer. The SDK is the extra `a2a`; it is loaded at the
first request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from coachwork.errors import CoachworkError, NotFound, NotInstalled, did_you_mean
from coachwork.server.problems import from_error, respond
from coachwork.server.served import Served, served

CARD = "/.well-known/agent-card.json"
Handle = Callable[[Request], Awaitable[Response]]


class A2aEndpoint:
    """The cards and the address for messages. Who may ask is decided before, as everywhere: `security`."""

    def __init__(self) -> None:
        self._handle: Handle | None = None
        self._opening = asyncio.Lock()

    def routes(self) -> list[Route]:
        """The application's card and those of its pipelines, and where their messages go."""
        return [
            Route(CARD, self.card, methods=["GET"]),
            Route("/a2a", self.message, methods=["POST"]),
            Route("/a2a/{pipeline}" + CARD, self.card, methods=["GET"]),
            Route("/a2a/{pipeline}", self.message, methods=["POST"]),
        ]

    async def card(self, request: Request) -> Response:
        """The application as an agent, or one of its pipelines."""
        here = served(request)
        try:
            pipelines = list(here.project.pipelines.values())
            if name := _named(request):
                pipelines = [here.project.pipelines[name]]
            await self._opened(here)
        except CoachworkError as error:
            return respond(from_error(error))
        from a2a.server.request_handlers.response_helpers import agent_card_to_dict
        from starlette.responses import JSONResponse

        from coachwork.server.a2a_words import card

        url = str(request.base_url).rstrip("/") + "/a2a" + (f"/{name}" if name else "")
        return JSONResponse(agent_card_to_dict(card(here.project.app, pipelines, url)))

    async def message(self, request: Request) -> Response:
        try:
            _named(request)
            handle = await self._opened(served(request))
        except CoachworkError as error:
            return respond(from_error(error))
        return await handle(request)

    async def _opened(self, here: Served) -> Handle:
        async with self._opening:
            if self._handle is None:
                self._handle = await asyncio.to_thread(_handle, here)
            return self._handle


def _named(request: Request) -> str:
    """The pipeline in the address, "" for the application's own. Raises NotFound."""
    name: str = request.path_params.get("pipeline", "")
    known = served(request).project.pipelines
    if name and name not in known:
        raise NotFound(f"there is no pipeline {name!r}", hint=did_you_mean(name, list(known)))
    return name


def _handle(here: Served) -> Handle:
    try:
        from a2a.server.context import ServerCallContext
        from a2a.server.routes.common import DefaultServerCallContextBuilder
        from a2a.server.routes.jsonrpc_dispatcher import JsonRpcDispatcher

        from coachwork.server.a2a_handler import PIPELINE, Tasks

        class Context(DefaultServerCallContextBuilder):
            def build(self, request: Request) -> ServerCallContext:
                context = super().build(request)
                context.state[PIPELINE] = request.path_params.get("pipeline", "")
                return context

        # v0.3 (message/send, tasks/get …) beside 1.0: most clients of today still speak it
        dispatcher: Any = JsonRpcDispatcher(Tasks(here), Context(), enable_v0_3_compat=True)
    except ImportError as error:
        raise NotInstalled(
            f"the address /a2a needs a package that is not installed: {error}", hint='pip install "coachwork[a2a]"'
        ) from error
    handle: Handle = dispatcher.handle_requests
    return handle
