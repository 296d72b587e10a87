"""What people read for a function: the first line of its docstring, else its name in words."""

import inspect
from typing import Any


def label_of(function: Any, name: str) -> str:
    return (inspect.getdoc(function) or "").split("\n")[0].rstrip(".") or in_words(name)


def in_words(name: str) -> str:
    """`two_words` as `Two words`."""
    return name.replace("_", " ").capitalize()
