"""How long an idle worker takes to begin a run: `make bench-idle`. From the POST to the first line of the pipeline.

50 runs, each after a pause of random length, so that no rhythm of looking is met twice. In the process that accepts
them, and in a worker beside a server that works on none. Exit code 1 where a 95th percentile is above the goal.
"""

import argparse
import random
import sys
import time

from stand import Stand, accepted, stand, told, wait_for

APP = """
import os
import time
from pathlib import Path

from coachwork import App

app = App("Idle")
WITNESS = os.open(Path(__file__).with_name("witness"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@app.pipeline
async def first(number: int) -> int:
    os.write(WITNESS, f"{number} {time.monotonic_ns()}\\n".encode())
    return number
"""


def begun(tried: Stand) -> dict[int, int]:
    """When the first line of each run was done, in nanoseconds of the clock that all processes share."""
    lines = (tried.folder / "witness").read_text().splitlines() if (tried.folder / "witness").exists() else []
    return {int(number): int(at) for number, at in map(str.split, lines)}


def measure(kind: str, apart: bool, count: int) -> list[float]:
    """Milliseconds of each run; the first three, in which modules are loaded, are not among them."""
    with stand(kind) as tried:
        tried.write(APP)
        server = tried.server(concurrency=0 if apart else 4).wait_ready()
        if apart:
            tried.worker().wait_ready()
        asked = {}
        for number in range(count + 3):
            time.sleep(random.uniform(0.3, 0.8))
            asked[number] = time.monotonic_ns()
            accepted(server.address, "first", {"number": number}, str(number))
            wait_for(lambda number=number: number in begun(tried), 30, every=0.005)  # type: ignore[misc]
        found = begun(tried)
        return sorted((found[number] - asked[number]) / 1e6 for number in asked if number >= 3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--goal", type=float, default=150, help="milliseconds, of the 95th percentile")
    parser.add_argument("--quick", action="store_true", help="15 runs")
    given = parser.parse_args()
    held = []
    for kind in ("sqlite", "postgresql"):
        for apart in (False, True):
            ms = measure(kind, apart, 15 if given.quick else given.runs)
            p95 = ms[int(0.95 * (len(ms) - 1))]
            where = "accepted by another process" if apart else "in the same process"
            shown = f"{ms[0]:.0f} / {ms[len(ms) // 2]:.0f} / {p95:.0f} / {ms[-1]:.0f} ms"
            held.append(told(p95 < given.goal, f"{kind}, {where}: least / p50 / p95 / most {shown}"))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
