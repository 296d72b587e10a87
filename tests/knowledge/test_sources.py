"""Documents from elsewhere: Python, the web, a bucket, another folder. Each is followed, bounded, and never trusted."""

import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from coachwork.errors import InputError
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.sources import Item
from coachwork.knowledge.sources.fetch import is_public
from coachwork.knowledge.sources.site import links_of, name_of, plain_url, sitemap_of

from .made_base import Made, made  # noqa: F401

pytestmark = pytest.mark.slow


async def ids(base: KnowledgeBase) -> list[str]:
    return [found.id for found in await base.documents() if found.status == "indexed"]


async def reasons(base: KnowledgeBase) -> dict[str, str]:
    return {found.id: found.reason for found in await base.documents() if found.status == "failed"}


@pytest.mark.slow
async def test_documents_of_python_are_followed(made: Made) -> None:  # noqa: F811
    shop = {"bells.md": "A bell costs 12 euro.", "lamps.md": "A lamp costs 20 euro."}

    async def rows() -> AsyncIterator[tuple[str, str]]:
        for name, text in shop.items():
            yield name, text

    base = made({"hours.md": "The shop opens at nine."}, source=rows)
    await base.ingest()
    assert await ids(base) == ["bells.md", "hours.md", "lamps.md"]
    assert (await base.file("bells.md")).read_text() == "A bell costs 12 euro."
    shop["bells.md"] = "A bell costs 15 euro."
    del shop["lamps.md"]
    report = await base.ingest()
    assert (report.changed, report.unchanged, report.deleted, report.embedded) == (1, 1, 1, 1)
    assert (await base.search("bell", top_k=1))[0].text == "A bell costs 15 euro."


async def test_what_a_source_gives_is_data_and_never_a_path(made: Made) -> None:  # noqa: F811
    def rows() -> Iterator[Any]:
        yield "../out.md", "Out."
        yield ".versions.json", "{}"
        yield "a/b.md", b"A bell."
        yield "a.md", "A lamp."
        yield "a.md/b.md", "Below a file."
        yield Item("later.md", reason="the other system is asleep")

    base = made({"a.md": "The folder's own."}, source=rows)
    await base.ingest()
    assert await ids(base) == ["a.md", "a/b.md"]
    assert (await base.document("a.md")).text.strip() == "The folder's own."
    assert (await reasons(base))["later.md"] == "the other system is asleep"
    assert set(await reasons(base)) == {"../out.md", ".versions.json", "a.md/b.md", "later.md"}
    assert not list(base.folder.parent.rglob("out.md"))


async def test_a_source_that_breaks_off_takes_nothing_away(made: Made) -> None:  # noqa: F811
    whole = True

    def rows() -> Iterator[tuple[str, str]]:
        yield "bells.md", "A bell costs 12 euro."
        if not whole:
            raise InputError("the database is away")
        yield "lamps.md", "A lamp costs 20 euro."

    base = made({}, source=rows)
    await base.ingest()
    whole = False
    report = await base.ingest()
    assert await ids(base) == ["bells.md", "lamps.md"]
    assert [(failed.document, failed.reason) for failed in report.failed] == [
        ("source", "the source failed: the database is away")
    ]
    whole = True
    assert (await base.ingest()).failed == []


def test_what_can_be_read_only_once_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="only once"):
        KnowledgeBase("shop", source=(pair for pair in [("a.md", "A.")]))
    with pytest.raises(InputError, match="no source"):
        KnowledgeBase("shop", source="a.md")  # type: ignore[arg-type]


async def test_another_folder_and_a_single_file(made: Made, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "bells.md").write_text("A bell costs 12 euro.")
    (tmp_path / "elsewhere" / "link.md").symlink_to("/etc/passwd")
    (tmp_path / "prices.csv").write_text("what,euro\nbell,12\n")
    sources = {
        "docs": {"kind": "folder", "path": "elsewhere"},
        "prices": {"kind": "folder", "path": "prices.csv"},
        "gone": {"kind": "folder", "path": "nowhere"},
    }
    base = made({}, sources=sources)
    await base.ingest()
    assert await ids(base) == ["docs/bells.md", "prices/prices.csv"]
    assert set(await reasons(base)) == {"docs/link.md", "gone"}
    assert (await base.file("docs/bells.md")) == tmp_path / "elsewhere" / "bells.md"
    assert (await base.file("prices/prices.csv")) == tmp_path / "prices.csv"


class Site:
    """A web server of this machine: path → status, headers, body. `asked` is what it was asked, in order."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, headers, body = site.pages.get(self.path, (404, {}, b"no"))
                if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                    status, body = 304, b""
                self.send_response(status)
                for name, value in {"Content-Type": "text/html", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_said: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.host = self.url.removeprefix("http://").replace(":", "-")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self, path: str, body: str, status: int = 200, **headers: str) -> None:
        self.pages[path] = (status, headers, body.encode())


@pytest.fixture
def site() -> Iterator[Site]:
    serving = Site()
    yield serving
    serving.server.shutdown()
    serving.server.server_close()


def web(site: Site, **settings: Any) -> dict[str, Any]:
    given = {"kind": "web", "urls": [f"{site.url}/guide/"], "delay": 0, "private": True, **settings}
    return {"sources": {"site": given}}


@pytest.mark.slow
async def test_a_site_is_walked_politely_and_asked_again_only_for_what_changed(
    made: Made,  # noqa: F811
    site: Site,
) -> None:
    site.page("/robots.txt", "User-agent: *\nDisallow: /guide/secret")
    links = "<a href=bells>Bells</a> <a href='secret.html'>Secret</a> <a href=/other/>Other</a> <a href=gone>Gone</a>"
    site.page("/guide/", f"<h1>Guide</h1><p>The shop opens at nine. {links}", ETag='"1"')
    site.page("/guide/bells", "<h1>Bells</h1><p>A bell costs 12 euro.<a href='list.pdf'>List</a>", ETag='"2"')
    site.page("/guide/list.pdf", "not really", **{"Content-Type": "application/pdf"})
    site.page("/guide/gone", "A lamp costs 20 euro.", **{"Content-Type": "text/plain"})
    site.page("/guide/secret.html", "The key is under the doormat.")
    site.page("/other/", "Elsewhere.")
    base = made({}, **web(site))
    await base.ingest()
    own = f"site/{site.host}/guide"
    assert await ids(base) == [f"{own}/bells.html", f"{own}/gone.txt", f"{own}/index.html"]
    assert await reasons(base) == {
        f"{own}/secret.html": "robots.txt of its site asks not to read it",
        f"{own}/list.pdf": "it is named .pdf but is no PDF",
    }
    assert not {"/guide/secret.html", "/other/"} & set(site.asked)
    assert (await base.search("bell", top_k=1))[0].title == "Bells"

    site.page("/guide/bells", "<h1>Bells</h1><p>A bell costs 15 euro.", ETag='"3"')
    site.page("/guide/gone", "Gone.", 410)
    report = await base.ingest()
    assert (report.changed, report.embedded) == (1, 1)
    assert await ids(base) == [f"{own}/bells.html", f"{own}/index.html"]  # the unchanged start still knows its links
    assert (await base.search("bell", top_k=1))[0].text.endswith("A bell costs 15 euro.")

    site.page("/guide/bells", "Busy.", 500)
    await base.ingest()
    assert f"{own}/bells.html" in await ids(base)  # what passes takes nothing away
    site.page("/robots.txt", "Broken.", 503)
    await base.ingest()
    assert f"{own}/bells.html" in await ids(base)
    assert "forbids everything" in (await reasons(base))["site"]


async def test_a_site_without_an_end_is_cut_and_said_so(made: Made, site: Site) -> None:  # noqa: F811
    for number in range(30):
        site.page(f"/guide/{number or ''}", f"<p>Page {number} of many.<a href=/guide/{number + 1}>Next</a>")
    base = made({}, **web(site, max_pages=5))
    await base.ingest()
    assert len(await ids(base)) == 5
    assert "more than 5 pages" in (await reasons(base))["site/more pages"]


async def test_pages_of_a_sitemap_without_following_links(made: Made, site: Site) -> None:  # noqa: F811
    index = f"<sitemapindex><sitemap><loc>{site.url}/pages.xml</loc></sitemap></sitemapindex>"
    places = [f"{site.url}/a?x=1&amp;y=2", "http://elsewhere.example/"]
    pages = f"<urlset>{''.join(f'<url><loc> {place} </loc></url>' for place in places)}</urlset>"
    site.page("/sitemap.xml", index)
    site.page("/pages.xml", pages)
    site.page("/a?x=1&y=2", "<p>A bell costs 12 euro.<a href=/b>More</a>")
    site.page("/b", "<p>More.")
    base = made({}, **web(site, urls=[], sitemaps=[f"{site.url}/sitemap.xml"]))
    await base.ingest()
    assert [id_.rpartition("/")[2].partition("-")[0] for id_ in await ids(base)] == ["a"]
    assert "/b" not in site.asked


async def test_a_page_on_a_private_address_is_not_asked_for(made: Made, site: Site) -> None:  # noqa: F811
    site.page("/guide/", "<p>Inside.")
    base = made({}, **web(site, private=False))
    await base.ingest()
    assert "private network" in (await reasons(base))["site"]
    assert site.asked == []


async def test_a_page_that_leads_elsewhere_or_is_too_long_is_named(made: Made, site: Site) -> None:  # noqa: F811
    site.page("/robots.txt", "User-agent: *\nDisallow: /guide/secret")
    links = "".join(f"<a href={name}>it</a>" for name in ("away", "file", "long", "hidden", "around"))
    site.page("/guide/", f"<p>Here.{links}")
    site.page("/guide/around", "", 302, Location="/guide/secret")
    site.page("/guide/secret", "The key is under the doormat.")
    site.page("/guide/away", "", 302, Location=site.url.replace("127.0.0.1", "localhost") + "/guide/")
    site.page("/guide/file", "", 302, Location="file:///etc/passwd")
    site.page("/guide/long", "x" * 200_000)
    site.page("/guide/hidden", "<meta name=robots content=noindex><p>Not this.")
    base = made({}, max_file_mb=0.1, **web(site))
    await base.ingest()
    found = {id_.rpartition("/")[2]: reason for id_, reason in (await reasons(base)).items()}
    assert "leads to another site" in found["away.html"]
    assert "robots.txt" in found["around.html"]
    assert "no http" in found["file.html"]
    assert "at most 0.1 MB" in found["long.html"]
    assert "not to be indexed" in found["hidden.html"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "255.255.255.255"],
)  # fmt: skip
def test_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_public_addresses() -> None:
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f:cb07::1")


@pytest.mark.parametrize(
    ("url", "kind", "name"),
    [
        ("https://a.example/", "text/html", "a.example/index.html"),
        ("https://a.example/b/", "text/html; charset=utf-8", "a.example/b/index.html"),
        ("https://a.example/b.htm", "text/html", "a.example/b.htm"),
        ("https://a.example/b.php", "text/html", "a.example/b.php.html"),
        ("https://a.example:8080/x%2F..%2F/../c.md", "text/plain", "a.example-8080/x/c.md"),
        ("https://a.example/.git/config", "text/plain", "a.example/_git/config.txt"),
        ("https://a.example/p.pdf", "application/octet-stream", "a.example/p.pdf"),
        ("https://a.example/p.png", "image/png", ""),
    ],
)
def test_the_name_of_a_page(url: str, kind: str, name: str) -> None:
    assert name_of(url, kind) == name


def test_a_page_has_one_address_as_it_is_sent() -> None:
    assert plain_url("HTTPS://anna:secret@Bücher.example:443/Größe und mehr?q=ü#top") == (
        "https://xn--bcher-kva.example/Gr%C3%B6%C3%9Fe%20und%20mehr?q=%C3%BC"
    )
    assert plain_url(plain_url("https://a.example/%C3%B6")) == "https://a.example/%C3%B6"


async def test_a_source_may_become_one_of_another_kind(made: Made, site: Site, tmp_path: Path) -> None:  # noqa: F811
    place = tmp_path / ".coachwork" / "sources" / "documents" / "site"
    place.mkdir(parents=True)
    (place / "a.md").write_text("A bell.")
    (place / "b.md").write_text("A lamp.")
    (place / ".versions.json").write_text('{"a.md": "\\"0123\\"", "b.md": "0123abc"}')
    site.page("/guide/", "<p>A bell costs 12 euro.<a href='größe'>More</a>")
    site.page("/guide/gr%C3%B6%C3%9Fe", "<p>A lamp costs 20 euro.")
    base = made({}, **web(site))
    await base.ingest()
    assert await ids(base) == [f"site/{site.host}/guide/größe.html", f"site/{site.host}/guide/index.html"]


@pytest.mark.slow
def test_links_and_sitemaps_that_are_made_to_hurt() -> None:
    page = b"<base href=/x/><a href='http://['>1</a><a href='javascript:x'>2</a><a rel=nofollow href=/n>3</a>"
    page += b"<a href=y#z>4</a>"
    assert links_of("https://a.example/b", page).urls == ("https://a.example/x/y",)
    assert links_of("https://a.example/b", b"<a href=/c>" * 100_000).urls == ("https://a.example/c",)
    assert sitemap_of("https://a.example/s", b"\x1f\x8bnothing", 1000) == ([], [])
    assert sitemap_of("https://a.example/s", b"<loc>" * 100_000, 1000) == ([], [])


@pytest.mark.slow
async def test_objects_of_a_bucket(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server.start()
    try:
        host, port = server.get_host_and_port()
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        client.create_bucket(Bucket="shop")
        for number in range(3):
            client.put_object(Bucket="shop", Key=f"docs/{number}/bells.md", Body=f"Bell {number} costs 12 euro.")
        for key, body in {"docs/": b"", "docs/x.png": b"x", "docs/../out.md": b"x", "private.md": b"x"}.items():
            client.put_object(Bucket="shop", Key=key, Body=body)
        client.put_object(Bucket="shop", Key="docs/big.md", Body=b"x " * 100_000)
        bucket = {"kind": "s3", "bucket": "shop", "prefix": "docs/", "endpoint": f"http://{host}:{port}"}
        base = made({}, max_file_mb=0.1, sources={"shop": {**bucket, "region": "us-east-1"}})
        await base.ingest()
        assert await ids(base) == [f"shop/{number}/bells.md" for number in range(3)]
        found = await reasons(base)
        assert set(found) == {"shop/x.png", "shop/../out.md", "shop/big.md"}
        assert "at most" in found["shop/big.md"]
        client.put_object(Bucket="shop", Key="docs/1/bells.md", Body="Bell 1 costs 15 euro.")
        client.delete_object(Bucket="shop", Key="docs/2/bells.md")
        report = await base.ingest()
        assert (report.changed, report.deleted, report.embedded) == (1, 1, 1)
    finally:
        server.stop()
    await base.ingest()
    assert await ids(base) == ["shop/0/bells.md", "shop/1/bells.md"]  # a bucket that is away takes nothing away
    assert "can't be reached" in (await reasons(base))["shop"]
