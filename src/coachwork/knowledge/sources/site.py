"""Reads what pages, sitemaps and robots.txt say. Pure: knows their text, and asks nobody."""

import html
import re
import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from coachwork.knowledge.folder import is_document_name
from coachwork.knowledge.parse import PARSERS, format_of

_HTML = frozenset({"html", "htm", "xhtml"})
_TYPES = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "text/markdown": "md",
    "text/plain": "txt",
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_SENT = "/%:@!$&'()*+,;=~?-._"  # of a path or a query as it stands
_LOOKED_AT = 2_000_000  # bytes of a page in which links are looked for
_LINKS = 2_000  # of a page
_LOC = re.compile(rb"<loc>([^<]{1,2100})</loc>", re.IGNORECASE)


def plain_url(url: str) -> str:
    """Without fragment, user, and default port, and as it is sent, so that one page has one address.

    Raises ValueError for what is no address.
    """
    parts = urlsplit(urldefrag(url).url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host if host.isascii() else host.encode("idna").decode()
    port = f":{parts.port}" if parts.port not in (None, {"http": 80, "https": 443}.get(parts.scheme)) else ""
    return urlunsplit(
        (parts.scheme.lower(), host + port, quote(parts.path or "/", _SENT), quote(parts.query, _SENT), "")
    )


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def name_of(url: str, content_type: str) -> str:
    """A document's name: host and path, with the ending that its type asks for. "" for a type that is not read."""
    parts = urlsplit(url)
    kind = content_type.partition(";")[0].strip().lower()
    path = PurePosixPath(unquote(parts.path).lstrip("/"))
    ending = format_of(path.name)
    steps = [_step(part) for part in path.parts if part not in ("", ".", "..")]
    if parts.path.endswith("/") or not steps:
        steps.append("index")
        ending = ""
    wanted = _TYPES.get(kind, "")
    if wanted in ("txt", "") and ending in PARSERS and (wanted or kind in ("", "application/octet-stream")):
        wanted = ending  # servers call Markdown, code and much else plain text
    if not wanted:
        return ""
    last = steps.pop()
    if parts.query:
        last = f"{last}-{sha256(parts.query.encode()).hexdigest()[:8]}"
        ending = ""
    same = ending == wanted or (ending in _HTML and wanted == "html")
    return "/".join([_step(parts.netloc.replace(":", "-")), *steps, last if same else f"{last}.{wanted}"])


def _step(part: str) -> str:
    """A part of a path as it may stand in a file system."""
    kept = re.sub(r"[^\w.,;=@()+~ -]", "_", part)
    if len(kept.encode()) > 150:
        kept = f"{kept.encode()[:120].decode(errors='ignore')}-{sha256(part.encode()).hexdigest()[:8]}"
    return kept if is_document_name(kept) else f"_{kept.lstrip('.')}"


@dataclass(frozen=True)
class Links:
    """Where a page leads to, and whether it asks not to be kept."""

    urls: tuple[str, ...] = ()
    hidden: bool = False


def links_of(url: str, body: bytes) -> Links:
    """The links of a page, whole and in order; none where it asks that they are not followed."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(body[:_LOOKED_AT].decode("utf-8", errors="replace"))
    asked = " ".join(
        (node.attributes.get("content") or "").lower()
        for node in tree.css("meta[name]")
        if (node.attributes.get("name") or "").lower() in ("robots", "coachwork")
    )
    base = tree.css_first("base[href]")
    here = urljoin(url, (base.attributes.get("href") or "") if base is not None else "")
    found: dict[str, None] = {}
    for node in tree.css("a[href]") if "nofollow" not in asked and "none" not in asked else ():
        if "nofollow" in (node.attributes.get("rel") or "").lower():
            continue
        try:
            target = plain_url(urljoin(here, (node.attributes.get("href") or "").strip()))
        except ValueError:
            continue  # no address at all
        if target.startswith(("http://", "https://")) and len(target) <= 2000:
            found[target] = None
        if len(found) >= _LINKS:
            break
    return Links(tuple(found), hidden="noindex" in asked or "none" in asked)


def within(url: str, starts: tuple[str, ...]) -> bool:
    """Does `url` lie in the folder of one of these pages?"""
    return any(url.startswith(start.rpartition("/")[0] + "/") or url == start for start in starts)


def sitemap_of(url: str, body: bytes, limit: int) -> tuple[list[str], list[str]]:
    """The pages and the further sitemaps that a sitemap names, of its own host. A packed one is unpacked up to
    `limit` bytes."""
    if body.startswith(b"\x1f\x8b"):
        try:
            body = zlib.decompressobj(wbits=31).decompress(body, limit)
        except zlib.error:
            return [], []
    found = []
    for place in _LOC.findall(body):
        try:
            target = plain_url(html.unescape(place.decode("utf-8", errors="replace").strip()))
        except ValueError:
            continue
        if origin(target) == origin(url):
            found.append(target)
    index = b"<sitemapindex" in body[:5000].lower()
    return ([], found) if index else (found, [])


def robots_of(text: str) -> RobotFileParser:
    parser = RobotFileParser()
    parser.parse(text.splitlines())
    return parser
