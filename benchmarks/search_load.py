"""The part of search_scale.py in which many search at once while another process ingests. Knows throughput and the
slowest; what is asked and what it must find is search_scale.py's.

As a program it is that other process: `python search_load.py FOLDER URI` writes 64 passages (what an ingest embeds and
writes at once) each half second, twice what embedding them on one core lets through, until it is ended.
"""

import asyncio
import contextlib
import itertools
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from coachwork.knowledge.filters import Condition, Filter
from coachwork.knowledge.index import Row, open_store, table_name
from coachwork.knowledge.search import search_words

NAME = table_name("scale", "minilm", 384)
BATCH, PAUSE = 64, 0.5
_FIRST, _MOST = 10_000_000, 20_000  # documents of the ingest: from there on, and never so many
LOOP_STEP = 0.01  # seconds: how often it is looked whether the event loop still turns
Ask = Callable[[str, np.ndarray, Filter], Awaitable[None]]


async def under_load(folder: Path, uri: str, ask: Ask, at_once: int, seconds: float) -> dict[str, dict[str, float]]:
    """Searches a second and their p95, alone and beside an ingest, with a filter of 20 %, of 1 % and none in turn."""
    data, stored = json.loads((folder / "data.json").read_text()), np.load(folder / "vectors.npz")
    questions = list(zip(data["questions"], stored["questions"], strict=True))
    filters = [
        Filter(None, () if wanted is None else (Condition(wanted[0], (wanted[1],)),))
        for wanted in data["filters"].values()
    ]
    found = {"alone": await _asking(questions, filters, ask, at_once, seconds)}
    async with _ingesting(folder, uri) as written:
        found["ingesting"] = await _asking(questions, filters, ask, at_once, seconds)
        found["ingesting"]["written"] = written()
    return found


async def _asking(
    questions: list[tuple[str, np.ndarray]], filters: list[Filter], ask: Ask, at_once: int, seconds: float
) -> dict[str, float]:
    took: list[float] = []
    late: list[float] = []
    began = time.perf_counter()

    async def one(number: int) -> None:
        lot = random.Random(number)
        for filter in itertools.cycle(filters):
            question, vector = lot.choice(questions)
            at = time.perf_counter()
            await ask(question, vector, filter)
            took.append(time.perf_counter() - at)
            if time.perf_counter() - began > seconds:
                return

    async def watch() -> None:
        while True:
            at = time.perf_counter()
            await asyncio.sleep(LOOP_STEP)
            late.append(time.perf_counter() - at - LOOP_STEP)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*map(one, range(at_once)))
    whole = time.perf_counter() - began
    watching.cancel()
    return {"a second": round(len(took) / whole), **_milliseconds(took), "loop late p95": _milliseconds(late)["p95"]}


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"p{share}": round(1000 * ordered[int(len(ordered) * share / 100)], 1) for share in (50, 95)}


@contextlib.asynccontextmanager
async def _ingesting(folder: Path, uri: str) -> AsyncIterator[Callable[[], int]]:
    program = [sys.executable, __file__, str(folder), uri]
    writer = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    assert writer.stdout is not None
    written = 0

    async def count(lines: asyncio.StreamReader) -> None:
        nonlocal written
        async for line in lines:
            written = int(line)

    counting = asyncio.create_task(count(writer.stdout))
    try:
        while not written:
            await asyncio.sleep(0.05)
            if writer.returncode is not None:
                raise RuntimeError(f"the ingest ended with {writer.returncode}: see above")
        yield lambda: written
    finally:
        if writer.returncode is None:
            writer.terminate()
        await writer.wait()
        await counting


def row_of(number: int, text: str, vector: np.ndarray, metadata: Mapping[str, Any], id_: str = "") -> Row:
    """A passage as its only one of a document."""
    name, values = id_ or str(number), [float(value) for value in vector]
    digest, words = f"{number:064}", search_words(text)
    return Row(name, name, "1", 0, 0, len(text), None, "", (), text, words, digest, values, metadata=metadata)


def written_ids() -> list[str]:
    """The documents that the ingest may have written."""
    return [str(_FIRST + number) for number in range(_MOST)]


async def write(folder: Path, uri: str) -> None:
    data, stored = json.loads((folder / "data.json").read_text()), np.load(folder / "vectors.npz")
    index = await open_store(uri).open(NAME, "English")
    assert index is not None
    texts, fields, vectors = data["texts"], data["fields"], stored["passages"]
    for begin in itertools.count(step=BATCH):
        rows = []
        for number in range(begin, begin + BATCH):
            at = number % len(texts)
            metadata = {name: values[at] for name, values in fields.items()}
            rows.append(row_of(number, texts[at], vectors[at], metadata, id_=str(_FIRST + number)))
        await index.put(rows, {row.document: row.version for row in rows})
        print(begin + BATCH, flush=True)
        await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), sys.argv[2]))
