"""What must not stand in a pipeline's own code, since a crash makes it run again; and where a replay went astray.

Knows names of Python's clock, chance and I/O and reads source; runs nothing of it.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from coachwork.errors import Finding, ReplayMismatch
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.source import Names, tree_of

# What a name does that is not the same the second time. A name that ends with a dot stands for all behind it.
_WHY = {
    "reads the clock": (
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
        *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter"),
        *("time.perf_counter_ns", "time.process_time"),
    ),
    "is left to chance": ("random.", "secrets.", "numpy.random.", "os.urandom", "uuid.uuid1", "uuid.uuid4"),
    "reads or writes outside of the run": (
        *("builtins.open", "io.open", "_io.open", "requests.", "subprocess.", "urllib.request.urlopen"),
        *("os.system", "os.popen", "os.listdir", "os.scandir", "socket.create_connection", "sqlite3.connect"),
        *(f"httpx.{name}" for name in ("get", "post", "put", "patch", "delete", "head", "options", "request")),
        *("httpx.stream", "httpx.Client", "httpx.AsyncClient", "aiohttp.ClientSession", "aiohttp.request"),
    ),
    "lets steps take turns by timing": tuple(
        f"asyncio.{name}" for name in ("gather", "wait", "as_completed", "create_task", "ensure_future", "TaskGroup")
    ),
}
_SEEDED = ("random.Random", "numpy.random.default_rng", "numpy.random.RandomState")  # with a seed, always the same
_HINT = "Do it in an async function marked @step: its result is kept, and given again after a crash."
_HINT_ASYNCIO = "Use `gather` or `map_over` of coachwork: their steps keep their numbers."


@dataclass(frozen=True)
class Astray:
    """A call in a pipeline's own code that would not give the same on replay."""

    name: str
    why: str
    file: str
    line: int


def findings(pipelines: Mapping[str, Pipeline[..., Any]], folder: Path) -> list[Finding]:
    """A warning for each such call in the pipelines of a project, and in the plain functions of it that they call."""
    found: dict[tuple[str, int, str], Finding] = {}
    for pipeline in pipelines.values():
        for call in astray(pipeline.function, folder):
            message = (
                f"{call.name} {call.why} in the code of pipeline {pipeline.name!r}, which runs again when a run is "
                "taken up after a crash: it may then go another way than its recorded steps"
            )
            where = f"{Path(call.file).relative_to(folder)}:{call.line}"
            hint = _HINT_ASYNCIO if "by timing" in call.why else _HINT
            found.setdefault((call.file, call.line, call.name), Finding("runs.W001", "warning", message, hint, where))
    return list(found.values())


def astray(function: Callable[..., Any], folder: Path) -> list[Astray]:
    """The calls in a function of the project in `folder`, and in those that it calls, in the order of their lines."""
    todo, seen, found = [inspect.unwrap(function)], set(), []
    while todo:
        current = todo.pop()
        if not isinstance(current, FunctionType) or current in seen:
            continue
        seen.add(current)
        file = Path(current.__code__.co_filename)
        if not file.is_relative_to(folder) or (tree := tree_of(current)) is None:
            continue
        names = Names(current, tree)
        for node in _own_code(tree, names):
            for used in (node.func, *node.args, *(keyword.value for keyword in node.keywords)):
                name, value = names.of(used)
                todo += [value] if isinstance(value, FunctionType) else []
                if (why := _why(name, node if used is node.func else None)) is not None:
                    line = current.__code__.co_firstlineno + used.lineno - 1
                    found.append(Astray(ast.unparse(used), why, str(file), line))
    return sorted(found, key=lambda call: (call.file, call.line))


def _own_code(node: ast.AST, names: Names) -> Iterator[ast.Call]:
    """The calls in the body of a function, without those of steps that are defined inside of it."""
    parts = node.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ast.iter_child_nodes(node)
    for part in parts:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = [
                names.of(item.func if isinstance(item, ast.Call) else item)[0] for item in part.decorator_list
            ]
            if any(name.startswith("coachwork.") for name in decorators):
                continue
        if isinstance(part, ast.Call):
            yield part
        yield from _own_code(part, names)


def _why(name: str, call: ast.Call | None) -> str | None:
    if not name or (name in _SEEDED and call is not None and (call.args or call.keywords)):
        return None
    called = {name, _as_imported(name)}
    for why, names in _WHY.items():
        if any(name.startswith(known) if known.endswith(".") else known in called for known in names):
            return why
    return None


def _as_imported(name: str) -> str:
    """A name as people import it: `asyncio.TaskGroup` for `asyncio.taskgroups.TaskGroup`, where it is defined."""
    package, *within, last = name.split(".")
    return f"{package}.{last}" if all(part.islower() for part in within) else name


# ── On replay ──────────────────────────────────────────────────────────────────────────────────


def mismatch(run_id: str, seq: int, *, recorded: str, called: str) -> ReplayMismatch:
    """The error of a run whose code now does something else than is recorded, with the line that does.

    `called` is "" where it ended without the step.
    """
    line = calling_line() if called else ""
    now = f"{line or 'the pipeline'} now does {called!r}" if called else "the pipeline now ends without it"
    return ReplayMismatch(
        f"step {seq} of run {run_id} is recorded as {recorded!r}, and {now}",
        hint="The pipeline was changed, or goes another way each time (`coachwork doctor` names such calls). Guard "
        "what is new with `if await patched('…'):`, so that runs in flight end on the code they began with. The steps "
        f"before it can be kept: coachwork runs fork {run_id} --from {seq}",
        details={"step": seq, "recorded": recorded, "called": called, "line": line},
    )


def calling_line() -> str:
    """`file:line` of the innermost code on the stack that is not Coachwork's or DBOS's; "" where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(("coachwork.", "dbos.", "asyncio.", "contextlib")):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
