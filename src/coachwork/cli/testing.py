"""`coachwork testing`: what tests need, as a command. Knows the look of it; the server is in `coachwork.testing`."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption
from coachwork.errors import InputError

if TYPE_CHECKING:
    from coachwork.testing import ProviderServer

app = typer.Typer(no_args_is_help=True, help="For tests: a model provider that fails on request.")


@app.command("provider")
def provider(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8010,
    faults: Annotated[
        list[str] | None, typer.Option("--fault", metavar="FAULT", help="For every request, e.g. cut-after-3.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="A JSON file with the answers, in order. Default: an echo.", dir_okay=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the rules with a probability.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Serve OpenAI's, Anthropic's and Gemini's wires on this machine, failing on request, until Ctrl-C."""
    from coachwork.testing import ProviderServer

    server = ProviderServer(_script(answers), port=port, faults=faults or (), seed=seed)
    server.listen()
    if as_json:
        output.print_json(_facts(server))
    else:
        _tell(server)
    with contextlib.suppress(KeyboardInterrupt):  # the usual way to end it
        asyncio.run(_serve(server))


async def _serve(server: "ProviderServer") -> None:
    async with server:
        await asyncio.Event().wait()


def _script(path: Path | None) -> list[Any]:
    from coachwork.testing.provider.question import read_script

    if path is None:
        return []
    try:
        return list(read_script(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError) as error:
        raise InputError(f"the answers can't be read from {str(path)!r}: {error}") from None


def _facts(server: "ProviderServer") -> dict[str, Any]:
    from coachwork.testing.provider.faults import CATALOGUE
    from coachwork.testing.provider.wires import PATHS

    return {
        "url": server.url,
        "base_urls": {"openai": f"{server.url}/v1", "anthropic": server.url, "gemini": server.url},
        "wires": [{"wire": wire.name, "method": method, "path": f"…{end}"} for method, end, wire in PATHS],
        "faults": [
            {"name": kind.name, "about": kind.about, "takes": kind.takes, "example": kind.example}
            for kind in CATALOGUE.values()
        ],
    }


def _tell(server: "ProviderServer") -> None:
    facts, console = _facts(server), output.out()
    console.print(f"A provider that fails on request is served at {server.url}", style="bold")
    for name, address in facts["base_urls"].items():
        console.print(f"  base URL of {name}: {address}  (any API key)")
    console.print("\nWires", style="bold")
    for wire in facts["wires"]:
        console.print(f"  {wire['wire']:<26} {wire['method']} {wire['path']}")
    console.print("\nFaults", style="bold")
    for kind in facts["faults"]:
        console.print(f"  {kind['example']:<26} {kind['about']}" + (f"  [{kind['takes']}]" if kind["takes"] else ""))
    console.print("\nAsk for one", style="bold")
    console.print("  by the model or the key   gpt-5-mini+cut-after-3, or sk-any+429-retry-after-2")
    console.print("  by a header               x-fault: slow-stream-50, error-event-2")
    rule = """'{"fault": "529", "wire": "anthropic", "times": 2}'"""
    console.print(f"  for the next requests     curl {server.url}/_faults -d {rule}")
    console.print(f"What was asked, and how it went: curl {server.url}/_requests      Ctrl-C stops it.\n")
