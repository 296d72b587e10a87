"""All documents of a knowledge base, wherever they come from, as files to be read. Knows folders and copies of
sources."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from coachwork.errors import CoachworkError, NotFound, ProjectError
from coachwork.knowledge.document import ReadLimits, SourceFile
from coachwork.knowledge.folder import original, scan
from coachwork.knowledge.sources.config import FolderConfig, S3Config, SourceConfig
from coachwork.knowledge.sources.contract import Source
from coachwork.knowledge.sources.mirror import last_pull, pull
from coachwork.store.locks import Locks

GIVEN = ""  # the source that the application gives in Python: its documents keep their own names


@dataclass(frozen=True)
class Sources:
    """The sources of a knowledge base by name, and `copies`, the folder where what they have is kept."""

    knowledge: str
    configs: Mapping[str, SourceConfig]
    given: Source | None
    project: Path
    copies: Path
    locks: Locks

    def __bool__(self) -> bool:
        return bool(self.names)

    @property
    def names(self) -> list[str]:
        return [*([GIVEN] if self.given else []), *self.configs]

    async def gather(self, folder: Path, limits: ReadLimits, tell: Callable[[str], None]) -> list[SourceFile]:
        """Every document, sorted by id: of the folder, and of each source below its name.

        Where two have the same name the folder's own stands. Raises ProjectError without a folder.
        """
        found: dict[str, SourceFile] = {}
        for name in self.names:
            found.update((file.id, file) for file in await self.asked(name, limits, tell))
        found.update((file.id, file) for file in await self.own(folder, limits))
        return sorted(found.values(), key=lambda file: file.id)

    async def own(self, folder: Path, limits: ReadLimits) -> list[SourceFile]:
        """The documents of the folder. Raises ProjectError where there is none, and no source either."""
        return await asyncio.to_thread(lambda: scan(folder, limits) if folder.is_dir() or not self else [])

    async def asked(self, name: str, limits: ReadLimits, tell: Callable[[str], None]) -> list[SourceFile]:
        """The documents of a source, which is asked what it has now; one that can't be reached is named as a document
        that failed, and what was taken of it before stays.

        One process at a time asks a source. Who had to wait for another takes what that one was told.
        """
        config = self.configs.get(name)
        if isinstance(config, FolderConfig):
            return self._named(name, await asyncio.to_thread(_files, self.project / config.path, name, limits))
        place = self.copies / (name or "given")
        before, waited = await asyncio.to_thread(last_pull, place), False

        def waiting() -> None:
            nonlocal waited
            waited = True
            tell("waiting for another process that asks it")

        async with self.locks.exclusive(f"source {self.knowledge} {name}", waiting):
            last = await asyncio.to_thread(last_pull, place) if waited else None
            if last is not None and (before is None or last.id != before.id):
                refused = [SourceFile(id_, place / ".none", 0, reason) for id_, reason in last.refused]
            else:
                try:
                    refused = await pull(self._source(config, limits), place, limits.max_bytes, tell)
                except CoachworkError as error:
                    refused = [SourceFile(name or "source", place / ".none", 0, f"the source failed: {error.message}")]
        return self._named(name, [*(await self._copied(place, limits)), *refused])

    async def listed(self, folder: Path, limits: ReadLimits) -> dict[str, SourceFile]:
        """Every document that is here now, by id; no source is asked."""
        found: dict[str, SourceFile] = {}
        for name in self.names:
            config = self.configs.get(name)
            if isinstance(config, FolderConfig):
                files = await asyncio.to_thread(_files, self.project / config.path, name, limits)
            else:
                files = await self._copied(self.copies / (name or "given"), limits)
            found.update((file.id, file) for file in self._named(name, files))
        found.update((file.id, file) for file in await self.own(folder, limits))
        return found

    def _named(self, name: str, files: list[SourceFile]) -> list[SourceFile]:
        return [replace(file, id=f"{name}/{file.id}" if name and file.id != name else file.id) for file in files]

    async def _copied(self, place: Path, limits: ReadLimits) -> list[SourceFile]:
        return await asyncio.to_thread(lambda: scan(place, limits) if place.is_dir() else [])

    def _source(self, config: SourceConfig | None, limits: ReadLimits) -> Source:
        if config is None:
            assert self.given is not None
            return self.given
        if isinstance(config, S3Config):
            from coachwork.knowledge.sources.s3 import Bucket

            return Bucket(config, limits.max_bytes)
        from coachwork.knowledge.sources.web import Web

        assert not isinstance(config, FolderConfig)
        return Web(config, limits.max_bytes)

    def file(self, folder: Path, id_: str) -> Path:
        """The original file of a document, or the copy that was taken of it. Raises NotFound."""
        try:
            return original(folder, id_)
        except NotFound:
            name, _, rest = id_.partition("/")
            config = self.configs.get(name)
            if isinstance(config, FolderConfig):
                path = (self.project / config.path).resolve()
                return original(path if path.is_dir() else path.parent, rest)
            if config is not None:
                return original(self.copies / name, rest)
            if self.given is not None:
                return original(self.copies / "given", id_)
            raise


def _files(path: Path, name: str, limits: ReadLimits) -> list[SourceFile]:
    if path.is_file():
        path = path.resolve()
        return [file for file in scan(path.parent, limits) if file.path == path]
    try:
        return scan(path, limits)
    except ProjectError as error:
        return [SourceFile(name, path, 0, error.message)]
