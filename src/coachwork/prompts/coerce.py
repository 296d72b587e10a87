"""Fits a JSON value to a JSON Schema where there is exactly one way to. Knows schemas; not where the value came from.

A value that fits is left alone. One that does not is read in every way a person would (a number in
quotes, an enum in other letters, a list of one …): one way gives a Fit, none or several a Miss.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any

from coachwork.prompts import readings
from coachwork.prompts.checks import broken_limit
from coachwork.prompts.repair import Bare, same
from coachwork.providers.schemas import merged, place, united

Schema = Mapping[str, Any] | bool
Path = tuple[str | int, ...]
_LAID_TOGETHER = frozenset(("$ref", "allOf", "anyOf", "oneOf"))
_MAX_VISITS = 20_000
_MAX_DEPTH = 90
_NAMES_FIELDS = frozenset(
    ("patternProperties", "propertyNames", "unevaluatedProperties", "dependentSchemas", "dependentRequired", "if",
     "not", "minProperties")
)  # fmt: skip  # where one of these stands, a field that is not among the properties may matter


@dataclass(frozen=True)
class Fit:
    """The value as the schema wants it. `changed`: it took a reading. `dropped`: so many unknown fields left out."""

    value: Any
    changed: bool = False
    dropped: int = 0


@dataclass(frozen=True)
class Miss:
    """Why it does not fit: (path, reason) pairs."""

    reasons: tuple[tuple[Path, str], ...]

    @classmethod
    def at(cls, path: Path, reason: str) -> "Miss":
        return cls(((path, reason),))

    def lines(self) -> list[str]:
        return [f"{'.'.join(map(str, path)) or 'answer'}: {reason}" for path, reason in self.reasons]


def fit(value: Any, schema: Schema, *, left_open: frozenset[int] = frozenset(), defaults: bool = False) -> Fit | Miss:
    """`value` as `schema` wants it, or why not.

    `left_open` are ids of objects in `value` whose end is missing from the text: they fit only if every
    field the schema knows is there. `defaults` fills absent optional fields from the schema.
    """
    return _Fitter(schema, left_open, defaults).fit(value, schema, ())


@dataclass
class _Fitter:
    root: Schema
    left_open: frozenset[int]
    defaults: bool
    visits: int = 0
    depth: int = 0
    wrapping: set[int] = field(default_factory=set)
    laid: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=dict)

    def fit(self, value: Any, schema: Schema, path: Path) -> Fit | Miss:
        self.visits += 1
        if self.visits > _MAX_VISITS or self.depth > _MAX_DEPTH:
            return Miss.at(path, "is nested too deep to be read")
        self.depth += 1
        try:
            plain = self.as_is(value, schema, path)
            if isinstance(plain, Fit):
                return plain
            return self.read_otherwise(value, schema, path, plain)
        finally:
            self.depth -= 1

    def read_otherwise(self, value: Any, schema: Schema, path: Path, plain: Miss) -> Fit | Miss:
        """The one other reading of `value` that fits; `plain` where there is none."""
        if isinstance(schema, bool):
            return plain
        schema = self.resolved(schema)
        if "anyOf" in schema or "oneOf" in schema or isinstance(schema.get("type"), list):
            return plain  # each branch has tried its own readings
        found: list[Fit] = []
        for reading in readings.of(value, schema, root=not path):
            if reading.open_of is not None and reading.open_of in self.left_open:
                continue
            result = self.within(reading, schema, path)
            if isinstance(result, Fit) and not (reading.whole and result.dropped):
                found.append(Fit(result.value, True, result.dropped))
        if not found:
            return plain
        if all(same(found[0].value, other.value) for other in found[1:]):
            return found[0]
        return Miss.at(path, f"{_short(value)} can be read in more than one way")

    def within(self, reading: readings.Reading, schema: Mapping[str, Any], path: Path) -> Fit | Miss:
        if not reading.wraps:
            return self.fit(reading.value, schema, path)
        if id(schema) in self.wrapping:
            return Miss.at(path, "does not fit")
        self.wrapping.add(id(schema))
        try:
            return self.as_is(reading.value, schema, path)
        finally:
            self.wrapping.discard(id(schema))

    def as_is(self, value: Any, schema: Schema, path: Path) -> Fit | Miss:
        """`value` under `schema` without another reading of the value itself; its parts may be read otherwise."""
        if isinstance(schema, bool):
            return self.untyped(value, path) if schema else Miss.at(path, "is not allowed here")
        schema = self.resolved(schema)
        if "const" in schema or "enum" in schema:
            return _member(value, schema, path)
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return self.one_of(value, branches, path)
        kind = schema.get("type")
        if kind is None and (kind := _implied_type(schema)) and not _is(value, kind) and path:
            kind = None  # a schema of objects says nothing of a text
        if isinstance(kind, list):
            return self.one_of(value, [{**schema, "type": each} for each in kind], path)
        if kind == "object":
            return self.object(value, schema, path)
        if kind == "array":
            return self.array(value, schema, path)
        if kind is None:
            broken = broken_limit(value, schema)
            return Miss(tuple((path, why) for why in broken)) if broken else self.untyped(value, path)
        return _scalar(value, kind, schema, path)

    def untyped(self, value: Any, path: Path) -> Fit | Miss:
        """A value that may be anything: taken only where nothing about it had to be guessed."""
        if _has_bare(value):
            return Miss.at(path, f"{_short(value)} is not in quotes")
        if self.left_open and _holds(value, self.left_open):
            return Miss.at(path, "has no closing bracket, so a part of it may be missing")
        return Fit(value)

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """`schema` with its references followed, its `allOf` laid into one and what stands beside a union into each.

        What can't be laid together is left to the last word on the whole value.
        """
        if not schema.keys() & _LAID_TOGETHER:
            return schema
        known = self.laid.get(id(schema))
        if known is not None:
            return known[1]
        made: Mapping[str, Any] = schema
        for _ in range(32):
            if "$ref" not in made:
                break
            rest = {key: value for key, value in made.items() if key != "$ref"}
            made = merged(self.target(made["$ref"]), rest) if rest else self.target(made["$ref"])
        if "$ref" not in made and made.keys() & _LAID_TOGETHER:
            parts = made.get("allOf", ())
            if any(isinstance(part, Mapping) and "$ref" in part for part in parts):
                made = {**made, "allOf": [self.resolved(part) if isinstance(part, Mapping) else part for part in parts]}
            made = {key: value for key, value in united(made).items() if key != "allOf"}
        self.laid[id(schema)] = (schema, made)  # the schema too: its id is its own as long as it lives
        return made

    def target(self, ref: str) -> Mapping[str, Any]:
        found = place(self.root, ref)
        return found if isinstance(found, Mapping) else {} if found else {"not": {}}

    # ── unions ────────────────────────────────────────────────────────────────────────────────

    def one_of(self, value: Any, branches: list[Schema], path: Path) -> Fit | Miss:
        """The branch that fits best: unchanged before read otherwise, whole before shortened; never a tie."""
        if id(value) in self.left_open and not self.complete(value, branches):
            return Miss.at(path, "has no closing bracket, so fields may be missing")
        results = [self.fit(value, branch, path) for branch in branches]
        fits = [result for result in results if isinstance(result, Fit)]
        if not fits:
            return self.nearest(value, branches, results, path)
        ranks = [(found.dropped > 0, found.changed, found.dropped) for found in fits]
        best = [found for found, rank in zip(fits, ranks, strict=True) if rank == min(ranks)]
        if best[0].changed and best[0].dropped and self.of_another(value, best[0].value, branches):
            return Miss.at(path, f"{_short(value)} fits an allowed type only without fields of another")
        if all(same(best[0].value, other.value) for other in best[1:]):
            return best[0]
        if min(ranks) == (False, False, 0):
            return Fit(value)  # it fits several types as it stands; they differ in defaults only
        return Miss.at(path, f"{_short(value)} fits more than one of the allowed types, each in another way")

    def of_another(self, value: Any, fitted: Any, branches: list[Schema]) -> bool:
        """Whether a field that was left out of an object is one that some branch knows."""
        if not isinstance(value, dict) or not isinstance(fitted, dict):
            return False
        kept = {readings.key(name) for name in fitted}
        known = {
            readings.key(name)
            for branch in branches
            if isinstance(branch, Mapping)
            for name in self.resolved(branch).get("properties", {})
        }
        return any(readings.key(name) in known - kept for name in value)

    def complete(self, value: Any, branches: list[Schema]) -> bool:
        """Whether an object without its end has every field of every branch that its tags allow."""
        for branch in branches:
            properties = self.resolved(branch).get("properties", {}) if isinstance(branch, Mapping) else {}
            tags = {name: body["const"] for name, body in properties.items() if "const" in body}
            if any(name in value and not same(value[name], tag) for name, tag in tags.items()):
                continue
            if isinstance(value, dict) and not value.keys() >= properties.keys():
                return False
        return True

    def nearest(self, value: Any, branches: list[Schema], results: list[Fit | Miss], path: Path) -> Miss:
        """The reasons of the branch whose tag the value carries, else of the only candidate, else of all in short."""
        near: list[Miss] = []
        for branch, result in zip(branches, results, strict=True):
            if isinstance(result, Miss) and isinstance(branch, Mapping) and isinstance(value, dict):
                properties = self.resolved(branch).get("properties", {})
                tags = {
                    name: body["const"]
                    for name, body in properties.items()
                    if isinstance(body, dict) and "const" in body
                }
                if tags and all(
                    readings.key(str(value.get(name))) == readings.key(str(tag)) for name, tag in tags.items()
                ):
                    near.append(result)
        if len(near) == 1:
            return near[0]
        kinds = [
            result
            for result in results
            if isinstance(result, Miss) and not any("null" in why for _, why in result.reasons)
        ]
        if len(kinds) == 1:
            return kinds[0]
        return Miss.at(path, f"{_short(value)} fits none of the {len(branches)} allowed types")

    # ── containers ────────────────────────────────────────────────────────────────────────────

    def object(self, value: Any, schema: Mapping[str, Any], path: Path) -> Fit | Miss:
        if not isinstance(value, dict):
            return Miss.at(path, f"should be an object, is {_short(value)}")
        properties: Mapping[str, Schema] = schema.get("properties", {})
        named = self.named(value, properties, path)
        if isinstance(named, Miss):
            return named
        known, extras, renamed = named
        reasons: list[tuple[Path, str]] = []
        made: dict[str, Any] = {}
        changed, dropped, filled = renamed, 0, False
        for name, body in properties.items():
            if name not in known:
                continue
            if isinstance(known[name], Bare) and readings.key(known[name]) == readings.key(name):
                reasons.append(((*path, name), f"{_short(known[name])} is the field's own name, not a value"))
                continue
            result = self.fit(known[name], body, (*path, name))
            if isinstance(result, Miss):
                reasons += result.reasons
                continue
            made[name] = result.value
            changed, dropped = changed or result.changed, dropped + result.dropped
        for name in properties:
            if name in known:
                continue
            body = properties[name]
            resolved = self.resolved(body) if isinstance(body, Mapping) else {}
            if name in schema.get("required", ()):
                if "const" not in resolved or id(value) in self.left_open:
                    reasons.append(((*path, name), "is missing"))
                    continue
                made[name], changed, filled = resolved["const"], True, True
            elif near := _near_key(name, extras):
                reasons.append(((*path, name), f"is missing, but there is {near!r}"))
            elif self.defaults and isinstance(body, Mapping) and "default" in body:
                given = self.as_is(body["default"], body, (*path, name))
                made |= {name: given.value} if isinstance(given, Fit) and not given.changed else {}
        rest = self.extras(extras, schema, made, path)
        reasons += rest.reasons if isinstance(rest, Miss) else ()
        dropped += rest.dropped if isinstance(rest, Fit) else 0
        changed = changed or (isinstance(rest, Fit) and rest.changed)
        if properties and extras and not known and isinstance(rest, Fit) and rest.dropped:
            reasons.append(
                (path, f"has none of the fields {', '.join(map(repr, properties))}, but {', '.join(map(repr, extras))}")
            )
        if filled and extras:
            reasons.append((path, "has no tag, and fields that the only matching type does not know"))
        if id(value) in self.left_open and (
            schema.get("additionalProperties") or not known.keys() >= properties.keys()
        ):
            reasons.append((path, "has no closing bracket, so fields may be missing"))
        reasons += [(path, why) for why in broken_limit(made, schema)]
        return Miss(tuple(reasons)) if reasons else Fit(made, changed, dropped)

    def named(
        self, value: dict[str, Any], properties: Mapping[str, Schema], path: Path
    ) -> tuple[dict[str, Any], dict[str, Any], bool] | Miss:
        """The fields of `value` under the schema's names, the others, and whether a name took a reading."""
        known = {name: item for name, item in value.items() if name in properties}
        by_key: dict[str, list[str]] = {}
        for name in properties:
            by_key.setdefault(readings.key(name), []).append(name)
        extras: dict[str, Any] = {}
        renamed = False
        for name, item in value.items():
            if name in properties:
                continue
            meant = by_key.get(readings.key(name), [])
            if len(meant) != 1:
                extras[name] = item
            elif meant[0] in known and not same(known[meant[0]], item):
                return Miss.at(
                    (*path, meant[0]), f"is given twice, as {meant[0]!r} and {name!r}, with different values"
                )
            else:
                known[meant[0]] = item
                renamed = True
        return known, extras, renamed

    def extras(self, extras: dict[str, Any], schema: Mapping[str, Any], made: dict[str, Any], path: Path) -> Fit | Miss:
        """Fields the schema does not name: refused, kept, fitted or left out, as it says."""
        patterns = schema.get("patternProperties", {})
        others = None if schema.get("properties") and not schema.keys() & _NAMES_FIELDS else True
        allowed = schema.get("additionalProperties", others)
        if allowed is None:
            return Fit(None, False, len(extras))
        missed: list[tuple[Path, str]] = []
        changed, dropped = False, 0
        for name, item in extras.items():
            body = next((each for pattern, each in patterns.items() if re.search(pattern, name)), allowed)
            if body is False:
                missed.append(((*path, name), "is not a field of this type"))
                continue
            result = self.fit(item, body, (*path, name))
            if isinstance(result, Miss):
                missed += result.reasons
            else:
                made[name] = result.value
                changed, dropped = changed or result.changed, dropped + result.dropped
        return Miss(tuple(missed)) if missed else Fit(None, changed, dropped)

    def array(self, value: Any, schema: Mapping[str, Any], path: Path) -> Fit | Miss:
        if not isinstance(value, list):
            return Miss.at(path, f"should be a list, is {_short(value)}")
        if id(value) in self.left_open and not self.holds_itself(schema):
            return Miss.at(path, "has no closing bracket, so items may be missing")
        first: list[Schema] = schema.get("prefixItems", [])
        items: Schema = schema.get("items", True)
        made: list[Any] = []
        reasons: list[tuple[Path, str]] = []
        changed, dropped = False, 0
        for index, item in enumerate(value):
            result = self.fit(item, first[index] if index < len(first) else items, (*path, index))
            if isinstance(result, Miss):
                reasons += result.reasons
            else:
                made.append(result.value)
                changed, dropped = changed or result.changed, dropped + result.dropped
        if not reasons:
            reasons = [(path, why) for why in broken_limit(made, schema)]
        return Miss(tuple(reasons)) if reasons else Fit(made, changed, dropped)

    def holds_itself(self, schema: Mapping[str, Any]) -> bool:
        """Whether a list's items have lists of the same items: where a model loses count of closing brackets."""
        items = schema.get("items")
        ref = items.get("$ref") if isinstance(items, Mapping) else None
        return isinstance(ref, str) and f"'$ref': '{ref}'" in repr(self.target(ref))


def _member(value: Any, schema: Mapping[str, Any], path: Path) -> Fit | Miss:
    members = [schema["const"]] if "const" in schema else list(schema["enum"])
    for member in members:
        if same(value, member):
            return Fit(member, isinstance(value, Bare))
    shown = ", ".join(map(_short, members[:12])) + (" …" if len(members) > 12 else "")
    return Miss.at(path, f"should be {'one of ' if len(members) > 1 else ''}{shown}, is {_short(value)}")


def _scalar(value: Any, kind: str, schema: Mapping[str, Any], path: Path) -> Fit | Miss:
    right = {
        "string": isinstance(value, str) and (not isinstance(value, Bare) or "format" in schema),
        "number": isinstance(value, int | Decimal) and not isinstance(value, bool),
        "integer": isinstance(value, int | Decimal) and not isinstance(value, bool) and _is_whole(value),
        "boolean": isinstance(value, bool),
        "null": value is None,
    }
    if kind not in right or not right[kind]:
        quoted = " (not in quotes)" if isinstance(value, Bare) else ""
        return Miss.at(path, f"should be {_ARTICLES.get(kind, kind)}, is {_short(value)}{quoted}")
    broken = broken_limit(value, schema)
    if broken:
        return Miss(tuple((path, why) for why in broken))
    if kind == "integer":
        return Fit(int(value))
    if schema.get("format") == "decimal":
        return Fit(str(value))
    return Fit(str(value) if isinstance(value, Bare) else value, isinstance(value, Bare))


def _is_whole(value: int | Decimal) -> bool:
    return isinstance(value, int) or (value.adjusted() <= 308 and value == value.to_integral_value())


_ARTICLES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def _implied_type(schema: Mapping[str, Any]) -> str | None:
    if "properties" in schema or "required" in schema or isinstance(schema.get("additionalProperties"), dict):
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else None


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, dict if kind == "object" else list)


def _near_key(name: str, extras: Mapping[str, Any]) -> str:
    """An unknown field that may be what was meant by the absent field `name`, "" if none."""
    wanted = readings.key(name)
    for extra in extras:
        given = readings.key(extra)
        contained = min(len(wanted), len(given)) >= 4 and (wanted in given or given in wanted)
        if contained or SequenceMatcher(None, wanted, given).ratio() >= 0.8:
            return extra
    return ""


def _holds(value: Any, ids: frozenset[int]) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return id(value) in ids or any(_holds(item, ids) for item in inner)


def _has_bare(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_bare(item) for item in value.values())
    return any(_has_bare(item) for item in value) if isinstance(value, list) else isinstance(value, Bare)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "an object with " + (", ".join(map(repr, list(value)[:4])) or "no fields")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[:1]
