"""An answer that a step had received before a crash is given again: nobody is asked, nothing is booked twice."""

from collections.abc import Callable
from typing import Any

from coachwork.models import ModelConfig
from coachwork.testing import line, script
from coachwork.tracing.scope import DirectScope, entered

PRICED = {"one:m": ModelConfig(input_usd_per_million=1000, output_usd_per_million=0)}


class Cut(DirectScope):
    """A step that keeps what it receives in `kept`, and begins to count anew where it is made again."""

    run_id = "run_1"
    step_seq = 1

    def __init__(self, kept: dict[tuple[str, int], Any]) -> None:
        self.kept = kept
        self.count = 0

    async def received(self, question: str) -> tuple[int, Any]:
        self.count += 1
        return self.count, self.kept.get((question, self.count))

    def keeping(self, question: str, number: int, answer: Any) -> Callable[[Any], None]:
        return lambda _connection: self.kept.update({(question, number): answer})


async def test_a_step_that_is_made_again_has_the_answers_it_had(room: Any) -> None:
    fake = script(line("Good"), line("morning"), line("to all"))
    here = room(fake, models=PRICED)
    kept: dict[tuple[str, int], Any] = {}
    with entered(Cut(kept)):
        before = [await here.complete(), await here.complete()]
    here.database.flush()
    with entered(Cut(kept)):
        after = [await here.complete() for _ in range(3)]
    assert after[:2] == before
    assert [reply.text for reply in after] == ["Good", "morning", "to all"]
    assert len(fake.requests) == len(here.records) == 3
