"""The documents of a folder, as files. Knows what is never opened: hidden files, links, what is too big."""

import os
import re
import stat
from pathlib import Path

from coachwork.errors import NotFound, ProjectError
from coachwork.knowledge.document import ReadLimits, SourceFile
from coachwork.knowledge.opened import too_large, what_it_is
from coachwork.knowledge.parse import PARSERS, format_of

_NOT_DOCUMENTS = re.compile(r"(?:\..*|~\$.*|__MACOSX|__pycache__|node_modules|Thumbs\.db|desktop\.ini)\Z")


def is_document_name(part: str) -> bool:
    """May a part of a document's path be called so? Not empty, hidden, `..`, or what editors and systems leave."""
    return bool(part.strip()) and not _NOT_DOCUMENTS.match(part)


def scan(folder: Path, limits: ReadLimits) -> list[SourceFile]:
    """Every document below `folder`, sorted by id. Raises ProjectError where there is no such folder.

    Hidden files and editors' lock files are passed over. A link is followed nowhere: one that leaves the
    folder is named with that reason, one inside it is read under its own name alone.
    """
    if not folder.is_dir():
        raise ProjectError(
            f"the folder of documents is not there: {folder}",
            hint="Make it and put documents in, or correct `folder` in coachwork.toml.",
        )
    root = folder.resolve()
    found = []
    for directory, names, files in os.walk(root, followlinks=False):
        names[:] = sorted(name for name in names if not _NOT_DOCUMENTS.match(name))
        links = [name for name in names if Path(directory, name).is_symlink()]
        for name in (*files, *links):
            if not _NOT_DOCUMENTS.match(name) and (file := _file(root, Path(directory, name), limits)) is not None:
                found.append(file)
    return sorted(found, key=lambda file: file.id)


def _file(root: Path, path: Path, limits: ReadLimits) -> SourceFile | None:
    id_ = path.relative_to(root).as_posix()
    try:
        info = path.lstat()
    except OSError:
        return None  # gone since the folder was listed
    if not id_.isprintable() or (not id_.isascii() and id_ != id_.encode(errors="replace").decode()):
        safe = id_.encode("unicode_escape").decode()
        return SourceFile(safe, path, info.st_size, "its name holds characters that can't be shown")
    if stat.S_ISLNK(info.st_mode):
        if path.resolve().is_relative_to(root):
            return None
        return SourceFile(id_, path, 0, "it is a link to a place outside of the folder, and links are not followed")
    if kind := what_it_is(info.st_mode):
        return SourceFile(id_, path, 0, f"it is {kind}")
    if info.st_size > limits.max_bytes:
        return SourceFile(id_, path, info.st_size, too_large(info.st_size, limits.max_bytes))
    return SourceFile(id_, path, info.st_size)


def original(folder: Path, id_: str) -> Path:
    """The file of a document, for an attachment that of its mail; never outside of `folder`, never a hidden one.

    Raises NotFound.
    """
    root = folder.resolve()
    parts = id_.split("/")
    mails = (number for number, part in enumerate(parts[:-1], start=1) if format_of(part) == "eml")
    mail = next((number for number in mails if root.joinpath(*parts[:number]).is_file()), None)
    if mail is not None:
        return original(folder, "/".join(parts[:mail]))
    plain = "\\" not in id_ and "\0" not in id_ and all(part and not _NOT_DOCUMENTS.match(part) for part in parts)
    path = root.joinpath(*parts) if plain else root
    if not plain or format_of(id_) not in PARSERS or path.resolve() != path or not path.is_file():
        raise NotFound(f"there is no document {id_!r} in {folder}")
    return path
