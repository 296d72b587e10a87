"""What runs in the reading process: takes paths on stdin, gives parsed documents on stdout. Knows no network, no
database.

Wire: a 4-byte big-endian length and that many bytes of JSON, both ways. Started by `reader.py`.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import ReadLimits


def main() -> None:
    """Serve until stdin ends. Standard output is kept for the wire alone: what a parser prints goes nowhere."""
    wire_in = os.fdopen(os.dup(0), "rb")
    wire_out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    from coachwork.knowledge.parse import read_document

    while (request := _receive(wire_in)) is not None:
        limits = ReadLimits(**request["limits"])
        _bound_memory(limits.memory_bytes)
        document = request["document"]
        try:
            parsed, sha256 = read_document(document, Path(request["path"]), limits)
            answer: dict[str, Any] = {"parsed": asdict(parsed), "sha256": sha256}
        except DocumentUnreadable as error:
            answer = {"reason": error.reason, "hint": error.hint}
        except MemoryError:
            answer = {"reason": "it takes too much memory to read"}
        except RecursionError:
            answer = {"reason": "it is nested too deeply"}
        except ModuleNotFoundError as error:
            answer = {"missing": error.name or str(error)}
        except (
            Exception
        ) as error:  # a parser's own failure over a broken file: told with its kind, the next file goes on
            answer = {"reason": f"it is broken ({error.__class__.__name__})"}
        _send(wire_out, answer)


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
    body = json.dumps(value).encode()
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


if __name__ == "__main__":
    main()
    sys.exit(0)
