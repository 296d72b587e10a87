"""Links by which a named person decides one approval without logging in. Pure: secret and clock are arguments.

A link is a claim signed with the installation's secret (HMAC-SHA256, RFC 2104). It holds until its time is over or
the approval is decided, whichever comes first: the first answer counts, so it works once.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass

from coachwork.errors import NotAllowed

_PURPOSE = b"coachwork approval link 1\0"
_LONGEST = 4096  # characters


@dataclass(frozen=True)
class Link:
    """Who may decide which approval until when, in milliseconds since 1970 UTC."""

    approval_id: str
    who: str
    expires_at: int


def token_of(link: Link, secret: bytes) -> str:
    """The link as a word for an address: what it claims, and the signature."""
    claim = json.dumps([link.approval_id, link.who, link.expires_at], ensure_ascii=False).encode()
    return f"{_word(claim)}.{_word(_signature(claim, secret))}"


def read_token(token: str, secret: bytes, now_ms: int) -> Link:
    """What a token claims. Raises NotAllowed where it was not signed here, was altered, or is over."""
    claimed, _, signed = token.partition(".")
    try:
        if len(token) > _LONGEST:
            raise ValueError("too long")
        claim, signature = _bytes(claimed), _bytes(signed)
        if not hmac.compare_digest(signature, _signature(claim, secret)):
            raise ValueError("another signature")
        approval_id, who, expires_at = json.loads(claim)
    except ValueError:
        raise NotAllowed(
            "this link was not made here, or was altered",
            hint="Ask for a new one: POST /api/approvals/{id}/links",
            reader="This link is not valid. Please ask for a new one.",
        ) from None
    if now_ms >= expires_at:
        raise NotAllowed(
            f"this link for approval {approval_id!r} is over",
            hint="Ask for a new one: POST /api/approvals/{id}/links",
            reader="This link is no longer valid. Please ask for a new one.",
        )
    return Link(approval_id, who, expires_at)


def _signature(claim: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE + claim, hashlib.sha256)


def _word(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(word: str) -> bytes:
    return base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
