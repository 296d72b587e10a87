"""Errors of OpenAI's SDK where we call it ourselves: raised as pydantic-ai raises them, so that they are read once.

`pydantic_ai.models.openai._errors` is private; it is used here and nowhere else, and a test notices when it moves.
"""

from contextlib import AbstractContextManager


def raised_as_theirs(model: str) -> AbstractContextManager[None]:
    from pydantic_ai.models.openai._errors import map_api_errors

    return map_api_errors(model)
