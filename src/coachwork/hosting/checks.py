"""What `coachwork doctor` says about hosted pipelines. Starts nothing; knows names of classes, imports none."""

import shutil
from collections.abc import Iterable

from coachwork.errors import Finding
from coachwork.hosting.pipeline import Hosted
from coachwork.hosting.process import Process


def findings(hosted: Iterable[Hosted]) -> list[Finding]:
    """An environment that is not there, and graphs whose questions do not outlive the process."""
    found = []
    for pipeline in hosted:
        if pipeline.process is not None and not _there(pipeline.process):
            found.append(
                Finding(
                    "hosted.environment",
                    "error",
                    f"{pipeline.name!r} can't be started: there is no {pipeline.process.command[0]}",
                    "Make its environment: python -m venv …, and install there what it hosts.",
                    f"[hosted.{pipeline.name}]",
                )
            )
        if type(getattr(pipeline.thing, "checkpointer", None)).__name__ in ("InMemorySaver", "MemorySaver"):
            found.append(
                Finding(
                    "hosted.checkpointer",
                    "warning",
                    f"the graph {pipeline.name!r} keeps its checkpoints in memory: one that waits for a person is lost "
                    "when the server ends",
                    "Compile it with a checkpointer that outlives the process, as SqliteSaver or PostgresSaver.",
                    "app.py",
                )
            )
    return found


def _there(process: Process) -> bool:
    return shutil.which(process.command[0], path=process.search_path) is not None
