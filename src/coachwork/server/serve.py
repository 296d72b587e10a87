"""`serve`: a project on a port until a signal says stop. Knows sockets and signals; the application is `application`'s.

Stopping loses no run: readers are let go, requests get a few seconds, the engine is stopped, and what
was not finished goes on at the next start.
"""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from coachwork.errors import InputError, PortInUse
from coachwork.server.security import require_loopback

if TYPE_CHECKING:
    from fastapi import FastAPI

    from coachwork.app.project import Project

_GRACE_SECONDS = 10  # for requests under way when the server is told to stop
_BACKLOG = 512
_PORTS_TO_TRY = 20


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
    project: "Project", listening: socket.socket, *, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serve a loaded project on a socket from `listen`, then close the project."""
    from coachwork.server.application import create_app

    app = create_app(project)
    served, config = app.state.served, configured(app)
    server = _Server(config, address_of(listening), served.stopping.set, on_ready)

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


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Callers wait in its queue until the server is ready.

    Raises InputError for a host that is not this machine's own, PortInUse with a free port to use instead.
    """
    require_loopback(host)
    name = host.strip("[]")
    family, _type, _protocol, _name, address = _resolved(name, port)
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _explained(error, name, port) from None
    listening.setblocking(False)
    return listening


def address_of(listening: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Says when it is ready, lets go of readers when it stops, and ends like a program that was asked to."""

    def __init__(
        self,
        config: uvicorn.Config,
        address: str,
        stop_readers: Callable[[], None],
        on_ready: Callable[[str], None] | None,
    ) -> None:
        super().__init__(config)
        self._address = address
        self._stop_readers = stop_readers
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._on_ready is not None:
            self._on_ready(self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop_readers()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal stops in order, a second Ctrl-C at once. Neither is raised again afterwards."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, int, int, str, tuple[str, int] | tuple[object, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise InputError(f"{host!r} is no address of this machine: {error.strerror}", hint="Use 127.0.0.1.") from None
    return min(found, key=lambda entry: entry[0] != socket.AF_INET)  # where a name has both, IPv4


def _explained(error: OSError, host: str, port: int) -> Exception:
    if error.errno == errno.EADDRINUSE:
        free = _free_port(host, port)
        other = f"Use another: --port {free}. " if free else "Use another with --port. "
        return PortInUse(
            f"port {port} on {host} is in use by another program",
            hint=f"{other}To see which program it is: ss -ltnp 'sport = :{port}' (macOS: lsof -i :{port})",
        )
    if error.errno == errno.EACCES:
        return InputError(
            f"port {port} may not be used by this user", hint="Use one above 1023, for example --port 8000."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return InputError(f"{host!r} is no address of this machine", hint="Use 127.0.0.1.")
    return error


def _free_port(host: str, taken: int) -> int | None:
    """The next port above that nobody listens on."""
    for port in range(taken + 1, min(taken + 1 + _PORTS_TO_TRY, 65536)):
        with contextlib.closing(socket.socket(_resolved(host, port)[0], socket.SOCK_STREAM)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                tried.bind((host, port))
                tried.listen(1)
                return port
    return None
