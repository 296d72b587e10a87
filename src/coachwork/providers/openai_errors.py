"""Errors of OpenAI's SDK where we call it ourselves: raised as pydantic-ai raises them, so that they are read once.

`pydantic_ai.models.openai._errors` is private; it is used here and nowhere else, and a test notices when it moves.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2


def raised_as_theirs(model: str) -> AbstractContextManager[None]:
    from pydantic_ai.models.openai._errors import map_api_errors

    return map_api_errors(model)


def status_error(model: str, response: "httpx2.Response") -> Exception:
    """The error of an answer with an HTTP status of 400 or more, as it is read for OpenAI's own wire."""
    from pydantic_ai.models.openai._errors import status_error

    try:
        body: Any = json.loads(response.text)
    except ValueError:
        body = response.text
    told = body.get("error", body) if isinstance(body, Mapping) else body
    word = told if isinstance(told, Mapping) else {}
    return status_error(
        model,
        "",
        status_code=response.status_code,
        body=told,
        code=_text(word.get("code")),
        error_type=_text(word.get("type")),
        message=_text(word.get("message")),
        headers=dict(response.headers),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
