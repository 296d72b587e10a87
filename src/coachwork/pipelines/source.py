"""The source of functions: their syntax, and what the names in it stand for. Runs nothing of it, judges nothing."""

import ast
import builtins
import inspect
import random
import sys
import textwrap
from types import FunctionType, ModuleType
from typing import Any


def tree_of(function: FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The source of a function; None where there is none, as for a lambda or what was made at run time."""
    try:
        [tree] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, SyntaxError, ValueError):
        return None
    return tree if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef) else None


class Names:
    """What the names in a function stand for: its own, those around it, those it imports itself."""

    def __init__(self, function: FunctionType, tree: ast.AST) -> None:
        around = inspect.getclosurevars(function)
        self._known: dict[str, Any] = {**vars(builtins), **function.__globals__, **around.nonlocals}
        self._imported: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for item in node.names:
                    top = item.name.split(".")[0]
                    self._imported[item.asname or top] = item.name if item.asname else top
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for item in node.names:
                    self._imported[item.asname or item.name] = f"{node.module}.{item.name}"
        for name in (*function.__code__.co_varnames, *function.__code__.co_cellvars):
            self._known.pop(name, None)  # a variable of its own hides what is called the same

    @classmethod
    def of_nothing(cls) -> "Names":
        """Those of no function: none is known."""
        names = cls.__new__(cls)
        names._known, names._imported = {}, {}
        return names

    def value(self, name: str, unknown: Any) -> Any:
        """What a name stands for; `unknown` where it is a variable, or comes of a module that is not loaded."""
        if (imported := self._imported.get(name)) is not None:
            module, _, attribute = imported.rpartition(".")
            if imported in sys.modules:
                return sys.modules[imported]
            return getattr(sys.modules.get(module), attribute, unknown)
        return self._known.get(name, unknown)

    def of(self, node: ast.AST) -> tuple[str, Any]:
        """The full name of what an expression like `datetime.now` stands for, "" where unknown; and the thing."""
        if isinstance(node, ast.Name):
            if (imported := self._imported.get(node.id)) is not None:
                return imported, None
            value = self._known.get(node.id)
            return _full_name(value), value
        if not isinstance(node, ast.Attribute):
            return "", None
        name, owner = self.of(node.value)
        if isinstance(owner, ModuleType | type | random.Random):  # of others, to look may run code
            value = getattr(owner, node.attr, None)
            return (_full_name(value) if isinstance(value, ModuleType | type) else f"{name}.{node.attr}"), value
        return (f"{name}.{node.attr}" if name else ""), None


def _full_name(value: Any) -> str:
    """`datetime.datetime`, `random.Random.choice`, `time.time`; "" for what is not a module, class or function."""
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, random.Random):
        return "random"
    owner, name = getattr(value, "__self__", None), getattr(value, "__name__", None)
    if not callable(value) or not isinstance(name, str):
        return ""
    if isinstance(owner, ModuleType | type | random.Random):
        return f"{_full_name(owner)}.{name}"
    return f"{getattr(value, '__module__', None) or 'builtins'}.{name}"
