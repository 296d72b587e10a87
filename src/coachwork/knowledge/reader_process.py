"""What runs in the reading process: takes paths on stdin, gives parsed documents on stdout. Knows no network, no
database.

Wire: a 4-byte big-endian length and that many bytes of JSON, both ways. Started by `reader.py`.
"""

import base64
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits

_OCR_BYTES = 700_000_000  # what recognising a page takes on top of reading it: 1.45 GB in all for 52 lines at 200 dpi
_MAX_PASSAGES = 30_000  # some 10,000 full pages


def main() -> None:
    """Serve until stdin ends. Standard output is kept for the wire alone: what a parser prints goes nowhere."""
    wire_in = os.fdopen(os.dup(0), "rb")
    wire_out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    while (request := _receive(wire_in)) is not None:
        limits = ReadLimits(**request["limits"])
        _bound_memory(limits.memory_bytes + (_OCR_BYTES if limits.ocr else 0))
        _send(wire_out, _answer(request, limits))


def _answer(request: dict[str, Any], limits: ReadLimits) -> dict[str, Any]:
    from coachwork.knowledge.parse import original_bytes, read_document, read_page

    try:
        if "original" in request:
            data = original_bytes(request["document"], Path(request["path"]), limits)
            return {"original": base64.b64encode(data).decode()}
        if "page" in request:
            return {"page": read_page(request["document"], Path(request["path"]), limits, **request["page"])}
        found, sha256, size = read_document(request["document"], Path(request["path"]), limits)
        return {"found": [_told(id_, read, request) for id_, read in found], "sha256": sha256, "size": size}
    except DocumentUnreadable as error:
        return {"reason": error.reason, "hint": error.hint}
    except MemoryError:
        return {"reason": "it takes too much memory to read"}
    except RecursionError:
        return {"reason": "it is nested too deeply"}
    except ModuleNotFoundError as error:
        return {"missing": error.name or str(error)}
    except Exception as error:  # a parser's own failure over a broken file: told with its kind, the next file goes on
        if "bad_alloc" in str(error):  # C++ for a MemoryError
            return {"reason": "it takes too much memory to read"}
        return {"reason": f"it is broken ({error.__class__.__name__})"}


def _told(id_: str, read: Parsed | DocumentUnreadable, request: dict[str, Any]) -> dict[str, Any]:
    """A document with its passages, as it goes over the wire."""
    from coachwork.knowledge.chunk import cut

    if isinstance(read, DocumentUnreadable):
        return {"id": id_, "reason": read.reason}
    pieces = cut(read, size=request["size"], overlap=request["overlap"])
    if len(pieces) > _MAX_PASSAGES:
        reason = f"it falls into {len(pieces):,} passages; at most {_MAX_PASSAGES:,} are kept"
        return {"id": id_, "reason": reason}
    rows = [[piece.start, piece.end, piece.title_path, piece.page] for piece in pieces]
    return {"id": id_, "parsed": asdict(read), "pieces": rows}


def _bound_memory(limit: int) -> None:
    """Bound this process's address space, where the system can."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows: the time limit remains
        return
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _receive(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    received: dict[str, Any] = json.loads(stream.read(int.from_bytes(head, "big")))
    return received


def _send(stream: BinaryIO, value: dict[str, Any]) -> None:
    # Plain UTF-8: a sixth of the size that escapes take. What can't be written so is no text that a person reads.
    body = json.dumps(value, ensure_ascii=False).encode(errors="replace")
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


if __name__ == "__main__":
    main()
    sys.exit(0)
