"""Servers that speak the Model Context Protocol, as tools: by the official SDK (extra `mcp`). Knows no model.

What a server says of its own tools (that one only reads) counts for nothing: marks are given here, by who trusts it.
"""

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, RootModel, TypeAdapter, model_validator
from pydantic_core import CoreSchema

from coachwork.agents.tool import LONGEST, Approve, Marks, Tool, wire_name
from coachwork.errors import NotInstalled, ProjectError, ToolFailed
from coachwork.messages import Frozen, JsonValue, StepRecord, ToolSpec
from coachwork.prompts.formats import NOT_ASSERTED
from coachwork.prompts.tool_arguments import shape_of
from coachwork.tracing.scope import recorded

if TYPE_CHECKING:
    from mcp.client.client import Client

log = structlog.get_logger(__name__)
_LONGEST_ABOUT = 2_000  # characters that a server may say of one tool
_MOST_TOOLS = 100
_OPEN_SECONDS = 30.0


class McpConfig(BaseModel):
    """A server in `coachwork.toml`, `[mcp.NAME]`: at a `url`, or a `command` that speaks on its standard streams.

    A command gets a plain environment and the variables named in `env`, and works in `folder` (relative to the
    project). A server at a url is sent `COACHWORK_MCP_<NAME>_TOKEN` as a bearer token, where that is set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field("", pattern=r"^(https?://.*)?$")
    command: list[str] = []
    env: list[str] = []
    folder: str = "."

    @model_validator(mode="after")
    def _one_of_both(self) -> "McpConfig":
        if bool(self.url) == bool(self.command):
            raise ValueError("a server has a url or a command")
        return self


class Listed(Frozen):
    """A tool as its server tells of it."""

    name: str
    about: str
    takes: JsonValue


class McpServer:
    """The tools of a server that speaks MCP: `tickets = McpServer("tickets", reads=["find_*"])`.

    Where it is says `[mcp.tickets]` of the settings, or `url`; a program to start is named in the settings alone. Of
    its tools those that match `only` are used. Each acts and is not trusted, as any tool, but for those that match
    `reads` and `trusted`; `*` stands for any characters. The other marks are those of `@tool`.
    """

    def __init__(
        self,
        name: str,
        *,
        url: str = "",
        only: Sequence[str] = ("*",),
        reads: Sequence[str] = (),
        trusted: Sequence[str] = (),
        approve: Approve = "tainted",
        users: Collection[str] | None = None,
        seconds: float = 60.0,
        longest: int = LONGEST,
    ) -> None:
        self.name = name
        self.config = McpConfig(url=url) if url else None
        self._only, self._reads, self._trusted = tuple(only), tuple(reads), tuple(trusted)
        who = None if users is None else frozenset(users)
        self._marks = Marks(approve=approve, users=who, seconds=seconds, longest=longest)
        self._project = Path()
        self._environ: Mapping[str, str] = os.environ

    def __repr__(self) -> str:
        return f"<MCP server {self.name}>"

    def bind(self, config: McpConfig | None, *, project: Path, environ: Mapping[str, str]) -> None:
        """Take the place from the settings. Raises ProjectError where neither they nor the code name one."""
        self.config = config or self.config
        self._project, self._environ = project, environ
        self.place()

    def place(self) -> McpConfig:
        if self.config is None:
            raise ProjectError(
                f"nothing says where the MCP server {self.name!r} is",
                file="coachwork.toml",
                hint=f'Add [mcp.{self.name}] with url = "https://…/mcp" or command = ["…"].',
            )
        return self.config

    def tool(self, listed: Listed, visit: "Visit") -> Tool | None:
        """One of its tools, None where it is not used. One whose schema can't be checked is left out, and logged."""
        if not _matches(listed.name, self._only):
            return None
        schema = without_unknown_formats(listed.takes) if isinstance(listed.takes, Mapping) else {}
        about = listed.about[:_LONGEST_ABOUT] or listed.name
        spec = ToolSpec(wire_name(f"{self.name}_{listed.name}"), about, {"type": "object", **schema})
        try:
            shape = shape_of(spec)
        except ProjectError as error:
            log.warning("mcp.tool_left_out", server=self.name, tool=listed.name, why=error.message)
            return None
        reads, trusted = _matches(listed.name, self._reads), _matches(listed.name, self._trusted)
        marks = replace(self._marks, reads=reads, trusted=trusted)

        async def call(**arguments: Any) -> str:
            return await visit.call(listed.name, arguments)

        return Tool(spec, shape, _arguments(spec.schema, shape.judge), call, marks)

    async def connect(self, stack: AsyncExitStack) -> "Client":
        """A connection that ends with `stack`. Raises NotInstalled, and whatever keeps the server from answering."""
        try:
            from mcp import StdioServerParameters
            from mcp.client.client import Client
            from mcp.client.streamable_http import streamable_http_client
            from mcp.shared._httpx_utils import create_mcp_http_client
        except ModuleNotFoundError as error:
            raise NotInstalled(
                "tools of MCP servers need the extra `mcp`", hint='pip install "coachwork[mcp]"'
            ) from error
        place = self.place()
        if place.url:
            token = self._environ.get(f"COACHWORK_MCP_{self.name.upper().replace('-', '_')}_TOKEN", "").strip()
            headers = {"authorization": f"Bearer {token}"} if token else {}
            http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
            return await stack.enter_async_context(Client(streamable_http_client(place.url, http_client=http)))
        told = {name: self._environ[name] for name in place.env if name in self._environ}
        program, *rest = place.command
        folder = str(self._project / place.folder)
        return await stack.enter_async_context(
            Client(StdioServerParameters(command=program, args=rest, env=told, cwd=folder))
        )


class Visit:
    """What one run of an agent has to do with a server. The connection is made when it is first needed."""

    def __init__(self, server: McpServer) -> None:
        self.server = server
        self._opening = asyncio.Lock()
        self._leave = asyncio.Event()
        self._client: Client | None = None
        self._held: asyncio.Task[None] | None = None

    async def tools(self) -> list[Tool]:
        """Its tools, asked for once in the life of a run. Raises ToolFailed where the server does not answer."""
        name = self.server.name
        record = StepRecord(kind="tool", name=f"{name}:tools", label=f"Asking {name} what it can do")
        listed = await recorded(record, TypeAdapter(list[Listed]), self._list)
        return [tool for each in listed if (tool := self.server.tool(each, self)) is not None]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """What the tool gave, as text. Raises ToolFailed with the server's own words where it failed."""
        client = await self._open()
        try:
            result = await client.call_tool(name, dict(arguments))
        except Exception as error:
            raise self._failed(error) from error
        parts = [each.text if each.type == "text" else f"[{each.type}, left out]" for each in result.content]
        text = "\n".join(parts) or str(result.structured_content or "")
        if result.is_error:
            raise ToolFailed(f"{name!r} of {self.server.name!r} failed", reader=text or "It failed, and says not why.")
        return text

    async def close(self) -> None:
        """Leave. The connection is closed by the task that opened it, as the SDK asks for."""
        self._leave.set()
        if self._held is not None:
            await asyncio.wait([self._held], timeout=_OPEN_SECONDS)
            self._held.cancel()

    async def _list(self) -> list[Listed]:
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                return await self._listed()
        except TimeoutError as error:
            raise self._failed(error) from error

    async def _listed(self) -> list[Listed]:
        client = await self._open()
        found: list[Listed] = []
        cursor = None
        try:
            while len(found) < _MOST_TOOLS:
                page = await client.list_tools(cursor=cursor)
                found += [
                    Listed(name=each.name, about=each.description or each.title or "", takes=dict(each.input_schema))
                    for each in page.tools
                ]
                if (cursor := page.next_cursor) is None:
                    break
        except Exception as error:
            raise self._failed(error) from error
        return found[:_MOST_TOOLS]

    async def _open(self) -> "Client":
        async with self._opening:
            if self._client is None:
                opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
                self._held = asyncio.create_task(self._hold(opened), name=f"MCP {self.server.name}")
                self._client = await opened
            return self._client

    async def _hold(self, opened: "asyncio.Future[Client]") -> None:
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(_OPEN_SECONDS):
                    client = await self.server.connect(stack)
                opened.set_result(client)
                await self._leave.wait()
        except Exception as error:
            if not opened.done():
                opened.set_exception(error if isinstance(error, NotInstalled) else self._failed(error))
            else:
                log.warning("mcp.closed_badly", server=self.server.name, exc_info=error)
        finally:
            self._client = None
            opened.cancel()

    def _failed(self, error: Exception) -> ToolFailed:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        why = f"{type(error).__name__}: {error}"[:500]
        return ToolFailed(
            f"the MCP server {self.server.name!r} did not answer: {why}",
            hint=f"Look whether it runs and [mcp.{self.server.name}] is right.",
            reader=f"{self.server.name} did not answer ({type(error).__name__}).",
        )


def without_unknown_formats(schema: Any) -> Any:
    """The schema without the formats that nobody checks here (`uri`, `hostname` …): they only describe."""
    if isinstance(schema, Mapping):
        dropped = isinstance(schema.get("format"), str) and schema["format"] in NOT_ASSERTED
        kept = {name: value for name, value in schema.items() if not (dropped and name == "format")}
        return {name: without_unknown_formats(value) for name, value in kept.items()}
    return [without_unknown_formats(each) for each in schema] if isinstance(schema, list) else schema


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _arguments(schema: Mapping[str, Any], judge: Any) -> TypeAdapter[Any]:
    """What holds arguments that are known by a JSON schema alone; a person who edits them is held to it as well."""

    class Arguments(RootModel[dict[str, Any]]):
        @model_validator(mode="after")
        def _fit(self) -> "Arguments":
            if reasons := judge.reasons(self.root):
                raise ValueError("; ".join(reasons))
            return self

        @classmethod
        def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
            return dict(schema)

    return TypeAdapter(Arguments)
