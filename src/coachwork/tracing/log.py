"""The log: one structured line an event, without secrets. Knows formats; does not know what is worth saying.

Events are named `room.what`; values are ids, names, counts and times. What a user wrote is logged at
debug level only.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

from coachwork.tracing.secrets import without_known

_SECRET_NAMES = re.compile(r"(api_?key|secret|token|password|authorization|cookie)$", re.IGNORECASE)
_SECRET_VALUES = re.compile(
    r"(sk-[A-Za-z0-9_-]{8,}|whsec_[A-Za-z0-9+/=]{8,}|AIza[0-9A-Za-z_-]{20,}|Bearer\s+[A-Za-z0-9._~+/=-]{8,}|://[^/\s:@]+:[^/\s@]+@)"
)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: Literal["debug", "info", "warning", "error"] = "info", *, json: bool = False) -> None:
    """Send the log to standard error, as JSON lines or for reading."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Take out what looks like a secret, by the name of the field or the shape of the value."""
    return {key: "[secret]" if _SECRET_NAMES.search(key) and value else cleaned(value) for key, value in event.items()}


def without_secrets(text: str) -> str:
    """The text with `[secret]` for each secret of this process, and for all that has the shape of a key or a token."""
    return _SECRET_VALUES.sub("[secret]", without_known(text))


def cleaned(value: Any) -> Any:
    """The same for all text in plain data, and for fields whose name says that they hold a secret."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {key: "[secret]" if _SECRET_NAMES.search(str(key)) and v else cleaned(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    return value
