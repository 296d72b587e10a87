"""The hello-world of eight frameworks behind `coachwork serve`: answer, stream, bill and trace. `make bench-hosting`.

Knows the examples and what the provider of `coachwork.testing` saw; makes the environments of CrewAI, DSPy and
LlamaIndex once (about 1.7 GB, kept under ~/.cache/coachwork/test-envs). Ends with 1 where something does not hold.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.hosting.served import Hosting, chat, hosting  # noqa: E402

from coachwork.testing import Answer  # noqa: E402

ENVIRONMENTS = Path(os.environ.get("COACHWORK_TEST_ENVS", Path.home() / ".cache" / "coachwork" / "test-envs"))
PACKAGES = {
    "crewai": ["crewai"],
    "dspy": ["dspy"],
    "llamaindex": ["llama-index-core", "llama-index-llms-openai"],
}
SOLVED = "[[ ## reasoning ## ]]\nOne in 36.\n\n[[ ## answer ## ]]\n0.0278\n\n[[ ## completed ## ]]"
REPORT = "Thought: I now can give a great answer\nFinal Answer: - Rain is wet.\n- It falls."
IN_PROCESS: dict[str, Any] = {
    "langgraph": chat("hi!"),
    "langchain_agent": chat("use get_weather for sf"),
    "langchain_chain": {"topic": "cats"},
    "pydantic_ai": chat("hello, how are you today?"),
    "openai_agents": chat("hello, how are you today?"),
    "haystack": {"question": "Who lives in Paris?", "query": "Paris"},
    "elsewhere": chat("hello, how are you today?"),
}
ELSEWHERE: dict[str, Any] = {
    "crewai": {"topic": "rain"},
    "crewai_streams": {"topic": "rain"},
    "dspy": {"question": "Two dice are tossed. What is the probability that the sum equals two?"},
    "llamaindex": {"topic": "rain"},
}


def main() -> int:
    for name, packages in PACKAGES.items():
        environment(name, packages)
    print("| pipeline | calls: provider, ledger | tokens agree | cost, USD | pieces of text | spans | ms |")
    print("|---|---|---|---|---|---|---|")
    wrong = 0
    with served("hosted", {"../../.venv/bin/python": sys.executable}) as here:
        for pipeline, given in IN_PROCESS.items():
            wrong += not holds(here, pipeline, given)
    with served("hosted-elsewhere", {"envs/": f"{ENVIRONMENTS}/"}) as here:
        for pipeline, given in ELSEWHERE.items():
            here.provider.answer(*script(pipeline))
            wrong += not holds(here, pipeline, given)
    print(f"\n{wrong} of {len(IN_PROCESS) + len(ELSEWHERE)} do not hold")
    return int(wrong > 0)


def script(pipeline: str) -> list[Answer]:
    """What the model says where an echo would not do."""
    return {"crewai": [Answer(REPORT)], "crewai_streams": [Answer(REPORT)], "dspy": [Answer(SOLVED)]}.get(pipeline, [])


def environment(name: str, packages: list[str]) -> None:
    folder = ENVIRONMENTS / name
    if (folder / "complete").exists():
        return
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", *packages], check=True)
    (folder / "complete").touch()
    print(f"made the environment of {name} in {time.monotonic() - began:.0f} s", file=sys.stderr)


@contextmanager
def served(example: str, places: dict[str, str]) -> Iterator[Hosting]:
    with tempfile.TemporaryDirectory(prefix="coachwork-hosting-") as scratch:
        folder = Path(scratch) / example
        shutil.copytree(ROOT / "examples" / example, folder, ignore=shutil.ignore_patterns("__pycache__", "envs"))
        settings = folder / "coachwork.toml"
        text = settings.read_text()
        for written, here in places.items():
            text = text.replace(f'"{written}', f'"{here}')
        settings.write_text(text)
        with hosting(folder) as here:
            yield here


def holds(here: Hosting, pipeline: str, given: object) -> bool:
    """Run a pipeline, print its line, and say whether everything is as it should be."""
    before = len(here.provider.requests)
    began = time.monotonic()
    run_id = here.begin(pipeline, given)
    pieces = sum(event["type"] == "text-delta" for event in here.events(run_id))
    seconds = time.monotonic() - began
    run, asked = here.get(run_id), list(here.provider.requests)[before:]
    booked = here.calls(run_id, len(asked)) if asked else []
    sent = [(one.usage.input_tokens, one.usage.output_tokens) for one in asked if one.usage is not None]
    agree = [(call["input_tokens"], call["output_tokens"]) for call in booked] == sent
    told = "yes" if agree else "estimated" if all(call["estimated"] for call in booked) else "NO"
    spans = sum(len(names) for names in here.trace(run_id).values())
    print(
        f"| {pipeline} | {len(asked)}, {len(booked)} | {told} | {run['cost_usd']:.7f} | {pieces} | {spans} "
        f"| {seconds * 1000:.0f} |"
    )
    if run["status"] != "succeeded":
        print(f"  {run['status']}: {run['error']}", file=sys.stderr)
    priced = all(call["cost_nano"] for call in booked)
    return run["status"] == "succeeded" and len(asked) == len(booked) and told != "NO" and priced


if __name__ == "__main__":
    sys.exit(main())
