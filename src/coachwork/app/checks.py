"""The checks of `coachwork doctor`: what is wrong, how bad, and the fix. Works on a project that does not load."""

import os
from collections.abc import Mapping
from pathlib import Path

from coachwork.app.project import Project, load_project
from coachwork.errors import CoachworkError, Finding, ProjectError


def check_project(folder: Path, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Every finding about the project in `folder`, errors first."""
    try:
        project = load_project(folder, environ)
    except ProjectError as error:
        return [Finding("project.load", "error", error.message, error.hint, error.file)]
    except CoachworkError as error:
        return [Finding(f"project.{error.code}", "error", error.message, error.hint)]
    try:
        found = [*project.models.findings(), *project.webhooks.findings(), *_pipelines(project), *_folders(project)]
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
