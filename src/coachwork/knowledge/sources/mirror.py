"""Keeps a copy of what a source has in a folder, as files that are then read like any. Knows files and versions.

A file is whole or not there, and its version is written after it: a kill costs fetching it again.
"""

import asyncio
import json
import os
import uuid
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from coachwork.errors import InputError
from coachwork.knowledge.document import SourceFile
from coachwork.knowledge.opened import too_large
from coachwork.knowledge.sources.contract import Item, Source
from coachwork.knowledge.uploads import place_of

_STATE = ".versions.json"
_LAST = ".last-pull.json"
_PART = ".part-"
_SAVE_EVERY = 50  # documents


@dataclass(frozen=True)
class LastPull:
    """A pull that went through: its id, and the documents that could not be had, with why."""

    id: str
    refused: tuple[tuple[str, str], ...]


async def pull(source: Source, folder: Path, limit: int, tell: Callable[[str], None]) -> list[SourceFile]:
    """Bring `folder` to what the source has now; the documents that could not be had, as refused files.

    `limit` is the bytes of one document; `tell` hears each name. Raises SourceUnavailable: the copies then stay.
    """
    folder, versions = await asyncio.to_thread(_prepared, folder)
    refused: dict[str, SourceFile] = {}
    seen: set[str] = set()
    async with aclosing(source.items(dict(versions))) as items:  # type: ignore[type-var]
        async for item in items:
            tell(item.name)
            if reason := await asyncio.to_thread(_taken, folder, item, versions, limit):
                id_ = item.name if item.name.isprintable() else item.name.encode("unicode_escape").decode()
                refused[item.name] = SourceFile(id_, folder / ".none", 0, reason)
            else:
                seen.add(item.name)
                refused.pop(item.name, None)
            if len(seen) % _SAVE_EVERY == 0:
                await asyncio.to_thread(_write, folder, versions)
    await asyncio.to_thread(_keep, folder, seen, versions)
    last = {"id": uuid.uuid4().hex, "refused": [[file.id, file.refusal] for file in refused.values()]}
    await asyncio.to_thread(_put, folder, _LAST, last)
    return list(refused.values())


def last_pull(folder: Path) -> LastPull | None:
    """The last pull into `folder` that went through."""
    try:
        found = json.loads((folder / _LAST).read_text("utf-8"))
        return LastPull(found["id"], tuple((id_, reason) for id_, reason in found["refused"]))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None


def _prepared(folder: Path) -> tuple[Path, dict[str, str]]:
    """The folder, clean of what a kill left, and the versions of the copies that are in it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    for left in folder.rglob(f"{_PART}*"):
        left.unlink(missing_ok=True)
    return folder, {name: version for name, version in _read(folder).items() if (folder / name).is_file()}


def _keep(folder: Path, names: set[str], versions: dict[str, str]) -> None:
    """Take away every copy but those of `names`."""
    for path in [path for path in folder.rglob("*") if path.is_file() and path.name not in (_STATE, _LAST)]:
        name = path.relative_to(folder).as_posix()
        if name not in names:
            path.unlink()
            versions.pop(name, None)
    _write(folder, versions)


def _taken(folder: Path, item: Item, versions: dict[str, str], limit: int) -> str:
    """Store an item; why it is not there now, "" where it is."""
    try:
        place = place_of(folder, item.name)
    except InputError as error:
        return item.reason or error.message
    if item.reason:
        return "" if item.keep and place.is_file() else item.reason
    if item.data is None:
        return "" if place.is_file() else "the source says it has not changed, but there is no copy of it"
    if len(item.data) > limit:
        return too_large(len(item.data), limit)
    if not (place.is_file() and place.stat().st_size == len(item.data) and place.read_bytes() == item.data):
        versions.pop(item.name, None)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.parent / f"{_PART}{uuid.uuid4().hex}"
            part.write_bytes(item.data)
            part.replace(place)
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            return "another document of the source has the name of a folder above it"
    if item.version:
        versions[item.name] = item.version
    return ""


def _read(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / _STATE).read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}  # nothing was taken yet, or a kill left half: everything is asked for anew
    return {str(name): str(version) for name, version in found.items()} if isinstance(found, dict) else {}


def _write(folder: Path, versions: dict[str, str]) -> None:
    _put(folder, _STATE, versions)


def _put(folder: Path, name: str, value: object) -> None:
    part = folder / f"{_PART}{uuid.uuid4().hex}"
    part.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    os.replace(part, folder / name)
