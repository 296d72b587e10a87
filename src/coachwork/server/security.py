"""What a browser may do with us, and who may ask: there is no login yet, so only this machine. Knows headers only.

A page of another site can make a browser send requests to a loopback port. Two checks stop it: the
Host must be ours (else a name that points here, DNS rebinding, would read answers), and a request
that changes something must not come from another site.
"""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coachwork.server.listening import is_loopback
from coachwork.server.problems import problem, respond

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",  # recordings are data URLs
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "frame-src 'self'",  # the browser's own PDF viewer
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
}


class SecurityHeaders:
    """Adds the headers above to every response that does not set its own; answers of the API are never cached."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(("/api/", "/mcp", "/a2a")):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)


class HostCheck:
    """Answers only requests that were sent to this machine by one of its own names."""

    def __init__(self, app: ASGIApp, configured: str) -> None:
        self.app = app
        self.configured = configured.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = _host_name(Headers(scope=scope).get("host", "")) if scope["type"] == "http" else self.configured
        if host == self.configured or is_loopback(host):
            await self.app(scope, receive, send)
            return
        refusal = problem(
            403,
            "unknown-host",
            f"the request was sent to the host {host!r}, which is not this server",
            hint="Use http://127.0.0.1 or http://localhost. A proxy in front has to send `Host: localhost`.",
        )
        await respond(refusal)(scope, receive, send)


class SameOrigin:
    """Refuses a request that changes something and was made by a page of another site.

    Programs other than browsers send neither header and pass. After Go's http.CrossOriginProtection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS and _is_foreign(Headers(scope=scope)):
            refusal = problem(
                403,
                "cross-site",
                "a page of another site tried to change something here",
                hint="Send such requests from a program, or from a page of this server.",
            )
            await respond(refusal)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_foreign(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()


def _host_name(host: str) -> str:
    """The Host header without its port, in lower case; "" where it is none."""
    match = _HOST.fullmatch(host)
    return match["name"].lower() if match else ""
