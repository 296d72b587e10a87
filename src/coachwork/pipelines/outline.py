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
    "step", "prompt", "search", "verify", "approval", "sleep", "webhook", "transcribe", "tool", "server", "unknown",
    "again", "agent", "pipeline", "function", "branches", "branch", "items", "choice", "way", "loop", "graph", "node",
]
# fmt: on


class Arrow(BaseModel):
    """Where a node of a graph leads: to the node of that name, or to the graph's end. `maybe`: one of several ways."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str
    maybe: bool


class Part(BaseModel):
    """Something that a run may do, with what is inside of it in the order of the code.

    Of an `agent` the parts are what it may use, in no order; of `branches` each is a `branch`, done side by side; of
    a `choice` each is a `way`, of which a run goes one; the parts of a `loop` are done any number of times, those of
    `items` for each item. A `graph` is what another framework says of itself: nodes, each with its `arrows`. `again`
    is a call of what stands around it. `where` is file and line in the project.
    `ends` says of a way that the run does not go on behind the choice but leaves what is around it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    label: str
    name: str = ""
    where: str = ""
    ends: Literal["", "return", "raise", "break", "continue"] = ""
    parts: list["Part"] = []
    arrows: list[Arrow] = []


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
    parts = pipeline.own_parts()
    if parts is None and isinstance(function, FunctionType):
        parts = walk.parts_of(function)
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


# ── As Mermaid ─────────────────────────────────────────────────────────────────────────────────


def mermaid(outline: Outline) -> str:
    """The outline as a flowchart of Mermaid (https://mermaid.js.org/syntax/flowchart.html)."""
    drawing = _Drawing()
    drawing.line('start(["' + _quoted(outline.title) + '"])')
    last = drawing.following(["start"], outline.parts)
    drawing.line('done(["Its result"])')
    drawing.arrows([*last, *drawing.left], "done")
    drawing.line("classDef unseen stroke-dasharray: 5 5")
    return "\n".join(["flowchart TD", *(f"    {line}" for line in drawing.lines)]) + "\n"


class _Drawing:
    """Lines of a chart, and what leads to the end from the middle of it. An end is a node, or a node and a word."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.left: list[str] = []
        self._number = 0

    def line(self, text: str) -> None:
        self.lines.append(text)

    def arrows(self, ends: list[str], to: str) -> None:
        for end in ends:
            node, _, word = end.partition(" ")
            self.line(f'{node} -->|"{_quoted(word)}"| {to}' if word else f"{node} --> {to}")

    def following(self, ends: list[str], parts: list[Part]) -> list[str]:
        """Draw parts below what `ends` names; what leads on from the last of them."""
        for part in parts:
            ends = self._drawn(ends, part)
        return ends

    def _drawn(self, ends: list[str], part: Part) -> list[str]:
        self._number += 1
        node = f"n{self._number}"
        if part.kind in ("choice", "branches"):
            words = "?" if part.kind == "choice" else "side by side"
            self.line(f'{node}{{"{words}"}}')
            self.arrows(ends, node)
            return [end for way in part.parts for end in self._way(node, way)]
        if part.kind == "graph":
            return self._graph(node, ends, part)
        if part.parts and part.kind not in ("agent", "node"):
            left = [*self.left]
            self.line(f'subgraph {node}["{_quoted(part.label)}"]')
            self.following([], part.parts)
            self.line("end")
            if part.kind not in ("loop", "items"):
                self.left = left  # a return inside of it ends it alone
            self.arrows(ends, node)
            return [node]
        used = "".join(f"<br/>· {_quoted(tool.label)}" for tool in part.parts)
        dashed = ":::unseen" if part.kind == "unknown" else ""
        self.line(f'{node}["{_quoted(part.label)}{used}"]{dashed}')
        self.arrows(ends, node)
        return [node]

    def _graph(self, graph: str, ends: list[str], part: Part) -> list[str]:
        """Its nodes within a frame, with the arrows between them; what leads to its end leads on from the frame."""
        self.line(f'subgraph {graph}["{_quoted(part.label)}"]')
        nodes = {each.name: f"{graph}_{number}" for number, each in enumerate(part.parts)}
        for each in part.parts:
            used = "".join(f"<br/>· {_quoted(tool.label)}" for tool in each.parts)
            self.line(f'{nodes[each.name]}["{_quoted(each.label)}{used}"]')
        if any(arrow.to == "" for each in part.parts for arrow in each.arrows):
            self.line(f'{graph}_end(["its end"])')
        for each in part.parts:
            for arrow in each.arrows:
                to = nodes.get(arrow.to, f"{graph}_end")
                self.line(f"{nodes[each.name]} {'-.->' if arrow.maybe else '-->'} {to}")
        self.line("end")
        self.arrows(ends, graph)
        return [graph]

    def _way(self, node: str, way: Part) -> list[str]:
        ends = self.following([f"{node} {way.label}"], way.parts)
        if way.ends == "return":
            self.left += ends
        return [] if way.ends else ends


def _quoted(text: str) -> str:
    """As it may stand between quotes there."""
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
