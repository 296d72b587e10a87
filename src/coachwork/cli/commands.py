"""The list of commands, and what happens when one fails. Knows their order; each command is a file of its own."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from coachwork.cli import (
    approvals,
    batches,
    doctor,
    exits,
    graph,
    ingest,
    knowledge,
    models,
    new,
    output,
    prompt,
    run,
    runs,
    schedules,
    serve,
    testing,
    worker,
)
from coachwork.errors import CoachworkError


class Commands(TyperGroup):
    """Turns what a command raises into a message for a person and an exit code for a script."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except CoachworkError as error:
            raise typer.Exit(output.print_error(error, as_json=_as_json(ctx))) from None
        except KeyboardInterrupt:
            output.err().print("Stopped.")
            raise typer.Exit(exits.INTERRUPTED) from None
        except Exception as error:  # the rim of the program: a bug is named, and shown whole on request
            if error.__class__.__module__.startswith("typer."):
                raise  # a usage error, which Typer shows itself
            if isinstance(error, BrokenPipeError):
                raise
            raise typer.Exit(output.print_bug(error, as_json=_as_json(ctx))) from None


def _as_json(context: typer.Context) -> bool:
    return bool((context.find_root().obj or {}).get("json"))


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"coachwork {version('coachwork')}")
        raise typer.Exit


app = typer.Typer(
    name="coachwork",
    cls=Commands,
    help="Turn a folder of prompts, documents and typed async functions into an application people use.",
    epilog=exits.table(),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def coachwork(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Turn a folder of prompts, documents and typed async functions into an application people use."""


app.command("new")(new.new)
app.command("serve")(serve.serve)
app.command("run")(run.run)
app.command("graph")(graph.graph)
app.command("worker")(worker.worker)
app.command("schedules")(schedules.schedules)
app.command("ingest")(ingest.ingest)
app.command("doctor")(doctor.doctor)
app.add_typer(runs.app, name="runs")
app.add_typer(batches.app, name="batch")
app.add_typer(approvals.app, name="approvals")
app.add_typer(models.app, name="models")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(prompt.app, name="prompt")
app.add_typer(testing.app, name="testing")
