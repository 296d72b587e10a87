"""Where the texts of a prompt come from: the project's folder, or a version that was kept. Knows files; no types.

What is read is remembered, so that a version can be kept whole and a saved file be noticed.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from coachwork.errors import ProjectError, did_you_mean
from coachwork.prompts.file import Partials, PromptFile, parse


class Texts(Protocol):
    """Texts by path, relative to the project: `prompts/triage.md`."""

    def read(self, file: str) -> str | None:
        """The text, None where there is no such file. Raises ProjectError where it can't be read."""

    def files(self) -> Sequence[str]:
        """Every file below `prompts/` that is there."""


@dataclass(frozen=True)
class Folder:
    """The files of a project, as they are now. `shipped` are texts that serve where the project has no such file."""

    project: Path
    shipped: Mapping[str, str] = field(default_factory=dict)

    def read(self, file: str) -> str | None:
        path = self.project / file
        if not path.resolve().is_relative_to((self.project / "prompts").resolve()) or not path.is_file():
            return self.shipped.get(file)
        try:
            return path.read_text("utf-8")
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise ProjectError("this file is not UTF-8 text", file=file, line=line, hint="Save it as UTF-8.") from None
        except OSError as error:
            raise ProjectError(
                f"this file can't be read: {error.strerror}", file=file, hint="Check its permissions."
            ) from None

    def files(self) -> Sequence[str]:
        found = (self.project / "prompts").rglob("*")
        own = {path.relative_to(self.project).as_posix() for path in found if path.suffix in (".md", ".yaml")}
        return sorted(own | set(self.shipped))

    def stamps(self, files: Sequence[str]) -> tuple[tuple[str, int, int, int], ...]:
        """Time, size and number of every file and of the folders around: what tells that something was saved."""
        folders = sorted({str(PurePosixPath(file).parent) for file in files})
        made = []
        for each in (*files, *folders):
            try:
                status = os.stat(os.path.join(self.project, each))  # at every call: a Path would cost as much again
                made.append((each, status.st_mtime_ns, status.st_size, status.st_ino))
            except OSError:
                made.append((each, 0, 0, 0))
        return tuple(made)


@dataclass(frozen=True)
class Kept:
    """The files of a version, as they were."""

    texts: Mapping[str, str]

    def read(self, file: str) -> str | None:
        return self.texts.get(file)

    def files(self) -> Sequence[str]:
        return sorted(self.texts)


@dataclass(frozen=True)
class Drafted:
    """The files of a project, one of them with another text."""

    folder: Folder
    file: str
    text: str

    def read(self, file: str) -> str | None:
        return self.text if file == self.file else self.folder.read(file)

    def files(self) -> Sequence[str]:
        return self.folder.files()


@dataclass(frozen=True)
class Read:
    """A prompt file as it was read, with every text that it is made of by path."""

    file: PromptFile
    texts: Mapping[str, str] = field(default_factory=dict)
    cases: str | None = None  # the text of the cases file that its examples or tests come from
    cases_path: str = ""


def read_prompt(texts: Texts, path: str) -> Read:
    """Read a prompt with its partials, variants and cases. Raises ProjectError with file, line and fix."""
    taken: dict[str, str] = {}

    def take(file: str) -> str | None:
        text = texts.read(file)
        if text is not None:
            taken[file] = text
        return text

    def partial(name: str) -> tuple[str, str] | None:
        for file in _partial_files(name):
            if (text := take(file)) is not None:
                return file, text
        return None

    source = take(path)
    names = texts.files()
    if source is None:
        raise _missing(path, names)
    variants = {name: take(name) or "" for name in names if _is_variant(name, path)}
    file = parse(source, path, Partials(partial, _partial_names(names)), variants)
    cases_path = cases_file(path, file)
    return Read(file, taken, take(cases_path), cases_path)


def cases_file(path: str, file: PromptFile) -> str:
    """The file of a prompt's cases: beside it, or where its examples are taken from."""
    chosen = file.settings.examples
    if isinstance(chosen, list) or chosen.source == "cases":
        return path.removesuffix(".md") + ".cases.yaml"
    return f"prompts/{chosen.source}"


def _partial_files(name: str) -> tuple[str, str]:
    parent, _, last = name.rpartition("/")
    return f"prompts/{parent + '/' if parent else ''}_{last}.md", f"prompts/partials/{name}.md"


def _partial_names(files: Sequence[str]) -> list[str]:
    found = set()
    for file in files:
        path = PurePosixPath(file).relative_to("prompts")
        if path.suffix == ".md" and path.name.startswith("_"):
            found.add(path.with_name(path.stem[1:]).as_posix())
        elif path.suffix == ".md" and path.parts[0] == "partials":
            found.add(path.relative_to("partials").with_suffix("").as_posix())
    return sorted(found)


def _is_variant(file: str, of: str) -> bool:
    return file.endswith(".md") and file.startswith(of.removesuffix(".md") + "@")


def prompt_names(files: Sequence[str]) -> list[str]:
    """The prompts among files, without partials and variants."""
    names = (PurePosixPath(file).relative_to("prompts") for file in files if file.endswith(".md"))
    return [
        path.with_suffix("").as_posix()
        for path in names
        if not path.name.startswith("_") and path.parts[0] != "partials" and "@" not in path.name
    ]


def _missing(path: str, files: Sequence[str]) -> ProjectError:
    name = path.removeprefix("prompts/").removesuffix(".md")
    return ProjectError(
        "this prompt file is missing",
        file=path,
        hint=f"Write it in the folder prompts. {did_you_mean(name, prompt_names(files))}",
    )
