"""How well the desk did: the results of a batch held against our own labels, as a Markdown report.

    coachwork run answer_ticket --batch inbox/tickets.jsonl --out results.json
    python measure.py results.json

Reads only what the command line wrote. Judges what the agents did by themselves: a reply that waits for
a person counts as it was proposed.
"""

import argparse
import json
import re
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from app import NO_ANSWER, Triage

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One ticket: its label, and what the run tells of it."""

    id: str
    subject: str
    label: dict[str, Any]
    run: dict[str, Any]

    def made_by(self, name: str) -> Any:
        """The output of a step, None where it did not get that far."""
        steps = self.run.get("steps", ())
        return next((step["output"] for step in steps if name in (step["name"], step["kind"])), None)

    @property
    def triage(self) -> Triage | None:
        made = self.made_by("triage")
        return Triage.model_validate(made) if made else None

    @property
    def text(self) -> str:
        """The reply as the agents proposed it, before a person touched it."""
        approvals = self.run.get("approvals") or ()
        if approvals:
            return str(approvals[0]["value"]["text"])
        return str((self.run.get("output") or {}).get("text", ""))

    @property
    def abstained(self) -> bool:
        return self.text in NO_ANSWER.values()

    @property
    def answered(self) -> bool:
        return bool(self.text) and not self.abstained

    @property
    def asked_a_person(self) -> bool:
        return bool(self.run.get("approvals"))

    @property
    def found(self) -> bool:
        """Whether the search brought a document that holds the answer."""
        passages = self.made_by("search") or ()
        return any(passage["document"] in self.label["documents"] for passage in passages)

    @property
    def proved(self) -> bool:
        """Whether every sentence of the draft has a source in which it stands."""
        checked = self.made_by("prove") or {}
        sentences = checked.get("sentences", ())
        return bool(checked.get("citations")) and all(sentence["supported"] for sentence in sentences)

    @property
    def missing(self) -> list[str]:
        """Facts that a right answer holds and this one does not."""
        return [fact for fact in self.label["facts"] if not re.search(fact, self.text, re.IGNORECASE)]

    @property
    def seconds(self) -> float:
        """Working time: what passes while a person thinks does not count."""
        return sum(step["seconds"] or 0 for step in self.run.get("steps", ()) if step["kind"] != "approval")


def read_cases(results: Path, labels: Path) -> list[Case]:
    known = yaml.safe_load(labels.read_text("utf-8"))
    items = json.loads(results.read_text("utf-8"))["items"]
    return [
        Case(item["input"]["id"], item["input"].get("subject", ""), known[item["input"]["id"]], item["run"] or {})
        for item in items
        if isinstance(item["input"], dict) and item["input"].get("id") in known
    ]


def share(cases: Iterable[Case], holds: Callable[[Case], bool]) -> str:
    asked = list(cases)
    good = sum(holds(case) for case in asked)
    return f"{good} of {len(asked)} ({good / len(asked):.0%})" if asked else "none"


def rows(cases: list[Case]) -> list[tuple[str, str]]:
    sorted_ = [case for case in cases if case.triage]
    answerable = [case for case in cases if case.label["answerable"]]
    answered = [case for case in cases if case.answered]
    careful = [case for case in cases if case.label["needs_person"]]
    alone = [case for case in answered if not case.asked_a_person]
    facts = [(fact not in case.missing) for case in answerable for fact in case.label["facts"]]
    seconds = sorted(case.seconds for case in cases) or [0.0]
    costs = [case.run.get("cost_usd") for case in cases if case.run]
    cost = "unknown" if None in costs else f"{sum(costs):.4f} US$"
    statuses = [case.run.get("status", "refused") for case in cases]
    return [
        ("category as labelled", share(sorted_, lambda c: c.triage.category == c.label["category"])),
        ("urgency as labelled", share(sorted_, lambda c: c.triage.urgency == c.label["urgency"])),
        ("language as labelled", share(sorted_, lambda c: c.triage.language == c.label["language"])),
        ("right document among the passages", share(answerable, lambda c: c.found)),
        ("answerable tickets that got an answer", share(answerable, lambda c: c.answered)),
        ("key facts in the answers to them", f"{sum(facts)} of {len(facts)} ({sum(facts) / max(len(facts), 1):.0%})"),
        ("answers with every fact", share(answerable, lambda c: c.answered and not c.missing)),
        ("answers whose every sentence has a verified source", share(answered, lambda c: c.proved)),
        (
            "unanswerable tickets that say so",
            share((c for c in cases if not c.label["answerable"]), lambda c: c.abstained),
        ),
        ("tickets that need a person and got one", share(careful, lambda c: c.asked_a_person)),
        ("replies sent without a person that hold every fact", share(alone, lambda c: not c.missing)),
        ("waiting for a person", str(statuses.count("waiting"))),
        ("failed or refused", str(sum(status in ("failed", "cancelled", "refused") for status in statuses))),
        ("time a ticket, median", f"{statistics.median(seconds):.1f} s"),
        ("time a ticket, 95 %", f"{seconds[min(len(seconds) - 1, round(0.95 * len(seconds)))]:.1f} s"),
        ("cost", cost),
    ]


def wrongs(case: Case) -> list[str]:
    """What went wrong with this ticket, in words."""
    label, triage = case.label, case.triage
    if case.run.get("status") in (None, "failed", "cancelled"):
        return [f"{case.run.get('status', 'refused')}: {(case.run.get('error') or {}).get('detail', '')}".rstrip(": ")]
    found = []
    if triage and triage.category != label["category"]:
        found.append(f"category {triage.category}, not {label['category']}")
    if triage and triage.urgency != label["urgency"]:
        found.append(f"urgency {triage.urgency}, not {label['urgency']}")
    if label["answerable"] and not case.found:
        found.append("the document was not found")
    if label["answerable"] and case.abstained:
        found.append("says that the handbook has no answer")
    elif label["answerable"] and case.missing:
        found.append("lacks " + ", ".join(f"`{fact}`" for fact in case.missing))
    if not label["answerable"] and case.answered:
        found.append("answers what the handbook does not say" + ("" if case.asked_a_person else ", and sent it"))
    if label["needs_person"] and not case.asked_a_person:
        found.append("**no person was asked**")
    return found


def report(cases: list[Case]) -> str:
    models = sorted({step["model"] for case in cases for step in case.run.get("steps", ()) if step.get("model")})
    lines = [
        f"{len(cases)} tickets, answered by {', '.join(models) or 'no model'}.",
        "",
        "| what | result |",
        "|---|---|",
    ]
    lines += [f"| {what} | {result} |" for what, result in rows(cases)]
    lines += ["", "By kind of ticket, answers with every fact (or, where there is none, that say so):", ""]
    lines += ["| kind | right |", "|---|---|"]
    for tag in sorted({tag for case in cases for tag in case.label["tags"]}):
        tagged = [case for case in cases if tag in case.label["tags"]]
        lines.append(f"| {tag.replace('_', ' ')} | {share(tagged, _right)} |")
    lines += ["", "What went wrong:", ""]
    lines += [f"- {c.id} {c.subject}: {'; '.join(wrong)}" for c in cases if (wrong := wrongs(c))]
    return "\n".join(lines)


def _right(case: Case) -> bool:
    return case.answered and not case.missing if case.label["answerable"] else case.abstained


def main() -> int:
    options = argparse.ArgumentParser(description="Holds the results of a batch against the labels.")
    options.add_argument("results", type=Path, help="what `coachwork run … --out FILE` or `--json` wrote")
    options.add_argument("--labels", type=Path, default=HERE / "inbox" / "labels.yaml")
    given = options.parse_args()
    print(report(read_cases(given.results, given.labels)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
