"""The small page behind a signed link: one approval, for a person without a login. Knows forms; decides nothing itself.

It works without a script. Reading it decides nothing, so that a mail program which opens links ahead does no harm.
"""

import base64
import hashlib
import json
from html import escape
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from coachwork.errors import Conflict, InputError, NotAllowed, NotFound
from coachwork.messages import JsonValue
from coachwork.pipelines.approval_links import Link
from coachwork.pipelines.views import ApprovalView
from coachwork.server.served import RuntimeHere

router = APIRouter(prefix="/decide", include_in_schema=False)
_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
pre, textarea { font: .9rem/1.4 ui-monospace, monospace; width: 100%; box-sizing: border-box; white-space: pre-wrap; }
textarea { padding: .5rem; } label { display: block; margin-top: 1rem; font-weight: 600; }
button { font: inherit; padding: .5rem 1.25rem; margin: 1rem .5rem 0 0; cursor: pointer; }
dt { font-weight: 600; } dd { margin: 0 0 .75rem; white-space: pre-wrap; } .wrong { font-weight: 600; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
}
_DONE = {
    "accepted": "accepted as it is",
    "edited": "accepted with changes",
    "rejected": "rejected",
    "expired": "not decided in time",
    "cancelled": "not needed any more: the run was stopped",
}


@router.get("/{token}")
async def read(token: str, runtime: RuntimeHere) -> HTMLResponse:
    """Show what is asked; noted as shown to the person of the link."""
    try:
        link = runtime.read_link(token)
        return _page(_asked(await runtime.runs.shown(link.approval_id, link.who), link), 200)
    except (NotAllowed, NotFound) as error:
        return _page(_said(error.reader), error.status)


@router.post("/{token}")
async def decide(token: str, runtime: RuntimeHere, request: Request) -> HTMLResponse:
    """Take the answer of the form, in the name of the person of the link."""
    try:
        link = runtime.read_link(token)
        sent = {
            name: values[-1] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()
        }
        approval = await runtime.runs.approval(link.approval_id)
        return await _decided(runtime, link, approval, sent)
    except (NotAllowed, NotFound) as error:
        return _page(_said(error.reader), error.status)


async def _decided(runtime: RuntimeHere, link: Link, approval: ApprovalView, sent: dict[str, str]) -> HTMLResponse:
    value: JsonValue = None
    decision: Any = sent.get("decision", "")
    try:
        if decision == "accept" and "value" in sent:
            value = json.loads(sent["value"])
            decision = "accept" if value == approval.value else "edit"
        await runtime.runs.answer(link.approval_id, decision, value, sent.get("comment", "")[:10_000], link.who)
    except Conflict:
        return _page(_asked(await runtime.runs.approval(link.approval_id), link), 409)
    except ValueError:
        return _page(
            _asked(approval, link, "The value is not JSON any more. Please check brackets and quotes.", sent), 422
        )
    except InputError as error:
        return _page(_asked(approval, link, error.message, sent), 422)
    return _page(_asked(await runtime.runs.approval(link.approval_id), link), 200)


# ── HTML ───────────────────────────────────────────────────────────────────────────────────────


def _asked(approval: ApprovalView, link: Link, wrong: str = "", sent: dict[str, str] | None = None) -> str:
    head = f"<p>{escape(approval.pipeline_title)}</p><h1>{escape(approval.title)}</h1>{_context(approval)}"
    if approval.status != "pending":
        by = f" by {escape(approval.decided_by)}" if approval.decided_by not in ("", "expiry") else ""
        return f"{head}<p>This is {_DONE[approval.status]}{by}.</p>"
    value = (sent or {}).get("value") or json.dumps(approval.value, ensure_ascii=False, indent=2)
    until = f"<p>Until {approval.expires_at:%Y-%m-%d %H:%M} UTC.</p>" if approval.expires_at else ""
    who = f"<p>You decide as {escape(link.who)}.</p>" if link.who else ""
    problem = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return f"""{head}{until}{who}{problem}<form method="post">
<label for="value">What is decided on; you may change it</label>
<textarea id="value" name="value" rows="14">{escape(value)}</textarea>
<label for="comment">Comment</label>
<textarea id="comment" name="comment" rows="2">{escape((sent or {}).get("comment", ""))}</textarea>
<button name="decision" value="accept">Accept</button><button name="decision" value="reject">Reject</button></form>"""


def _context(approval: ApprovalView) -> str:
    shown = [
        (item["label"], item["value"] if isinstance(item["value"], str) else json.dumps(item["value"], indent=2))
        for item in approval.context or []
    ]
    lines = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in shown)
    return f"<dl>{lines}</dl>" if lines else ""


def _said(text: str) -> str:
    return f"<h1>{escape(text)}</h1>"


def _page(body: str, status: int) -> HTMLResponse:
    html = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Decide</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"""
    return HTMLResponse(html, status, _HEADERS)
