"""Runs every pattern with a real model and prints what came of it; ends with 1 where one failed. A nightly's script."""

import asyncio
import sys
import time
from pathlib import Path

from coachwork.app.project import load_project
from coachwork.app.runtime import Runtime
from coachwork.messages import JsonValue

GIVEN: dict[str, JsonValue] = {
    "sequence": {"text": "Unser Laden ist vom 3. bis zum 9. März geschlossen, weil wir die Werkstatt umbauen."},
    "router": {"question": "My chain jumps when I pedal hard. What is broken?"},
    "experts": {"idea": "Shall we offer a free check of every bicycle in spring?"},
    "orchestrator": {"task": "How to keep a bicycle in good shape over the winter"},
    "hand_off": {"question": "There is a mistake in my invoice."},
    "debate": {"question": "Should the shop open on Sundays?"},
    "improve": {"product": "a bicycle bell that sounds like a bird"},
    "human": {"wish": "Tell people that we are closed on Monday."},
}


async def run_all(names: list[str]) -> int:
    project = load_project(Path(__file__).parent)
    runtime = Runtime(project)
    await runtime.start()
    failed = 0
    try:
        for name in names:
            began = time.monotonic()
            run = await runtime.runs.start(name, GIVEN[name])
            while (run := await runtime.runs.wait(run.id, 600)).status == "waiting":
                for asked in run.approvals:
                    if asked.status == "pending":
                        await runtime.runs.answer(asked.id, "accept", by="run_all.py")
            failed += run.status != "succeeded"
            said = run.output if run.error is None else run.error.get("message")
            print(f"{name}: {run.status} in {time.monotonic() - began:.1f} s, {len(run.steps)} steps\n  {said}\n")
    finally:
        await runtime.stop()
        await project.close()
    return failed


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(run_all(sys.argv[1:] or list(GIVEN))) else 0)
