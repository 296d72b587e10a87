"""An ingest beside three peers, with the same documents and the same embedding model: `make bench-ingest-peers`.

squad-dev's texts, ten to a Markdown file, are read, cut into passages, embedded and stored by ours and by each
peer's usual way (`ingest_peers.py`, in an environment that is made at the first time or named by --peers), in turns,
each in a process of its own. Once with the model, and once with vectors that cost nothing, so that the embedding
does not hide the rest. The clock runs once everything is imported and the model has answered.
"""

import argparse
import asyncio
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from ingest_peers import WARM, given, measured

from coachwork.app.project import cache_folder
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.models import Models, ModelsConfig
from coachwork.store.database import Database

CORPUS = Path(__file__).parents[2] / "shared" / "data" / "retrieval" / "squad-dev" / "corpus.jsonl.gz"
PROGRAM = Path(__file__).with_name("ingest_peers.py")
MODEL = "local:minilm"
REQUIREMENTS = (
    "langchain-chroma langchain-community langchain-text-splitters llama-index-core haystack-ai onnxruntime tokenizers"
)
PEERS = ("chroma", "llamaindex", "haystack")
TEXTS_OF_FILE = 10


def write_documents(folder: Path, texts: int) -> tuple[int, int]:
    """Markdown files of ten texts under their title; how many files, and how many characters."""
    folder.mkdir(parents=True)
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file.read().splitlines()[:texts]]
    files = characters = 0
    for title, group in groupby(lines, key=lambda line: line["title"]):
        of_title = [line["text"] for line in group]
        for begin in range(0, len(of_title), TEXTS_OF_FILE):
            whole = "\n\n".join([f"# {title}", *of_title[begin : begin + TEXTS_OF_FILE]])
            (folder / f"{files:04}.md").write_text(whole + "\n")
            files, characters = files + 1, characters + len(whole)
    return files, characters


@dataclass(frozen=True)
class _Vectors:
    vectors: list[list[float]]
    model: str = "given"
    dimensions: int = 384
    cost_nano: int | None = 0
    counts: float = 1.0


class Given:
    """An embedding model that costs nothing."""

    async def embed(self, route: str, texts: Sequence[str], *, purpose: str) -> _Vectors:
        return _Vectors(given(texts))


def local(threads: int) -> Models:
    settings = {"routes": {"embed": {"models": [MODEL]}}, "models": {MODEL: {"threads": threads}}}
    config = ModelsConfig.model_validate(settings)
    return Models(config, database=None, cache_dir=cache_folder(os.environ), environ=os.environ)


def ours(folder: Path, model: str, threads: int) -> str:
    """An ingest as `coachwork ingest` does it: catalog in SQLite, index in a folder."""
    import lancedb  # noqa: F401  imported before the clock runs, as the peers' are

    place = folder / "stored" / "ours"
    place.mkdir(parents=True)
    database = Database(f"sqlite:///{place}/test.db")
    database.migrate()
    models: Any = local(threads) if model else Given()
    base = KnowledgeBase("documents")
    config = KnowledgeConfig(folder=str(folder / "documents"))
    base.bind(config, project=place, index=str(place / "index"), database=database, models=models)

    async def warm() -> None:
        await models.embed("embed", WARM, purpose="passage")

    with asyncio.Runner() as runner:
        runner.run(warm())
        line = measured(lambda: runner.run(base.ingest()).passages)
    database.close()
    return line


def environment() -> Path:
    """The Python of the peers' environment, made where it is not yet there."""
    folder = cache_folder(os.environ) / "ingest-peers"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"installing {REQUIREMENTS} into {folder} …", file=sys.stderr)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS.split()]
        subprocess.run(command, check=True)
        (folder / "ready").touch()
    return python


def turn(name: str, python: Path, folder: Path, model: str, threads: int) -> dict[str, float]:
    shutil.rmtree(folder / "stored", ignore_errors=True)
    (folder / "stored").mkdir()
    told = [str(folder), model, str(threads)]
    command = [str(python), "-W", "ignore", str(PROGRAM), name, *told]
    if name == "ours":
        command = [sys.executable, __file__, "--ours", *told]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def told(title: str, turns: dict[str, list[dict[str, float]]], characters: int) -> None:
    """A line for each: medians, and how fast it is beside ours, characters of documents a second by turn."""
    print(title)
    for name, found in turns.items():
        seconds = statistics.median(one["seconds"] for one in found)
        cpu, passages = statistics.median(one["cpu"] for one in found), found[0]["passages"]
        ratios = [mine["seconds"] / one["seconds"] for mine, one in zip(turns["ours"], found, strict=True)]
        beside = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) of our speed"
        print(
            f"  {name:10} {passages:5} passages in {seconds:6.1f} s, {cpu:6.1f} s of CPU: {passages / seconds:7.0f}"
            f" passages/s, {characters / seconds / 1000:7.1f} k characters/s; {beside}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1000, help="of squad-dev's 2,135, with the model; all without it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of the embedding model")
    parser.add_argument("--peers", type=Path, help=f"a Python with {REQUIREMENTS}")
    parser.add_argument("--quick", action="store_true", help="200 texts and one round with the model")
    parser.add_argument("--ours", nargs=3, metavar=("FOLDER", "MODEL", "THREADS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.ours:
        folder, model, threads = asked.ours
        print(ours(Path(folder), model, int(threads)))
        return
    if not CORPUS.exists():
        sys.exit(f"the data is not there: {CORPUS}")
    python, model = asked.peers or environment(), str(local(1).pull(MODEL))
    texts, rounds = (200, 1) if asked.quick else (asked.texts, asked.rounds)
    for title, path, count in (("vectors given", "", 10_000), ("the same model", model, texts)):
        with tempfile.TemporaryDirectory() as name:
            files, characters = write_documents(Path(name) / "documents", count)
            turns: dict[str, list[dict[str, float]]] = {each: [] for each in ("ours", *PEERS)}
            for _ in range(rounds):
                for each, found in turns.items():
                    found.append(turn(each, python, Path(name), path, asked.threads))
            load = os.getloadavg()[0]
            told(
                f"{title}: {files} files of {characters:,} characters, {rounds} turns, load {load:.1f}",
                turns,
                characters,
            )


if __name__ == "__main__":
    main()
