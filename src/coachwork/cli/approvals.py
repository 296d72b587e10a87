"""`coachwork approvals`: what waits for a person, and answering it. Knows the look; the rest is the pipelines'."""

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, at_work, load, working
from coachwork.errors import InputError

app = typer.Typer(no_args_is_help=True, help="List what waits for a person, and answer it.")


class Answer(StrEnum):
    accept = "accept"
    edit = "edit"
    reject = "reject"


@app.command("list")
def list_approvals(
    status: Annotated[
        str, typer.Option(help="pending (default), accepted, edited, rejected, expired …; '' for all.")
    ] = "pending",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    cursor: Annotated[str, typer.Option(help="Go on behind the last page: its next_cursor.")] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List approvals, the newest first; those that wait, unless told otherwise."""
    loaded = load(project)
    from coachwork.cli import results

    async def read() -> None:
        async with working(loaded) as runs:
            page = await runs.approvals(status, limit=limit, cursor=cursor)
        if as_json:
            output.print_json(page)
            return
        if not page.items:
            output.err().print("Nothing waits for a person.")
        console = output.out()
        for asked in page.items:
            console.print("\n".join(results.approval_lines(asked)), markup=False)
            console.print()
        if page.next_cursor:
            output.err().print(f"There are more: --cursor {page.next_cursor}")

    asyncio.run(read())


@app.command("show")
def show_approval(
    approval: Annotated[str, typer.Argument(metavar="APPROVAL", help="The approval's id.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an approval with all that happened to it."""
    loaded = load(project)
    from coachwork.cli import results

    async def read() -> None:
        async with working(loaded) as runs:
            found, trail = await runs.approval(approval), await runs.trail(approval)
        if as_json:
            output.print_json({"approval": found, "trail": trail})
            return
        console = output.out()
        console.print("\n".join(results.approval_lines(found)), markup=False)
        for entry in trail:
            detail = {key: value for key, value in entry.detail.items() if value not in (None, "")}
            told = json.dumps(detail, ensure_ascii=False) if detail else ""
            console.print(
                f"  {entry.at.astimezone():%Y-%m-%d %H:%M:%S}  {entry.what:<8}  {entry.who}  {told}", style="dim"
            )

    asyncio.run(read())


@app.command("link")
def make_link(
    approval: Annotated[str, typer.Argument(metavar="APPROVAL", help="The approval's id.")],
    who: Annotated[str, typer.Option("--for", help="In whose name it decides.")] = "",
    expires: Annotated[str, typer.Option(help="How long it holds: 30m, 8h, 2d.")] = "7d",
    project: ProjectOption = None,
) -> None:
    """Make a link by which somebody decides in the browser without a login, once. It is shown here and nowhere kept."""
    loaded = load(project)

    async def make() -> str:
        async with at_work(loaded) as runtime:
            return runtime.address_of(await runtime.runs.link(approval, who, expires))

    address = asyncio.run(make())
    settings = loaded.settings
    here = "" if settings.approvals.url else f"http://{settings.server.host}:{settings.server.port}"
    output.out().print(here + address, soft_wrap=True)


@app.command("answer")
def answer_approval(
    approval: Annotated[str, typer.Argument(metavar="APPROVAL", help="The approval's id.")],
    answer: Annotated[Answer, typer.Argument(help="What is decided.")],
    value: Annotated[str | None, typer.Option(metavar="JSON|@FILE|-", help="The edited value, with edit.")] = None,
    comment: Annotated[str, typer.Option(help="Why, for whoever reads the run later.")] = "",
    by: Annotated[str, typer.Option(help="Who decides.")] = "cli",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer an approval. The first answer counts; the run goes on in the server, or at its next start."""
    if (answer is Answer.edit) != (value is not None):
        raise InputError(
            "--value goes with edit, and edit needs --value", hint="--value JSON, --value @FILE or --value -"
        )
    edited = None if value is None else _json(value)
    loaded = load(project)

    async def send() -> None:
        async with working(loaded) as runs:
            decided = await runs.answer(approval, answer.value, edited, comment=comment, by=by)
        if as_json:
            output.print_json(decided)
        else:
            output.out().print(f"{decided.id} is {decided.status}")
            output.err().print(f"{decided.run_id} goes on in the running server, or with: coachwork serve", style="dim")

    asyncio.run(send())


def _json(text: str) -> object:
    try:
        if text == "-":
            return json.loads(sys.stdin.read())
        return json.loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise InputError(f"{text[1:]!r} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"--value is not JSON: {error}") from None
