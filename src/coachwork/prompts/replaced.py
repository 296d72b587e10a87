"""Prompts that stand in for others while a block runs: an old version, a draft, another model. Knows names only."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coachwork.prompts.prompt import Prompt

_replaced: ContextVar["Mapping[str, Prompt[..., Any]]"] = ContextVar("coachwork_replaced", default={})  # noqa: B039


@contextmanager
def replaced(prompts: "Mapping[str, Prompt[..., Any]]") -> Iterator[None]:
    """Let these prompts answer, each for the one of its name, in the block and all it calls."""
    token = _replaced.set(prompts)
    try:
        yield
    finally:
        _replaced.reset(token)


def instead_of(name: str) -> "Prompt[..., Any] | None":
    """The prompt that answers for the one of this name here, None for itself."""
    return _replaced.get().get(name)
