"""kill -9 at random moments of an ingestion: `make bench-kills`.

Two processes ingest one knowledge base of 2,000 documents; one is killed, the other takes over and is killed too, and
so on. Where an ingestion ends before that, documents are changed, added and deleted, and it goes on. Held at the
end: index and catalog are those of an ingestion that nobody disturbed, and no passage that stood in the index after
a kill was ever embedded again.

`--speedup` kills nobody: one process, and two that share the work, ingest the same documents in turns, with an
embedding model that takes `--cpu-ms` of CPU a passage. No passage may be embedded twice.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOG = "embedded.jsonl"  # a line for each batch that was sent to the model: digests of its texts


def write_document(folder: Path, number: int, edition: int = 0) -> None:
    """A document of some six passages. Another edition has another second section; no two texts are alike."""
    sections = []
    for section in range(3):
        said = f"{number}.{section}.{edition if section == 1 else 0}"
        sentences = [f"Part {part} of {said} says what a bell costs, and to whom." for part in range(8)]
        sections.append(f"## Section {section} of {number}\n\n{' '.join(sentences)}\n")
    (folder / f"{number:05}.md").write_text(f"# Document {number}\n\n" + "\n".join(sections))


def change(folder: Path, dice: random.Random, edition: int) -> None:
    """Give half of the documents another edition, delete some, add some."""
    names = sorted(folder.iterdir())
    for path in dice.sample(names, len(names) // 2):
        write_document(folder, int(path.stem), edition)
    some = max(1, len(names) // 30)
    for path in dice.sample(names, some):
        path.unlink()
    last = int(names[-1].stem)
    for number in range(last + 1, last + 1 + some):
        write_document(folder, number, edition)


@dataclass(frozen=True)
class _Vectors:
    vectors: list[list[float]]
    model: str = "digests"
    dimensions: int = 8
    cost_nano: int | None = 0
    counts: float = 1.0


class Digests:
    """An embedding model whose vectors are the digest of the text; it writes down what it was asked, first."""

    def __init__(self, log: Path, cpu_ms: float) -> None:
        self._log = log
        self._cpu = cpu_ms / 1000

    async def embed(self, route: str, texts: Sequence[str], *, purpose: str) -> _Vectors:
        digests = [hashlib.sha256(text.encode()).digest() for text in texts]
        if list(texts) != ["model"]:  # the question which model answers
            line = json.dumps([digest.hex() for digest in digests]) + "\n"
            handle = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, line.encode())
            os.close(handle)
        await asyncio.sleep(0.002)
        if self._cpu:
            await asyncio.to_thread(_compute, self._cpu * len(texts))
        return _Vectors([[byte / 255 for byte in digest[:8]] for digest in digests])


def _compute(seconds: float) -> None:
    """Use so much CPU in this thread."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        hashlib.sha256(b"x" * 10_000).digest()


async def ingest(place: Path, documents: Path, cpu_ms: float) -> None:
    """What a worker does: make ready, wait for a line, bring the index in `place` to what the documents say."""
    import lancedb  # noqa: F401  the import takes longer than all the rest

    from coachwork.knowledge import KnowledgeBase
    from coachwork.knowledge.config import KnowledgeConfig
    from coachwork.store.database import Database

    database = Database(f"sqlite:///{place}/test.db")
    database.migrate()
    base = KnowledgeBase("documents")
    config = KnowledgeConfig(folder=str(documents), passage_tokens=60, overlap_tokens=10)
    index = str(place / "index")
    models: Any = Digests(place / LOG, cpu_ms)
    base.bind(config, project=place, index=index, database=database, models=models)
    print("ready", flush=True)
    sys.stdin.readline()
    report = await base.ingest()
    print(json.dumps({"found": report.found, "new": report.added, "changed": report.changed}), flush=True)
    database.close()


def worker(place: Path, documents: Path, cpu_ms: float = 0.0) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, "--work", str(place), "--documents-in", str(documents)]
    command += ["--cpu-ms", str(cpu_ms)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def start(*processes: "subprocess.Popen[str]") -> None:
    """Let workers begin at the same moment, once all are ready."""
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def finish(process: "subprocess.Popen[str]") -> str:
    """Wait for a worker; its last line. Raises RuntimeError where it failed by itself."""
    lines = process.communicate()[0].splitlines()
    if process.returncode:
        raise RuntimeError(f"a worker ended with {process.returncode}: {lines[-1:]}")
    return lines[-1]


def undisturbed(place: Path, documents: Path) -> float:
    """Ingest in one go; the seconds that reading and indexing took."""
    place.mkdir()
    process = worker(place, documents)
    start(process)
    started = time.monotonic()
    finish(process)
    return time.monotonic() - started


def rows(place: Path) -> list[dict[str, Any]]:
    import lancedb

    connection = lancedb.connect(str(place / "index"))
    found = []
    for name in connection.list_tables().tables:
        found.extend(connection.open_table(name).to_arrow().to_pylist())
    return sorted(found, key=lambda row: row["id"])


def catalog(place: Path) -> list[dict[str, Any]]:
    import sqlalchemy as sa

    from coachwork.store.tables import documents

    engine = sa.create_engine(f"sqlite:///{place}/test.db")
    with engine.connect() as connection:
        found = connection.execute(sa.select(documents).order_by(documents.c.id)).mappings().all()
    engine.dispose()
    return [{name: value for name, value in row.items() if name != "updated_at"} for row in found]


@dataclass
class Kills:
    """What happened: what stood in the index when, and what was embedded after that."""

    dice: random.Random
    count: int = 0
    rounds: int = 1
    kept: list[tuple[int, set[str]]] = field(default_factory=list)  # length of the log, digests in the index
    miscounted: list[str] = field(default_factory=list)  # reports of more documents than there were

    def look(self, place: Path) -> None:
        digests = {row["digest"] for row in rows(place)} if (place / "index").exists() else set()
        self.kept.append((_size(place / LOG), digests))

    def wait(self, log: Path, running: "Sequence[subprocess.Popen[str]]", seconds: float) -> None:
        """Until a random moment: of the clock, or a breath after a batch went to the model; or until one ends."""
        until = time.monotonic() + self.dice.uniform(0, 2 * seconds)
        by_batch = self.count % 3 != 2
        batches = _size(log) + self.dice.choice([1, 1, 5000, 10_000])  # bytes: a batch has some 4,400
        while all(process.poll() is None for process in running):
            if _size(log) >= batches if by_batch else time.monotonic() >= until:
                break
            time.sleep(0.002)
        time.sleep(self.dice.uniform(0, 0.03))

    def run(self, place: Path, documents: Path, kills: int, workers: int, seconds: float) -> None:
        """Set `workers` processes to it and kill one after the other, `seconds` apart; where one ends by itself,
        change the documents. Again, until there were so many kills."""
        place.mkdir()
        began = time.monotonic()
        while self.count < kills:
            running = [worker(place, documents) for _ in range(workers)]
            start(*running)
            rounds = self.rounds
            while running and self.count < kills:
                self.wait(place / LOG, running, seconds)
                if any(process.poll() is not None for process in running):
                    break
                process = running.pop(self.dice.randrange(len(running)))
                process.send_signal(signal.SIGKILL)
                process.communicate()
                self.count += 1
                if self.count % 10 == 0:
                    print(f"{self.count} kills after {time.monotonic() - began:.0f} s", flush=True)
                if running and self.dice.random() < 0.2:
                    self.change(documents)  # under the hands of those that are at work
                for other in running:
                    other.send_signal(signal.SIGSTOP)
                self.look(place)
                for other in running:
                    other.send_signal(signal.SIGCONT)
            if running:
                for told in map(finish, running):
                    of = json.loads(told)
                    if of["new"] + of["changed"] > of["found"] and self.rounds == rounds:  # else some were read twice
                        self.miscounted.append(told)
                self.change(documents)

    def change(self, documents: Path) -> None:
        self.rounds += 1
        change(documents, self.dice, self.rounds)

    def repeated(self, place: Path) -> set[str]:
        """Digests that stood in the index at some kill and were sent to the model after it."""
        log = (place / LOG).read_bytes()
        found: set[str] = set()
        for at, digests in self.kept:
            for line in log[at:].splitlines():
                found |= digests.intersection(json.loads(line))
        return found


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def trial(folder: Path, *, documents: int, kills: int, workers: int, seed: int) -> list[str]:
    """Everything that is wrong at the end, in words; empty where all held. `folder` is filled."""
    dice = random.Random(seed)
    source = folder / "documents"
    source.mkdir(parents=True)
    for number in range(documents):
        write_document(source, number)
    seconds = undisturbed(folder / "first", source)
    print(f"undisturbed: {seconds:.1f} s for {documents} documents", flush=True)
    killed = Kills(dice)
    killed.run(folder / "killed", source, kills, workers, max(0.05, seconds / max(kills, 1)))
    start(last := worker(folder / "killed", source))  # follows what was changed while the others were at work
    finish(last)  # may have read again what was changed meanwhile: its counts tell nothing
    calm = folder / "first"
    if killed.rounds > 1:
        undisturbed(calm := folder / "last", source)
    wrong = []
    if rows(folder / "killed") != (expected := rows(calm)):
        wrong.append("the index differs from that of an undisturbed ingestion")
    if catalog(folder / "killed") != catalog(calm):
        wrong.append("the catalog differs from that of an undisturbed ingestion")
    if killed.miscounted:
        wrong.append(f"documents were counted twice: {killed.miscounted}")
    if twice := killed.repeated(folder / "killed"):
        wrong.append(f"{len(twice)} passages were embedded again after they stood in the index")
    sent = sum(len(json.loads(line)) for line in (folder / "killed" / LOG).read_text().splitlines())
    caught = sum(1 for _at, digests in killed.kept if 0 < len(digests) < len(expected))
    print(
        f"{killed.count} kills among {workers} processes, {caught} of them with part of the passages in the index;"
        f" {killed.rounds} rounds of documents; {len(expected)} passages at the end, {sent} sent to the model"
    )
    return wrong


def together(place: Path, documents: Path, workers: int, cpu_ms: float) -> tuple[float, int, int]:
    """Ingest with so many processes; seconds, passages sent to the model, and those that were sent twice."""
    place.mkdir()
    running = [worker(place, documents, cpu_ms) for _ in range(workers)]
    start(*running)
    started = time.monotonic()
    for process in running:
        finish(process)
    seconds = time.monotonic() - started
    sent = [digest for line in (place / LOG).read_text().splitlines() for digest in json.loads(line)]
    return seconds, len(sent), len(sent) - len(set(sent))


def speedup(folder: Path, *, documents: int, cpu_ms: float, rounds: int) -> list[str]:
    source = folder / "documents"
    source.mkdir(parents=True)
    for number in range(documents):
        write_document(source, number)
    least: dict[int, float] = {}
    wrong = []
    for turn in range(rounds):
        for workers in (1, 2):
            seconds, sent, twice = together(folder / f"{turn}-{workers}", source, workers, cpu_ms)
            least[workers] = min(seconds, least.get(workers, seconds))
            print(f"{workers} at work: {seconds:.1f} s for {documents} documents, {sent} passages sent to the model")
            if twice:
                wrong.append(f"{twice} passages were embedded twice by {workers}")
    print(f"two are {least[1] / least[2]:.2f} times as fast as one; load {os.getloadavg()[0]:.1f}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--speedup", action="store_true", help="kill nobody: one process against two")
    parser.add_argument("--cpu-ms", type=float, default=3.0, help="of the model, a passage, with --speedup")
    parser.add_argument("--rounds", type=int, default=2, help="of one and two processes, with --speedup")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--documents-in", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        asyncio.run(ingest(given.work, given.documents_in, given.cpu_ms))
        return
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as folder:
        if given.speedup:
            wrong = speedup(Path(folder) / "trial", documents=given.documents, cpu_ms=given.cpu_ms, rounds=given.rounds)
        else:
            wrong = trial(
                Path(folder) / "trial",
                documents=given.documents,
                kills=given.kills,
                workers=given.workers,
                seed=given.seed,
            )
    print("\n".join(wrong) or "all held")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
