"""`coachwork new`: a small working project to change. Knows the template; the template is a project like any other."""

import re
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption
from coachwork.errors import InputError

_TITLE = "Template title"  # stands in the template's files where the project's own title belongs
_RENAMED = {"gitignore": ".gitignore"}


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The folder to make; its name becomes the title.")],
    as_json: JsonOption = False,
) -> None:
    """Make a small working project: a form and a chat that answer from a few documents."""
    folder = Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{str(folder)!r} is there already and is not empty", hint="Choose another name.")
    title = re.sub(r"[-_.\s]+", " ", folder.resolve().name).strip().capitalize()
    if not title:
        raise InputError(f"{name!r} is no name for a folder", hint="For example: coachwork new support-desk")
    try:
        written = list(_copy(files("coachwork.cli") / "template", folder, title))
    except OSError as error:
        raise InputError(f"{str(error.filename or folder)!r} can't be written: {error.strerror}") from None
    if as_json:
        output.print_json({"project": folder.resolve(), "title": title, "files": sorted(written)})
        return
    console = output.out()
    console.print(f"{title} is in {folder}/")
    for path in sorted(written):
        console.print(f"  {path}", style="dim")
    console.print("\nNext:")
    for line in _next_steps(name):
        console.print(f"  {line}")


def _copy(source: Traversable, target: Path, title: str, below: str = "") -> "list[str]":
    """Copy the template's files, with the project's title in them; gives their paths below the project."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for entry in source.iterdir():
        name = _RENAMED.get(entry.name, entry.name)
        if entry.is_dir() and name != "__pycache__":
            written += _copy(entry, target / name, title, f"{below}{name}/")
        elif entry.is_file():
            (target / name).write_text(entry.read_text("utf-8").replace(_TITLE, title), "utf-8")
            written.append(below + name)
    return written


def _next_steps(name: str) -> list[str]:
    lines = [f"cd {shlex.quote(name)}"]
    if not all(find_spec(part) for part in ("lancedb", "xllamacpp")):
        lines.append('pip install "coachwork[knowledge,local]"      documents and a model on this machine')
    return [
        *lines,
        "coachwork serve        the page; fetches the local models first, after asking",
        "coachwork doctor       what is missing or wrong",
        "Then change app.py, prompts/ and knowledge/: they are the whole application.",
    ]
