"""A small mail system that takes replies by webhook. Knows signatures and a page; knows nothing of Coachwork.

    python receiver.py --port 8021 --secret-file .coachwork/replies.secret

Signatures follow Standard Webhooks (https://www.standardwebhooks.com). What does not verify is refused
with 401 and shown as refused, without its content. Needs `pip install standardwebhooks`.
"""

import argparse
import html
import json
import sys
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MAX_BODY = 1_000_000
KEPT = 200


@dataclass
class Arrival:
    """One message as it came in. `data` is empty where the signature did not verify."""

    id: str
    at: str
    verified: bool
    verdict: str
    repeats: int = 0
    data: dict[str, Any] = field(default_factory=dict)


class Mailroom:
    """What has arrived, newest first. A message id that comes again is the same message, counted."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self.arrivals: deque[Arrival] = deque(maxlen=KEPT)

    def take(self, body: bytes, headers: dict[str, str]) -> Arrival:
        message_id = headers.get("webhook-id", "")
        try:
            message = self._webhook.verify(body, headers)
        except (WebhookVerificationError, ValueError) as error:  # ValueError: a signature or body that is no text
            reason = str(error) if isinstance(error, WebhookVerificationError) else "it can't be read"
            arrival = Arrival(message_id or "(none)", _now(), False, f"refused: {reason}")
            self.arrivals.appendleft(arrival)
            return arrival
        for earlier in self.arrivals:
            if earlier.verified and earlier.id == message_id:
                earlier.repeats += 1
                return earlier
        data = message.get("data") if isinstance(message, dict) else None
        arrival = Arrival(message_id, _now(), True, "signature verified", data=data if isinstance(data, dict) else {})
        self.arrivals.appendleft(arrival)
        return arrival


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# ── The page ───────────────────────────────────────────────────────────────────────────────────

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5a626b; --line: #dfe3e8; --paper: #f6f7f9; --card: #fff;
        --good: #11663b; --good-bg: #e3f4ea; --bad: #a01c1c; --bad-bg: #fbe6e6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --soft: #a3abb5; --line: #343a42; --paper: #14171a; --card: #1d2125;
          --good: #7fdca6; --good-bg: #16301f; --bad: #ffa3a3; --bad-bg: #3a1a1a; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: 32px 16px 64px }
h1 { font-size: 22px; margin: 0 } .lead { color: var(--soft); margin: 4px 0 24px }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
          padding: 16px 20px; margin: 0 0 16px }
header { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: baseline; justify-content: space-between }
h2 { font-size: 16px; margin: 0; overflow-wrap: anywhere } time, .to, code { color: var(--soft); font-size: 13px }
.to { margin: 0 } code { overflow-wrap: anywhere }
.text { white-space: pre-wrap; margin: 12px 0; overflow-wrap: anywhere }
.mark { display: inline-block; padding: 1px 10px; border-radius: 10px; font-size: 13px; font-weight: 600 }
.good { color: var(--good); background: var(--good-bg) } .bad { color: var(--bad); background: var(--bad-bg) }
blockquote { margin: 8px 0 0; padding-left: 12px; font-size: 14px; border-left: 3px solid var(--line) }
cite { color: var(--soft); font-size: 13px }
"""


def page(arrivals: list[Arrival]) -> str:
    """The whole page. Every value is escaped: what a customer wrote is text here, never markup."""
    shown = "\n".join(_article(arrival) for arrival in arrivals)
    empty = '<p class="lead">Nothing has arrived yet. Answer a ticket, and its reply appears here.</p>'
    good = sum(arrival.verified for arrival in arrivals)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="3"><title>Replies that arrived ({good})</title><style>{STYLE}</style></head>
<body><main><h1>Replies that arrived</h1>
<p class="lead">{good} verified, {len(arrivals) - good} refused. This page stands for your mail system and looks again
every 3 seconds.</p>
{shown or empty}
</main></body></html>"""


def _article(arrival: Arrival) -> str:
    data = arrival.data
    mark = f'<span class="mark {"good" if arrival.verified else "bad"}">{_safe(arrival.verdict)}</span>'
    repeats = f" · came {arrival.repeats + 1} times, counted once" if arrival.repeats else ""
    head = _safe(data.get("subject") or "A message that was not accepted")
    parts = [f"<header><h2>{head}</h2><time>{_safe(arrival.at)}</time></header>"]
    if arrival.verified:
        about = " · ".join(_safe(data.get(key)) for key in ("ticket", "category", "decision") if data.get(key))
        parts.append(f'<p class="to">To {_safe(data.get("to") or "(no address)")}{" · " + about if about else ""}</p>')
        parts.append(f'<p class="text">{_safe(data.get("text"))}</p>{_sources(data.get("sources"))}')
    parts.append(f"<p>{mark} <code>{_safe(arrival.id)}</code>{repeats}</p>")
    return f"<article>{''.join(parts)}</article>"


def _sources(sources: object) -> str:
    if not isinstance(sources, list) or not sources:
        return ""
    quotes = "".join(
        f"<blockquote>{_safe(source.get('quote'))}<br><cite>{_safe(source.get('document'))}</cite></blockquote>"
        for source in sources
        if isinstance(source, dict)
    )
    return quotes


def _safe(value: object) -> str:
    return html.escape("" if value is None else str(value))


# ── The server ─────────────────────────────────────────────────────────────────────────────────


def handler_for(mailroom: Mailroom) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30
        server_version, sys_version = "receiver", ""

        def do_GET(self) -> None:
            if self.path == "/":
                self._answer(200, "text/html; charset=utf-8", page(list(mailroom.arrivals)))
            elif self.path == "/deliveries.json":
                items = [asdict(arrival) for arrival in mailroom.arrivals]
                self._answer(200, "application/json", json.dumps({"items": items}, ensure_ascii=False))
            else:
                self._answer(404, "text/plain", "not found\n")

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if self.path != "/hook":
                return self._answer(404, "text/plain", "post to /hook\n")
            if not length.isdigit() or int(length) > MAX_BODY:
                return self._answer(413, "text/plain", f"a message has at most {MAX_BODY} bytes\n")
            headers = {name.lower(): value for name, value in self.headers.items()}
            arrival = mailroom.take(self.rfile.read(int(length)), headers)
            subject = arrival.data.get("subject", "")
            print(f"{arrival.at}  {arrival.verdict}  {arrival.id}  {subject}", flush=True)
            self._answer(200 if arrival.verified else 401, "text/plain", arrival.verdict + "\n")

        def _answer(self, status: int, kind: str, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.send_header("cache-control", "no-store")
            self.send_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Only deliveries are worth a line."""

    return Handler


def main() -> int:
    options = argparse.ArgumentParser(description="Takes signed webhooks and shows them.")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8021)
    options.add_argument(
        "--secret-file",
        type=Path,
        default=Path(__file__).parent / ".coachwork" / "replies.secret",
        help="a file with whsec_… in it",
    )
    given = options.parse_args()
    try:
        mailroom = Mailroom(given.secret_file.read_text("utf-8").strip())
        server = ThreadingHTTPServer((given.host, given.port), handler_for(mailroom))
    except FileNotFoundError:
        print(f"{given.secret_file} is not there. Make it: echo whsec_$(openssl rand -base64 24) > {given.secret_file}")
        return 2
    except OSError as error:
        print(f"can't listen on {given.host}:{given.port}: {error.strerror}. Choose another with --port.")
        return 2
    print(f"Replies are shown on http://{given.host}:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
