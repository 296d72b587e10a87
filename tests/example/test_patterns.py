"""Every pattern of examples/patterns runs: with a fake model here, with a real one by `python run_all.py` there."""

import importlib.util
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from coachwork.app.project import load_project
from coachwork.app.runtime import Runtime
from coachwork.pipelines.outline import Part, outline
from coachwork.pipelines.views import RunDetail

PATTERNS = Path(__file__).resolve().parents[2] / "examples" / "patterns"
FAKE = """
from typing import Any

from coachwork.messages import ModelRequest, ToolCallPart, ToolResultPart
from coachwork.testing import FakeModel


async def answer(request: ModelRequest) -> Any:
    told, asked = request.messages[0].text, request.messages[-1].text
    fields = (request.schema or {}).get("properties", {})
    if "topic" in fields:
        return {"topic": "repair" if "chain" in asked else "billing" if "invoice" in asked else "other"}
    if "parts" in fields:
        return {"parts": ["Clean it", "Oil it"]}
    if "go" in fields:
        return {"go": asked.count("\\n- ") >= 2, "because": f"{asked.count(chr(10) + '- ')} opinions"}
    if request.tools:
        done = any(isinstance(part, ToolResultPart) for part in request.messages[-1].parts)
        return "It hangs." if done else ToolCallPart("p", "post_notice", '{"text": "Closed on Monday"}')
    if "slogan" in told:
        return "Sing." if "can't be used" in asked else "The one and only bell that sings like a little bird"
    if "You argue" in told:
        return f"{told.split('.')[0]}, having heard {asked.count('They said')}."
    if "20 words" in told:
        return "Kurz."
    if "into English" in told:
        return f"Translated {asked}"
    return told.split(".")[0]


fake = FakeModel(answer)
"""


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    folder = tmp_path / "patterns"
    shutil.copytree(PATTERNS, folder, ignore=shutil.ignore_patterns(".coachwork", "__pycache__"))
    (folder / "fake.py").write_text(FAKE)
    fake = {"COACHWORK_FAKE_MODEL": f"{folder}/fake.py:fake", "COACHWORK_ALLOW_FAKE": "1", "HOME": str(tmp_path)}
    project = load_project(folder, {**os.environ, **fake})
    async with Runtime(project) as running:
        yield running
    await project.close()


def given() -> dict[str, Any]:
    """What run_all.py gives to each pattern."""
    spec = importlib.util.spec_from_file_location("run_all", PATTERNS / "run_all.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.GIVEN)


async def ended(runtime: Runtime, name: str, value: Any) -> RunDetail:
    run = await runtime.runs.wait((await runtime.runs.start(name, value)).id, 30)
    while run.status == "waiting":
        for asked in run.approvals:
            if asked.status == "pending":
                edit = "post_notice" in asked.title
                await runtime.runs.answer(asked.id, "edit" if edit else "accept", {"text": "Closed!"} if edit else None)
        run = await runtime.runs.wait(run.id, 30)
    assert run.status == "succeeded", (name, run.error)
    return run


async def test_every_pattern_runs(runtime: Runtime) -> None:
    runs = {name: await ended(runtime, name, value) for name, value in given().items()}
    assert set(runs) == set(runtime.project.pipelines)
    assert runs["sequence"].output == "Translated Kurz."
    assert runs["router"].output == "You are a bicycle mechanic"
    assert runs["experts"].output == {"go": True, "because": "3 opinions"}
    assert str(runs["orchestrator"].output).split("\n\n")[1:] == [
        f"{heading}\nYou are a writer of short guides, in one sentence" for heading in ("Clean it", "Oil it")
    ]
    assert runs["hand_off"].output == "You are the billing desk"
    assert runs["debate"].output == {"go": True, "because": "2 opinions"}
    argued = [step.output for step in runs["debate"].steps if step.name == "argue"]
    assert argued == [
        f"You argue {side}, having heard {heard}." for heard in (0, 1) for side in ("in favour", "against")
    ]
    assert runs["improve"].output == {"text": "Sing.", "good": True, "tries": 2}
    assert runs["human"].output == {"notices": ["Closed!"], "says": "It hangs."}


def test_each_can_be_drawn_whole_before_it_ran(tmp_path: Path) -> None:
    shutil.copytree(PATTERNS, tmp_path / "patterns", ignore=shutil.ignore_patterns(".coachwork"))
    project = load_project(tmp_path / "patterns", {})
    project.database.close()
    drawn = {name: outline(pipeline, project.folder) for name, pipeline in project.pipelines.items()}
    assert all(found.whole for found in drawn.values())
    assert {name: shape(found.parts) for name, found in drawn.items()} == {
        "sequence": "prompt prompt",
        "router": "prompt choice(way(prompt) way(prompt) way(prompt))",
        "experts": "branches(branch(prompt) branch(prompt) branch(prompt)) prompt",
        "orchestrator": "prompt items(prompt)",
        "hand_off": "function(loop("
        "choice(way(prompt choice(way way(prompt))) way(prompt) way(prompt)) choice(way way)))",
        "debate": "loop(branches(branch(prompt) branch(prompt)) choice(way way)) prompt",
        "improve": "function(loop(prompt choice(way way)))",
        "human": "agent(tool) approval",
    }


def shape(parts: list[Part]) -> str:
    return " ".join(part.kind + (f"({shape(part.parts)})" if part.parts else "") for part in parts)
