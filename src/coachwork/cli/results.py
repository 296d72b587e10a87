"""How a run reads in a terminal: its answer, its sources, what it did. Knows layout; starts and reads no runs."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from coachwork.cli import output

if TYPE_CHECKING:
    from coachwork.messages import JsonValue
    from coachwork.pipelines.views import ApprovalView, RunDetail, StepView

_ANSWER_FIELDS = ("text", "citations", "sentences", "check_failed")


def readable(value: "JsonValue", *, without_text: bool = False) -> str:
    """An output as text: an answer with its sources, or its fields line by line."""
    if isinstance(value, str):
        return "" if without_text else value
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, indent=2)
    parts = []
    if isinstance(value.get("text"), str):
        parts += [] if without_text else [value["text"].strip()]
        told = (
            _sources(value.get("citations")),
            *_doubtful(value.get("sentences")),
            _judges(value.get("sentences")),
            value.get("check_failed"),
        )
        parts += [part for part in told if part]
        rest = {key: item for key, item in value.items() if key not in _ANSWER_FIELDS}
    else:
        rest = value
    if rest:
        parts.append(_fields(rest))
    return "\n\n".join(parts)


def _sources(citations: Any) -> str:
    if not isinstance(citations, list) or not citations:
        return ""
    lines = ["Sources"]
    for citation in citations:
        place = " › ".join(
            [citation.get("title") or citation.get("document", ""), *citation.get("title_path", [])[-1:]]
        )
        page = f", page {citation['page']}" if citation.get("page") else ""
        lines.append(f"  [{citation.get('marker')}] {place}{page}  ({citation.get('document')})")
        lines.append(f"      “{_one_line(citation.get('quote', ''), 160)}”")
    return "\n".join(lines)


def _doubtful(sentences: Any) -> list[str]:
    """The sentences that the documents contradict, each with what they say; and those that they don't bear out."""
    if not isinstance(sentences, list):
        return []
    contradicted, unsupported = [], []
    for sentence in (sentence for sentence in sentences if not sentence.get("supported", True)):
        text = _one_line(sentence["text"], 160)
        if place := sentence.get("contradicted_by"):
            page = f", page {place['page']}" if place.get("page") else ""
            quote = _one_line(place.get("quote", ""), 160)
            contradicted += [f"  ✗ {text}", f"      {place.get('document')}{page} says: “{quote}”"]
        else:
            unsupported.append(f"  ! {text}")
    titled = (("Contradicted by the documents", contradicted), ("Not borne out by the documents", unsupported))
    return ["\n".join([title, *lines]) for title, lines in titled if lines]


def _judges(sentences: Any) -> str:
    """Which model judged sentences whose words did not decide, "" for none."""
    if not isinstance(sentences, list):
        return ""
    judged = Counter(model for sentence in sentences if (model := sentence.get("judged_by")))
    return "\n".join(
        f"{count} sentence{'s' if count > 1 else ''} judged by model {model}" for model, count in judged.items()
    )


def _fields(values: dict[str, Any], indent: str = "") -> str:
    lines = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{key}:", _fields(value, indent + "  ")]
        else:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines.append(f"{indent}{key}: {shown}")
    return "\n".join(lines)


def step_line(step: "StepView | dict[str, Any]") -> str:
    """One step as a line: what it did, how long, with which model, at what cost."""
    data: dict[str, Any] = step if isinstance(step, dict) else step.model_dump()
    mark = {"succeeded": "✓", "failed": "✗", "waiting": "…", "cancelled": "-"}.get(data["status"], "·")
    facts = [output.duration(data["seconds"]), data["model"], data["detail"]]
    if data.get("reused"):
        facts.append("taken over")
    elif data["model"]:
        facts.append(output.money(data["cost_usd"]))
    told = ", ".join(str(fact) for fact in facts if fact)
    return f"{mark} {name_of(data)}" + (f"  ({told})" if told else "")


def name_of(step: "StepView | dict[str, Any]") -> str:
    """What a step is called, with where in the code it stands: `left › Looking up the price`."""
    data: dict[str, Any] = step if isinstance(step, dict) else step.model_dump()
    return " › ".join([*(place["name"] for place in data.get("within") or ()), data["label"] or data["name"]])


def closing_line(run: "RunDetail") -> str:
    """How a run stands, in one line with its id."""
    took = f" in {output.duration(run.seconds)}" if run.seconds is not None else ""
    return f"{run.id} {run.status}{took}, {output.money(run.cost_usd)}"


def failure_lines(run: "RunDetail") -> list[str]:
    """Why a run failed, and what to do."""
    problem = run.error or {}
    lines = [
        f"Failed: {problem.get('message') or problem.get('detail') or problem.get('title') or 'no reason was kept'}"
    ]
    if problem.get("code") == "run-failed" and not output.debugging():
        lines.append(
            "  → the application's own code raised this; COACHWORK_DEBUG=1 in front of the command shows where"
        )
    elif problem.get("hint"):
        lines.append(f"  → {problem['hint']}")
    outcome = problem.get("outcome") or (problem.get("details") or {}).get("outcome")
    return lines + (_achieved(outcome) if outcome else [])


def _achieved(outcome: dict[str, Any]) -> list[str]:
    """What an agent that was stopped had done by then, a line each."""
    lines = [f"By then it had used {len(outcome['uses'])} tools:"] if outcome["uses"] else []
    for use in outcome["uses"]:
        lines.append(f"  {'✗' if use['failed'] else '✓'} {use['tool']}: {' '.join(use['result'].split())[:100]}")
    text = outcome["text"].strip()
    return [*lines, "It wrote last:", text] if text else lines


def approval_lines(asked: "ApprovalView") -> list[str]:
    """What somebody who decides has to know: what is asked, about what, who may, and what holds if nobody does."""
    lines = [f"{asked.id}  {asked.status}  {asked.pipeline_title}: {asked.title}"]
    for item in asked.context or []:
        shown = readable(item["value"])
        lines += [f"{item['label']}:", shown] if "\n" in shown else [f"{item['label']}: {shown}"]
    lines.append(readable(asked.value))
    terms = [f"for {' or '.join(asked.deciders)}"] if asked.deciders else []
    if asked.expires_at is not None:
        until = f"until {asked.expires_at.astimezone():%Y-%m-%d %H:%M %Z}"
        terms.append(until + (f", then {json.dumps(asked.default, ensure_ascii=False)}" if asked.default else ""))
    return [*lines, f"  ({'; '.join(terms)})"] if terms else lines


def waiting_lines(pending: "list[ApprovalView]") -> list[str]:
    """What a waiting run waits for, and how to answer."""
    lines = []
    for asked in pending:
        until = f", until {asked.expires_at.astimezone():%Y-%m-%d %H:%M}" if asked.expires_at else ""
        lines += [
            f"Waiting for {' or '.join(asked.deciders) or 'a person'}{until}: {asked.title}",
            f"  → coachwork approvals answer {asked.id} accept{' --by NAME' if asked.deciders else ''}"
            "     (or edit --value JSON, or reject)",
        ]
    return [*lines, "  → or in the Inbox of the page: coachwork serve"]


def category(value: "JsonValue") -> str:
    """The word an output files itself under: a field `category` at its top or one level down, else ""."""
    if not isinstance(value, dict):
        return ""
    for place in (value, *(item for item in value.values() if isinstance(item, dict))):
        if isinstance(place.get("category"), str):
            return str(place["category"])
    return ""


def _one_line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
