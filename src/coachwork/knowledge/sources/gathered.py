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
from coachwork.knowledge.sources.mirror import pull

GIVEN = ""  # the source that the application gives in Python: its documents keep their own names


@dataclass(frozen=True)
class Sources:
    """The sources of a knowledge base by name, and `copies`, the folder where what they have is kept."""

    configs: Mapping[str, SourceConfig]
    given: Source | None
    project: Path
    copies: Path

    def __bool__(self) -> bool:
        return bool(self.configs) or self.given is not None

    async def gather(self, folder: Path, limits: ReadLimits, tell: Callable[[str], None]) -> list[SourceFile]:
        """Every document, sorted by id: of the folder, and of each source below its name.

        A source that can't be reached is named as a document that failed; what was taken of it before stays.
        Where two have the same name the folder's own stands. Raises ProjectError without a folder.
        """
        found = {}
        for name in [*([GIVEN] if self.given else []), *self.configs]:
            for file in await self._of(name, limits, tell):
                id_ = f"{name}/{file.id}" if name and file.id != name else file.id
                found[id_] = replace(file, id=id_)
        own = await asyncio.to_thread(self._own, folder, limits)
        found.update((file.id, file) for file in own)
        return sorted(found.values(), key=lambda file: file.id)

    def _own(self, folder: Path, limits: ReadLimits) -> list[SourceFile]:
        return scan(folder, limits) if folder.is_dir() or not self else []

    async def _of(self, name: str, limits: ReadLimits, tell: Callable[[str], None]) -> list[SourceFile]:
        config = self.configs.get(name)
        if isinstance(config, FolderConfig):
            return await asyncio.to_thread(_files, self.project / config.path, name, limits)
        place = self.copies / (name or "given")
        try:
            refused = await pull(self._source(config, limits), place, limits.max_bytes, tell)
        except CoachworkError as error:
            refused = [SourceFile(name or "source", place / ".none", 0, f"the source failed: {error.message}")]
        return [*(await asyncio.to_thread(scan, place, limits)), *refused] if place.is_dir() else refused

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
