"""How prompts, renderings, trials and versions look: as JSON, and on a terminal. Decides nothing."""

import difflib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from coachwork.cli import output
from coachwork.messages import Message
from coachwork.models.preview import part_told
from coachwork.prompts.signature import type_name

if TYPE_CHECKING:
    from coachwork.models.preview import Preview
    from coachwork.prompts import Prompt
    from coachwork.prompts.trial import Try
    from coachwork.prompts.versions import Trial
    from coachwork.store.database import Database


# ── show ───────────────────────────────────────────────────────────────────────────────────────


def shown(prompt: "Prompt[..., Any]") -> dict[str, Any]:
    compiled = prompt.compiled
    file, pool = compiled.file, compiled.form.pool
    settings = file.settings.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"examples", "about"}
    )
    how = (
        ""
        if pool.chosen is None
        else f"{pool.chosen.similar} most similar"
        if pool.chosen.similar
        else f"{pool.chosen.k} that stand for all"
    )
    labels = [name for name, version in prompt.versions.labels(prompt.name).items() if version == prompt.version]
    return {
        "name": prompt.name,
        "about": file.settings.about,
        "file": prompt.file,
        "version": prompt.version,
        "labels": labels,
        "settings": settings,
        "inputs": {name: type_name(kind) for name, kind in compiled.signature.parameters.items()},
        "gives": type_name(compiled.signature.returns),
        "variants": [
            {"for": each.pattern, "file": each.front.path, "words": bool(each.sections)} for each in file.variants
        ],
        "partials": list(file.partials),
        "examples": {"count": len(pool.examples), "chosen": how},
        "tools": [tool.spec.name for tool in compiled.form.tools],
        "cases": 0 if compiled.cases is None else len(compiled.cases.cases),
        "files": dict(compiled.texts),
    }


def _type(kind: Any) -> str:
    return getattr(kind, "__name__", None) or str(kind)


def print_shown(data: Mapping[str, Any]) -> None:
    console = output.out()
    labels = f" ({', '.join(data['labels'])})" if data["labels"] else ""
    console.print(f"{data['name']}  version {data['version']}{labels}", style="bold")
    if data["about"]:
        console.print(data["about"])
    takes = ", ".join(f"{name}: {kind}" for name, kind in data["inputs"].items())
    console.print(f"({takes}) → {data['gives']}")
    for name, value in data["settings"].items():
        console.print(f"  {name}: {value}")
    for variant in data["variants"]:
        console.print(
            f"  for {variant['for']}: {'other words, ' if variant['words'] else 'other settings, '}{variant['file']}"
        )
    examples = data["examples"]
    if examples["count"]:
        console.print(
            f"  examples: {examples['count']}" + (f", of these the {examples['chosen']}" if examples["chosen"] else "")
        )
    if data["tools"]:
        console.print(f"  tools: {', '.join(data['tools'])}")
    console.print(f"  cases: {data['cases'] or 'none'}")
    for path, text in data["files"].items():
        console.print(f"\n── {path}", style="dim")
        console.print(text.rstrip())


# ── render ─────────────────────────────────────────────────────────────────────────────────────


def preview(each: "Preview") -> dict[str, Any]:
    request = each.request
    sent = {
        name: value
        for name in ("temperature", "top_p", "seed", "stop", "thinking", "max_tokens", "seconds")
        if (value := getattr(request, name)) not in (None, ())
    }
    return {
        "model": each.model,
        "usable": not each.problem,
        "problem": each.problem,
        "messages": [
            {"role": message.role, "parts": [part_told(part) for part in message.parts]} for message in request.messages
        ],
        "schema": None if request.schema is None else dict(request.schema),
        "schema_by": each.schema,
        "tools": [
            {"name": tool.name, "description": tool.description, "schema": dict(tool.schema)} for tool in request.tools
        ],
        "settings": sent,
        "input_tokens": each.input_tokens,
        "input_tokens_at_most": each.most_input_tokens,
        "counted": each.counted,
        "output_tokens_at_most": each.max_tokens,
        "cost_usd_at_most": None if each.worst_nano is None else each.worst_nano / 1e9,
        "max_cost_usd": None if request.max_cost_nano is None else request.max_cost_nano / 1e9,
        "refused": each.refused,
    }


def print_previews(prompt: "Prompt[..., Any]", previews: "Sequence[Preview]") -> None:
    """Every model, and the messages once for all that get the same."""
    console = output.out()
    console.print(f"{prompt.name}  version {prompt.version}, route {prompt.route}", style="bold")
    seen: dict[Any, str] = {}
    for each in previews:
        data = preview(each)
        console.print(f"\n{each.model}" + (f"  (can't be asked: {each.problem})" if each.problem else ""), style="bold")
        console.print(
            f"  about {each.input_tokens} tokens in, at most {each.most_input_tokens}; at most {each.max_tokens} out; "
            f"at most {output.money(data['cost_usd_at_most'])}"
            + (
                f": over max_cost {output.money(data['max_cost_usd'])}, so it would not be asked"
                if data["refused"]
                else ""
            )
        )
        if data["settings"]:
            console.print("  " + ", ".join(f"{name} {value}" for name, value in data["settings"].items()))
        same = repr((each.request.messages, each.request.schema, each.request.tools))
        if same in seen:
            console.print(f"  the same messages as {seen[same]}")
            continue
        seen[same] = each.model
        _print_messages(each.request.messages)
        if data["schema"] is not None:
            console.print(f"── schema ({each.schema})", style="dim")
            console.print(_json(data["schema"]))
        for tool in data["tools"]:
            console.print(f"── tool {tool['name']}", style="dim")
            console.print(f"{tool['description']}\n{_json(tool['schema'])}")
    if previews:
        console.print(f"\nTokens are {previews[0].counted}; the bound is a byte a token.", style="dim")


def _print_messages(messages: Sequence[Message]) -> None:
    console = output.out()
    for message in messages:
        console.print(f"── {message.role}", style="dim")
        for part in message.parts:
            told = part_told(part)
            console.print(told.get("text") or " ".join(f"{name}: {value}" for name, value in told.items()))


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=2)


# ── test ───────────────────────────────────────────────────────────────────────────────────────


def trial(each: "Trial") -> dict[str, Any]:
    return {
        "prompt": each.prompt,
        "version": each.version,
        "route": each.route,
        "at": _moment(each.at).isoformat(),
        "repeats": each.repeats,
        "passed": each.passed,
        "tries": each.tries,
        "cost_usd": None if each.cost_nano is None else each.cost_nano / 1e9,
        "seconds": round(each.seconds, 3),
        "cases": each.cases,
    }


def tried(each: "Try") -> dict[str, Any]:
    return {
        "case": each.case,
        "number": each.number,
        "passed": each.passed,
        "wrong": list(each.wrong),
        "error": each.error,
        "output": each.output,
        "model": each.model,
        "how": each.how,
        "seconds": round(each.seconds, 3),
        "cost_usd": None if each.cost_nano is None else each.cost_nano / 1e9,
    }


def print_tries(done: "Trial", tries: "Sequence[Try]") -> None:
    from rich.table import Table

    console = output.out()
    table = Table("", "case", "passed", "model", "time", "cost", "what is wrong", box=None, pad_edge=False)
    for row in done.cases:
        own = [each for each in tries if each.case == row["name"]]
        costs = [each.cost_nano for each in own]
        cost = None if None in costs else sum(cost or 0 for cost in costs) / 1e9
        table.add_row(
            "✓" if row["passed"] == row["tries"] else "✗",
            row["name"],
            f"{row['passed']} of {row['tries']}",
            ", ".join(dict.fromkeys(each.model for each in own)),
            output.duration(sum(each.seconds for each in own) / len(own)),
            output.money(cost),
            "\n".join(row["wrong"]),
        )
    console.print(table)
    cost = None if done.cost_nano is None else done.cost_nano / 1e9
    console.print(f"{done.passed} of {done.tries} passed, version {done.version}, {output.money(cost)}.", style="bold")


# ── history ────────────────────────────────────────────────────────────────────────────────────


def history(prompt: "Prompt[..., Any]") -> list[dict[str, Any]]:
    from coachwork.prompts.versions import latest

    trials = latest(prompt.versions.trials(prompt.name))
    return [
        {
            "version": version.version,
            "labels": list(version.labels),
            "current": version.version == prompt.version,
            "first_seen": _moment(version.first_seen).isoformat(),
            "trial": trial(trials[version.version]) if version.version in trials else None,
        }
        for version in prompt.versions.history(prompt.name)
    ]


def print_history(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table("", "version", "labels", "first seen", "on its cases", box=None, pad_edge=False)
    for row in rows:
        at = datetime.fromisoformat(row["first_seen"])
        table.add_row(
            "→" if row["current"] else "",
            row["version"],
            ", ".join(row["labels"]),
            f"{at:%Y-%m-%d %H:%M} UTC",
            _result(row["trial"]),
        )
    output.out().print(table)


def _result(done: Mapping[str, Any] | None) -> str:
    if done is None:
        return "not tried"
    return f"{done['passed']} of {done['tries']} passed, {output.money(done['cost_usd'])}"


# ── answers ────────────────────────────────────────────────────────────────────────────────────


def answers(database: "Database", prompt: str, days: int) -> list[dict[str, Any]]:
    """Each model's answers in runs of the last `days`, and of as many before, the one most asked first."""
    from coachwork.pipelines.answers import Count, compared

    def told(count: Count) -> dict[str, Any]:
        return {"asked": count.asked, "at_once": count.at_once, "how": dict(count.how), "failed": dict(count.failed)}

    now = time.time_ns() // 1_000_000
    found = database.read_now(lambda connection: compared(connection, prompt, days, now))
    return [{"model": each.model, **told(each.now), "before": told(each.before)} for each in found]


def print_answers(rows: Sequence[Mapping[str, Any]], days: int) -> None:
    from rich.table import Table

    console = output.out()
    if not rows:
        console.print(f"No run asked it in the last {2 * days} days.")
        return
    table = Table(
        "model", "asked", "right as it came", f"{days} days before", "how", "failed", box=None, pad_edge=False
    )
    for row in rows:
        table.add_row(
            row["model"] or "(none answered)",
            str(row["asked"]),
            _share(row["at_once"]),
            _share(row["before"]["at_once"]),
            _counts(row["how"]),
            _counts(row["failed"]),
        )
    console.print(table)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1])) or "–"


# ── diff ───────────────────────────────────────────────────────────────────────────────────────


def diff(new: "Prompt[..., Any]", before: str) -> dict[str, Any]:
    """Two versions: what changed in their files, and how each case did in the last trial of both."""
    old = new.versions.find(new.name, before)
    texts = new.compiled.kept
    changes = {
        path: "\n".join(
            difflib.unified_diff(
                old.files.get(path, "").splitlines(),
                texts.get(path, "").splitlines(),
                f"{path} {old.version}",
                f"{path} {new.version}",
                lineterm="",
            )
        )
        for path in sorted({*old.files, *texts})
        if old.files.get(path) != texts.get(path)
    }
    trials = new.versions.trials(new.name)
    was = next((trial(each) for each in trials if each.version == old.version), None)
    now = next((trial(each) for each in trials if each.version == new.version), None)
    rows = {
        side: {row["name"]: row for row in (done or {"cases": []})["cases"]}
        for side, done in (("was", was), ("now", now))
    }
    return {
        "prompt": new.name,
        "before": {"version": old.version, "trial": was},
        "after": {"version": new.version, "trial": now},
        "changes": changes,
        "cases": [
            {"name": name, "before": rows["was"].get(name), "after": rows["now"].get(name)}
            for name in dict.fromkeys((*rows["was"], *rows["now"]))
        ],
    }


def print_diff(data: Mapping[str, Any]) -> None:
    from rich.table import Table

    console = output.out()
    before, after = data["before"], data["after"]
    console.print(f"{data['prompt']}  {before['version']} → {after['version']}", style="bold")
    if not data["changes"]:
        console.print("The files are the same; what changed is in the code (types or tools).")
    for text in data["changes"].values():
        for line in text.splitlines():
            console.print(line, style={"+": "green", "-": "red", "@": "dim"}.get(line[:1], ""))
    table = Table("case", before["version"], after["version"], box=None, pad_edge=False)
    for row in data["cases"]:
        table.add_row(row["name"], *(_of(row[side]) for side in ("before", "after")))
    table.add_row("all", _result(before["trial"]), _result(after["trial"]), style="bold")
    console.print(table)
    for side in (before, after):
        if side["trial"] is None:
            console.print(f"→ coachwork prompt test {data['prompt']} --version {side['version']}", style="dim")


def _of(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else f"{'✓' if row['passed'] == row['tries'] else '✗'} {row['passed']} of {row['tries']}"


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
