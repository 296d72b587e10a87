"""Plain code in a thread of its own.

Not in the loop's executor: that has few threads for everybody, and a process can't end before they do.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any


async def in_thread(work: Callable[[], Any]) -> Any:
    """What `work` gives. Who is cancelled here stops waiting; the thread ends when it next tells the host something."""
    loop, context = asyncio.get_running_loop(), copy_context()
    outcome: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is None:
            outcome.set_result(value)
        else:
            outcome.set_exception(error)

    def body() -> None:
        value, error = None, None
        try:
            value = context.run(work)
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=body, name="coachwork-hosted", daemon=True).start()
    return await outcome
