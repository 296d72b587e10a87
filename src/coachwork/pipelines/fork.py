"""A run again from one of its steps, with something changed: input, a prompt's version or draft, a model.

Knows which rows are taken over and which prompts stand in; starts nothing. Steps before the fork are taken over as they
were recorded, so they are neither done nor paid again, whatever was changed.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from pydantic import model_validator

from coachwork.errors import InputError, NotFound, ProjectError, did_you_mean
from coachwork.messages import Frozen
from coachwork.pipelines import journal
from coachwork.prompts import Prompt
from coachwork.store.tables import approvals, steps


class PromptChange(Frozen):
    """What is other about a prompt: a kept version or label, or a draft's text; and the model, or route, it asks."""

    version: str | None = None
    draft: str | None = None
    model: str | None = None

    @model_validator(mode="after")
    def _one_text(self) -> "PromptChange":
        if self.version is not None and self.draft is not None:
            raise ValueError("a prompt has one text: give a version or a draft")
        return self


class Changes(Frozen):
    """What is other about the prompts of a fork; `model` is for all of them that name none of their own."""

    model: str | None = None
    prompts: dict[str, PromptChange] = {}

    def __bool__(self) -> bool:
        return self.model is not None or bool(self.prompts)


class Standing(Protocol):
    """Gives the prompts that stand in for others under some changes."""

    def __call__(self, changes: Changes) -> Mapping[str, Prompt[..., Any]]: ...


class Variants:
    """The prompts of a project under changes. `most_tokens` bounds an answer of a route or model, in tokens."""

    def __init__(
        self, prompts: Mapping[str, Prompt[..., Any]], folder: Path, most_tokens: Callable[[str], int]
    ) -> None:
        self._prompts = prompts
        self._folder = folder
        self._most_tokens = most_tokens

    def __call__(self, changes: Changes) -> Mapping[str, Prompt[..., Any]]:
        """Raises NotFound for an unknown prompt, InputError for a text that can't be asked, ModelError for no model."""
        for name in changes.prompts:
            if name not in self._prompts:
                raise NotFound(f"there is no prompt {name!r}", hint=did_you_mean(name, list(self._prompts)))
        names = self._prompts if changes.model is not None else changes.prompts
        return {name: self._variant(name, changes) for name in names}

    def _variant(self, name: str, changes: Changes) -> Prompt[..., Any]:
        prompt, change = self._prompts[name], changes.prompts.get(name, PromptChange())
        try:
            if change.version is not None:
                prompt = prompt.at(change.version)
            elif change.draft is not None:
                prompt = prompt.drafted(self._folder, change.draft)
        except ProjectError as error:  # the project is whole: what was sent is not
            what = "version" if change.draft is None else "draft"
            raise InputError(f"this {what} of {name!r} can't be asked: {error.message}", hint=error.hint) from None
        model = change.model or changes.model
        return prompt if model is None else prompt.only_on(model, self._most_tokens(model))


def no_variants(changes: Changes) -> Mapping[str, Prompt[..., Any]]:
    """Of a place without prompts."""
    if changes:
        raise InputError("there are no prompts here to be changed")
    return {}


def forked(connection: sa.Connection, origin_id: str, values: dict[str, Any], from_step: int) -> sa.Row[Any] | None:
    """Keep a run that begins with the steps of another one; the row with its idempotency key, None where none was.

    Raises InputError where a step before `from_step` has not ended, or there is none.
    """
    done = connection.execute(steps.select().where(steps.c.run_id == origin_id).order_by(steps.c.seq)).all()
    last = max((row.seq for row in done), default=0)
    if not 1 <= from_step <= last + 1:
        raise InputError(
            f"run {origin_id} has {last} steps, so it can be forked from step 1 to {last + 1}, not {from_step}"
        )
    taken = [row for row in done if row.seq < from_step]
    if unended := [row.seq for row in taken if row.status not in ("succeeded", "failed")]:
        raise InputError(
            f"step {unended[0]} of run {origin_id} has not ended, so nothing behind it can be forked",
            hint=f"Fork from step {unended[0]}, or wait.",
        )
    if (known := journal.accept(connection, values)) is not None:
        return known
    run_id = values["id"]
    for row in taken:
        journal.step_taken_over(connection, run_id, row)
    numbers = [row.seq for row in taken]
    asked = approvals.select().where(approvals.c.run_id == origin_id, approvals.c.seq.in_(numbers))
    for row in connection.execute(asked).all():
        journal.approval_taken_over(connection, run_id, row)
    return None
