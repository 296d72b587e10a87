"""The secrets of this process by their values: taken out of texts for models, logs, traces and errors. Knows no shapes.

A value is taken out as it is, in base64 and as it stands in a URL. One that could be an ordinary word or number is
not known by its value, or it would go missing everywhere: fewer than 8 characters, letters or digits alone up to 15.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "[secret]"
_NAMES = re.compile(
    r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASS|CREDENTIALS?|AUTHORIZATION|COOKIE|DSN)(_\d+)?$", re.I
)
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def secrets_of(environ: Mapping[str, str]) -> list[str]:
    """The values of variables whose names say that they are secret, and the passwords in URLs of any variable."""
    named = [value for name, value in environ.items() if _NAMES.search(name)]
    return named + [word for value in environ.values() if (word := password_in(value))]


def password_in(url: str) -> str:
    """The password of a URL like `postgresql://user:password@host/db`, "" for none."""
    if "://" not in url or "@" not in url:
        return ""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def keep_secret(values: Iterable[str]) -> None:
    """From now on these are taken out of every text that leaves for a model, a log or an error."""
    global _pattern
    new = {value.strip() for value in values if _is_telling(value.strip())}
    if new <= _known:
        return
    _known.update(new)
    forms = {form for value in _known for form in (value, quote(value, safe=""), _base64(value))}
    _pattern = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))


def without_known(text: str) -> str:
    """The text with `[secret]` for every known secret in it."""
    return text if _pattern is None else _pattern.sub(HIDDEN, text)


def without_known_in(value: Any) -> Any:
    """The same for every text in JSON."""
    if _pattern is None:
        return value
    if isinstance(value, str):
        return without_known(value)
    if isinstance(value, Mapping):
        return {key: without_known_in(part) for key, part in value.items()}
    return [without_known_in(part) for part in value] if isinstance(value, list | tuple) else value


def _is_telling(value: str) -> bool:
    return len(value) >= 16 or (len(value) >= 8 and not value.isalpha() and not value.isdigit())


def _base64(value: str) -> str:
    """Its middle, which is the same wherever it stands in a longer base64 text that begins with it."""
    whole = base64.b64encode(value.encode()).decode()
    return whole[: len(value.encode()) // 3 * 4]
