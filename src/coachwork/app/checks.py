"""The checks of `coachwork doctor`: what is wrong, how bad, and the fix. Works on a project that does not load."""

import os
from collections.abc import Mapping
from pathlib import Path

from coachwork.app.project import Project, load_project
from coachwork.errors import CoachworkError, Finding, ProjectError, UnknownModel
from coachwork.hosting import checks as hosting
from coachwork.hosting.pipeline import Hosted
from coachwork.models.routes import limits_of
from coachwork.pipelines import replay
from coachwork.prompts.prefix import broken_prefix


def check_project(folder: Path, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Every finding about the project in `folder`, errors first."""
    try:
        project = load_project(folder, environ)
    except ProjectError as error:
        every = (error, *error.others)
        return [Finding("project.load", "error", each.message, each.hint, each.file) for each in every]
    except CoachworkError as error:
        return [Finding(f"project.{error.code}", "error", error.message, error.hint)]
    try:
        found = [*project.models.findings(), *project.webhooks.findings(), *_pipelines(project)]
        found += [*prompt_findings(project), *_folders(project), *_routes(project)]
        found += replay.findings(project.pipelines, project.folder)
        found += hosting.findings(made for made in project.pipelines.values() if isinstance(made, Hosted))
    finally:
        project.database.close()
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.level])


def _pipelines(project: Project) -> list[Finding]:
    if project.pipelines:
        return []
    return [
        Finding(
            "app.no_pipelines",
            "warning",
            "the application has no pipelines, so people can do nothing with it",
            "Write one: @app.pipeline above an async function.",
            "app.py",
        )
    ]


def prompt_findings(project: Project) -> list[Finding]:
    """What is wrong, or worth knowing, about the prompts as they are now."""
    label = project.settings.prompts.label
    found = []
    for name, prompt in project.prompts.items():
        if problem := prompt.broken:
            found.append(problem)
        if label and label not in prompt.versions.labels(name):
            found.append(
                Finding(
                    "prompts.I001",
                    "info",
                    f"no version of {name!r} has the label {label!r}, so its file serves",
                    f"Set it: coachwork prompt label {name} {label}",
                    prompt.file,
                )
            )
        if broken := broken_prefix(prompt.compiled):
            found.append(
                Finding(
                    "prompts.W001",
                    "warning",
                    f"{{{{{broken.variable}}}}} stands before {broken.lost} characters of {name!r} that never change, "
                    "so no provider's prefix cache can keep them",
                    "Move it below them, best into the last `## user` section.",
                    f"{broken.file}:{broken.line}",
                )
            )
    return found


def _routes(project: Project) -> list[Finding]:
    """Routes that a knowledge base names and that are not there: else the first search or answer would tell."""
    found = []
    for name, config in project.settings.knowledge.items():
        for setting in ("embed", "next_embed", "rerank", "rewrite", "check"):
            route = getattr(config, setting)
            try:
                if route:
                    limits_of(route, project.models.config)
            except UnknownModel as error:
                message = f"{setting} = {route!r} names no route: {error.message}"
                found.append(Finding("knowledge.route", "error", message, error.hint, f"[knowledge.{name}]"))
    return found


def _folders(project: Project) -> list[Finding]:
    found = []
    for name, base in project.knowledge.items():
        if not base.folder.is_dir():
            found.append(
                Finding(
                    "knowledge.folder",
                    "error",
                    f"the folder of knowledge base {name!r} is not there: {base.folder}",
                    "Make it and put documents in, or correct `folder` in coachwork.toml.",
                    f"[knowledge.{name}]",
                )
            )
    ignore = project.folder / ".gitignore"
    if (project.folder / ".git").exists() and ".coachwork" not in (ignore.read_text() if ignore.is_file() else ""):
        found.append(
            Finding("project.gitignore", "warning", "git would keep the database", "Add .coachwork/ to .gitignore.")
        )
    return found
