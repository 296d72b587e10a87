"""Pages of the web and what they link to: polite, bounded, and asked for again only where they changed.

Knows the walk through a site; reading pages is `site.py`'s, fetching them `fetch.py`'s. As RFC 9309 says, a
robots.txt that can't be reached forbids everything, and one that is not there allows it.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.robotparser import RobotFileParser

from coachwork.errors import SourceUnavailable
from coachwork.knowledge.opened import too_large
from coachwork.knowledge.sources.config import WebConfig
from coachwork.knowledge.sources.contract import Item
from coachwork.knowledge.sources.fetch import AGENT, Fetcher, Page
from coachwork.knowledge.sources.site import (
    Links,
    links_of,
    name_of,
    origin,
    plain_url,
    robots_of,
    sitemap_of,
    within,
)

_ROBOTS_BYTES = 500_000
_SITEMAP_BYTES = 50_000_000  # what sitemaps.org allows
_SITEMAPS = 100
_MOST_DELAY = 60.0  # seconds: a robots.txt may not stop us for days
_TRIES = 3
_BUSY = (429, 500, 502, 503, 504)


class Web:
    """What `[knowledge.NAME.sources.SOURCE] kind = "web"` describes; a page has at most `limit` bytes."""

    def __init__(self, config: WebConfig, limit: int) -> None:
        self._config = config
        self._limit = limit

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        async with Fetcher(private=self._config.private) as fetcher:
            walk = _Walk(self._config, self._limit, fetcher, _by_url(known))
            async for item in walk.items():
                yield item


@dataclass(frozen=True)
class _Before:
    """What an earlier walk knew of a page: its name here, what the server told of its version, and its links."""

    name: str
    etag: str = ""
    modified: str = ""
    links: tuple[str, ...] = ()


@dataclass
class _Walk:
    """The state of one walk."""

    config: WebConfig
    limit: int
    fetcher: Fetcher
    before: Mapping[str, _Before]
    robots: dict[str, RobotFileParser] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)  # host → when it was asked
    left: float = 0.0  # bytes that may still be fetched

    async def items(self) -> AsyncIterator[Item]:
        self.left = self.config.max_mb * 1_000_000
        starts = tuple(plain_url(url) for url in self.config.urls)
        waiting = deque(starts)
        for sitemap in self.config.sitemaps:
            waiting.extend(await self._pages_of(plain_url(sitemap)))
        met: set[str] = set()
        named: set[str] = set()
        taken = 0
        while waiting:
            url = waiting.popleft()
            if url in met:
                continue
            met.add(url)
            if taken >= self.config.max_pages or self.left <= 0:
                yield Item("more pages", reason=self._enough())
                return
            item, links = await self._page(url, url in starts)
            if self.config.follow:
                waiting.extend(link for link in links if link not in met and within(link, starts))
            if item is not None and item.name not in named:
                named.add(item.name)
                taken += 1
                yield item

    def _enough(self) -> str:
        if self.left <= 0:
            return f"the site has more than {self.config.max_mb:g} MB; raise max_mb of the source"
        return f"the site has more than {self.config.max_pages:,} pages; raise max_pages of the source"

    async def _page(self, url: str, start: bool) -> tuple[Item | None, tuple[str, ...]]:
        """A page as an item, None where it is gone or elsewhere; and its links. A start that fails fails the walk."""
        before = self.before.get(url)
        name = before.name if before else name_of(url, "text/html")
        if not (await self._rules(url)).can_fetch(AGENT, url):
            return Item(name, reason="robots.txt of its site asks not to read it"), ()
        asked = {}
        if before and before.etag:
            asked["if-none-match"] = before.etag
        elif before and before.modified:
            asked["if-modified-since"] = before.modified
        try:
            page = await self._get(url, self.limit, asked)
        except SourceUnavailable as error:
            if start:
                raise
            return Item(name, reason=error.reason, keep=True), before.links if before else ()
        if page.status == 304 and before:
            return Item(before.name, version=_version(url, page.headers, before)), before.links
        if page.status in (404, 410) and not start:
            return None, ()
        if page.status != 200:
            busy = page.status in _BUSY
            if start and busy:
                raise SourceUnavailable(url, f"it answered {page.status}")
            return Item(name, reason=f"its site answered {page.status}", keep=busy), before.links if before else ()
        if origin(page.url) == origin(url) and not self.robots[origin(url)].can_fetch(AGENT, page.url):
            return Item(name, reason="it leads to a page that robots.txt of its site asks not to read"), ()
        return await self._read(url, page)

    async def _read(self, url: str, page: Page) -> tuple[Item | None, tuple[str, ...]]:
        kind = page.headers.get("content-type", "")
        name = name_of(url, kind)
        if not name:
            return Item(name_of(url, "text/html"), reason=f"its type {kind.partition(';')[0]!r} is not read"), ()
        if page.too_long:
            return Item(name, reason=too_large(len(page.body) + 1, self.limit)), ()
        if plain_url(page.url) != url and origin(page.url) != origin(url):
            return Item(name, reason=f"it leads to another site, {origin(page.url)}"), ()
        links = await asyncio.to_thread(links_of, page.url, page.body) if name.endswith("html") else Links()
        if links.hidden:
            return Item(name, reason="the page asks not to be indexed"), links.urls
        version = _version(url, page.headers, _Before(name, links=links.urls))
        return Item(name, page.body, version), links.urls

    async def _pages_of(self, sitemap: str) -> list[str]:
        """The pages that a sitemap names, and those that it leads to."""
        waiting, met, found = deque([sitemap]), set[str](), dict[str, None]()
        while waiting and len(met) < _SITEMAPS:
            url = waiting.popleft()
            if url in met:
                continue
            met.add(url)
            if not (await self._rules(url)).can_fetch(AGENT, url):
                raise SourceUnavailable(url, "robots.txt of its site asks not to read it")
            page = await self._get(url, _SITEMAP_BYTES, {})
            if page.status != 200:
                raise SourceUnavailable(url, f"it answered {page.status}")
            pages, further = await asyncio.to_thread(sitemap_of, url, page.body, _SITEMAP_BYTES)
            found.update(dict.fromkeys(pages))
            waiting.extend(further)
        return list(found)

    async def _rules(self, url: str) -> RobotFileParser:
        site = origin(url)
        if site not in self.robots:
            page = await self._get(f"{site}/robots.txt", _ROBOTS_BYTES, {})
            if page.status >= 500 or page.status == 429:
                raise SourceUnavailable(site, f"its robots.txt answered {page.status}, which forbids everything")
            self.robots[site] = robots_of(page.body.decode("utf-8", errors="replace") if page.status == 200 else "")
        return self.robots[site]

    async def _get(self, url: str, limit: int, headers: Mapping[str, str]) -> Page:
        """A page, politely: after a pause, and a few times where the server is busy."""
        for left in reversed(range(_TRIES)):
            await self._pause(origin(url))
            page = await self.fetcher.get(url, limit, headers)
            self.left -= len(page.body)
            if left == 0 or page.status not in (429, 503):
                break
            said = page.headers.get("retry-after", "")
            await asyncio.sleep(min(float(said) if said.isdigit() else 2 * self.config.delay, _MOST_DELAY))
        return page

    async def _pause(self, site: str) -> None:
        rules = self.robots.get(site)
        asked = float(rules.crawl_delay(AGENT) or 0) if rules is not None else 0.0
        pause = max(self.config.delay, min(asked, _MOST_DELAY))
        await asyncio.sleep(max(0.0, self.last.get(site, -pause) + pause - time.monotonic()))
        self.last[site] = time.monotonic()


def _version(url: str, headers: Mapping[str, str], page: _Before) -> str:
    etag, modified = headers.get("etag", page.etag), headers.get("last-modified", page.modified)
    return json.dumps({"url": url, "etag": etag, "modified": modified, "links": page.links})


def _by_url(known: Mapping[str, str]) -> dict[str, _Before]:
    said = {name: _parsed(version) for name, version in known.items()}
    return {
        page["url"]: _Before(name, page["etag"], page["modified"], tuple(page["links"]))
        for name, page in said.items()
        if page is not None
    }


def _parsed(version: str) -> dict[str, Any] | None:
    """What `_version` wrote; None for what another kind of source of the same name wrote: then a page is asked anew."""
    try:
        found = json.loads(version)
    except json.JSONDecodeError:
        return None
    ours = isinstance(found, dict) and found.keys() == {"url", "etag", "modified", "links"}
    return found if ours else None
