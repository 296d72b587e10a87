"""`serve`: a project on a port until a signal says stop. Knows sockets and signals; the application is `application`'s.

Stopping loses no run: readers are let go, requests get a few seconds, the engine is stopped, and what
was not finished goes on at the next start.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from coachwork.server.listening import address_of, listen

if TYPE_CHECKING:
    from fastapi import FastAPI

    from coachwork.app.project import Project
    from coachwork.server.ingests import Task

_GRACE_SECONDS = 10  # for requests under way when the server is told to stop


def serve(
    project_folder: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Load the project and serve it until SIGINT or SIGTERM. `on_ready` is called with the address.

    `port` 0 takes any free one. Raises PortInUse, InputError for an address that is not this
    machine's own, ProjectError.
    """
    listening = listen(host, port)
    try:
        from coachwork.app.project import load_project

        serve_project(load_project(project_folder), listening, on_ready=on_ready)
    finally:
        listening.close()


def serve_project(
    project: "Project",
    listening: socket.socket,
    *,
    on_ready: Callable[[str], None] | None = None,
    on_ingested: "Callable[[str, Task], None] | None" = None,
) -> None:
    """Serve a loaded project on a socket from `listening.listen` until a signal, then close the project.

    With `on_ingested` changed documents are indexed while it serves already: a large folder takes minutes, in which
    nobody should find a server that does not answer. It is called at each end. Raises what kept the engine from
    starting.
    """
    from coachwork.server.application import create_app

    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what it tells is raised here or logged before
    app = create_app(project)
    served, config = app.state.served, configured(app)

    def ready(address: str) -> None:
        if on_ready is not None:
            on_ready(address)
        if on_ingested is not None:
            served.ingests.start_all(project.knowledge.values(), on_ingested)

    server = _Server(config, address_of(listening), served.stopping.set, ready)

    async def work() -> None:
        try:
            await server.serve([listening])
        finally:
            await project.close()

    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(work())
    except SystemExit:
        if served.failure is None:
            raise
        raise served.failure from None


def configured(app: "FastAPI") -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody but this machine may ask, so nobody is believed about who asked
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """Says when it is ready, lets go of readers when it stops, and ends like a program that was asked to."""

    def __init__(
        self,
        config: uvicorn.Config,
        address: str,
        stop_readers: Callable[[], None],
        on_ready: Callable[[str], None],
    ) -> None:
        super().__init__(config)
        self._address = address
        self._stop_readers = stop_readers
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready(self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop_readers()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal stops in order, a second Ctrl-C at once. Neither is raised again afterwards."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
