"""What a model wrote, as the type that was asked: right, or refused. Pure: knows text and shapes, asks nobody.

The rungs, each named in the result: strict, unwrapped, repaired, coerced. Whatever has no reading, or
more than one, is refused with the reasons and the raw text; nothing is made of an answer that was cut.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal

from pydantic import ValidationError

from coachwork.errors import ModelRefused, OutputRefused, OutputTruncated
from coachwork.prompts import readings, unwrap
from coachwork.prompts.coerce import Fit, Miss, fit
from coachwork.prompts.quoted import Unreadable
from coachwork.prompts.repair import Bare, Contradiction, Read, read_strict, same
from coachwork.prompts.shape import WRAPPER, Shape
from coachwork.prompts.unwrap import Candidate

How = Literal["strict", "unwrapped", "repaired", "coerced"]


@dataclass(frozen=True)
class Output:
    """A value of the asked type and how it was won. `notes` names what was mended."""

    value: Any
    how: How
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class _Found:
    """A candidate that fits."""

    candidate: Candidate
    fitted: Fit
    mended: Sequence[str]


def read_output(text: str, target: Any, *, cut: bool = False) -> Output:
    """The value of type `target` (a type, TypeAdapter, JSON Schema or Shape) that `text` holds.

    `cut`: the model stopped at its token limit, so the text proves nothing. Raises OutputTruncated,
    ModelRefused (it declined in words) or OutputRefused, each with the raw text and the reasons.
    """
    shape = Shape.of(target)
    if cut:
        raise OutputTruncated(
            f"the answer was cut at its token limit after {len(text)} characters",
            raw=text,
            reasons=["the answer was cut at its token limit"],
            hint="Raise max_tokens in the prompt's front matter or on its route.",
        )
    try:
        return _read(text, shape)
    except _Refused as refusal:
        reasons = refusal.reasons
        if refusal.declined:
            raise ModelRefused("the model declined to answer", raw=text, reasons=reasons) from None
        raise OutputRefused(
            f"the answer can't be used: {'; '.join(reasons)}",
            raw=text,
            reasons=reasons,
            hint="Say in the prompt what the field should hold, or loosen the type; the raw text is kept in the trace.",
        ) from None


class _Refused(Exception):
    def __init__(self, reasons: Sequence[str], *, declined: bool = False) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)
        self.declined = declined


def _read(text: str, shape: Shape) -> Output:
    body = text.strip()
    whole = _whole(body, shape)
    if whole is not None:
        return whole
    body = unwrap.without_thinking(text)
    if body != text.strip() and (whole := _whole(body, shape)) is not None:
        return Output(whole.value, _highest("unwrapped", whole.how), whole.notes)
    if (inner := unwrap.unescaped(body)) is not None and (whole := _whole(inner, shape)) is not None:
        return Output(whole.value, _highest("unwrapped", whole.how), whole.notes)
    found, failed = _fitting(body, unwrap.candidates(body), shape)
    if found or failed:
        chosen = _chosen(body, found, failed, shape)
        return _made(chosen.fitted, shape, "repaired" if chosen.mended else "unwrapped", chosen.mended)
    if shape.wrapped and (plain := _plain(body, shape)) is not None:
        return plain
    if not body:
        raise _Refused(["the answer is empty" if not text.strip() else "the answer holds nothing but thinking"])
    raise _Refused(["there is no JSON in the answer"], declined=unwrap.declines(body))


def _highest(one: How, other: How) -> How:
    order: list[How] = ["strict", "unwrapped", "repaired", "coerced"]
    return max(one, other, key=order.index)


def _whole(body: str, shape: Shape) -> Output | None:
    """The answer that is JSON from its first to its last character; None where it is not."""
    try:
        read = read_strict(body)
    except Contradiction as error:
        raise _Refused([error.reason]) from None
    except Unreadable:
        return None
    if body[read.end :].strip():
        return None
    fitted = _fit(read, shape)
    if isinstance(fitted, Fit):
        return _made(fitted, shape, "strict")
    if isinstance(read.value, str) and read.value.lstrip()[:1] in ("{", "[", "`", "<", '"'):
        inner = _read(read.value, shape)
        return Output(inner.value, _highest("unwrapped", inner.how), inner.notes)
    raise _Refused(fitted.lines())


def _fit(read: Read, shape: Shape) -> Fit | Miss:
    try:
        if isinstance(read.value, dict | list):
            return fit(read.value, shape.schema, left_open=read.left_open, defaults=shape.adapter is None)
        if shape.wrapped:  # a bare word or number where it would have been the only field
            return fit({WRAPPER: read.value}, shape.schema, defaults=shape.adapter is None)
    except RecursionError:
        return Miss.at((), "is nested too deep to be read")
    return Miss.at((), f"should be an object, is {json.dumps(read.value, default=str)[:60]}")


def _fitting(
    body: str, candidates: Sequence[Candidate], shape: Shape
) -> tuple[list[_Found], list[tuple[Candidate, list[str]]]]:
    """The candidates that fit, and those that do not but look as if they should, with the reasons."""
    found: list[_Found] = []
    failed: list[tuple[Candidate, list[str]]] = []
    for candidate in candidates:
        if candidate.read is None:
            failed.append((candidate, [candidate.reason]))
            continue
        if readings.names_types(candidate.read.value) and len(candidates) > 1:
            continue
        fitted = _fit(candidate.read, shape)
        if isinstance(fitted, Fit):
            found.append(_Found(candidate, fitted, candidate.read.mended))
        elif _is_attempt(candidate.read.value, shape) or len(candidates) == 1:
            failed.append((candidate, fitted.lines()))
    objects = [each for each in found if not _plain_list(each.candidate)]
    if objects and not shape.wrapped:
        found = objects
    return found, [each for each in failed if not (found and _plain_list(each[0]))]


def _is_attempt(value: Any, shape: Shape) -> bool:
    """Whether a value that does not fit shares a field with the asked type at any depth, or is a list of objects."""
    if isinstance(value, list):
        return any(_is_attempt(item, shape) for item in value)
    if not isinstance(value, dict):
        return False
    return any(readings.key(name) in shape.keys for name in value) or any(
        _is_attempt(item, shape) for item in value.values()
    )


def _plain_list(candidate: Candidate) -> bool:
    """A list without objects: in prose, `[1]` is a reference more often than an answer."""
    read = candidate.read
    return (
        read is not None
        and isinstance(read.value, list)
        and not any(isinstance(item, dict | list) for item in read.value)
    )


def _chosen(body: str, found: Sequence[_Found], failed: Sequence[tuple[Candidate, list[str]]], shape: Shape) -> _Found:
    """The one candidate that is the answer. Refuses where there are two answers, or one and the remains of another."""
    if not found:
        ends = max(candidate.end for candidate, _ in failed)
        reasons = [reason for _, why in failed for reason in why]
        raise _Refused(list(dict.fromkeys(reasons)) + (["the answer ends early"] if ends > len(body) else []))
    everything = sorted(
        [each.candidate for each in found] + [candidate for candidate, _ in failed], key=lambda one: one.start
    )
    before = {id(one): (everything[index - 1].end if index else 0) for index, one in enumerate(everything)}
    last = everything[-1]
    if unwrap.is_retracted(body, last.end):
        raise _Refused(["the answer takes back what it says"])
    if unwrap.loses_tail(body, last.end):
        raise _Refused(["the answer goes on after its end, so a part of it may be missing"])
    if len(everything) > 1 and last is found[-1].candidate and unwrap.is_final(body, before[id(last)], last):
        return found[-1]
    drafts = {id(one) for one in everything[:-1] if unwrap.is_draft(body, before[id(one)], one)}
    if last is not found[-1].candidate and unwrap.is_format(body, before[id(last)], last):
        drafts.add(id(last))  # after the answer, the schema it follows
    kept = [each for each in found if id(each.candidate) not in drafts]
    for candidate, why in failed:
        if id(candidate) not in drafts:
            raise _Refused([f"beside an answer that fits stands one that does not: {'; '.join(why)}"])
    if any(not _agree(kept[0].fitted, other.fitted, shape) for other in kept[1:]):
        raise _Refused([f"the answer holds {len(kept)} values that disagree"])
    for one, following in pairwise(everything):
        if unwrap.loses_tail(body[: following.start], one.end) and id(one) not in drafts:
            raise _Refused(["there is text between two values that belongs to one of them"])
    return min(kept, key=lambda each: (len(each.mended), each.fitted.changed))


def _agree(one: Fit, other: Fit, shape: Shape) -> bool:
    return same(one.value, other.value) or bool(
        _made(one, shape, "strict").value == _made(other, shape, "strict").value
    )


def _plain(body: str, shape: Shape) -> Output | None:
    """An answer of one word or number that was written without JSON."""
    text = body.strip("`").strip() if body.startswith("`") else body
    kind = _only(shape)
    if not text or "\n" in text or len(text) > 200 or kind is None:
        return None
    fitted = fit({WRAPPER: Bare(text)}, shape.schema, defaults=shape.adapter is None)
    if isinstance(fitted, Miss):
        raise _Refused(fitted.lines(), declined=unwrap.declines(body))
    return _made(fitted, shape, "unwrapped")


def _only(shape: Shape) -> Any:
    inner = shape.schema["properties"][WRAPPER]
    return inner if any(name in inner for name in ("enum", "const", "type", "anyOf", "$ref")) else None


def _made(fitted: Fit, shape: Shape, how: How, notes: Sequence[str] = ()) -> Output:
    """The fitted value as the asked type, after the type's own validation."""
    value = fitted.value[WRAPPER] if shape.wrapped else fitted.value
    written = to_json(value)
    if shape.adapter is None:
        made = json.loads(written)
        if shape.judge is not None and (reasons := shape.judge.reasons(made)):
            raise _Refused(reasons)
    else:
        try:
            made = shape.adapter.validate_json(written)
        except ValidationError as error:
            raise _Refused([_told(each) for each in error.errors(include_url=False, include_context=False)]) from None
    return Output(made, _highest(how, "coerced" if fitted.changed else "strict"), tuple(notes))


def _told(error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"]) or "answer"
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    given = error.get("input")
    return f"{path}: {message}" + ("" if isinstance(given, dict) else f", is {json.dumps(given, default=str)[:60]}")


def to_json(value: Any) -> str:
    """JSON text of a value in which fractions are Decimal and stay exactly as they were written."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{to_json(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
