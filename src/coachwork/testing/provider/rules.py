"""Faults given from outside: for which requests, how often, how likely. Knows no wire and no socket."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from coachwork.errors import InputError, did_you_mean
from coachwork.testing.provider.faults import Fault
from coachwork.testing.provider.wires import WIRES


@dataclass
class Rule:
    """Faults for the next `times` requests (None: all) of a wire (its name or the beginning of it, "" is any).

    `model` is the beginning of a model's name; `probability` from 0 to 1 is that of each request.
    """

    faults: tuple[Fault, ...]
    wire: str = ""
    model: str = ""
    times: int | None = None
    probability: float = 1.0

    def __post_init__(self) -> None:
        if not self.faults:
            raise InputError("a rule needs a fault", hint="For example cut-after-3.")
        if not any(name.startswith(self.wire) for name in WIRES):
            raise InputError(f"there is no wire {self.wire!r}", hint=did_you_mean(self.wire, WIRES))
        if not 0 <= self.probability <= 1:
            raise InputError(f"a probability is from 0 to 1, not {self.probability!r}")
        if self.times is not None and self.times < 1:
            raise InputError(f"times is {self.times!r}", hint="Leave it out for all requests.")

    @property
    def refuses(self) -> bool:
        """Whether it is for connections: a bounded `refuse` for whoever comes, so that steering stays possible."""
        named = [fault.name for fault in self.faults]
        return named == ["refuse"] and self.times is not None and not self.wire and not self.model


@dataclass
class Rules:
    """The rules in force, oldest first: the first that fits a request decides."""

    luck: random.Random
    rules: list[Rule] = field(default_factory=list)

    def add(self, rule: Rule) -> None:
        self.rules.append(rule)

    def clear(self) -> None:
        self.rules.clear()

    def take(self, wire: str, model: str) -> Sequence[Fault]:
        """The faults for this request, which is counted."""
        for rule in self.rules:
            fits = not rule.refuses and wire.startswith(rule.wire) and model.startswith(rule.model)
            if fits and self._strikes(rule):
                return rule.faults
        return ()

    def refuses(self) -> bool:
        """Whether a connection that was just opened is refused."""
        return any(rule.refuses and self._strikes(rule) for rule in list(self.rules))

    def _strikes(self, rule: Rule) -> bool:
        if self.luck.random() >= rule.probability:
            return False
        if rule.times is not None:
            rule.times -= 1
            if rule.times == 0:
                self.rules.remove(rule)
        return True
