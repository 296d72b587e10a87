"""A prompt's file as a person edits it: read, compared, and saved in one piece. Knows files; no types and no models.

What is saved is checked before by `Prompt.drafted`. No path comes from outside: it is the prompt's own.
"""

import difflib
import hashlib
import os
import stat
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from coachwork.errors import CoachworkError, Conflict, ProjectError

_SAVING = threading.Lock()  # between "it is still what the draft was made from" and the write


@dataclass(frozen=True)
class FileNow:
    """A prompt's file as it is. `revision` changes with every letter; `locked` says why it can't be written, or ""."""

    path: str
    text: str
    revision: str
    locked: str


class ReadOnly(CoachworkError):
    code = "read-only"
    status = 403
    reader_default = "This file can't be written from here. Download your draft as a patch instead."


class ChangedMeanwhile(Conflict):
    """The file is not what the draft was made from: `now` is what it is."""

    code = "changed"
    reader_default = "The file was changed meanwhile. Your draft is kept: look at both, then save again."

    def __init__(self, now: FileNow) -> None:
        super().__init__(f"{now.path} was changed since this draft was begun", hint="Compare, then save again.")
        self.now = now


def file_now(project: Path, file: str, shipped: str = "") -> FileNow:
    """The prompt file `file` of a project, or `shipped` where there is none yet.

    Raises ProjectError where it is gone or no text.
    """
    place = _place(project, file)
    if shipped and not place.exists():
        return FileNow(file, shipped, _revision(shipped.encode()), _locked(place))
    try:
        data = place.read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise ProjectError(f"this file can't be read: {error.strerror}", file=file, hint="Put it back.") from None
    except UnicodeDecodeError:
        raise ProjectError("this file is not UTF-8 text", file=file, hint="Save it as UTF-8.") from None
    return FileNow(file, text.replace("\r\n", "\n"), _revision(data), _locked(place))


def _revision(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def save(project: Path, file: str, text: str, *, based_on: str, shipped: str = "") -> FileNow:
    """Put `text` in the place of the revision `based_on`, whole or not at all; mode and line ends stay.

    Raises ReadOnly, and ChangedMeanwhile where the file is another by now.
    """
    with _SAVING:
        now = file_now(project, file, shipped)
        if now.locked:
            raise ReadOnly(f"{file}: {now.locked}", hint="Download the patch, and apply it: git apply FILE")
        if now.revision != based_on:
            raise ChangedMeanwhile(now)
        place = _place(project, file)
        windows = place.exists() and b"\r\n" in place.read_bytes()
        plain = text.replace("\r\n", "\n")
        _replace(place, (plain.replace("\n", "\r\n") if windows else plain).encode("utf-8"))
        return file_now(project, file)


def patch(file: str, before: str, after: str) -> str:
    """What a draft changes, as `git apply` and `patch -p1` take it; "" where it changes nothing."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{file}", f"b/{file}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _place(project: Path, file: str) -> Path:
    """Where the file really is. Raises ProjectError where a link leads out of the folder `prompts`."""
    place, prompts = (project / file).resolve(), (project / "prompts").resolve()
    if not place.is_relative_to(prompts):
        raise ProjectError("this prompt file is outside the folder prompts", file=file, hint="Move it there.")
    return place


def _locked(place: Path) -> str:
    """Why a file can't be replaced. Modes count for the superuser too: who took the right away meant it."""
    for each, what in ((place, "the file is read-only"), (place.parent, "its folder is read-only")):
        if not each.exists():
            continue
        if not stat.S_IMODE(each.stat().st_mode) & 0o222 or not os.access(each, os.W_OK):
            return what
    return ""


def _replace(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o644
    number, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
