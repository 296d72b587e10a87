"""Function calling of a model on this machine: natively, and by schema as Coachwork asks. `make bench-bfcl`.

Knows the Berkeley Function Calling Leaderboard's questions in ../shared/data (Apache-2.0) and their accepted
calls; the model answers through Coachwork's own providers. A call is *valid* where the tool exists and its
arguments fit the tool's schema, *right* where it is also one of the accepted ones; parallel calls are right
as a set. An irrelevant question is right where no tool is called.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from coachwork.errors import CoachworkError
from coachwork.messages import Message, ModelRequest, TextDelta, ToolCallDelta, ToolSpec
from coachwork.providers.local import LocalModels, LocalSettings
from coachwork.providers.tools_by_schema import answering
from coachwork.providers.wire import Abilities, ChatEvent, Meter

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("COACHWORK_SHARED_DATA") or ROOT.parent / "shared" / "data") / "structured" / "bfcl"
CACHE = Path(os.environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork") / "models"
FILES = {
    "simple": "simple_python.jsonl",
    "multiple": "multiple.jsonl",
    "parallel": "parallel.jsonl",
    "irrelevance": "irrelevance.jsonl",
}
_TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": None}


@dataclass(frozen=True)
class Case:
    name: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    accepted: Sequence[dict[str, dict[str, list[Any]]]]


@dataclass
class Score:
    """Counts of one category. `calls` and `valid` count calls, the others questions; `seconds` are of all."""

    asked: int = 0
    right: int = 0
    failed: int = 0
    calls: int = 0
    valid: int = 0
    seconds: float = 0.0


class Native(LocalModels):
    """The same models with their own tool wire, whatever the catalogue says of it."""

    def abilities(self, model: str) -> Abilities:
        return dataclasses.replace(super().abilities(model), tools="native")


def main() -> None:
    parser = argparse.ArgumentParser(description="Function calling of a local model, natively and by schema.")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--limit", type=int, default=25, help="questions of each category, 0 for all")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=["native", "schema"], help="one way alone")
    parser.add_argument("--show", action="store_true", help="print each wrong answer")
    options = parser.parse_args()
    if not DATA.exists():
        raise SystemExit(f"{DATA} is not here: set COACHWORK_SHARED_DATA to the folder of shared data.")
    asyncio.run(measure(options))


async def measure(options: argparse.Namespace) -> None:
    settings = {options.model: LocalSettings(threads=options.threads)}
    ways = {"native": Native(CACHE, settings), "schema": LocalModels(CACHE, settings)}
    if options.only:
        ways = {options.only: ways[options.only]}
    if problem := next(iter(ways.values())).problem(options.model):
        raise SystemExit(str(problem))
    print(f"{options.model}, {options.threads} thread(s), {options.limit or 'all'} questions of each category")
    print(f"{'':24}{'right':>12}{'valid calls':>14}{'failed':>8}{'s/question':>12}")
    for way, provider in ways.items():
        totals = Score()
        for category, file in FILES.items():
            score = Score()
            for case in cases(DATA / file, options.limit):
                await ask(provider, options.model, case, score, show=options.show)
            print(line(f"{way} {category}", score), flush=True)
            for field in dataclasses.fields(Score):
                setattr(totals, field.name, getattr(totals, field.name) + getattr(score, field.name))
        print(line(f"{way} all", totals), flush=True)
        await provider.close()


def line(name: str, score: Score) -> str:
    valid = f"{score.valid}/{score.calls}" if score.calls else "-"
    right = f"{score.right}/{score.asked}"
    return f"{name:24}{right:>12}{valid:>14}{score.failed:>8}{score.seconds / max(score.asked, 1):>12.1f}"


async def ask(provider: LocalModels, model: str, case: Case, score: Score, *, show: bool) -> None:
    """One question, counted. A typed refusal counts as failed, and as wrong."""
    request = ModelRequest(case.messages, tools=case.tools, temperature=0.0, max_tokens=300)
    began = time.monotonic()
    score.asked += 1
    try:
        calls, words = await answered(answering(provider, model, request, Meter()))
    except CoachworkError as error:
        score.failed += 1
        calls, words = None, error.message
    score.seconds += time.monotonic() - began
    tools = {tool.name: tool for tool in case.tools}
    for name, arguments in calls or ():
        score.calls += 1
        known = name in tools and arguments is not None
        score.valid += known and Draft202012Validator(dict(tools[name].schema)).is_valid(arguments)
    right = calls is not None and matches(calls, case.accepted)
    score.right += right
    if show and not right:
        print(f"  {case.name}: {calls if calls else words!r}\n    accepted: {case.accepted}")


async def answered(stream: AsyncIterator[ChatEvent]) -> tuple[list[tuple[str, Any]], str]:
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    words = ""
    async with aclosing(stream) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, ToolCallDelta):
                names[event.index] = names.get(event.index, "") + event.name
                arguments[event.index] = arguments.get(event.index, "") + event.arguments
            elif isinstance(event, TextDelta):
                words += event.text
    return [(names[index], _json(arguments[index])) for index in names], words


def _json(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return None


# ── The questions and what counts as right ─────────────────────────────────────────────────────


def cases(path: Path, limit: int) -> list[Case]:
    rows = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    return [
        Case(
            row["id"],
            tuple(Message.of(turn["role"], turn["content"]) for turn in row["question"][0]),
            tuple(
                ToolSpec(tool["name"], tool["description"], as_schema(tool["parameters"])) for tool in row["function"]
            ),
            row["ground_truth"] or (),
        )
        for row in (rows[:limit] if limit else rows)
    ]


def as_schema(node: Any) -> Any:
    """The leaderboard's Python types as JSON Schema: `dict`, `float`, `tuple`; its own key `optional` left out."""
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for key, value in node.items():
        if key == "type":
            if (kind := _TYPES.get(value, value)) is not None:
                made[key] = kind
        elif key == "properties":
            made[key] = {name: as_schema(body) for name, body in value.items()}
        elif key in ("items", "additionalProperties"):
            made[key] = as_schema(value)
        elif key not in ("optional", "default"):
            made[key] = value
    return made


def matches(calls: Sequence[tuple[str, Any]], accepted: Sequence[dict[str, dict[str, list[Any]]]]) -> bool:
    """Whether the calls are the accepted ones, in any order."""
    left = list(calls)
    for wanted in accepted:
        name, arguments = next(iter(wanted.items()))
        found = next((call for call in left if call[0] == name and _fits(call[1], arguments)), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def _fits(given: Any, accepted: dict[str, list[Any]]) -> bool:
    if not isinstance(given, dict) or given.keys() - accepted.keys():
        return False
    return all(
        any(_same(given[name], each) for each in values) if name in given else "" in values
        for name, values in accepted.items()
    )


def _same(given: Any, wanted: Any) -> bool:
    """Equal as the leaderboard compares: text without case, spaces and punctuation, numbers by value."""
    if isinstance(given, bool) or isinstance(wanted, bool):
        return given is wanted
    if isinstance(given, str) and isinstance(wanted, str):
        return _plain(given) == _plain(wanted)
    if isinstance(given, list) and isinstance(wanted, list):
        return len(given) == len(wanted) and all(_same(a, b) for a, b in zip(given, wanted, strict=True))
    if isinstance(given, dict) and isinstance(wanted, dict):
        return _fits(given, {name: value if isinstance(value, list) else [value] for name, value in wanted.items()})
    return bool(given == wanted)


def _plain(text: str) -> str:
    return "".join(char for char in text.lower() if char not in " ,./-_*^'\"")


if __name__ == "__main__":
    main()
