"""What parsers make of broken model outputs: right, missed, silently wrong, and how long it takes. `make bench-output`.

Knows the cases (the shared set and our own further table) and how to count; each parser is in
`structured_output_peers.py`, which runs in an environment of its own (kept in the user's cache).
"""

import argparse
import json
import os
import subprocess
import sys
import venv
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("COACHWORK_SHARED_DATA") or ROOT.parent / "shared" / "data")
CACHE = Path(os.environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork")
PEERS = CACHE / "benchmarks" / "structured-output"
REQUIREMENTS = ("json_repair", "baml-py", "instructor", "pydantic-ai-slim", "langchain-core", "openai")
OURS, THEIRS = ("coachwork",), ("pydantic", "json_repair", "baml", "instructor", "pydantic-ai", "langchain")


def main() -> None:
    parser = argparse.ArgumentParser(description="Parsers of model outputs on the same broken cases.")
    parser.add_argument("--alone", action="store_true", help="Coachwork only: nothing is installed")
    parser.add_argument("--show", metavar="PARSER", help="print what this parser misses and gets wrong")
    options = parser.parse_args()
    results = run(Path(sys.executable), OURS)
    if not options.alone:
        results |= run(environment(), THEIRS)
    for name in ("shared", "further"):
        cases = [case for case in next(iter(results.values()))["cases"] if case["set"] == name]
        if not cases:
            print(f"The {name} set is not here: {DATA / 'malformed'}\n")
            continue
        print(f"{name}: {len(cases)} broken outputs, {sum(c['expected'] == 'REJECT' for c in cases)} to be refused")
        print(f"{'':24}{'right':>8}{'missed':>8}{'wrong':>8}{'median µs':>12}{'slowest µs':>12}")
        for parser_name, found in results.items():
            print(row(f"{parser_name} {found['version']}", [c for c in found["cases"] if c["set"] == name]))
        print()
    if options.show:
        for case in results[options.show]["cases"]:
            if (verdict := judged(case)) != "right":
                print(f"{verdict:7} {case['text'][:110]!r}\n        {case['got']!r}, should be {case['expected']!r}")


def row(name: str, cases: list[dict[str, Any]]) -> str:
    counts = Counter(judged(case) for case in cases)
    times = sorted(case["seconds"] * 1e6 for case in cases)
    return (
        f"{name:24}{counts['right']:>8}{counts['missed']:>8}{counts['wrong']:>8}"
        f"{times[len(times) // 2]:>12,.0f}{times[-1]:>12,.0f}"
    )


def judged(case: dict[str, Any]) -> str:
    if case["got"] == case["expected"]:
        return "right"
    return "missed" if case["got"] == "REJECT" else "wrong"


def run(python: Path, parsers: tuple[str, ...]) -> dict[str, Any]:
    command = [str(python), str(Path(__file__).with_name("structured_output_peers.py")), str(DATA), *parsers]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=PEERS if PEERS.exists() else None)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def environment() -> Path:
    """The Python of the peers' environment, made where it is not yet there."""
    python = PEERS / "bin" / "python"
    if not (PEERS / "ready").exists():
        print(f"installing {', '.join(REQUIREMENTS)} into {PEERS} …", file=sys.stderr)
        venv.create(PEERS, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        (PEERS / "ready").touch()
    return python


if __name__ == "__main__":
    main()
