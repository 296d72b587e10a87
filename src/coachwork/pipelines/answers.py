"""How the answers of a prompt were won, counted over the steps of runs: a model that drifts shows here first.

Knows sums over rows; what each way of winning means is `prompts`' to say (`prompts.output`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from coachwork.store.tables import steps

AT_ONCE = ("native", "strict", "text")  # as it came, nothing mended


@dataclass(frozen=True)
class Count:
    """Answers of one model: `how` by the way they were won, `failed` by the code of the error, "" for a bug's."""

    how: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        return sum(self.how.values()) + sum(self.failed.values())

    @property
    def at_once(self) -> float | None:
        """The share that was right as it came, from 0 to 1; None where none was asked."""
        return sum(self.how.get(way, 0) for way in AT_ONCE) / self.asked if self.asked else None


@dataclass(frozen=True)
class Compared:
    """One model's answers in a time, and in the time of the same length before it."""

    model: str
    now: Count
    before: Count


def compared(connection: sa.Connection, prompt: str, days: int, until_ms: int) -> list[Compared]:
    """Each model's answers to a prompt in runs, in the last `days` of 24 hours, the model most asked first.

    `until_ms` is in milliseconds since 1970 UTC. "" is the model of an answer that no model gave.
    """
    long = days * 86_400_000
    now = _won(connection, prompt, until_ms - long, until_ms)
    before = _won(connection, prompt, until_ms - 2 * long, until_ms - long)
    models = sorted({*now, *before}, key=lambda model: (-now.get(model, Count()).asked, model))
    return [Compared(model, now.get(model, Count()), before.get(model, Count())) for model in models]


def _won(connection: sa.Connection, prompt: str, since_ms: int, until_ms: int) -> dict[str, Count]:
    """Of the steps begun in [since, until) that have ended. What the cache answered says nothing of the model."""
    code = steps.c.error["code"].as_string()
    query = (
        sa.select(steps.c.model, steps.c.how, code.label("code"), sa.func.count().label("times"))
        .where(
            steps.c.kind == "prompt",
            steps.c.name == prompt,
            steps.c.started_at >= since_ms,
            steps.c.started_at < until_ms,
            steps.c.status.in_(("succeeded", "failed")),
            steps.c.cached.is_(False),
        )
        .group_by(steps.c.model, steps.c.how, code)
    )
    how: dict[str, Counter[str]] = {}
    failed: dict[str, Counter[str]] = {}
    for row in connection.execute(query):
        sort, key = (how, row.how) if row.code is None else (failed, row.code)
        sort.setdefault(row.model, Counter())[key] += row.times
    return {model: Count(how.get(model, {}), failed.get(model, {})) for model in {*how, *failed}}


def last_asked(connection: sa.Connection, prompts: list[str]) -> dict[str, int]:
    """When each prompt was last asked in a run, in milliseconds since 1970 UTC; those that never were are left out."""
    newest = sa.select(sa.func.max(steps.c.started_at)).where(steps.c.kind == "prompt")
    found = {name: connection.execute(newest.where(steps.c.name == name)).scalar() for name in prompts}
    return {name: at for name, at in found.items() if at is not None}
