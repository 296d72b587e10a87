"""`coachwork run`: one run, followed to its end. Knows what is shown while it works; the run is the pipelines'."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coachwork.cli import exits, output
from coachwork.cli.options import JsonOption, ProjectOption, find_pipeline, load, working
from coachwork.errors import InputError

if TYPE_CHECKING:
    from coachwork.app.project import Project
    from coachwork.messages import JsonValue
    from coachwork.pipelines.runs import Runs
    from coachwork.pipelines.views import RunDetail


def run(
    pipeline: Annotated[str, typer.Argument(help="The pipeline's name.")],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--input", "-i", metavar="JSON|@FILE|-|KEY=VALUE", help="The input; may be given again for key=value."
        ),
    ] = None,
    batch: Annotated[
        Path | None, typer.Option(metavar="FILE", help="One run for each row of a .csv, .xlsx or .jsonl file.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many rows of a batch work at once.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a batch's results there, as JSON.")
    ] = None,
    cap: Annotated[
        float | None, typer.Option(min=0.000001, metavar="USD", help="The most that the batch may cost.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="BATCH", help="Go on with a batch that was stopped, by its id.")
    ] = None,
    priority: Annotated[int | None, typer.Option(help="Those of a higher one are begun first.")] = None,
    deadline: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop it if it has not ended in this time: 90s, 2h.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The same key gives the same run again instead of a second one.")
    ] = None,
    user: Annotated[str, typer.Option(help="In whose name it runs: for budgets, tools and documents.")] = "cli",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Accept the run and return at once.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a pipeline and wait for its result, or run it for every row of a file.

    A run that waits for a person ends the command with exit code 4; it is kept, and goes on when it is answered.
    """
    if batch is None and any(option is not None for option in (concurrency, cap, out, resume)):
        raise InputError("--concurrency, --cap, --out and --resume belong to --batch FILE")
    if batch is not None and (given or no_wait or any(option is not None for option in (priority, deadline, key))):
        raise InputError(
            "--batch takes its inputs from the file, and waits: leave out --input, --no-wait, --priority, --deadline "
            "and --key"
        )
    loaded = load(project)
    found = find_pipeline(loaded, pipeline)
    if batch is not None:
        from coachwork.cli.batch import run_batch

        code = run_batch(
            loaded, found, batch, concurrency=concurrency, cap_usd=cap, out=out, resume=resume, as_json=as_json
        )
        raise typer.Exit(code)
    from coachwork.cli.inputs import parse_input

    value = parse_input(given or [], found.input_schema, stdin=sys.stdin.read, folder=Path.cwd())
    asked = {"user": user, "idempotency_key": key, "priority": priority, "deadline": deadline}
    raise typer.Exit(asyncio.run(_run(loaded, pipeline, value, asked, wait=not no_wait, as_json=as_json)))


async def _run(
    project: "Project",
    pipeline: str,
    value: "JsonValue",
    asked: dict[str, Any],
    *,
    wait: bool,
    as_json: bool,
) -> int:
    async with working(project) as runs:
        begun = await runs.start(pipeline, value, **asked)
        return await follow(runs, begun.id, as_json=as_json) if wait else accepted(begun, as_json=as_json)


def accepted(run: "RunDetail", *, as_json: bool) -> int:
    """Say that a run is kept, and where it goes on; gives the exit code."""
    if as_json:
        output.print_json(run)
    else:
        output.out().print(run.id)
        output.err().print(f"Accepted. It goes on in `coachwork serve`; read it with: coachwork runs show {run.id}")
    return exits.OK


async def follow(runs: "Runs", run_id: str, *, as_json: bool) -> int:
    """Show what a run does until it ends or waits for a person, and how it stands then; gives the exit code."""
    shown = _Shown(live=not as_json and sys.stdout.isatty())
    try:
        run = await _follow(runs, run_id, shown)
    except asyncio.CancelledError:
        output.err().print(f"Stopped watching. {run_id} is kept and goes on with: coachwork serve")
        raise
    return _report(run, shown, as_json=as_json)


async def _follow(runs: "Runs", run_id: str, shown: "_Shown") -> "RunDetail":
    """Show what happens until the run ends or waits for a person."""
    async for _seq, event in runs.events(run_id):
        shown.event(event)
        if event["type"] == "data-run" and event["data"]["status"] == "waiting":
            run = await runs.get(run_id)
            if run.status == "waiting" and any(asked.status == "pending" for asked in run.approvals):
                return run
    return await runs.get(run_id)


class _Shown:
    """What a person at the terminal sees while a run works: notes and steps on stderr, text as it is written."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._console = output.err()
        self._done: set[str] = set()
        self.text = ""

    def event(self, event: dict[str, Any]) -> None:
        from coachwork.cli.results import step_line

        match event["type"]:
            case "data-run" if event["data"]["status"] == "queued" and event["data"].get("position"):
                self._console.print(f"· waiting in line ({event['data']['position']})", style="dim")
            case "data-note":
                self._console.print(f"· {event['data']['label']}", style="dim")
            case "data-step" if event["data"]["status"] in ("succeeded", "failed") and event["id"] not in self._done:
                self._done.add(event["id"])
                self._end_line()
                self._console.print(step_line(event["data"]), style="dim")
            case "text-start":
                self.text = ""
            case "text-delta":
                self.text += event["delta"]
                if self._live:
                    sys.stdout.write(event["delta"])
                    sys.stdout.flush()
            case "data-text-restart":
                self._end_line()
                self._console.print("· that answer broke off; starting over", style="yellow")
                self.text = ""

    def shows(self, value: "JsonValue") -> bool:
        """Whether the output's text is on the screen already."""
        text = value.get("text") if isinstance(value, dict) else value
        return self._live and isinstance(text, str) and bool(text.strip()) and text.strip() == self.text.strip()

    def _end_line(self) -> None:
        if self._live and self.text and not self.text.endswith("\n"):
            sys.stdout.write("\n")
            sys.stdout.flush()


def _report(run: "RunDetail", shown: "_Shown", *, as_json: bool) -> int:
    from coachwork.cli import results

    console = output.err()
    if as_json:
        output.print_json(run)
    if run.status == "succeeded":
        code = exits.OK
        text = "" if as_json else results.readable(run.output, without_text=shown.shows(run.output))
        if text:
            output.out().print(text)
    elif run.status == "waiting":
        code = exits.WAITING
        for line in results.waiting_lines([asked for asked in run.approvals if asked.status == "pending"]):
            console.print(line)
    else:
        code = exits.FAILED
        for line in results.failure_lines(run):
            console.print(line, style="" if line.startswith(" ") else "bold red")
    console.print(results.closing_line(run), style="dim")
    return code
