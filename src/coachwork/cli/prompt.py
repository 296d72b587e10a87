"""`coachwork prompt`: read a prompt, see what models would get, run its cases, compare versions. Knows arguments.

How it looks is in `prompt_views.py`; what it means is the prompts' room.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coachwork.cli import exits, output
from coachwork.cli.options import JsonOption, ProjectOption, YesOption, load
from coachwork.errors import InputError, ProjectError, did_you_mean

if TYPE_CHECKING:
    from coachwork.app.project import Project
    from coachwork.models.preview import Preview
    from coachwork.prompts import Prompt
    from coachwork.prompts.trial import Try
    from coachwork.prompts.versions import Trial

app = typer.Typer(no_args_is_help=True, help="Read prompts, see what models would get, run cases, compare versions.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The prompt's name.")]
VersionOption = Annotated[
    str,
    typer.Option("--version", "-v", metavar="VERSION", help="A kept version: its hash, or a label. Default: the file."),
]


@app.command("show")
def show_prompt(
    name: Name, version: VersionOption = "", project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """Show a prompt: its route, settings, types, variants, examples, cases and text."""
    from coachwork.cli import prompt_views as views

    loaded = load(project)
    try:
        data = views.shown(_find(loaded, name, version))
    finally:
        _close(loaded)
    if as_json:
        output.print_json(data)
    else:
        views.print_shown(data)


@app.command("render")
def render_prompt(
    name: Name,
    given: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="JSON|@FILE|-|KEY=VALUE", help="The input; again for more key=value."),
    ] = None,
    case: Annotated[
        str, typer.Option(metavar="CASE", help="Take the input of this case. Default: the first one.")
    ] = "",
    version: VersionOption = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print exactly what each model of the route would receive, its tokens, and what it costs at most. Sends nothing.

    Only examples chosen by similarity ask a model: the one that makes vectors.
    """
    from coachwork.cli import prompt_views as views

    loaded = load(project)
    prompt = _find(loaded, name, version)

    async def work() -> "list[Preview]":
        try:
            arguments = _arguments(prompt, given or [], case)
            return loaded.models.preview(prompt.route, await prompt.requested(**arguments))
        finally:
            await loaded.close()

    previews = asyncio.run(work())
    if as_json:
        output.print_json(
            {"prompt": prompt.name, "version": prompt.version, "models": [views.preview(each) for each in previews]}
        )
    else:
        views.print_previews(prompt, previews)


@app.command("test")
def run_cases(
    name: Name,
    repeats: Annotated[int, typer.Option("--repeats", "-n", min=1, max=100, help="Ask each case so often.")] = 1,
    case: Annotated[list[str] | None, typer.Option(metavar="CASE", help="Only this case; may be given again.")] = None,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="How many are asked at the same time.")] = 4,
    version: VersionOption = "",
    yes: YesOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a prompt's cases on its route, and keep how it did. Exit code 1 if a case fails."""
    from coachwork.cli import downloads
    from coachwork.cli import prompt_views as views
    from coachwork.prompts.trial import cases_of, summed, try_cases

    loaded = load(project)
    prompt = _find(loaded, name, version)
    chosen = cases_of(prompt, case or [])
    downloads.ensure_models(loaded, yes=yes)

    async def work() -> "tuple[list[Try], Trial]":
        try:
            with output.progress() as bar:
                task = bar.add_task(prompt.name, total=len(chosen) * repeats, state="")
                tries = await try_cases(
                    prompt, chosen, repeats=repeats, at_once=at_once, told=lambda _: bar.advance(task)
                )
            trial = summed(prompt, tries, repeats, time.time_ns() // 1_000_000)
            if not case:  # a part of the cases says nothing about the whole
                prompt.versions.tried(trial)
            return tries, trial
        finally:
            await loaded.close()

    tries, trial = asyncio.run(work())
    if as_json:
        output.print_json({**views.trial(trial), "results": [views.tried(each) for each in tries]})
    else:
        views.print_tries(trial, tries)
    if trial.passed < trial.tries:
        raise typer.Exit(exits.FAILED)


@app.command("history")
def show_history(name: Name, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the versions of a prompt: labels, when each was first seen, and how it did on the cases."""
    from coachwork.cli import prompt_views as views

    loaded = load(project)
    try:
        prompt = _find(loaded, name)
        loaded.database.flush()
        data = views.history(prompt)
    finally:
        _close(loaded)
    if as_json:
        output.print_json({"prompt": prompt.name, "versions": data})
    else:
        views.print_history(data)


@app.command("answers")
def show_answers(
    name: Name,
    days: Annotated[int, typer.Option(min=1, max=366, help="Of the last so many days, beside as many before.")] = 30,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how the prompt's answers in runs were won, by model: right as they came, mended, asked again, refused."""
    from coachwork.cli import prompt_views as views

    loaded = load(project)
    try:
        prompt = _find(loaded, name)
        loaded.database.flush()
        data = views.answers(loaded.database, prompt.name, days)
    finally:
        _close(loaded)
    if as_json:
        output.print_json({"prompt": prompt.name, "days": days, "models": data})
    else:
        views.print_answers(data, days)


@app.command("diff")
def compare(
    name: Name,
    before: Annotated[
        str, typer.Argument(metavar="[BEFORE]", help="A version or label. Default: the one before.")
    ] = "",
    after: Annotated[
        str, typer.Argument(metavar="[AFTER]", help="A version or label. Default: the file as it is.")
    ] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions of a prompt: their texts, and how each did on the cases."""
    from coachwork.cli import prompt_views as views

    loaded = load(project)
    try:
        new = _find(loaded, name, after)
        loaded.database.flush()
        data = views.diff(new, before or _before(new))
    finally:
        _close(loaded)
    if as_json:
        output.print_json(data)
    else:
        views.print_diff(data)


@app.command("label")
def put_label(
    name: Name,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="For example production or candidate.")],
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="A hash or a label. Default: the file as it is.")
    ] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a label point at a version. `[prompts] label = "production"` in coachwork.toml lets those versions serve."""
    loaded = load(project)
    try:
        if not label.replace("-", "").replace("_", "").isalnum() or _is_hash(label):
            raise InputError(
                f"{label!r} is no label", hint="Use letters, digits, - and _; and not what looks like a version."
            )
        prompt = _find(loaded, name, version)
        loaded.database.flush()
        prompt.versions.put_label(prompt.name, label, prompt.version)
    finally:
        _close(loaded)
    if as_json:
        output.print_json({"prompt": prompt.name, "label": label, "version": prompt.version})
    else:
        output.out().print(f"{label} is now version {prompt.version} of {prompt.name}.")


def _is_hash(text: str) -> bool:
    return len(text) >= 4 and all(char in "0123456789abcdef" for char in text)


def _find(project: "Project", name: str, version: str = "") -> "Prompt[..., Any]":
    """A prompt of the project by name, in one of its versions. Raises InputError that offers the nearest."""
    if name not in project.prompts:
        raise InputError(
            f"there is no prompt {name!r} in {project.app.title!r}", hint=did_you_mean(name, list(project.prompts))
        )
    prompt = project.prompts[name]
    if not version:
        return prompt
    project.database.flush()
    return prompt.at(version)


def _arguments(prompt: "Prompt[..., Any]", given: list[str], case: str) -> dict[str, Any]:
    """The prompt's arguments, as typed or from a case."""
    from coachwork.prompts.trial import cases_of

    if given and case:
        raise InputError("--input and --case are both given", hint="Leave one out.")
    signature = prompt.compiled.signature
    if given:
        from coachwork.cli.inputs import parse_input

        value = parse_input(given, signature.schema(), stdin=sys.stdin.read, folder=Path.cwd())
        if not isinstance(value, dict):
            raise InputError("the input is no object", hint=f"It takes: {', '.join(signature.parameters)}.")
        return signature.arguments((), value)
    if not signature.parameters:
        return {}
    try:
        return dict(cases_of(prompt, [case] if case else [])[0].arguments)
    except ProjectError:
        takes = ", ".join(signature.parameters)
        raise InputError(
            f"{prompt.name} needs an input, and has no cases to take one from",
            hint=f"Give it: --input {next(iter(signature.parameters))}=… (it takes: {takes})",
        ) from None


def _before(prompt: "Prompt[..., Any]") -> str:
    """The version that was new before this one."""
    versions = [each.version for each in prompt.versions.history(prompt.name)]
    later = versions[versions.index(prompt.version) + 1 :] if prompt.version in versions else versions
    if not later:
        raise InputError(
            f"{prompt.name} has no version before {prompt.version}",
            hint=f"`coachwork prompt history {prompt.name}` lists what was seen.",
        )
    return later[0]


def _close(project: "Project") -> None:
    asyncio.run(project.close())
