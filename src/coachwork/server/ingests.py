"""Ingests that this process was asked for over HTTP, one a knowledge base. Knows how far they are; reads nothing."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from coachwork.errors import CoachworkError
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.document import IngestProgress
from coachwork.server.problems import bug, from_error, log_bug

STUCK_SECONDS = 60.0
_UNKNOWN = IngestProgress(0, 0, 0, 0, "", 0.0)


def _now() -> int:
    return int(time.time() * 1000)


@dataclass
class Ingesting:
    """One ingest: its last word, when it began and last moved (epoch milliseconds), and how it ended."""

    progress: IngestProgress = _UNKNOWN
    started_ms: int = field(default_factory=_now)
    moved_ms: int = field(default_factory=_now)
    ended: Literal["", "done", "failed"] = ""
    problem: dict[str, Any] | None = None

    @property
    def state(self) -> Literal["waiting", "working", "stuck", "done", "failed"]:
        if self.ended:
            return self.ended
        if self.progress.phase == "waiting":
            return "waiting"
        return "stuck" if _now() - self.moved_ms > STUCK_SECONDS * 1000 else "working"

    @property
    def documents_a_second(self) -> float | None:
        done, seconds = self.progress.read, self.progress.seconds
        return round(done / seconds, 2) if done and seconds >= 1 else None

    @property
    def seconds_left(self) -> float | None:
        """None when it has ended, or where nothing can be told yet."""
        speed = self.documents_a_second
        return round((self.progress.found - self.progress.read) / speed, 1) if speed and not self.ended else None


class Ingests:
    """The last ingest of each knowledge base that this process began."""

    def __init__(self) -> None:
        self._of: dict[str, Ingesting] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, knowledge: str) -> Ingesting | None:
        return self._of.get(knowledge)

    def start(self, base: KnowledgeBase) -> Ingesting:
        """Begin one; the one that is under way where there is one."""
        last = self._of.get(base.name)
        if last is not None and not last.ended:
            return last
        begun = self._of[base.name] = Ingesting()
        task = asyncio.create_task(self._run(base, begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return begun

    async def close(self) -> None:
        """Stop those under way; what they have indexed stays, and the next one goes on from there."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, base: KnowledgeBase, ingesting: Ingesting) -> None:
        def tell(progress: IngestProgress) -> None:
            ingesting.progress, ingesting.moved_ms = progress, _now()

        try:
            await base.ingest(tell)
        except CoachworkError as error:
            ingesting.ended, ingesting.problem = "failed", from_error(error).plain()
        except Exception as error:
            ingesting.ended, ingesting.problem = "failed", bug(log_bug(error, knowledge=base.name)).plain()
        else:
            ingesting.ended = "done"
        finally:
            ingesting.moved_ms = _now()
