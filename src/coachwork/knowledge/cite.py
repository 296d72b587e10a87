"""TEMPORARY stand-in by the lead so that others can integrate; the knowledge helper overwrites this file."""

from collections.abc import Sequence

from coachwork.messages import Checked, Passage


def check(text: str, passages: Sequence[Passage], *args: object, **kwargs: object) -> Checked:
    return Checked(text=text)
