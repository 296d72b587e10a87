"""The page out of a folder: its files, its addresses, and how long a browser may keep them."""

from pathlib import Path

import httpx2 as httpx
import pytest

from coachwork.server.application import create_app

from .over_http import Here

SCRIPT = "console.log('page')"


@pytest.fixture
def page(here: Here, tmp_path: Path) -> httpx.AsyncClient:
    """A client of a page built into a folder, beside which lies a file that is nobody's business."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (static / "index.html").write_text("<!doctype html><title>Desk</title>")
    (static / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (static / "theme.js").write_text("1")
    (static / "assets" / "main-1a2b.js").write_text(SCRIPT)
    (static / "assets" / "main-1a2b.js.br").write_bytes(b"brotli")
    (static / "assets" / "main-1a2b.js.gz").write_bytes(b"gzip")
    (static / "assets" / "out").symlink_to(tmp_path / "secret.txt")
    return client(here, static)


def client(here: Here, static: Path) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(here.project, static=static))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@pytest.mark.parametrize("path", ["/", "/runs/run_1", "/apps/answer_ticket", "/index.html", "/apiary", "/a/../b"])
async def test_every_place_in_the_page_is_its_index(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Desk" in answer.text
    assert answer.headers["cache-control"] == "no-cache"


async def test_an_index_that_is_known_is_not_sent_again(page: httpx.AsyncClient) -> None:
    etag = (await page.get("/")).headers["etag"]
    again = await page.get("/runs", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "body", "encoding"),
    [("identity", SCRIPT.encode(), None), ("gzip", None, "gzip"), ("gzip, br", None, "br"), ("br;q=0", SCRIPT, None)],
)
async def test_a_built_asset_is_kept_for_ever_and_sent_small(
    page: httpx.AsyncClient, accepted: str, body: bytes | None, encoding: str | None
) -> None:
    async with page.stream("GET", "/assets/main-1a2b.js", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers.get("content-encoding") == encoding
    assert raw == ({"gzip": b"gzip", "br": b"brotli"}.get(encoding or "") or SCRIPT.encode())


async def test_other_files_are_asked_for_again(page: httpx.AsyncClient) -> None:
    icon = await page.get("/favicon.svg")
    assert (icon.headers["content-type"], icon.headers["cache-control"]) == ("image/svg+xml", "no-cache")
    assert (await page.head("/theme.js")).headers["content-length"] == "1"


@pytest.mark.parametrize(
    "path", ["/assets/gone-9z.js", "/assets/out", "/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt"]
)
async def test_an_asset_that_is_not_there_is_not_the_index(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert "secret" not in answer.text.replace("secret.txt", "")
    assert answer.status_code == 404 or path.startswith("/assets/../")


@pytest.mark.parametrize("path", ["/..%2fsecret.txt", "/%2e%2e/secret.txt", "//etc/passwd", "/%00", "/" + "x" * 5000])
async def test_nothing_outside_the_folder_is_sent(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert (answer.status_code, "<title>Desk" in answer.text) == (200, True)


async def test_a_page_that_is_not_built_says_how_to_build_it(here: Here, tmp_path: Path) -> None:
    answer = await client(here, tmp_path / "nothing").get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/plain; charset=utf-8")
    assert "make web" in answer.text
    assert (await client(here, tmp_path / "nothing").get("/api/app")).status_code == 200
