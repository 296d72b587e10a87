"""Which worker is dead. Knows what each wrote, and how often it was found unchanged; adopts nobody.

Silence is counted in looks and not in seconds of anybody's clock: the clocks of machines differ and jump, and while the
database is away, or whoever looks stands still, nobody is looked at and so nobody grows silent.
"""

import os
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

LOOK_SECONDS = 5.0  # between two signs of life, and between two looks
_DEAD_LOOKS = 5  # with up to a look before the first and after the last of them: half a minute
_LONG_AGO_SECONDS = 300.0  # no two clocks differ so much: known to be dead at first sight


class Silence(NamedTuple):
    """A worker's last sign of life, and how often it was found again since."""

    sign: int
    looks: int


def looked(before: Mapping[str, Silence], rows: Iterable[Any], now: float) -> dict[str, Silence]:
    """What is known of workers after another look at their rows. `now` in seconds since 1970."""
    found = {}
    for row in rows:
        sign, looks = before.get(row.id, (None, 0))
        if sign is None:
            long_ago = now - row.heartbeat_at / 1000 > _LONG_AGO_SECONDS
            found[row.id] = Silence(row.heartbeat_at, _DEAD_LOOKS if long_ago else 0)
        else:
            found[row.id] = Silence(row.heartbeat_at, looks + 1 if sign == row.heartbeat_at else 0)
    return found


def is_dead(row: Any, silence: Silence) -> bool:
    """Stopped, silent for half a minute, or a process of this machine that is gone."""
    if row.stopped_at is not None or silence.looks >= _DEAD_LOOKS:
        return True
    if row.host != socket.gethostname():
        return False
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class Voice:
    """When this process last said that it lives. Not heard for long, it may have been taken for dead.

    By the clock of the day, which goes on while the machine sleeps; one that jumped makes it unsure, and that is all.
    """

    def __init__(self) -> None:
        self._said_at = time.time()

    def said(self, at: float) -> None:
        self._said_at = at

    def sure(self) -> bool:
        """Whether nobody can have taken this process's runs for want of a sign of life."""
        return 0 <= time.time() - self._said_at < (_DEAD_LOOKS - 1) * LOOK_SECONDS
