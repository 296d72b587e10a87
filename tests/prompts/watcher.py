"""A scope that keeps the records of its steps and the text that was shown."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from coachwork.messages import JsonValue, StepRecord
from coachwork.tracing.scope import DirectScope, entered


class Records(list[StepRecord], DirectScope):
    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    async def step(self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        self.append(record)
        return await call()

    def text(self, delta: str) -> None:
        self.shown.append(delta)

    def restart_text(self) -> None:
        self.shown.clear()


@contextmanager
def watching() -> Iterator[Records]:
    records = Records()
    with entered(records):
        yield records
