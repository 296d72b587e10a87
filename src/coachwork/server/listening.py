"""The socket to listen on: this machine's own addresses only, and a clear word when a port is taken.

Knows sockets, not HTTP, and imports nothing heavy: a command can ask for the port before it prepares.
"""

import contextlib
import errno
import ipaddress
import socket

from coachwork.errors import InputError, PortInUse

_BACKLOG = 512
_PORTS_TO_TRY = 20


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


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and no other."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_loopback(host: str) -> None:
    """Raise InputError for an address that others could reach: there is no login yet to hold them back."""
    if is_loopback(host):
        return
    raise InputError(
        f"listening on {host!r} would let everybody on the network in, because login is not built yet",
        hint="Listen on 127.0.0.1. To reach it from another machine, open a tunnel there "
        "(ssh -L 8000:127.0.0.1:8000 THIS_MACHINE), or put a proxy that asks for a password "
        "before it on this machine, sending `Host: localhost`.",
    )


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
