"""Who may read a document: patterns of the settings, `groups:` of its front matter, and who asks. Knows names of
groups; finds no document.

The last pattern that matches a document decides, as in a CODEOWNERS file; its front matter may narrow that and never
widen it. A document that nothing speaks of is open to everybody.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from coachwork.knowledge.filters import OPEN
from coachwork.tracing.scope import Scope

Rules = Mapping[str, Sequence[str]]  # pattern → groups


def readers_by_rule(rules: Rules, document: str) -> tuple[str, ...] | None:
    """The groups that the last matching pattern lets read; None where no pattern matches."""
    decided: tuple[str, ...] | None = None
    for pattern, groups in rules.items():
        if _glob(pattern).fullmatch(document):
            decided = tuple(sorted(set(groups)))
    return decided


def readers_of(rules: Rules, document: str, own: Sequence[str] | None) -> tuple[str, ...]:
    """Who may read: groups, or `OPEN`. `own` are the groups of its front matter, None where it names none.

    Empty where the pattern and the front matter have no group in common: then nobody but who may read all.
    """
    ruled = readers_by_rule(rules, document)
    if own is None:
        return (OPEN,) if ruled is None else ruled
    if ruled is None or OPEN in ruled:
        return tuple(sorted(set(own)))
    return ruled if OPEN in own else tuple(sorted(set(ruled) & set(own)))


def fingerprint(rules: Rules) -> str:
    """Names the rules an index was built by; "" where there are none."""
    if not rules:
        return ""
    told = json.dumps([[pattern, sorted(set(groups))] for pattern, groups in rules.items()])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def readers_asking(scope: Scope, groups: Mapping[str, Sequence[str]]) -> frozenset[str] | None:
    """The groups of who asks, with `OPEN`; None for the one local user, who has no name and may read all.

    A name that is in no group, and a key that belongs to nobody, read open documents alone.
    """
    if not scope.user and not scope.key and not scope.team:
        return None
    mine = {name for name, users in groups.items() if scope.user and scope.user in users}
    return frozenset({OPEN, *mine})


def may_read(readers: Sequence[str], asking: frozenset[str] | None) -> bool:
    """Does who asks belong to who may read?"""
    return asking is None or not asking.isdisjoint(readers)


@lru_cache(maxsize=1000)
def _glob(pattern: str) -> "re.Pattern[str]":
    """`legal/**` is everything below, `*` and `?` stay within one folder's name."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(signs.get(part) or re.escape(part) for part in parts), re.DOTALL)
