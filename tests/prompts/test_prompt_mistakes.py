"""Every kind of mistake in a prompt, its variants, partials and cases is refused at load: file, line and the fix.

What a person is told stands in `snapshots/mistakes.txt`. After a change of words: UPDATE_SNAPSHOTS=1 pytest, and read
the difference.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coachwork.errors import ProjectError
from coachwork.prompts import Prompt, prompt
from coachwork.prompts.versions import Versions
from coachwork.store.database import Database

from .prompt_project import Desk, Ticket, Triage, write

SNAPSHOT = Path(__file__).parent / "snapshots" / "mistakes.txt"


@prompt
async def triage(ticket: Ticket) -> Triage: ...


@prompt
async def answer(ticket: Ticket) -> str: ...


def undescribed(number: str) -> str:
    return number


async def untyped_tool(number) -> str:  # type: ignore[no-untyped-def]
    """Look something up."""
    return str(number)


async def _lost(ticket: "Tiket") -> Triage: ...  # type: ignore[name-defined]  # noqa: F821


BODY = "Route.\n## user\n{{ticket}}\n"
CASE = "cases:\n- name: one\n  inputs: {ticket: {subject: x}}\n  expected_output: {team: billing, urgent: true}\n"


def front(*lines: str, body: str = BODY) -> str:
    return "\n".join(["---", "about: Routes.", *lines, "---", body])


def cases(text: str, *lines: str) -> dict[str, str]:
    return {"triage": front(*lines), "triage.cases.yaml": text}


# What is wrong: the files, and the prompt that is loaded.
MISTAKES: dict[str, tuple[dict[str, str], Prompt[Any, Any]]] = {
    "unknown variable": ({"triage": front("route: smart", body="Route.\n\n## user\n{{ticket.subjet}}\n")}, triage),
    "unknown variable in a partial": (
        {"triage": front("route: smart", body="{{> tone}}\n" + BODY), "_tone": "Be kind.\n{{ticket.nam}}\n"}, triage),
    "unknown variable in a variant": (
        {"triage": front("route: smart"), "triage@two": "Sort.\n## user\n{{tiket}}\n"}, triage),
    "unknown route": ({"triage": front("route: smrt")}, triage),
    "unknown alternative": ({"triage": front("route: smart", "alternatives: [quick, qick]")}, triage),
    "unknown route to ask again": ({"triage": front("route: smart", "reask_route: qick")}, triage),
    "unknown route of vectors": (cases(CASE, "route: smart", "examples: {similar: 2, by: embd}"), triage),
    "no route": ({"triage": BODY}, triage),
    "bad YAML": ({"triage": front("route: smart", "label: {{ticket.subject}}: x")}, triage),
    "a tab in YAML": ({"triage": front("route: smart", "on:", "\t\"two:*\": {seed: 1}")}, triage),
    "missing partial": ({"triage": "{{> ton}}\n## user\n{{ticket}}\n", "_tone": "Be kind."}, triage),
    "unknown key": ({"triage": front("rout: smart")}, triage),
    "unknown key of a variant": ({"triage": front("route: smart", "on:", "  two:m:", "    temprature: 1")}, triage),
    "a key that can't differ by model": ({"triage": front("route: smart", "on:", "  two:m: {route: quick}")}, triage),
    "unknown key of an example": (
        {"triage": front("route: smart", "examples:", "- input: {ticket: {subject: x}}", "  outputs: {}")}, triage),
    "key twice": ({"triage": front("route: smart", "temperature: 1", "temperature: 0")}, triage),
    "wrong thinking": ({"triage": front("route: smart", "thinking: hard")}, triage),
    "wrong cost": ({"triage": front("route: smart", "max_cost: cheap")}, triage),
    "type not found": ({"_lost": front("route: smart")}, prompt(_lost)),
    "file not there": ({"triages": front("route: smart")}, triage),
    "example that does not fit": (
        {"triage": front("route: smart", "examples:", "- input: {ticket: {subject: x}}",
                         "  output:", "    team: sales", "    urgent: true")}, triage),
    "example of an unknown input": (
        {"triage": front("route: smart", "examples:", "- input: {tickt: {subject: x}}", "  output: {}")}, triage),
    "example without its thoughts": (
        {"triage": front("route: smart", "reasoning: true", "examples:",
                         "- {input: {ticket: {subject: x}}, output: {team: billing, urgent: true}}")}, triage),
    "both ways of choosing": (cases(CASE, "route: smart", "examples: {k: 2, similar: 2}"), triage),
    "examples from no cases": ({"triage": front("route: smart", "examples: {from: cases, k: 2}")}, triage),
    "examples from cases without answers": (
        cases("cases:\n- inputs: {ticket: {subject: x}}\n", "route: smart", "examples: {k: 2}"), triage),
    "pattern of no model": ({"triage": front("route: smart", "on:", '  "antropic:*": {seed: 1}')}, triage),
    "pattern without a provider": ({"triage": front("route: smart", "on:", "  two: {seed: 1}")}, triage),
    "variant file of no model": (
        {"triage": front("route: smart"), "triage@anthropic": "Sort.\n## user\n{{ticket}}\n"}, triage),
    "variant file with a route": (
        {"triage": front("route: smart"), "triage@two": f"---\nroute: quick\n---\n{BODY}"}, triage),
    "variant file without a question": ({"triage": front("route: smart"), "triage@two": "Sort.\n"}, triage),
    "unknown tool": ({"triage": front("route: smart", "tools: [undescribe]")}, triage),
    "tool without a docstring": ({"triage": front("route: smart", "tools: [undescribed]")}, triage),
    "tool without types": ({"triage": front("route: smart", "tools: [untyped_tool]")}, triage),
    "text for a type": ({"triage": front("route: smart", "output: text")}, triage),
    "case of a wrong input": (cases(CASE.replace("subject: x", "subjet: x"), "route: smart"), triage),
    "case of an unknown input": (cases(CASE.replace("ticket:", "tiket:"), "route: smart"), triage),
    "case of a wrong answer": (cases(CASE.replace("billing", "sales"), "route: smart"), triage),
    "two cases of a name": (cases(CASE + CASE.removeprefix("cases:\n"), "route: smart"), triage),
    "unknown key of a case": (cases(CASE.replace("inputs", "input"), "route: smart"), triage),
    "unknown evaluator": (cases(CASE + "  evaluators: [EqualExpected]\n", "route: smart"), triage),
    "evaluator that asks a model": (cases(CASE + "  evaluators:\n  - LLMJudge: {rubric: x}\n", "route: smart"), triage),
    "evaluator without its value": (cases(CASE + "  evaluators: [Contains]\n", "route: smart"), triage),
    "cases that are no dataset": (cases("- inputs: {}\n", "route: smart"), triage),
    "bad YAML of cases": (cases("cases:\n- inputs: {ticket: {subject: a: b}}\n", "route: smart"), triage),
}  # fmt: skip


def told(folder: Path, files: dict[str, str], declared: Prompt[Any, Any]) -> str:
    """What a person reads: the message with file and line, and the fix."""
    with pytest.raises(ProjectError) as error:
        Desk(write(folder, **files)).bind(declared)
    assert error.value.file
    assert error.value.hint
    return str(error.value).replace(str(Path(__file__)), "app.py")


def label_unknown(folder: Path) -> str:
    database = Database(f"sqlite:///{folder}/a.db")
    database.migrate()
    try:
        desk = Desk(write(folder, triage=front("route: smart")), versions=Versions(database)).bind(triage)
        database.flush()
        assert desk.versions is not None
        desk.versions.put_label("triage", "production", triage.version)
        with pytest.raises(ProjectError) as error:
            triage.at("produktion")
    finally:
        database.close()
    return str(error.value)


def test_every_mistake_is_told_with_file_line_and_fix(tmp_path: Path) -> None:
    def each(name: str, make: Callable[[Path], str]) -> str:
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        return f"{name}\n{make(folder)}\n"

    found = [each(name, lambda folder, m=made: told(folder, *m)) for name, made in MISTAKES.items()]  # type: ignore[misc]
    found.append(each("label unknown", label_unknown))
    text = "\n".join(found)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(text, "utf-8")
    assert text == SNAPSHOT.read_text("utf-8")
