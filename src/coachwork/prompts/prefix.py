"""Whether a prompt breaks its own prefix: providers read again, cheaply, what begins as an earlier request did.

Knows the text of a prompt; not which provider caches what.
"""

import re
from dataclasses import dataclass

from coachwork.prompts.compiled import Compiled
from coachwork.prompts.forms import Form

_VARIABLE = re.compile(r"\{\{\{?~?\s*(?![!>/^]|else\b)([#\w@(][^{}]*?)~?\}?\}\}")
WORTH_IT = 400  # characters, about 100 tokens, after the variable: less is not worth a word


@dataclass(frozen=True)
class Broken:
    """A variable that stands before text which never changes. `lost` is how many characters of that there are."""

    variable: str
    file: str
    line: int
    lost: int


def broken_prefix(prompt: Compiled) -> Broken | None:
    """The first variable in the instructions of a prompt that has much stable text after it."""
    sections = prompt.file.sections
    found: Broken | None = None
    lost = 0
    for section in (each for each in sections if each.role in ("system", "example")):
        for line in section.lines:
            names = [match[1].strip() for match in _VARIABLE.finditer(line.text)]
            if found is None and names:
                found = Broken(names[0], line.file, line.number, 0)
                lost = len(_VARIABLE.split(line.text)[-1])
            elif found is not None:
                lost += len(_VARIABLE.sub("", line.text)) + 1
    if found is None:
        return None
    lost += _examples(prompt.form)
    return Broken(found.variable, found.file, found.line, lost) if lost >= WORTH_IT else None


def _examples(form: Form) -> int:
    """Characters of the examples that every question gets, after the instructions."""
    if form.pool.by_similarity:
        return 0
    messages = [message for example in form.pool.shown("") for message in form.example(example)]
    return sum(len(message.text) for message in messages)
