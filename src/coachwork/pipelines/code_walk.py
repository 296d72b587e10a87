"""Reads the code of a pipeline in the order in which it would run, and says what it comes by. Runs nothing of it.

Functions of the project are followed where they are called, with the functions, prompts and agents that are given to
them, and so are Coachwork's own that are plain code over such (`patterns`, `answer_from`). A value that can't be known
before a run is UNSEEN, and awaiting it is an `unknown` part.
"""

import ast
import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import FunctionType
from typing import Any

from coachwork.agents import patterns
from coachwork.pipelines import answering, code_things
from coachwork.pipelines.code_values import (
    PLAIN,
    UNSEEN,
    Begun,
    Either,
    Ends,
    Given,
    Instance,
    Local,
    Many,
    Member,
    Scope,
    attribute,
    awaits,
    bound,
    breaks,
    defaults_of,
    either,
    ends_of,
    grown,
    is_async,
    is_own,
    item,
    listed,
    one_of,
    short,
    stored,
    words,
)
from coachwork.pipelines.labels import in_words
from coachwork.pipelines.outline import Part
from coachwork.pipelines.source import Names, tree_of
from coachwork.pipelines.steps import step as step_decorator
from coachwork.tracing.branches import gather, map_over

_MOST = 400  # parts; a pipeline of more is cut, and says so
_FOLLOWED = (patterns.__file__, answering.__file__)
_SAME = (list, tuple, sorted, reversed, dict)  # of one known list give the like
_ITERATORS = (set, frozenset, iter, enumerate, zip, map, filter)
_INNER = ("pipeline", "agent", "step", "tool", "function")  # a return inside of it ends it alone
Args = tuple[list[Any], dict[str, Any], bool]


class Walk(ast.NodeVisitor):
    """One reading. Visiting an expression gives its value and notes the parts that evaluating it comes by."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts: list[Part] = []
        self._scope = Scope(Names.of_nothing(), "", 1)
        self._returned: list[Any] = []
        self._around: list[Any] = []
        self._inside_step = 0
        self._left = _MOST

    def parts_of(self, function: FunctionType) -> list[Part] | None:
        """The parts of a function; None where its source is not the project's, or is not there."""
        parts = self.read(function)
        if parts is not None and self._left <= 0:
            parts.append(Part(kind="unknown", label=f"There is more: {_MOST} parts are shown"))
        return parts

    def place_of(self, function: Any) -> str:
        """File and line of a function, the file within the project where it is its own."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        return "" if code is None or not is_own(inspect.unwrap(function), self.folder) else self._file(code)

    def _file(self, code: Any) -> str:
        return f"{Path(code.co_filename).relative_to(self.folder)}:{code.co_firstlineno}"

    # ── Parts ──────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def apart(self) -> Iterator[list[Part]]:
        """What the block comes by, in a list of its own."""
        before, self._parts = self._parts, []
        try:
            yield self._parts
        finally:
            self._parts = before

    def add(self, *parts: Part) -> None:
        for part in parts:
            if self._left > 0:
                self._left -= 1
                self._parts.append(part)

    def awaited(self, value: Any, node: ast.AST | None = None) -> list[Part]:
        """The parts of waiting for a value."""
        if isinstance(value, Begun):
            return list(value.parts)
        if isinstance(value, Either):
            ways = [Part(kind="way", label=label, parts=self.awaited(each, node)) for label, each in value.ways]
            return self.choice(ways, node)
        if value is not UNSEEN or self._inside_step:
            return []
        where = "" if node is None else self._scope.where(node)
        return [Part(kind="unknown", label="…" if node is None else short(node), where=where)]

    def choice(self, ways: Sequence[Part], node: ast.AST | None) -> list[Part]:
        """One of the ways; nothing where there is nothing in any of them and all go on."""
        if not any(way.parts or way.ends not in ("", "raise") for way in ways):
            return []
        where = "" if node is None else self._scope.where(node)
        return [Part(kind="choice", label="One of these", where=where, parts=list(ways))]

    # ── Calls ──────────────────────────────────────────────────────────────────────────────────

    def visit_Call(self, node: ast.Call) -> Any:
        function = self.visit(node.func)
        if one_of(function, (gather, asyncio.gather)):
            return self._gather(node)
        args, keywords, known = self._arguments(node)
        if isinstance(function, Member) and isinstance(function.owner, list | dict | tuple):
            return self._of_list(function, args, node)
        return self.call(function, (args, keywords, known), node)

    def _arguments(self, node: ast.Call) -> Args:
        args: list[Any] = []
        known = True
        for each in node.args:
            value = self.visit(each.value if isinstance(each, ast.Starred) else each)
            if not isinstance(each, ast.Starred):
                args.append(value)
            elif isinstance(value, list | tuple):
                args += value
            else:
                known = False
                args += [value] if isinstance(value, Many) else []
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.visit(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords |= {words(key): each for key, each in value.items()}
            else:
                known = False
        return args, keywords, known

    def call(self, function: Any, given: Args, node: ast.AST) -> Any:
        """What calling a value gives. What is async is only begun: its parts are done where it is awaited."""
        if self._left <= 0:
            return UNSEEN
        args, keywords, known = given
        if isinstance(function, Either):
            return either([(label, self.call(each, given, node)) for label, each in function.ways])
        if isinstance(function, Given):
            return self.call(
                function.function, ([*function.args, *args], {**function.keywords, **keywords}, known), node
            )
        if isinstance(function, Local):
            return self._follow_local(function, given, node)
        if function is map_over:
            return self._map_over(given, node)
        if function is functools.partial and args:
            return Given(args[0], tuple(args[1:]), keywords)
        where = self._scope.where(node)
        if (made := code_things.called(self, function, given, node, where)) is not None:
            return made
        if isinstance(function, FunctionType):
            followed = is_own(function, self.folder) or function.__code__.co_filename in _FOLLOWED
            if followed and tree_of(function) is not None:
                return self._follow(function, given, where)
        return self._foreign(function, [*args, *keywords.values()])

    def _foreign(self, function: Any, given: list[Any]) -> Any:
        if isinstance(function, type) and function.__module__ != "builtins":
            file = getattr(inspect.getmodule(function), "__file__", None)
            own = isinstance(file, str) and Path(file).is_relative_to(self.folder)
            return Instance(function) if own else UNSEEN if any(is_async(each) for each in given) else PLAIN
        if one_of(function, _SAME) and len(given) == 1:
            return given[0] if isinstance(given[0], list | tuple | dict | Many) else UNSEEN
        if function is UNSEEN or one_of(function, _ITERATORS) or not (function is PLAIN or callable(function)):
            return UNSEEN
        begun = [each for each in given if isinstance(each, Begun)]
        if any(is_async(each) for each in given if each not in begun):
            return UNSEEN  # it may call what it was given, when and as often as it likes
        return Begun(tuple(part for each in begun for part in each.parts))

    def _of_list(self, member: Member, args: list[Any], node: ast.Call) -> Any:
        """A method of a dictionary or list that is known; one that may change it makes it unknown."""
        owner, name = member.owner, member.name
        if isinstance(owner, dict) and name in ("items", "values", "keys"):
            return [tuple(pair) for pair in owner.items()] if name == "items" else list(getattr(owner, name)())
        if isinstance(owner, dict) and name == "get" and args:
            found = item(owner, ast.Constant(None), args[0])
            return either([("", found), ("otherwise", args[1])]) if len(args) > 1 and is_async(args[1]) else found
        target = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(target, ast.Name) and name not in ("copy", "index", "count"):
            begun = not owner and name == "append" and args and isinstance(args[0], Begun)
            self._scope.values[target.id] = Many(args[0].parts, target.id) if begun else UNSEEN
        return UNSEEN

    def _gather(self, node: ast.Call) -> Begun:
        branches: list[Part] = []
        many: list[Part] = []
        args, keywords, known = self._arguments(node)
        named = [*enumerate(args, 1), *keywords.items()]
        for name, value in named:
            if isinstance(value, Many):
                many.append(self._each(value.parts, value.over, node))
            else:
                parts = self.awaited(value, node)
                branches.append(Part(kind="branch", label=str(name), name=str(name), parts=parts))
        if not known and not many:
            branches.append(Part(kind="branch", label="…", parts=self.awaited(UNSEEN, node)))
        if not any(branch.parts for branch in branches):
            return Begun(tuple(each for each in many if each.parts))
        where = self._scope.where(node)
        parts = [*branches, *(Part(kind="branch", label=each.label, parts=[each]) for each in many)]
        return Begun((Part(kind="branches", label="Side by side", where=where, parts=parts),))

    def _map_over(self, given: Args, node: ast.AST) -> Begun:
        args, keywords, _ = given
        function = args[0] if args else keywords.get("function", UNSEEN)
        of = [*node.args[1:2], *(each.value for each in node.keywords if each.arg == "items")] if isinstance(
            node, ast.Call
        ) else []  # fmt: skip
        parts = tuple(self.awaited(self.call(function, ([UNSEEN], {}, True), node), node))
        return Begun((self._each(parts, short(of[0]) if of else "…", node),) if parts else ())

    def _each(self, parts: Sequence[Part], over: str, node: ast.AST) -> Part:
        return Part(kind="items", label=f"For each of {over}", where=self._scope.where(node), parts=list(parts))

    # ── Functions ──────────────────────────────────────────────────────────────────────────────

    def _follow(self, function: FunctionType, given: Args, site: str, *, framed: bool = True) -> Any:
        tree = tree_of(function)
        assert tree is not None
        own = is_own(function, self.folder)
        file = str(Path(function.__code__.co_filename).relative_to(self.folder)) if own else ""
        scope = Scope(Names(function, tree), file, function.__code__.co_firstlineno, "" if own else site)
        scope.values = bound(tree.args, given[0], given[1], defaults_of(function), known=given[2])
        return self._entered(function, tree, scope, site, framed=framed, deep=1 if own else 4)

    def _follow_local(self, function: Local, given: Args, node: ast.AST) -> Any:
        outer = function.scope
        scope = Scope(outer.names, outer.file, outer.first_line, outer.site, outer)
        scope.values = bound(function.node.args, given[0], given[1], {}, known=given[2])
        where = self._scope.where(node)
        made = self._entered(function.node, function.node, scope, where, framed=not function.step)
        if not function.step:
            return made
        name = getattr(function.node, "name", "")
        return Begun((Part(kind="step", label=function.step, name=name, where=where),))

    def _entered(self, key: Any, tree: Any, scope: Scope, site: str, *, framed: bool, deep: int = 1) -> Any:
        """Read a body in its own scope: what it returns, or what begins where it is async."""
        name = getattr(tree, "name", "lambda")
        if self._around.count(key) >= deep:
            return Begun((Part(kind="again", label=f"{name}, from its beginning", name=name, where=site),))
        before = self._scope, self._returned
        self._scope, self._returned = scope, []
        self._around.append(key)
        try:
            with self.apart() as parts:
                if isinstance(tree, ast.Lambda):
                    self._returned.append(self.visit(tree.body))
                else:
                    self._body(tree.body)
            value = either([(str(number), each) for number, each in enumerate(self._returned, 1)])
        finally:
            self._around.pop()
            self._scope, self._returned = before
        if framed and not _acts(parts):
            parts = []
        if framed and _leaves(parts):
            where = "" if not scope.file else scope.where(tree)
            parts = [Part(kind="function", label=in_words(name), name=name, where=where, parts=parts)]
        if isinstance(tree, ast.AsyncFunctionDef):
            return Begun(tuple(parts))
        self.add(*parts)
        return value

    @contextmanager
    def inside_step(self) -> Iterator[None]:
        """In here code may do as it likes: what can't be seen is no part."""
        self._inside_step += 1
        try:
            yield
        finally:
            self._inside_step -= 1

    def followed(self, function: Any) -> list[Part]:
        """The parts inside of a step or a tool."""
        with self.inside_step():
            return self.read(function) or []

    def read(self, function: Any) -> list[Part] | None:
        """The parts of a function with nothing known of its arguments; None where its source is not the project's."""
        function = inspect.unwrap(function)
        if not isinstance(function, FunctionType) or not is_own(function, self.folder) or tree_of(function) is None:
            return None
        return self.awaited(self._follow(function, ([], {}, False), "", framed=False))

    # ── Statements ─────────────────────────────────────────────────────────────────────────────

    def _body(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        label = ""
        for each in node.decorator_list:
            if self.visit(each.func if isinstance(each, ast.Call) else each) is step_decorator:
                label = (ast.get_docstring(node) or "").split("\n")[0].rstrip(".") or node.name.replace("_", " ")
        seen = label or not node.decorator_list
        self._scope.values[node.name] = Local(node, self._scope, label) if seen else UNSEEN

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.values[node.name] = UNSEEN

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self._returned.append(self.visit(node.value))

    def visit_Assign(self, node: ast.Assign) -> None:
        value = self.visit(node.value)
        for target in node.targets:
            self.assign(target, value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.visit(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self.assign(node.target, UNSEEN)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        value = self.visit(node.value)
        self.assign(node.target, value)
        return value

    def assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self._scope.values[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            known = isinstance(value, list | tuple) and len(value) == len(target.elts)
            known = known and not any(isinstance(each, ast.Starred) for each in target.elts)
            for number, each in enumerate(target.elts):
                self.assign(each.value if isinstance(each, ast.Starred) else each, value[number] if known else UNSEEN)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            self._scope.values[target.value.id] = UNSEEN

    def visit_If(self, node: ast.If) -> None:
        known = self._known(node.test)
        self.visit(node.test)
        if known is not None:
            self._body(node.body if known else node.orelse)
            return
        ways: list[tuple[str, Sequence[ast.stmt]]] = [(short(node.test), node.body)]
        rest: Sequence[ast.stmt] = node.orelse
        while len(rest) == 1 and isinstance(rest[0], ast.If) and not awaits(rest[0].test):
            ways.append((short(rest[0].test), rest[0].body))
            rest = rest[0].orelse
        self._ways([*ways, ("otherwise", rest)], node)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        ways = [(f"{short(node.subject)} is {short(case.pattern)}", case.body) for case in node.cases]
        whole = isinstance(node.cases[-1].pattern, ast.MatchAs) and node.cases[-1].pattern.pattern is None
        self._ways(ways if whole else [*ways, ("otherwise", [])], node)

    def _ways(self, ways: Sequence[tuple[str, Sequence[ast.stmt]]], node: ast.AST) -> None:
        """Read each way from the same beginning; afterwards a name is what all of them made of it."""
        before = dict(self._scope.values)
        made: list[Part] = []
        after: list[tuple[str, dict[str, Any]]] = []
        for label, body in ways:
            self._scope.values = dict(before)
            with self.apart() as parts:
                self._body(body)
            ends: Ends = ends_of(body)
            made.append(Part(kind="way", label=label, ends=ends, parts=parts))
            after += [] if ends else [(label, self._scope.values)]
        self._scope.values = _joined(after) if after else before
        self.add(*self.choice(made, node))

    def _known(self, test: ast.expr) -> bool | None:
        """Whether `x is None` holds, where the code says it."""
        if not isinstance(test, ast.Compare) or not isinstance(test.left, ast.Name) or len(test.ops) != 1:
            return None
        [operator], [other] = test.ops, test.comparators
        if not isinstance(operator, ast.Is | ast.IsNot) or getattr(other, "value", other) is not None:
            return None
        value = self._scope.value(test.left)
        if value is not None and not is_async(value):
            return None
        return (value is None) == isinstance(operator, ast.Is)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        over = self.visit(node.iter)
        if (each := listed(over)) is not None and not awaits(node.iter) and not breaks(node):
            for value in each:
                self.assign(node.target, value)
                self._body(node.body)
            self._body(node.orelse)
            return
        first = list(over.parts) if isinstance(over, Begun) and isinstance(node, ast.AsyncFor) else []
        value = Begun(over.parts) if isinstance(over, Many) else UNSEEN
        self._loop(f"for {short(node.target, 30)} in {short(node.iter)}", node, (node.target, value), first)

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        endless = isinstance(node.test, ast.Constant)
        self._loop("again and again" if endless else f"while {short(node.test)}", node, None, [])

    def _loop(self, label: str, node: Any, target: tuple[ast.expr, Any] | None, first: list[Part]) -> None:
        for name in stored(node):
            if name in self._scope.values:
                self._scope.values[name] = UNSEEN  # in the second round it may be another
        with self.apart() as parts:
            parts += first
            if target is not None:
                self.assign(*target)
            else:
                self.visit(node.test)
            self._body(node.body)
        if _acts(parts):
            self.add(Part(kind="loop", label=label, where=self._scope.where(node), parts=parts))
        for name in stored(node):
            self._scope.values[name] = self._scope.values.get(name, UNSEEN) if name in grown(node) else UNSEEN
        self._body(node.orelse)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for each in node.items:
            value = self.visit(each.context_expr)
            self.add(*(value.parts if isinstance(value, Begun) else ()))
            if each.optional_vars is not None:
                self.assign(each.optional_vars, PLAIN if value is PLAIN else UNSEEN)
        self._body(node.body)

    visit_AsyncWith = visit_With

    def visit_Try(self, node: ast.Try) -> None:
        self._body(node.body)
        handlers = [(f"on {short(each.type)}" if each.type else "on any error", each.body) for each in node.handlers]
        if handlers:
            self._ways([*handlers, ("without an error", node.orelse)], node)
        else:
            self._body(node.orelse)
        self._body(node.finalbody)

    # ── Expressions ────────────────────────────────────────────────────────────────────────────

    def generic_visit(self, node: ast.AST) -> Any:
        super().generic_visit(node)
        return UNSEEN

    def visit_Await(self, node: ast.Await) -> Any:
        value = self.visit(node.value)
        self.add(*self.awaited(value, node.value))
        return UNSEEN

    def visit_Name(self, node: ast.Name) -> Any:
        return self._scope.value(node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        return node.value

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        value = self.visit(node.value)
        if isinstance(value, Either):
            return either([(label, attribute(each, node.attr, self.folder)) for label, each in value.ways])
        return attribute(value, node.attr, self.folder)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        value = self.visit(node.value)
        return item(value, node.slice, self.visit(node.slice))

    def visit_List(self, node: ast.List | ast.Tuple) -> Any:
        if any(isinstance(each, ast.Starred) for each in node.elts):
            return self.generic_visit(node)
        return [self.visit(each) for each in node.elts]

    visit_Tuple = visit_List

    def visit_Dict(self, node: ast.Dict) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            made = self.visit(value)
            if key is None:
                return UNSEEN
            name = self.visit(key)
            found[name if isinstance(name, str | int) else short(key)] = made
        return found

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return Local(node, self._scope)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        known = self._known(node.test)
        self.visit(node.test)
        if known is not None:
            return self.visit(node.body if known else node.orelse)
        with self.apart() as first:
            one = self.visit(node.body)
        with self.apart() as second:
            other = self.visit(node.orelse)
        label = short(node.test)
        ways = [Part(kind="way", label=label, parts=first), Part(kind="way", label="otherwise", parts=second)]
        self.add(*self.choice(ways, node))
        return either([(label, one), ("otherwise", other)])

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        values = [self.visit(node.values[0])]
        for before, each in pairwise(node.values):
            with self.apart() as parts:
                values.append(self.visit(each))
            label = short(before if isinstance(node.op, ast.And) else ast.UnaryOp(ast.Not(), before))
            ways = [Part(kind="way", label=label, parts=parts), Part(kind="way", label="otherwise")]
            self.add(*self.choice(ways, each))
        return either([(short(each), value) for each, value in zip(node.values, values, strict=True)])

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Any:
        return self._comprehended(node, node.generators, lambda: self.visit(node.elt))

    visit_SetComp = visit_ListComp
    visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> Any:
        def pair() -> Any:
            key = self.visit(node.key)
            return (key if isinstance(key, str | int) else short(node.key)), self.visit(node.value)

        made = self._comprehended(node, node.generators, pair)
        return dict(made) if isinstance(made, list) else UNSEEN

    def _comprehended(self, node: ast.AST, generators: Sequence[ast.comprehension], element: Callable[[], Any]) -> Any:
        """A list, one by one where what it is made of is known, otherwise of many; with a loop where it awaits."""
        before, over = dict(self._scope.values), self.visit(generators[0].iter)
        known = listed(over) if len(generators) == 1 and not generators[0].ifs else None
        try:
            if known is not None:
                made = []
                for each in known:
                    self.assign(generators[0].target, each)
                    made.append(element())
                return made
            with self.apart() as parts:
                self.assign(generators[0].target, Begun(over.parts) if isinstance(over, Many) else UNSEEN)
                for generator in generators[1:]:
                    self.visit(generator.iter)
                    self.assign(generator.target, UNSEEN)
                for test in (test for generator in generators for test in generator.ifs):
                    self.visit(test)
                value = element()
        finally:
            self._scope.values = before
        label = f"{short(generators[0].target, 30)} in {short(generators[0].iter)}"
        if parts:
            self.add(Part(kind="loop", label=f"for {label}", where=self._scope.where(node), parts=parts))
        return Many(value.parts, short(generators[0].iter)) if isinstance(value, Begun) else UNSEEN


def _acts(parts: Sequence[Part]) -> bool:
    """Whether there is more in it than ways of the code."""
    return any(part.kind not in ("choice", "way") or _acts(part.parts) for part in parts)


def _leaves(parts: Sequence[Part]) -> bool:
    """Whether a way in it leaves the function before its end."""
    return any(part.ends == "return" or (part.kind not in _INNER and _leaves(part.parts)) for part in parts)


def _joined(after: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    names = {name for _, values in after for name in values}
    return {name: either([(label, values.get(name, UNSEEN)) for label, values in after]) for name in names}
