"""The pipelines as tools of a program that speaks MCP: the protocol's own client, over a real socket."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult
from starlette.applications import Starlette
from starlette.routing import Route

from coachwork.server.mcp_endpoint import McpEndpoint
from coachwork.server.served import Served

from .over_http import Here, serving

MODES = ["legacy", "auto"]  # with the handshake of 2025, and without it since 2026


@asynccontextmanager
async def connected(here: Here, mode: str = "auto") -> AsyncIterator[Client]:
    async with Client(str(here.http.base_url.join("/mcp")), mode=mode) as client:
        yield client


def words_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if part.type == "text")


@pytest.mark.parametrize("mode", MODES)
async def test_each_pipeline_is_a_tool_whose_types_are_its_schema(here: Here, mode: str) -> None:
    async with connected(here, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {"answer_ticket", "decide", "search_handbook", "run_result"} <= set(tools)
    ticket = tools["answer_ticket"]
    assert (ticket.title, ticket.description) == ("Answer a ticket", "From the handbook.")
    assert ticket.input_schema["required"] == ["subject"]
    assert ticket.input_schema["properties"]["attempts"]["minimum"] == 0
    assert tools["held"].input_schema["properties"]["gate"]["type"] == "string"
    search = tools["search_handbook"]
    assert search.annotations is not None
    assert search.annotations.read_only_hint
    assert search.input_schema["required"] == ["query"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_is_a_run_that_tells_what_it_does_and_gives_its_typed_output(here: Here, mode: str) -> None:
    heard: list[str | None] = []

    async def hear(_progress: float, _total: float | None, message: str | None) -> None:
        heard.append(message)

    async with connected(here, mode) as client:
        result = await client.call_tool("answer_ticket", {"subject": "hello"}, progress_callback=hear)
    assert not result.is_error, words_of(result)
    assert result.structured_content["output"] == {"text": "HELLO", "score": 1.0}
    assert "HELLO" in words_of(result)
    assert heard == ["Thinking about it", "Making it loud"]
    kept = here.http.get(f"/api/runs/{result.structured_content['run_id']}").json()
    assert (kept["pipeline"], kept["status"], kept["input"]["subject"]) == ("answer_ticket", "succeeded", "hello")


async def test_a_run_that_waits_for_a_person_is_asked_for_again(here: Here) -> None:
    async with connected(here) as client:
        begun = (await client.call_tool("decide", {"subject": "Refund?"})).structured_content
        assert (begun["status"], begun["output"]) == ("waiting", None)
        assert begun["note"] == "It waits for a person (Send this?). Ask for it again with the tool run_result."
        [asked] = here.http.get(f"/api/runs/{begun['run_id']}").json()["approvals"]
        answered = here.http.post(f"/api/approvals/{asked['id']}/answer", json={"decision": "accept"})
        assert answered.is_success, answered.text
        ended = (await client.call_tool("run_result", {"run_id": begun["run_id"]})).structured_content
    assert (ended["status"], ended["output"]["text"]) == ("succeeded", "accepted: Refund?")


async def test_a_run_under_way_is_asked_how_it_stands(here: Here) -> None:
    async with connected(here) as client, connected(here) as other:
        calling = asyncio.create_task(client.call_tool("held", {"gate": "mcp"}))
        going: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not going:
                await asyncio.sleep(0.05)
                going = here.http.get("/api/runs?pipeline=held&status=running").json()["items"]
        asked = {"run_id": going[0]["id"], "wait_seconds": 0}
        now = (await other.call_tool("run_result", asked)).structured_content
        assert (now["status"], now["output"]) == ("running", None)
        assert now["note"].startswith("It goes on, and nothing is lost")
        here.open_gate("mcp")
        assert (await calling).structured_content["output"]["text"] == "through"


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("answer_ticket", {"subject": 7, "mood": "bad"}, ["subject", "mood: Extra inputs are not permitted"]),
        ("fails", {"subject": "x"}, ["no token within 60 s", "Try another."]),
        ("clumsy", {"subject": "x"}, ["KeyError"]),
        ("run_result", {"run_id": "run_nowhere"}, ["there is no run 'run_nowhere'"]),
        ("run_result", {}, ["run_id: Field required"]),
    ],
)
async def test_what_is_refused_says_why_to_the_model_that_asked(
    here: Here, tool: str, arguments: dict[str, Any], words: list[str]
) -> None:
    async with connected(here) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert [word for word in words if word not in words_of(result)] == []
    assert "sk-abcdefgh12345678" not in words_of(result)


async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(here: Here) -> None:
    async with connected(here) as client:
        with pytest.raises(MCPError, match="Did you mean 'answer_ticket'"):
            await client.call_tool("answer_tickets", {})


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "evil.example"}, 403, "unknown-host"),
        ({"origin": "https://evil.example"}, 403, "cross-site"),
        ({"sec-fetch-site": "cross-site"}, 403, "cross-site"),
    ],
)
def test_it_is_guarded_like_the_api(here: Here, headers: dict[str, str], status: int, code: str) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"accept": "application/json, text/event-stream"}
    refused = here.http.post("/mcp", json=message, headers={**accept, **headers})
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    let_in = here.http.post("/mcp", json=message, headers=accept)
    assert let_in.status_code == 200, let_in.text
    assert here.http.get("/mcp").status_code == 405


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, make_project: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.lowlevel", None)  # as where it is not installed
    folder = make_project(tmp_path / "desk")
    with serving(folder, {"HOME": str(folder), "COACHWORK_CACHE": str(folder / "cache")}, runs=False) as bare:
        told = bare.http.post("/mcp", json={}).json()
    assert (told["code"], told["hint"]) == ("not-installed", 'pip install "coachwork[mcp]"')


async def test_a_manager_that_does_not_open_is_told_of_and_the_next_request_tries_again() -> None:
    made: list[str] = []

    class Failing:
        @asynccontextmanager
        async def run(self) -> AsyncIterator[None]:
            raise OSError("too many open files")
            yield

    def make(_here: Served) -> Any:
        made.append("")
        return Failing()

    app = Starlette(routes=[Route("/mcp", McpEndpoint(make))])
    app.state.served = None
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client, asyncio.timeout(20):
        for _ in range(2):
            with pytest.raises(OSError, match="too many open files"):
                await client.post("/mcp", json={})
    assert len(made) == 2
