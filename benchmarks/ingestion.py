"""How fast documents are read, cut and embedded: `make bench-ingestion`.

Pages a second of one core, over a made PDF of text (nothing of it is a scan); and the embedding route of an ingest, 64
passages at a time through the whole chain, against a bare ONNX Runtime loop over the same texts in order of length.
CPU seconds of this process, the least of the rounds, in turns: other work on the machine can only add.
"""

import argparse
import asyncio
import gzip
import json
import os
import random
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from coachwork.app.project import cache_folder
from coachwork.knowledge.chunk import cut
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.parse import parse_bytes
from coachwork.knowledge.vocabulary import in_words
from coachwork.models import Models, ModelsConfig

CORPUS = Path(__file__).parents[2] / "shared" / "data" / "retrieval" / "squad-dev" / "corpus.jsonl.gz"
WORDS = in_words(
    """
    the of and a to in is for that on with as by this from or an be are at which it was not were have has their its
    bicycle battery customer delivery warranty returned workshop invoice received within before between company
    regulation temperature maintenance documentation reasonable information available
    """
)
LINES, LETTERS = 44, 88  # of a page of plain text


def made_pdf(pages: int, seed: int = 1) -> bytes:
    """A PDF of text in Helvetica: a heading and 44 lines a page, packed as writers of PDF pack them."""
    dice = random.Random(seed)
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for page in range(pages):
        lines = [f"BT /F 18 Tf 50 760 Td (Section {page + 1}) Tj ET"]
        for line in range(LINES):
            words = ""
            while len(words) < LETTERS:
                words += f"{dice.choice(WORDS)} "
            gap = 16 * line + 8 * (line // 8)
            lines.append(f"BT /F 11 Tf 50 {735 - gap * 0.95:.1f} Td ({words.strip()}) Tj ET")
        packed = zlib.compress("\n".join(lines).encode())
        objects.append(b"<</Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(packed), packed))
        kids.append(len(objects) + 1)
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents %d 0 R/Resources<</Font<</F 3 0 R>>>>>>"
            % len(objects)
        )
    objects[1] = f"<</Type/Pages/Count {pages}/Kids[{' '.join(f'{kid} 0 R' for kid in kids)}]>>".encode()
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start, size = len(out), len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n".encode()
    out += "".join(f"{place:010} 00000 n \n" for place in places).encode()
    return bytes(out) + f"trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def reading(pages: int, rounds: int) -> float:
    """Pages a second of one core, parsed and cut as an ingest does."""
    data, limits, config = made_pdf(pages), ReadLimits(), KnowledgeConfig(folder="")
    parsed: list[Parsed] = []
    passages = 0

    def parse() -> None:
        parsed[:] = [parse_bytes("made.pdf", data, limits)]

    def pieces() -> None:
        nonlocal passages
        passages = len(cut(parsed[0], size=config.passage_tokens, overlap=config.overlap_tokens))

    parts = [(cpu(parse), cpu(pieces)) for _ in range(rounds)]
    parsing, cutting = min(part[0] for part in parts), min(part[1] for part in parts)
    assert len(parsed[0].pages) == pages
    rate = pages / (parsing + cutting)
    print(
        f"{pages} pages of {len(parsed[0].text) // pages:,} characters, {passages} passages:"
        f" parsed in {parsing:.2f} s, cut in {cutting:.2f} s of CPU: {rate:.0f} pages/s a core"
    )
    return rate


def texts_to_embed(count: int) -> list[str]:
    if CORPUS.exists():
        with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
            lines = file.read().splitlines()
        return [json.loads(line)["text"] for line in lines[:count]]
    parsed = parse_bytes("made.pdf", made_pdf(count // 4), ReadLimits())
    return [parsed.text[piece.start : piece.end] for piece in cut(parsed, size=180)][:count]


def bare(folder: Path, texts: Sequence[str], threads: int) -> Callable[[], None]:
    """A loop over ONNX Runtime with nothing around it: all texts by length, eight at a time, mean and norm."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_length=256)
    tokenizer.no_padding()
    inputs = {value.name for value in session.get_inputs()}

    def run() -> None:
        found = sorted(tokenizer.encode_batch(list(texts)), key=lambda encoding: len(encoding.ids))
        for start in range(0, len(found), 8):
            batch = found[start : start + 8]
            ids = np.zeros((len(batch), len(batch[-1].ids)), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, encoding in enumerate(batch):
                ids[row, : len(encoding.ids)] = encoding.ids
                mask[row, : len(encoding.ids)] = 1
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            states = session.run(None, {name: value for name, value in feed.items() if name in inputs})[0]
            if states.ndim == 3:
                states = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            states / np.linalg.norm(states, axis=1, keepdims=True)

    return run


async def embedding(count: int, rounds: int) -> float:
    """How much CPU the embedding of an ingest takes, as a multiple of the bare loop."""
    texts = texts_to_embed(count)
    name = "local:minilm"
    config = ModelsConfig.model_validate({"routes": {"embed": {"models": [name]}}, "models": {name: {"threads": 1}}})
    models = Models(config, database=None, cache_dir=cache_folder(os.environ), environ=os.environ)
    folder = models.pull(name)
    alone = bare(folder, texts, 1)

    async def through() -> float:
        started = time.process_time()
        for begin in range(0, len(texts), 64):
            await models.embed("embed", texts[begin : begin + 64], purpose="passage")
        return time.process_time() - started

    await models.embed("embed", texts[:8], purpose="passage")
    pairs = [(cpu(alone), await through()) for _ in range(rounds)]
    least, ours = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    await models.close()
    print(
        f"{len(texts)} passages embedded: bare loop {least:.1f} s, the route {ours:.1f} s of CPU on one thread"
        f" ({len(texts) / ours:.0f} passages/s): {ours / least:.3f} of it"
    )
    return ours / least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--passages", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    reading(given.pages, given.rounds)
    asyncio.run(embedding(given.passages, given.rounds))


if __name__ == "__main__":
    main()
