"""CPU of a typed one-shot call: pydantic_ai.direct alone, ours, LiteLLM, an Agent. `make bench-overhead`.

Every contestant is a process of its own that asks the same provider on loopback, OpenAI's chat wire; they run
in turns of a few calls, so that whatever else the machine does hits them alike. Measured is CPU (user and
system, all threads) a call; LiteLLM lives in an environment of its own below the cache folder.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(os.environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork") / "benchmarks" / "overhead"
SYSTEM = "Sort the ticket. Answer with its category, whether it is urgent, and one sentence that sums it up."
TICKET = "My new bike's front brake came off on a hill this morning. I am fine, but please send somebody today! " * 4
ANSWER = {"category": "repair", "urgent": True, "summary": "The front brake of a new bike came off on a hill."}
PIECES = 20  # of a streamed answer
CONTESTANTS = {  # name: what it is
    "direct": "pydantic_ai.direct alone",
    "ours": "ours, the whole chain",
    "prompt": "ours, a typed @prompt",
    "agent": "pydantic-ai Agent.run",
    "litellm": "litellm.acompletion",
}
SETTINGS = """
[routes.smart]
models = ["loop:gpt-5-mini"]

[models."loop:gpt-5-mini"]
input_usd_per_million = 0.25
output_usd_per_million = 2.0
requests_per_minute = 1000000
tokens_per_minute = 1000000000

[providers.loop]
base_url = "{url}/v1"
streams = {streams}

[[budgets]]
scope = "installation"
usd = 100000

[[budgets]]
scope = "user"
usd = 10000
per = "day"
"""
APP = """
from pydantic import BaseModel

from coachwork import App, prompt

app = App("Support desk")


class Triage(BaseModel):
    category: str
    urgent: bool
    summary: str


@prompt
async def triage(ticket: str) -> Triage: ...
"""
PROMPT = """---
route: smart
---
## system

{system}

## user

{{{{ticket}}}}
"""


# ── The provider ───────────────────────────────────────────────────────────────────────────────


def _body() -> bytes:
    message = {"role": "assistant", "content": json.dumps(ANSWER)}
    whole = {
        **{"id": "x", "object": "chat.completion", "created": 1, "model": "gpt-5-mini"},
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 150, "completion_tokens": 30, "total_tokens": 180},
    }
    return json.dumps(whole).encode()


def _stream() -> bytes:
    text = json.dumps(ANSWER)
    size = -(-len(text) // PIECES)
    deltas = [{"content": text[start : start + size]} for start in range(0, len(text), size)]
    chunks = [{"index": 0, "delta": delta, "finish_reason": None} for delta in ({"role": "assistant"}, *deltas)]
    chunks.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5-mini"}
    events = [{**head, "choices": [chunk]} for chunk in chunks]
    usage = {"prompt_tokens": 150, "completion_tokens": 30, "total_tokens": 180}
    events.append({**head, "choices": [], "usage": usage})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def _answer(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def serve() -> None:
    """Answer every POST with the same, and say on which port."""
    whole, stream = _answer("application/json", _body()), _answer("text/event-stream", _stream())

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport: asyncio.Transport = transport  # type: ignore[assignment]
            self.data = b""

        def data_received(self, data: bytes) -> None:
            self.data += data
            head, separator, body = self.data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if separator and len(body) >= length:
                streams = b'"stream":true' in body.replace(b" ", b"")
                self.transport.write(stream if streams else whole)
                self.data = b""

    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# ── The contestants ────────────────────────────────────────────────────────────────────────────

Ask = Callable[[], Awaitable[object]]


def direct(url: str, streams: bool) -> Ask:
    from pydantic_ai.direct import model_request, model_request_stream
    from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("gpt-5-mini", provider=OpenAIProvider(base_url=f"{url}/v1", api_key="none"))
    schema = _triage().model_json_schema()
    given = {
        "model_request_parameters": ModelRequestParameters(
            output_mode="native", output_object=OutputObjectDefinition(schema, name="triage")
        ),
        "model_settings": {"max_tokens": 800},
    }

    async def ask() -> object:
        messages = [ModelRequest([SystemPromptPart(SYSTEM), UserPromptPart(TICKET)])]
        if not streams:
            return (await model_request(model, messages, **given)).parts  # type: ignore[arg-type]
        async with model_request_stream(model, messages, **given) as response:  # type: ignore[arg-type]
            async for _event in response:
                pass
        return response.get().parts

    return ask


def agent(url: str, streams: bool) -> Ask:
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("gpt-5-mini", provider=OpenAIProvider(base_url=f"{url}/v1", api_key="none"))
    made = Agent(model, output_type=NativeOutput(_triage()), system_prompt=SYSTEM)

    async def ask() -> object:
        if not streams:
            return (await made.run(TICKET)).output
        async with made.run_stream(TICKET) as result:
            return await result.get_output()

    return ask


def litellm(url: str, streams: bool) -> Ask:
    import litellm as module

    module.suppress_debug_info = True
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TICKET}]
    given = {
        **{"model": "openai/gpt-5-mini", "api_base": f"{url}/v1", "api_key": "none", "max_tokens": 800},
        "response_format": _triage(),
    }

    async def ask() -> object:
        if not streams:
            return (await module.acompletion(messages=messages, **given)).choices[0].message.content
        answer = await module.acompletion(messages=messages, stream=True, **given)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices])

    return ask


def ours(url: str, streams: bool) -> Ask:
    """Route, limits, budgets, ledger and trace on; a user's scope around it; the answer as text."""
    from coachwork.messages import Message, ModelRequest

    project = _project(url, streams)
    messages = (Message.of("system", SYSTEM), Message.of("user", TICKET))
    request = ModelRequest(messages, schema=_triage().model_json_schema(), schema_name="triage")

    async def ask() -> object:
        return (await project.models.complete("smart", request)).text

    return _as_a_user(ask)


def prompt(url: str, streams: bool) -> Ask:
    """The same, asked by a prompt file, its answer read as its type."""
    triage = _project(url, streams).prompts["triage"]
    return _as_a_user(lambda: triage(TICKET))


def _project(url: str, streams: bool) -> Any:
    """A project as a user has it, loaded, with its trace on."""
    from coachwork.app.project import load_project
    from coachwork.tracing import spans

    folder = Path(tempfile.mkdtemp(prefix="coachwork-overhead-"))
    (folder / "prompts").mkdir()
    (folder / "prompts" / "triage.md").write_text(PROMPT.format(system=SYSTEM))
    (folder / "coachwork.toml").write_text(SETTINGS.format(url=url, streams=str(streams).lower()))
    (folder / "app.py").write_text(APP)
    project = load_project(folder, {})
    spans.start(project.database)
    return project


def _as_a_user(ask: Ask) -> Ask:
    from coachwork.tracing.scope import DirectScope, entered

    class Ada(DirectScope):
        user, run_id = "ada", "run_1"

    async def asked() -> object:
        with entered(Ada()):
            return await ask()

    return asked


def _triage() -> type:
    from pydantic import BaseModel

    class Triage(BaseModel):
        category: str
        urgent: bool
        summary: str

    return Triage


def contestant(name: str, url: str, streams: bool) -> None:
    """Make as many calls as a line of stdin says, and answer with the CPU seconds they took."""

    async def run() -> None:
        ask = {"direct": direct, "ours": ours, "prompt": prompt, "agent": agent, "litellm": litellm}[name](url, streams)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            began = time.process_time()
            for _ in range(int(line)):
                assert "brake" in str(await ask())
            await asyncio.sleep(0.05)  # what is written behind the call belongs to it
            print(time.process_time() - began, flush=True)

    asyncio.run(run())


# ── The race ───────────────────────────────────────────────────────────────────────────────────


def python_of_peers() -> Path:
    """LiteLLM in an environment of its own, made once."""
    python = PEERS / "bin" / "python"
    if not (PEERS / "ready").exists():
        print(f"installing LiteLLM into {PEERS}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "litellm"], check=True)
        (PEERS / "ready").touch()
    return python


def race(names: list[str], rounds: int, calls: int, *, streams: bool) -> dict[str, list[float]]:
    """CPU milliseconds a call, one number a round and contestant."""
    this = str(Path(__file__).resolve())
    provider = subprocess.Popen([sys.executable, this, "--serve"], stdout=subprocess.PIPE, text=True)
    assert provider.stdout is not None
    url = f"http://127.0.0.1:{provider.stdout.readline().strip()}"
    running = {}
    try:
        for name in names:
            python = str(python_of_peers()) if name == "litellm" else sys.executable
            command = [python, this, "--contestant", name, "--url", url, *(["--streams"] if streams else [])]
            running[name] = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},  # else it asks the internet for prices
            )
        found: dict[str, list[float]] = {name: [] for name in names}
        for number in range(rounds + 2):  # two to warm up
            for name in random.sample(names, len(names)):
                seconds = _turn(running[name], calls)
                if number >= 2:
                    found[name].append(1000 * seconds / calls)
        return found
    finally:
        for process in (*running.values(), provider):
            process.kill()
            process.wait()


def _turn(process: subprocess.Popen, calls: int) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    print(calls, file=process.stdin, flush=True)
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{process.args} ended with {process.wait()}; run it by hand to see why")
    return float(line)


def report(found: dict[str, list[float]], *, streams: bool) -> str:
    """A table: median and quartiles of the rounds, the least of them, and against `direct` and ours, least to least.

    Other work on the machine can only add to what a call costs, so the least is the nearest to the truth.
    """
    least = {name: min(values) for name, values in found.items()}
    lines = [
        f"{'streamed in ' + str(PIECES) + ' pieces' if streams else 'plain'}: CPU ms a call",
        f"{'':28}{'least':>8}{'quartiles':>24}{'over direct':>13}{'of ours':>9}",
    ]
    for name, values in found.items():
        quartiles = "".join(f"{value:8.3f}" for value in statistics.quantiles(values, n=4))
        over = f"{least[name] - least['direct']:+.3f}" if "direct" in least else ""
        ratio = f"{least[name] / least['ours']:.2f}x" if "ours" in least else ""
        lines.append(f"{CONTESTANTS[name]:28}{least[name]:8.3f}{quartiles}{over:>13}{ratio:>9}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    parser.add_argument("--streams", action="store_true", help="streamed alone (both without it)")
    parser.add_argument("--only", nargs="*", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--calls", type=int, default=100, help="a round and contestant")
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve())
    elif given.contestant:
        contestant(given.contestant, given.url, given.streams)
    else:
        for streams in [True] if given.streams else [False, True]:
            print(report(race(given.only, given.rounds, given.calls, streams=streams), streams=streams), "\n")


if __name__ == "__main__":
    main()
