"""`coachwork doctor`: what is wrong with a project, and the fix. Knows how findings look; the checks are the app's."""

from collections import Counter

import typer

from coachwork.cli import exits, output
from coachwork.cli.options import JsonOption, ProjectOption, project_folder

_LOOK = {"error": ("✗", "bold red"), "warning": ("!", "yellow"), "info": ("·", "dim")}


def doctor(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Check the project: settings, prompts, models, keys, knowledge. Exit code 1 if there are errors."""
    folder = project_folder(project)
    from coachwork.app.checks import check_project

    findings = check_project(folder)
    count = Counter(finding.level for finding in findings)
    if as_json:
        output.print_json(
            {"project": folder, "findings": findings, "errors": count["error"], "warnings": count["warning"]}
        )
    else:
        console = output.out()
        for finding in sorted(findings, key=lambda finding: list(_LOOK).index(finding.level)):
            mark, style = _LOOK[finding.level]
            where = f"{finding.where}: " if finding.where and finding.where not in finding.message else ""
            console.print(f"{mark} {where}{finding.message}  ({finding.id})", style=style)
            if finding.hint:
                console.print(f"    → {finding.hint}")
        console.print(_summary(count["error"], count["warning"]))
    if count["error"]:
        raise typer.Exit(exits.FAILED)


def _summary(errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return "Nothing is wrong."
    found = [f"{errors} error{'s' * (errors != 1)}", f"{warnings} warning{'s' * (warnings != 1)}"]
    return ", ".join(found) + "."
