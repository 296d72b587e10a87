"""Mails: subject, headers and words as one document, each attachment as another. Knows MIME; opens no attachment."""

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import PurePosixPath
from typing import Any

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats import html
from coachwork.knowledge.formats.text_builder import TextBuilder, one_line, storable

MAX_ATTACHMENTS = 100
MAX_DEPTH = 3  # mails within mails
_HEADERS = ("From", "To", "Cc", "Date")
_MAX_PARTS = 1000
_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f]+")


def parse(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    """The mail itself: its subject as title, who wrote when, and its words; plain text where it has some, else HTML."""
    message = _message(document, data)
    builder = TextBuilder(document, limits.max_text)
    builder.heading(_header(message, "Subject") or "(no subject)", 1)
    builder.block("\n".join(f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))))
    parts = [part for part in _parts(document, message) if not _is_attached(part)]
    plain = [part for part in parts if part.get_content_type() == "text/plain"]
    for part in plain:
        builder.block(_characters(part).strip())
    if not plain:
        for part in parts:
            if part.get_content_type() == "text/html" and _characters(part).strip():
                builder.block(html.parse(document, _characters(part).encode("utf-8", "replace"), limits).text)
    parsed = builder.parsed("eml")
    return Parsed(one_line(_header(message, "Subject")) or parsed.title, "eml", parsed.text, parsed.headings)


def attachments(document: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each attachment; a mail within the mail is one, as `.eml`. Names are unique and plain.

    Raises DocumentUnreadable where there are more than 100.
    """
    taken: set[str] = set()
    for number, part in enumerate(filter(_is_attached, _parts(document, _message(document, data))), start=1):
        if number > MAX_ATTACHMENTS:
            raise DocumentUnreadable(document, f"it has more than {MAX_ATTACHMENTS} attachments")
        name = _name(part, number)
        if name in taken:
            plain = PurePosixPath(name)
            name = f"{plain.stem} ({number}){plain.suffix}"
        taken.add(name)
        yield name, _bytes(part)


def _message(document: str, data: bytes) -> EmailMessage:
    message = BytesParser(policy=policy.default).parsebytes(data)
    if not any(name in message for name in ("From", "To", "Subject", "Date", "Message-ID")):
        raise DocumentUnreadable(document, "it is named .eml but has no mail's headers")
    return message


def _parts(document: str, message: EmailMessage) -> Iterator[EmailMessage]:
    """The leaves of a mail in order; a mail within it is one leaf, whatever it holds."""
    waiting: list[Any] = [message]
    seen = 0
    while waiting:
        part = waiting.pop()
        seen += 1
        if seen > _MAX_PARTS:
            raise DocumentUnreadable(document, f"it has more than {_MAX_PARTS:,} parts")
        if part.is_multipart() and part.get_content_maintype() != "message":
            waiting.extend(reversed(list(part.iter_parts())))
        else:
            yield part


def _is_attached(part: EmailMessage) -> bool:
    if part.get_content_maintype() == "message":
        return True
    if part.get_content_disposition() == "attachment":
        return True
    return part.get_content_maintype() != "text" and part.get_filename() is not None


def _name(part: EmailMessage, number: int) -> str:
    """The attachment's own name without any path, else one made of its number and type."""
    named = one_line(_UNSAFE.sub("_", storable(part.get_filename() or ""))).strip(" ._")[:120]
    if part.get_content_maintype() == "message":
        return named if named.lower().endswith(".eml") else f"{named or f'mail {number}'}.eml"
    return named or f"attachment {number}.{part.get_content_subtype()}"


def _header(message: EmailMessage, name: str) -> str:
    try:
        return one_line(str(message.get(name, "")))
    except (ValueError, IndexError, AttributeError, TypeError):  # the library's header parser on a header that is none
        return ""


def _characters(part: EmailMessage) -> str:
    try:
        return storable(str(part.get_content()))
    except (LookupError, ValueError):  # a character set that there is not
        return storable(_bytes(part).decode("utf-8", errors="replace"))


def _bytes(part: EmailMessage) -> bytes:
    if part.get_content_maintype() == "message":
        inner = part.get_payload()
        first = inner[0] if isinstance(inner, list) and inner else None
        return first.as_bytes() if isinstance(first, EmailMessage) else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
