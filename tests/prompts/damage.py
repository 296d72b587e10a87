# ruff: noqa: E501  # tables read best with one case a line
"""Ways in which models damage JSON, for property tests: a value goes in, damaged text comes out."""

import json
import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st


@dataclass(frozen=True)
class Habits:
    """How a careless writer writes JSON. Strings stay properly escaped: what is between two quotes is whole."""

    quote: str = '"'
    bare_keys: bool = False
    python: bool = False
    trailing: bool = False
    comment: str = ""
    no_commas: bool = False
    quoted_numbers: bool = False
    spaced: bool = False


habits = st.builds(
    Habits,
    quote=st.sampled_from(['"', "'", "`", "“"]),
    bare_keys=st.booleans(),
    python=st.booleans(),
    trailing=st.booleans(),
    comment=st.sampled_from(["", "// a comment\n", "/* a, {comment} */", '# it\'s "one"\n']),
    no_commas=st.booleans(),
    quoted_numbers=st.booleans(),
    spaced=st.booleans(),
)


def written(value: Any, how: Habits) -> str:
    """`value` as text, by these habits."""
    comma = "\n" if how.no_commas else "," + (" " if how.spaced else "")
    if isinstance(value, dict):
        inner = comma.join(
            f"{_key(name, how)}:{' ' if how.spaced else ''}{written(item, how)}" for name, item in value.items()
        )
        return "{" + how.comment + inner + ("," if how.trailing and value else "") + "}"
    if isinstance(value, list):
        numbers = any(not isinstance(item, str | dict | list) for item in value)
        between = ", " if numbers else comma
        inner = between.join(written(item, how) for item in value)
        return "[" + inner + ("," if how.trailing and value else "") + "]"
    if isinstance(value, str):
        return _string(value, how)
    if value is None or isinstance(value, bool):
        return str(value) if how.python else json.dumps(value)
    return f'"{value!r}"' if how.quoted_numbers else repr(value)


def _key(name: str, how: Habits) -> str:
    return name if how.bare_keys and re.fullmatch(r"[A-Za-z_]\w*", name) else _string(name, how)


def _string(text: str, how: Habits) -> str:
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    if how.quote == '"':
        return f'"{escaped}"'
    if how.quote == "“":
        return f'"{escaped}"' if re.search('[“”"]', text) else f"“{escaped}”"
    return how.quote + escaped.replace('\\"', '"').replace(how.quote, "\\" + how.quote) + how.quote


DRESSES: list[tuple[str, str]] = [
    ("", ""),
    ("```json\n", "\n```"),
    ("```\n", "\n```\n"),
    ("```json\n", ""),
    ("\ufeff", ""),
    ("Here is the answer:\n\n", "\n\nLet me know if you need more!"),
    ('<think>They want JSON, like {"a": 1}.</think>\n', ""),
    ("<json>", "</json>"),
    ("", "}}"),
    ("Sure! ", ""),
]


def dressed(text: str, dress: tuple[str, str]) -> str:
    return dress[0] + text + dress[1]


_NASTY = ['"', "'", "`", "\\", "\n", "\t", "{", "}", "[", "]", ":", ",", "//", "/*", "#", "```", "</think>", "“", "”", "’",
          "...", "…", "null", "a", "b", " ", "é", "😀", "\u2028", '", "', "': '", '"}', "\\n", "5", "-", "</code>"]  # fmt: skip
texts = st.one_of(
    st.sampled_from(["", "yes", "Ann Smith", "it's", 'say "hi"', "C:\\Users\\new"]),
    st.lists(st.sampled_from(_NASTY), max_size=8).map("".join),
)
numbers = st.one_of(st.integers(-(10**12), 10**12), st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 3)))
