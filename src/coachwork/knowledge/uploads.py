"""Documents that come as bytes: put into the folder under a name that is safe there. Knows names; parses nothing.

A document stands in the folder whole or not at all: it is written beside its place under a hidden name, read, and
only then moved. What a kill leaves of it is cleaned up by the next one.
"""

import os
import time
import uuid
from pathlib import Path

from coachwork.errors import InputError, NotFound
from coachwork.knowledge.folder import is_document_name
from coachwork.knowledge.opened import too_large
from coachwork.knowledge.parse import PARSERS, format_of

_STAGED = ".coachwork-upload-"
_LEFT_SECONDS = 3600  # a staged file as old as this belongs to nobody any more
_NAME_BYTES = 200  # file systems take 255 of a name


def place_of(folder: Path, name: str) -> Path:
    """Where a document called `name` (forward slashes, below the folder) belongs. Raises InputError."""
    if not _is_plain(name):
        raise InputError(
            f"{name[:200]!r} is no name of a document",
            hint="Use a name such as returns.pdf or 2026/returns.pdf: no `..`, no hidden files, no control characters.",
        )
    if any(len(part.encode(errors="replace")) > _NAME_BYTES for part in name.split("/")) or name.count("/") > 20:
        raise InputError(f"the name {name[:60]!r}… is too long", hint=f"At most {_NAME_BYTES} bytes a part.")
    if format_of(name) not in PARSERS:
        raise InputError(f"{name!r} is of a type that is not read", hint=f"These are: {', '.join(sorted(PARSERS))}.")
    path = folder.resolve().joinpath(*name.split("/"))
    if path.parent.resolve() != path.parent or path.is_symlink() or path.is_dir():
        raise InputError(f"{name!r} would not be a file of its own in the folder", hint="Choose another name.")
    return path


def file_of(folder: Path, name: str) -> Path:
    """The file of a document that is to be removed, also one that could not be read. Raises NotFound."""
    path = folder.resolve().joinpath(*name.split("/")) if _is_plain(name) else folder
    if path.parent.resolve() != path.parent or not (path.is_file() or path.is_symlink()):
        raise NotFound(f"there is no file {name!r} in {folder}", hint="What is attached to a mail goes with the mail.")
    return path


def _is_plain(name: str) -> bool:
    return "\\" not in name and name.isprintable() and all(is_document_name(part) for part in name.split("/"))


def staged(folder: Path, place: Path, data: bytes, limit: int) -> Path:
    """The bytes in a hidden file of the folder. Raises InputError where they are too many, OSError of the disk."""
    if len(data) > limit:
        raise InputError(f"{place.name!r} is not taken: {too_large(len(data), limit)}")
    root = folder.resolve()
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"{_STAGED}{uuid.uuid4().hex}{place.suffix}"
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def clean(folder: Path) -> None:
    """Take away what interrupted uploads left; those of other processes that are under way are younger."""
    for path in folder.glob(f"{_STAGED}*"):
        try:
            if time.time() - path.stat().st_mtime > _LEFT_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # its upload has just ended
