"""What a pipeline will do, as far as its code says: `outline`. Data and words; reading the code is code_walk's.

What can't be seen in the code stands as `unknown` with its line: nothing is guessed.
"""

from pathlib import Path
from types import FunctionType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from coachwork.pipelines.pipeline import Pipeline

# fmt: off
Kind = Literal[
    "step", "prompt", "search", "approval", "sleep", "webhook", "transcribe", "tool", "server", "unknown", "again",
    "agent", "pipeline", "function", "branches", "branch", "items", "choice", "way", "loop",
]
# fmt: on


class Part(BaseModel):
    """Something that a run may do, with what is inside of it in the order of the code.

    Of an `agent` the parts are what it may use, in no order; of `branches` each is a `branch`, done side by side; of
    a `choice` each is a `way`, of which a run goes one; the parts of a `loop` are done any number of times, those of
    `items` for each item. `again` is a call of what stands around it. `where` is file and line in the project.
    `ends` says of a way that the run does not go on behind the choice but leaves what is around it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    label: str
    name: str = ""
    where: str = ""
    ends: Literal["", "return", "raise", "break", "continue"] = ""
    parts: list["Part"] = []


class Outline(BaseModel):
    """The parts of a pipeline, one after the other. `whole` is False where something of it can't be seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: str
    title: str
    where: str
    whole: bool
    parts: list[Part]


def outline(pipeline: Pipeline[..., Any], folder: Path) -> Outline:
    """What the code of a pipeline of the project in `folder` does, without running it."""
    from coachwork.pipelines.code_walk import Walk

    walk, function = Walk(folder), pipeline.function
    parts = walk.parts_of(function) if isinstance(function, FunctionType) else None
    if parts is None:
        parts = [Part(kind="unknown", label="It is not made in this project's code", name=pipeline.name)]
    return Outline(
        pipeline=pipeline.name,
        title=pipeline.title,
        where=walk.place_of(function),
        whole=not _unseen(parts),
        parts=parts,
    )


def _unseen(parts: list[Part]) -> bool:
    return any(part.kind == "unknown" or _unseen(part.parts) for part in parts)
