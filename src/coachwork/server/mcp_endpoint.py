"""/mcp: the Model Context Protocol over streamable HTTP, by its official SDK. Knows the wire; not what a tool does.

Every request stands for itself: no session is kept, so any process may answer and a restart loses nobody. The
SDK is the extra `mcp`; it is loaded at the first request, since it takes 0.6 s and 22 MB.
"""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from coachwork.errors import CoachworkError, NotInstalled, did_you_mean
from coachwork.server import mcp_tools
from coachwork.server.problems import bug, from_error, log_bug, problem, respond
from coachwork.server.served import Served, served
from coachwork.server.version import VERSION

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams


class McpEndpoint:
    """An ASGI application. Who may ask is decided before it, as for every other address: `security`.

    `make` gives the SDK's manager for what is served here, in a thread.
    """

    def __init__(self, make: "Callable[[Served], StreamableHTTPSessionManager] | None" = None) -> None:
        self._make = make or _manager
        self._manager: StreamableHTTPSessionManager | None = None
        self._opening = asyncio.Lock()
        self._close = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            refusal = problem(
                405,
                "method-not-allowed",
                f"{scope['method']} is not possible at '/mcp': no session is kept here",
                hint="Send each message as a POST; every MCP client that speaks streamable HTTP does.",
            )
            await respond(refusal, {"allow": "POST"})(scope, receive, send)
            return
        try:
            manager = await self._opened(served(Request(scope)))
        except CoachworkError as error:
            await respond(from_error(error))(scope, receive, send)
            return
        await manager.handle_request(scope, receive, send)

    async def close(self) -> None:
        """End the requests under way. Does nothing where there never was one."""
        if self._work is not None:
            self._close.set()
            await self._work

    async def _opened(self, here: Served) -> "StreamableHTTPSessionManager":
        """Raises what the SDK raised where it does not open; the next request tries again."""
        async with self._opening:
            if self._manager is None or (self._work is not None and self._work.done()):
                manager = await asyncio.to_thread(self._make, here)
                opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                work = asyncio.create_task(self._keep(manager, opened))
                try:
                    await opened
                except BaseException:  # also where who asked has gone: nobody would end it
                    work.cancel()
                    raise
                self._manager, self._work = manager, work
            return self._manager

    async def _keep(self, manager: "StreamableHTTPSessionManager", opened: "asyncio.Future[None]") -> None:
        """The manager's task group has to be entered and left by one task; requests come in others."""
        try:
            async with manager.run():
                opened.set_result(None)
                await self._close.wait()
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)  # who asked is told


def _manager(here: Served) -> "StreamableHTTPSessionManager":
    try:
        from mcp.server.lowlevel import Server
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    except ImportError as error:
        raise NotInstalled(
            f"the address /mcp needs a package that is not installed: {error}", hint='pip install "coachwork[mcp]"'
        ) from error
    project = here.project
    handlers = _Handlers(here)
    server: Server[Any] = Server(
        project.app.title,
        version=VERSION,
        title=project.app.title,
        instructions=project.app.about,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
    )
    return StreamableHTTPSessionManager(
        server, stateless=True, max_request_body_size=round(project.settings.server.max_body_mb * 1024 * 1024)
    )


class _Handlers:
    def __init__(self, here: Served) -> None:
        self._here = here

    def _tools(self) -> dict[str, mcp_tools.Tool]:
        runtime = self._here.runtime
        return mcp_tools.tools_of(self._here.project, runtime.runs if runtime else None, self._here.stopping)

    async def list_tools(
        self, _context: "ServerRequestContext[Any]", _params: "PaginatedRequestParams | None"
    ) -> "ListToolsResult":
        from mcp_types import ListToolsResult, Tool, ToolAnnotations

        tools = [
            Tool(
                name=tool.name,
                title=tool.title,
                description=tool.about,
                input_schema=tool.takes,
                output_schema=tool.gives,
                annotations=ToolAnnotations(read_only_hint=tool.reads_only),
            )
            for tool in self._tools().values()
        ]
        return ListToolsResult(tools=tools)

    async def call_tool(
        self, context: "ServerRequestContext[Any]", params: "CallToolRequestParams"
    ) -> "CallToolResult":
        """What the tool gives; what it refuses is a result too, so that the model that asked can read why."""
        from mcp.shared.exceptions import MCPError
        from mcp_types import INVALID_PARAMS, CallToolResult, TextContent

        tools = self._tools()
        tool = tools.get(params.name)
        if tool is None:
            raise MCPError(
                INVALID_PARAMS, f"there is no tool {params.name!r}. {did_you_mean(params.name, list(tools))}"
            )

        async def tell(progress: float, message: str) -> None:
            await context.session.report_progress(progress, message=message)

        try:
            given = await tool.call(params.arguments or {}, tell)
        except CoachworkError as error:
            refused = from_error(error).plain()
            text = "\n".join(refused[key] for key in ("detail", "hint") if refused.get(key))
        except Exception as error:
            text = bug(log_bug(error, tool=tool.name)).reader
        else:
            text = json.dumps(given, ensure_ascii=False)
            return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=given)
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
