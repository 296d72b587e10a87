"""Two runs beside each other, step by step: what is the same, and where they first differ. Pure."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from coachwork.pipelines.views import RunDetail, RunView, StepView, View
from coachwork.tracing.branches import place_order

Differs: TypeAlias = Literal["input", "output", "status", "model", "prompt_version"]
_COMPARED: tuple[Differs, ...] = ("input", "output", "status", "model", "prompt_version")


class ComparedStep(View):
    """The same step in both runs, or a step that one of them alone has (the other is None)."""

    a: StepView | None
    b: StepView | None
    differs: list[Differs]


class Comparison(View):
    """`first_difference` is the place in `steps` where they first differ, None where they nowhere do.

    `cost_usd` and `seconds` are b's less a's; None where one of them is not known.
    """

    a: RunView
    b: RunView
    same_input: bool
    same_output: bool
    steps: list[ComparedStep]
    first_difference: int | None
    cost_usd: float | None
    seconds: float | None


def compare(a: RunDetail, b: RunDetail) -> Comparison:
    """Steps are the same where kind and name follow each other alike; what is between is of one run alone."""
    pairs = _paired(_in_order(a.steps), _in_order(b.steps))
    first = next((place for place, pair in enumerate(pairs) if pair.differs or pair.a is None or pair.b is None), None)
    return Comparison(
        a=RunView(**{name: getattr(a, name) for name in RunView.model_fields}),
        b=RunView(**{name: getattr(b, name) for name in RunView.model_fields}),
        same_input=a.input == b.input,
        same_output=(a.status, a.output) == (b.status, b.output),
        steps=pairs,
        first_difference=first,
        cost_usd=_less(b.cost_usd, a.cost_usd),
        seconds=_less(b.seconds, a.seconds),
    )


def _in_order(steps: Sequence[StepView]) -> list[StepView]:
    """In the order of the code: branches work side by side, and which is first is a matter of time."""
    return sorted(steps, key=lambda step: (place_order(step.place), step.seq))


def _paired(a: Sequence[StepView], b: Sequence[StepView]) -> list[ComparedStep]:
    one, other = ([(step.kind, step.name) for step in steps] for steps in (a, b))
    pairs: list[ComparedStep] = []
    for what, a_from, a_to, b_from, b_to in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if what == "equal":
            pairs += [_pair(left, right) for left, right in zip(a[a_from:a_to], b[b_from:b_to], strict=True)]
        else:
            pairs += [ComparedStep(a=step, b=None, differs=[]) for step in a[a_from:a_to]]
            pairs += [ComparedStep(a=None, b=step, differs=[]) for step in b[b_from:b_to]]
    return pairs


def _pair(a: StepView, b: StepView) -> ComparedStep:
    return ComparedStep(a=a, b=b, differs=[name for name in _COMPARED if getattr(a, name) != getattr(b, name)])


def _less(b: float | None, a: float | None) -> float | None:
    return None if a is None or b is None else b - a
