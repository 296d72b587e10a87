"""What a request was and how its answer went, for whoever compares a bill with it. Knows no key whole."""

import json
from dataclasses import dataclass, field
from typing import Any

from coachwork.messages import Usage
from coachwork.testing.provider.connection import Sent
from coachwork.testing.provider.wire import Received

_SHOWN = 20_000  # bytes of a body


@dataclass
class Asked:
    """A request. Filled in as it goes: `sent` says how far its answer came and how it ended.

    `usage` is what a whole answer counts; `key` shows its last letters alone; `body` is its JSON, None where it
    is something else. `seconds` until the answer ended.
    """

    number: int
    connection: int
    wire: str
    path: str
    sent: Sent
    model: str = ""
    streams: bool = False
    key: str = ""
    faults: list[str] = field(default_factory=list)
    usage: Usage | None = None
    body: Any = None
    seconds: float = 0.0

    @property
    def outcome(self) -> str:
        """`open`, `whole`, `cut` by this server, or `client-left`."""
        return self.sent.outcome


def masked(key: str) -> str:
    return f"…{key[-4:]}" if len(key) >= 12 else "…" if key else ""


def shown_body(received: Received) -> Any:
    try:
        return json.loads(received.body) if len(received.body) <= _SHOWN else None
    except ValueError:
        return None
