"""Few-shot examples as data: which of them a question gets. Knows cases and vectors; not how an example looks.

Never the question itself: an example with its very inputs is left out, so that a case is judged by a prompt
that has not seen its answer.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import ValidationError

from coachwork.messages import JsonValue
from coachwork.prompts.cases import Cases
from coachwork.prompts.file import PromptFile
from coachwork.prompts.located import Located
from coachwork.prompts.settings import Chosen, ExampleCase, Tunable
from coachwork.prompts.signature import Signature

_SHORT = 40  # characters of a value that is more a label than a text


class Embeds(Protocol):
    """What choosing by similarity needs of `models.Models`."""

    async def embed(self, route: str, texts: Sequence[str], *, purpose: Any) -> Any:
        """Vectors of length 1, one a text, as `.vectors`."""


@dataclass(frozen=True)
class Example:
    """A question with its answer. `key` is one text for equal inputs, `output` the answer as JSON."""

    key: str
    arguments: Mapping[str, Any]
    output: JsonValue
    reasoning: str = ""


@dataclass
class Pool:
    """The examples a form of a prompt may show, and how they are chosen: all of them where `chosen` is None."""

    examples: tuple[Example, ...]
    chosen: Chosen | None = None
    _vectors: Any = field(default=None, repr=False)
    _picked: dict[str, tuple[Example, ...]] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.examples)

    @property
    def by_similarity(self) -> bool:
        return self.chosen is not None and self.chosen.similar is not None and bool(self.examples)

    def shown(self, key: str, nearest: Sequence[Example] = ()) -> tuple[Example, ...]:
        """The examples for the question `key`. `nearest` are those of `ranked`, where they go by similarity."""
        if self.chosen is None:
            return tuple(each for each in self.examples if each.key != key)
        if self.chosen.similar is not None:
            return tuple(reversed(nearest[: self.chosen.similar]))
        known = key if any(each.key == key for each in self.examples) else ""
        if known not in self._picked:
            others = [each for each in self.examples if each.key != known]
            self._picked[known] = standing_for_all(others, self.chosen.k or 0)
        return self._picked[known]

    async def ranked(self, models: Embeds, arguments: Mapping[str, Any], key: str) -> list[Example]:
        """All examples but the question's own, the most similar first, by vectors of a route."""
        assert self.chosen is not None
        if self._vectors is None:
            texts = [words_of(each.arguments) for each in self.examples]
            self._vectors = (await models.embed(self.chosen.by, texts, purpose="passage")).vectors
        asked = (await models.embed(self.chosen.by, [words_of(arguments)], purpose="query")).vectors[0]
        scores = self._vectors @ asked
        order = sorted(range(len(self.examples)), key=lambda index: (-float(scores[index]), index))
        return [self.examples[index] for index in order if self.examples[index].key != key]


def standing_for_all(examples: Sequence[Example], k: int) -> tuple[Example, ...]:
    """The `k` examples that leave no other far from the nearest of them, in their order.

    Facility location over the words of the questions and the labels of the answers, chosen greedily, which
    reaches 1 - 1/e of the best (Nemhauser, Wolsey and Fisher 1978; for texts: Lin and Bilmes, ACL 2011; that
    covering examples serve better than similar ones that say the same: Gupta et al., "Coverage-based Example
    Selection for In-Context Learning", Findings of EMNLP 2023, arXiv:2305.14907).
    """
    vectors = _weighted([re.findall(r"\w+", words_of(each.arguments).lower()) for each in examples])
    labels = [_labels(each.output) for each in examples]
    near = [
        [
            0.5 * _cosine(vectors[one], vectors[other]) + 0.5 * _shared(labels[one], labels[other])
            for other in range(len(examples))
        ]
        for one in range(len(examples))
    ]
    covered, taken = [0.0] * len(examples), list[int]()
    while len(taken) < min(k, len(examples)):
        gains = {
            each: sum(max(have, row[each]) for have, row in zip(covered, near, strict=True))
            for each in range(len(examples))
            if each not in taken
        }
        best = max(gains, key=lambda each: (gains[each], -each))
        taken.append(best)
        covered = [max(have, row[best]) for have, row in zip(covered, near, strict=True)]
    return tuple(examples[index] for index in sorted(taken))


def words_of(value: Any) -> str:
    """The texts of a value, one a line: what is compared when questions are."""
    if isinstance(value, str):
        return value
    if hasattr(value, "model_dump"):
        return words_of(value.model_dump(mode="python"))
    if isinstance(value, Mapping):
        return "\n".join(filter(None, map(words_of, value.values())))
    if isinstance(value, list | tuple | set):
        return "\n".join(filter(None, map(words_of, value)))
    return str(value) if isinstance(value, bool | int | float) else ""


def _weighted(documents: Sequence[Sequence[str]]) -> list[dict[str, float]]:
    """Unit vectors of words, rare ones heavier (tf-idf)."""
    count = Counter(word for words in documents for word in set(words))
    made = []
    for words in documents:
        vector = {word: times * math.log(1 + len(documents) / count[word]) for word, times in Counter(words).items()}
        length = math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0
        made.append({word: weight / length for word, weight in vector.items()})
    return made


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    small, large = (one, other) if len(one) < len(other) else (other, one)
    return sum(weight * large.get(word, 0.0) for word, weight in small.items())


def _labels(value: JsonValue, place: str = "") -> set[str]:
    """The short values of an answer, each with its place: `team=billing`."""
    if isinstance(value, dict):
        return {label for name, item in value.items() for label in _labels(item, f"{place}.{name}")}
    if isinstance(value, list):
        return {label for item in value for label in _labels(item, f"{place}[]")}
    return {f"{place}={value}"} if len(str(value)) <= _SHORT else set()


def _shared(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0


# ── From a file ────────────────────────────────────────────────────────────────────────────────


def pool_of(
    settings: Tunable,
    front: Located,
    place: tuple[str, ...],
    file: PromptFile,
    signature: Signature,
    cases: Cases | None,
) -> Pool:
    """The examples of these settings, validated. Raises ProjectError with file, line and fix."""
    given = settings.examples
    if isinstance(given, Chosen):
        return Pool(_from_cases(given, front, place, file, signature, cases), given)
    made = [
        _fixed(number, example, front, (*place, "examples", number - 1), signature)
        for number, example in enumerate(given, 1)
    ]
    return Pool(tuple(made))


def _fixed(
    number: int, example: ExampleCase, front: Located, place: tuple[str | int, ...], signature: Signature
) -> Example:
    names = signature.parameters
    wrong = [name for name in example.input if name not in names] + [
        name for name in names if name not in example.input and name not in signature.defaults
    ]
    if wrong:
        raise front.wrong(
            f"example {number}: {wrong[0]!r} is {'missing' if wrong[0] in names else 'no input'}",
            (*place, "input", wrong[0]),
            f"{signature.name} takes: {', '.join(names)}.",
        )
    where: tuple[str | int, ...] = place
    try:
        arguments = dict(signature.defaults)
        for name, value in example.input.items():
            where = (*place, "input", name)
            arguments[name] = signature.inputs[name].validate_python(value)
        where = (*place, "output")
        answer = signature.result.validate_python(example.output)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        inner = ".".join(map(str, first["loc"])) or str(where[-1])
        raise front.wrong(
            f"example {number} does not fit the types: {inner}: {first['msg']}, is {first['input']!r:.60}",
            (*where, *first["loc"]),
            "Correct it, or remove it.",
        ) from None
    return Example(signature.key(arguments), arguments, _as_json(signature, answer), example.reasoning)


def _from_cases(
    chosen: Chosen,
    front: Located,
    place: tuple[str, ...],
    file: PromptFile,
    signature: Signature,
    cases: Cases | None,
) -> tuple[Example, ...]:
    line = (*place, "examples")
    own = file.settings.examples
    if place and chosen.source != (own.source if isinstance(own, Chosen) else "cases"):
        raise front.wrong(
            f"a variant can't take its examples from {chosen.source!r}",
            line,
            "It takes them from the prompt's own cases.",
        )
    if cases is None:
        name = file.path.removesuffix(".md") + ".cases.yaml" if chosen.source == "cases" else f"prompts/{chosen.source}"
        raise front.wrong(
            f"there are no cases to take examples from: {name}", line, "Write that file, or list the examples here."
        )
    found = [each for each in cases.cases if each.expected is not None]
    if not found:
        raise front.wrong(
            f"no case of {cases.path} has an `expected_output`, so none can be an example",
            line,
            "Add it to some of them.",
        )
    return tuple(
        Example(signature.key(each.arguments), each.arguments, _as_json(signature, each.expected), each.reasoning)
        for each in found
    )


def _as_json(signature: Signature, answer: Any) -> JsonValue:
    return signature.result.dump_python(answer, mode="json", by_alias=True)


def check_reasoning(pool: Pool, front: Located, place: tuple[str, ...]) -> None:
    """Raise ProjectError where a prompt reasons and an example of it does not say how."""
    silent = next((number for number, each in enumerate(pool.examples, 1) if not each.reasoning.strip()), None)
    if silent is None:
        return
    where = (
        "in `metadata: {reasoning: …}` of its case" if pool.chosen is not None else "as `reasoning:` beside its output"
    )
    at: tuple[str | int, ...] = (*place, "examples") if pool.chosen is not None else (*place, "examples", silent - 1)
    raise front.wrong(
        f"this prompt reasons, and example {silent} has no reasoning",
        at,
        f"Write the thoughts before its answer, {where}.",
    )
