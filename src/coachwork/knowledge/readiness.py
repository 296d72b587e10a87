"""Whether a search can find all documents yet: one that comes while they are read for the first time waits for that.

Knows ingestions by their rows; searches nothing. An ingestion of what changed holds nobody up: the documents of before
are there.
"""

import asyncio

from coachwork.knowledge.ingest_queue import IngestQueue
from coachwork.tracing.scope import current_scope

_LOOK_SECONDS = 0.3


class Readiness:
    """Of one knowledge base, in this process."""

    def __init__(self) -> None:
        self._coming: set[asyncio.Task[None]] = set()
        self._whole = False

    def expect(self, ingest: "asyncio.Task[None]") -> None:
        """An ingest that this process will begin, or is at."""
        self._coming.add(ingest)
        ingest.add_done_callback(self._coming.discard)

    async def wait(self, queue: IngestQueue, title: str) -> None:
        """Return once an ingestion by the model and access rules of now has ended, or none is at work."""
        told = False
        while not self._whole:
            self._whole = await queue.is_whole()
            if self._whole or not (self._coming or (await queue.state()).state == "working"):
                return
            if not told:
                current_scope().note(f"Waiting until the {title} has been read")
                told = True
            await asyncio.sleep(_LOOK_SECONDS)
