"""Reading the web: named hosts alone, never a private network, whatever a name or a redirect says."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from coachwork.agents import Web
from coachwork.agents.web import text_of_html
from coachwork.errors import NotAllowed
from coachwork.knowledge.sources.fetch import is_public
from coachwork.tracing.scope import entered

from .conftest import Made, call
from .test_dangerous_tools import Person

PAGE = b"<html><head><title>T</title></head><body><h1>Hello</h1><script>bad()</script><p>a &amp; b</p></body></html>"


class Names:
    """A name server that answers in turn, and keeps what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def served(*answers: tuple[str, bytes]) -> AsyncIterator[tuple[int, list[str]]]:
    """A web server on this machine that gives head and body in turn; its port, and the Host of each request."""
    hosts: list[str] = []
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        hosts.append(next(line[6:] for line in head.splitlines() if line.lower().startswith("host: ")))
        status, body = left.pop(0)
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], hosts


HTML = "200 OK\r\ncontent-type: text/html; charset=utf-8"


async def test_a_page_of_a_named_host_is_read_as_text_and_its_name_looked_up_once() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with served((HTML, PAGE)) as (port, hosts):
        text = await Web(["docs.example"], private=True, look_up=names).read(f"http://docs.example:{port}/x")
    assert text == "Hello\n\na & b"
    assert hosts == [f"docs.example:{port}"]
    assert names.asked == ["docs.example"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://evil.example/", "not among the hosts"),
        ("http://docs.example.evil.example/", "not among the hosts"),
        ("http://docs.example@evil.example/", "without a user"),
        ("file:///etc/passwd", "no plain address"),
        ("http://docs.example:99999/", "no address of the web"),
        ("http://docs.example:6379/", "names port 6379"),
        ("http://docs.example/", "is 169.254.169.254, and that is not on the public network"),
    ],
)
async def test_other_places_are_refused(url: str, says: str) -> None:
    names = Names(["169.254.169.254"])
    with pytest.raises(NotAllowed, match=says):
        await Web(["docs.example", "*.wikipedia.org"], look_up=names).read(url)


async def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    with pytest.raises(NotAllowed, match=r"is 127\.0\.0\.1"):
        await Web(["docs.example"], look_up=Names(["93.184.216.34", "127.0.0.1"])).read("http://docs.example/")


async def test_a_redirect_is_checked_like_the_first_address() -> None:
    names = Names(["127.0.0.1"])
    async with served(("302 Found\r\nlocation: http://evil.example/", b"")) as (port, _hosts):
        with pytest.raises(NotAllowed, match=r"'evil\.example' is not among the hosts"):
            await Web(["docs.example"], private=True, look_up=names).read(f"http://docs.example:{port}/")
    async with served(*[("302 Found\r\nlocation: /again", b"")] * 6) as (port, hosts):
        with pytest.raises(NotAllowed, match="one redirect too many"):
            await Web(["docs.example"], private=True, look_up=names).read(f"http://docs.example:{port}/")
    assert len(hosts) == 6


async def test_what_is_no_text_or_no_page_is_told_as_such() -> None:
    names = Names(["127.0.0.1"])
    for head, says in (
        ("200 OK\r\ncontent-type: image/png", "only text can be read"),
        ("404 Not Found\r\ncontent-type: text/html", "answered 404"),
    ):
        async with served((head, b"x")) as (port, _hosts):
            with pytest.raises(NotAllowed, match=says):
                await Web(["docs.example"], private=True, look_up=names).read(f"http://docs.example:{port}/")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_page_without_its_marks() -> None:
    assert text_of_html("<p>a<br>b</p><style>x{}</style><ul><li>c</li></ul>") == "a\nb\n\nc"


async def test_in_a_tainted_context_a_person_is_asked_before_an_address_is_opened(made: Made) -> None:
    url = '{"url": "http://docs.example/?stolen=1"}'
    desk = made([call("read_page", url), "Done."], Web(["docs.example"]), untrusted=True)
    with entered(Person("rejected")) as person:
        outcome = await desk.agent.run("Read it.")
    assert [title for title, _value, _context in person.asked] == ["May the assistant use read_page?"]
    assert outcome.uses[0].failed
    assert "docs.example" in desk.fake.requests[0].tools[0].description
