"""Size, import, start and memory of the base install, each in a fresh environment. `make bench-footprint`.

Knows how to measure; the goals it prints beside the numbers are those of the design. `--peers` measures
Chainlit in its own environment, its starts interleaved with ours, since other work shares the machine.
Needs nothing but Python: the wheel is built, installed and served as a user would.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IDLE_SECONDS = 3.0
COACHWORK_APP = """
from coachwork import App

app = App("Footprint")


@app.pipeline(title="Greet")
async def greet(name: str) -> str:
    return f"Hello {name}"
"""
CHAINLIT_APP = """
import chainlit as cl


@cl.on_message
async def main(message: cl.Message):
    await cl.Message(content=f"Hello {message.content}").send()
"""


@dataclass
class Footprint:
    """What one product costs beside a bare environment, compiled by pip. Times are medians, in seconds.

    `install_mb` is what its files take on disk as `du -sm` counts (MiB of blocks), `bytes_mb` what they
    hold (1e6 bytes); `idle_mb` is resident memory in 1e6 bytes.
    """

    name: str
    install_mb: float
    bytes_mb: float
    packages: int
    import_seconds: float
    import_modules: int
    ready_seconds: float
    idle_mb: float


@dataclass(frozen=True)
class Product:
    name: str
    python: Path
    module: str
    command: Callable[[int], list[str]]
    folder: Path
    health: str


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the base install in a fresh environment.")
    parser.add_argument("--peers", action="store_true", help="measure Chainlit beside it (about 130 MB of downloads)")
    parser.add_argument("--repeats", type=int, default=5, help="starts of each product")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON on stdout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coachwork-footprint-") as scratch:
        found = measure(Path(scratch), peers=options.peers, repeats=options.repeats)
    print(json.dumps([asdict(item) for item in found], indent=2) if options.json else table(found))


def measure(scratch: Path, *, peers: bool, repeats: int) -> list[Footprint]:
    bare_disk, bare_bytes = disk_mb(environment(scratch / "bare"))
    say("building the wheel …")
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(scratch / "dist"), str(ROOT)])
    products = [coachwork(scratch)] + ([chainlit(scratch)] if peers else [])
    sizes = [disk_mb(product.python.parent.parent) for product in products]  # before a start writes caches
    starts: dict[str, list[tuple[float, float]]] = {product.name: [] for product in products}
    imports: dict[str, list[float]] = {product.name: [] for product in products}
    for _round in range(repeats):
        for product in products:
            imports[product.name].append(import_seconds(product))
            ready, idle = start(product)
            starts[product.name].append((ready, idle))
            say(f"{product.name}: ready in {ready:.2f} s, {idle:.0f} MB idle")
    return [
        Footprint(
            name=product.name,
            install_mb=round(size[0] - bare_disk, 1),
            bytes_mb=round(size[1] - bare_bytes, 1),
            packages=packages(product) - packages_in(scratch / "bare"),
            import_seconds=round(statistics.median(imports[product.name]), 3),
            import_modules=modules(product),
            ready_seconds=round(statistics.median(seconds for seconds, _rss in starts[product.name]), 2),
            idle_mb=round(statistics.median(rss for _seconds, rss in starts[product.name]), 1),
        )
        for product, size in zip(products, sizes, strict=True)
    ]


def coachwork(scratch: Path) -> Product:
    venv = environment(scratch / "coachwork")
    say("installing Coachwork without extras …")
    wheel = next((scratch / "dist").glob("coachwork-*.whl"))
    run([str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)])
    folder = scratch / "project"
    folder.mkdir()
    (folder / "coachwork.toml").write_text("")
    (folder / "app.py").write_text(COACHWORK_APP)
    program = str(venv / "bin" / "coachwork")
    return Product(
        "coachwork",
        venv / "bin" / "python",
        "coachwork",
        lambda port: [program, "serve", "--project", str(folder), "--port", str(port), "--yes"],
        folder,
        "/api/health",
    )


def chainlit(scratch: Path) -> Product:
    venv = environment(scratch / "chainlit")
    say("installing Chainlit …")
    run([str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "chainlit"])
    folder = scratch / "chainlit-app"
    folder.mkdir()
    (folder / "app.py").write_text(CHAINLIT_APP)
    program = str(venv / "bin" / "chainlit")
    return Product(
        "chainlit",
        venv / "bin" / "python",
        "chainlit",
        lambda port: [program, "run", str(folder / "app.py"), "--headless", "--port", str(port)],
        folder,
        "/",
    )


# ── Measuring ──────────────────────────────────────────────────────────────────────────────────


def environment(folder: Path) -> Path:
    run([sys.executable, "-m", "venv", str(folder)])
    return folder


def disk_mb(folder: Path) -> tuple[float, float]:
    """What a folder takes on disk (MiB of blocks, as `du -sm`), and what its files hold (MB); links not followed."""
    blocks = held = 0
    for place, _folders, names in os.walk(folder):
        blocks += os.lstat(place).st_blocks
        for name in names:
            stat = os.lstat(os.path.join(place, name))
            blocks, held = blocks + stat.st_blocks, held + stat.st_size
    return blocks * 512 / 2**20, held / 1e6


def import_seconds(product: Product) -> float:
    """Seconds of `import`, inside a warm interpreter start."""
    code = f"import time; t = time.perf_counter(); import {product.module}; print(time.perf_counter() - t)"
    return float(run([str(product.python), "-c", code], cwd=product.folder))


def modules(product: Product) -> int:
    code = f"import sys; before = set(sys.modules); import {product.module}; print(len(set(sys.modules) - before))"
    return int(run([str(product.python), "-c", code], cwd=product.folder))


def packages(product: Product) -> int:
    return packages_in(product.python.parent.parent)


def packages_in(venv: Path) -> int:
    return sum(1 for _ in venv.glob("lib/python*/site-packages/*.dist-info"))


def start(product: Product) -> tuple[float, float]:
    """Seconds from the command to the first 200, and the resident MB of its processes when idle."""
    port = free_port()
    log = product.folder / "server.log"
    with log.open("w") as output:
        began = time.perf_counter()
        process = subprocess.Popen(product.command(port), cwd=product.folder, stdout=output, stderr=output)
        try:
            ready = wait_for(process, f"http://127.0.0.1:{port}{product.health}", log) - began
            time.sleep(IDLE_SECONDS)
            return ready, resident_mb(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(process: "subprocess.Popen[bytes]", url: str, log: Path, limit: float = 120.0) -> float:
    began = time.perf_counter()
    while process.poll() is None and time.perf_counter() - began < limit:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return time.perf_counter()
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    sys.exit(f"{url} never answered with 200; the end of its output:\n{log.read_text()[-2000:]}")


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its children, in MB."""
    listing = run(["ps", "-A", "-o", "pid=,ppid=,rss="])
    rows = [[int(part) for part in line.split()] for line in listing.splitlines() if line.strip()]
    family = {pid}
    while grown := {row[0] for row in rows if row[1] in family} - family:
        family |= grown
    return sum(row[2] for row in rows if row[0] in family) * 1024 / 1e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr[-3000:]}")
    return done.stdout


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def table(found: list[Footprint]) -> str:
    goals = Footprint("goal, at most", 220, 220, 0, 0.3, 350, 3.0, 150)
    lines = [
        "| | install, MB on disk | in files | packages | import, s | modules | ready, s | idle, MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for item in [*found, goals]:
        sizes = f"{item.install_mb:.0f} | {item.bytes_mb:.0f} | {item.packages or ''}"
        times = f"{item.import_seconds:.2f} | {item.import_modules} | {item.ready_seconds:.1f}"
        lines.append(f"| {item.name} | {sizes} | {times} | {item.idle_mb:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
