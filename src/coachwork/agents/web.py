"""A tool that reads pages of the web: from named hosts, never from a private network. Knows HTTP; asks no model.

A name is looked up once for each request, and the connection goes to an address that was checked: a name that
answers otherwise the second time (DNS rebinding) gains nothing. Each redirect is checked like the first address.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from coachwork.agents.tool import Approve, Tool, marked_tool
from coachwork.errors import NotAllowed
from coachwork.knowledge.sources.fetch import is_public

if TYPE_CHECKING:
    import httpx2

LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host and port."""
_REDIRECTS = 5
_MOST_BYTES = 2_000_000
_PORTS = {"http": 80, "https": 443}
_SILENT = {"script", "style", "noscript", "template", "svg", "head"}
_BLOCKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "pre", "table"}


async def _look_up(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for _family, _type, _protocol, _name, address in found]


@dataclass(frozen=True)
class Web:
    """The hosts an agent may read from; as a tool it is `read_page(url)`.

    Agent(answer, tools=[Web(["docs.python.org", "*.wikipedia.org"])])

    `*.` stands for all names below one. `private` lets these hosts be on this machine or in a private network. An
    address is an outward act, since it can carry words: in a tainted context a person is asked, unless `approve` says
    otherwise. `seconds` bounds a page, redirects included.
    """

    hosts: Sequence[str]
    private: bool = False
    approve: Approve = "tainted"
    seconds: float = 20.0
    look_up: LookUp = _look_up

    def as_tool(self) -> Tool:
        async def read_page(url: str) -> str:
            return await self.read(url)

        hosts = ", ".join(self.hosts)
        read_page.__doc__ = f"Reads a page of the web as text. Only pages of these hosts can be read: {hosts}."
        return marked_tool(read_page, approve=self.approve, seconds=self.seconds)

    async def read(self, url: str) -> str:
        """A page as text, at most 2 MB of it. Raises NotAllowed for a place that it may not go to or can't read."""
        import httpx2

        async with httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=self.seconds) as client:
            for _ in range(_REDIRECTS + 1):
                parts = self._permitted(url)
                address = await self.address(parts)
                try:
                    where, text = await _page(client, parts, address)
                except httpx2.HTTPError as error:
                    raise _no(f"{url!r} can't be read: {type(error).__name__}") from error
                if where is None:
                    return text
                url = urljoin(url, where)
        raise _no(f"{url!r} is one redirect too many")

    def _permitted(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _no(f"{url!r} is no address of the web") from None
        if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
            raise _no(f"{url!r} is no plain address of the web (http or https, without a user)")
        if not any(is_host(parts.hostname, pattern) for pattern in self.hosts):
            raise _no(f"{parts.hostname!r} is not among the hosts that may be read: {', '.join(self.hosts)}")
        if port not in (None, _PORTS[parts.scheme]) and not self.private:
            raise _no(f"{url!r} names port {port}: only the usual one may be used")
        return parts

    async def address(self, parts: SplitResult) -> str:
        """The address to connect to. All that a name has must be permitted: one that is not makes the name suspect."""
        host = parts.hostname or ""
        try:
            found = await self.look_up(host, parts.port or _PORTS[parts.scheme])
        except OSError:
            raise _no(f"there is no host {host!r}") from None
        for each in found:
            if not (self.private or is_public(each)):
                raise _no(f"{host!r} is {each}, and that is not on the public network")
        if not found:
            raise _no(f"there is no host {host!r}")
        return found[0]


async def _page(client: "httpx2.AsyncClient", parts: SplitResult, address: str) -> tuple[str | None, str]:
    """Where the page says to go on, or else its text."""
    at = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    url = parts._replace(netloc=f"{at}{port}", fragment="").geturl()
    headers = {"host": f"{parts.hostname}{port}", "accept": "text/*, application/json"}
    async with client.stream("GET", url, headers=headers, extensions={"sni_hostname": parts.hostname}) as response:
        if response.is_redirect:
            return response.headers.get("location", ""), ""
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        if not response.is_success:
            raise _no(f"{parts.geturl()!r} answered {response.status_code}")
        if not (kind.startswith("text/") or kind == "application/json" or kind.endswith(("+json", "+xml"))):
            raise _no(f"{parts.geturl()!r} is {kind or 'of no kind'}, and only text can be read")
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _MOST_BYTES:
                break
    text = bytes(body[:_MOST_BYTES]).decode(response.encoding or "utf-8", errors="replace")
    return None, text_of_html(text) if kind in ("text/html", "application/xhtml+xml") else text


def is_host(host: str, pattern: str) -> bool:
    host, pattern = host.lower().rstrip("."), pattern.lower()
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _no(why: str) -> NotAllowed:
    return NotAllowed(why, hint="Name the host in Web([...]) where an agent should read it.", reader=f"{why}.")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        if tag in _BLOCKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def text_of_html(page: str) -> str:
    """What a page says, without its marks."""
    words = _Words()
    words.feed(page)
    words.close()
    lines = (" ".join(line.split()) for line in "".join(words.words).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
