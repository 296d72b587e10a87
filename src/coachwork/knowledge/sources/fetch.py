"""Fetches a page of the web, and of nothing else: no private address, no other scheme, no endless body. Knows HTTP.

The address is looked up here and connected to as looked up, so a name can't point elsewhere a moment later.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

from coachwork.errors import SourceUnavailable

AGENT = "Coachwork/0.1 (+https://pypi.org/project/coachwork)"
_REDIRECTS = 5
_SECONDS = 30.0


@dataclass(frozen=True)
class Page:
    """What a server said: header names are lower case, `url` is where redirects ended."""

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    too_long: bool = False


class Fetcher:
    """One client for one walk through a site. `private` allows addresses of this machine and of private networks."""

    def __init__(self, *, private: bool) -> None:
        import httpcore2

        self._pool = httpcore2.AsyncConnectionPool(
            network_backend=_backend(private), max_connections=4, keepalive_expiry=30
        )

    async def __aenter__(self) -> "Fetcher":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def get(self, url: str, limit: int, headers: Mapping[str, str] | None = None) -> Page:
        """GET with at most five redirects, at most `limit` bytes of body. Raises SourceUnavailable."""
        for _ in range(_REDIRECTS + 1):
            if urlsplit(url).scheme not in ("http", "https"):
                raise SourceUnavailable(url, "it is no http or https address")
            page = await self._once(url, limit, headers or {})
            if page.status not in (301, 302, 303, 307, 308) or "location" not in page.headers:
                return page
            url = urljoin(url, page.headers["location"])
        raise SourceUnavailable(url, f"it redirects more than {_REDIRECTS} times")

    async def _once(self, url: str, limit: int, headers: Mapping[str, str]) -> Page:
        import httpcore2

        sent = {"user-agent": AGENT, "accept": "*/*", "accept-encoding": "identity", **headers}
        times = {"connect": _SECONDS, "read": _SECONDS, "write": _SECONDS, "pool": _SECONDS}
        try:
            async with (
                asyncio.timeout(4 * _SECONDS),
                self._pool.stream("GET", url, headers=_wire(url, sent), extensions={"timeout": times}) as answer,
            ):
                said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
                body = bytearray()
                async for part in answer.aiter_stream():
                    body += part
                    if len(body) > limit:
                        return Page(url, answer.status, said, bytes(body[:limit]), too_long=True)
                return Page(url, answer.status, said, bytes(body))
        except TimeoutError:
            raise SourceUnavailable(url, "it took too long to answer") from None
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as error:
            raise SourceUnavailable(url, f"{type(error).__name__} {error}".strip()) from None
        except (httpcore2.UnsupportedProtocol, UnicodeError, ValueError) as error:
            raise SourceUnavailable(url, f"it is no address that can be asked ({error})") from None


def _wire(url: str, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    host = urlsplit(url).netloc.rpartition("@")[2]
    return [("host", host), *headers.items()]


def _backend(private: bool) -> Any:
    import httpcore2

    class Guarded(httpcore2.AnyIOBackend):
        """Connects to the address that was looked up, if it is one of the public internet."""

        async def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> Any:
            return await super().connect_tcp(await _address(host, port, private), port, *args, **options)

    return Guarded()


async def _address(host: str, port: int, private: bool) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise SourceUnavailable(host, f"its name is not known ({error.strerror})") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not private and (inside := [address for address in addresses if not is_public(address)]):
        raise SourceUnavailable(
            host,
            f"it is at {inside[0]}, an address of this machine or of a private network",
            hint="Set `private = true` for the source if that is meant.",
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Is it an address of the public internet, also when it is written as an IPv6 one?"""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast
