"""What the code of a pipeline says that a run will do: all that can be seen, and "…" for what can't."""

import textwrap
from collections.abc import Sequence

import pytest

from coachwork.app.project import load_project
from coachwork.pipelines.outline import Outline, Part, mermaid, outline

APP = """
import asyncio
import functools

from coachwork import Agent, App, Conversation, KnowledgeBase, approval, answer_from, deliver, gather, map_over, prompt
from coachwork import sleep, step, tool
from coachwork.agents import patterns
from desk_{number} import Desk

app = App("Probe")
handbook = KnowledgeBase("handbook")


@prompt
async def answer(subject: str) -> str: ...


@prompt("answer")
async def judge(subject: str) -> str: ...


@step
async def shop(subject: str) -> str:
    '''Asking the shop.'''
    return subject


@step
async def depot(subject: str) -> str:
    '''Asking the depot.'''
    unseen = getattr(subject, "title")
    await unseen()
    return await answer(subject)


@tool(reads=True)
async def look(subject: str) -> str:
    '''Looks it up.'''
    return await answer(subject)


helper = Agent(answer, tools=[look, handbook])
WAYS = {"quick": answer, "slow": depot}


async def either(subject: str) -> str:
    if subject == "shop":
        return await shop(subject)
    return await depot(subject)


@app.pipeline
async def child(subject: str) -> str:
    return await answer(subject)


@app.pipeline
async def loops(subject: str) -> str:
    return await again(subject, 3)


async def again(subject: str, left: int) -> str:
    subject = await answer(subject)
    return await again(subject, left - 1) if left else subject

"""
DESK = """
from coachwork import step


@step
async def stamp(subject: str) -> str:
    '''Stamping it.'''
    return subject


class Desk:
    async def close(self, subject: str) -> str:
        return await stamp(subject)
"""
ASKED = "prompt answer"
SEEN = [
    ("await answer(subject)", ASKED),
    ("subject = (await shop(subject)).upper() + await answer(subject)", f"step shop, {ASKED}"),
    ("await asyncio.sleep(0)\nprint(subject, len(subject))", ""),
    ("answer(subject)", ""),  # begun, and never awaited
    ("later = answer(subject)\nawait shop(subject)\nawait later", f"step shop, {ASKED}"),
    ("await asyncio.wait_for(answer(subject), 3)", ASKED),
    ("await handbook.search(subject)\nhandbook.verify(subject, [])", "search handbook"),
    ("await answer_from(handbook, subject)", "search handbook, choice(passages: prompt answer_from | otherwise)"),
    ("await handbook.verify_by_model(subject, [], 'careful')", "verify handbook"),
    ("await handbook.verify_by_model(subject, [])", ""),  # no route in the settings: the words alone
    ("await depot(subject)", f"step depot({ASKED})"),  # what a step does besides is its own business
    ("await helper(subject)", f"agent answer(tool look({ASKED}) & search handbook)"),
    ("await helper.run(subject)", f"agent answer(tool look({ASKED}) & search handbook)"),
    ("await child(subject)", f"pipeline child({ASKED})"),
    ('await sleep("2h")\nawait deliver("mail", subject)', "sleep sleep, webhook mail"),
    ('await approval(f"Send {subject}?", subject)', "approval Send …?"),
    ("await Desk().close(subject)", "step stamp"),
    ("desk = Desk()\nawait desk.close(subject)", "step stamp"),
    ("import desk_{number}\nawait desk_{number}.stamp(subject)", "step stamp"),
    # branches
    ("if subject:\n    await answer(subject)", f"choice(subject: {ASKED} | otherwise)"),
    ("if subject:\n    raise ValueError(subject)", ""),
    (
        "if not subject:\n    return ''\nawait shop(subject)",
        "choice(not subject [return] | otherwise), step shop",
    ),
    (
        "if subject == 'a':\n    await shop(subject)\nelif subject:\n    await depot(subject)\nelse:\n    pass",
        f"choice(subject == 'a': step shop | subject: step depot({ASKED}) | otherwise)",
    ),
    (
        "match subject:\n    case 'a':\n        await shop(subject)\n    case _:\n        await answer(subject)",
        f"choice(subject is 'a': step shop | subject is _: {ASKED})",
    ),
    ("await (shop(subject) if subject else answer(subject))", f"choice(subject: step shop | otherwise: {ASKED})"),
    ("ask = shop if subject else answer\nawait ask(subject)", f"choice(subject: step shop | otherwise: {ASKED})"),
    (
        "ask = answer\nif subject:\n    ask = shop\nawait ask(subject)",
        f"choice(subject: step shop | otherwise: {ASKED})",
    ),
    ("subject = subject or await answer(subject)", f"choice(not subject: {ASKED} | otherwise)"),
    ("await WAYS[subject](subject)", f"choice(quick: {ASKED} | slow: step depot({ASKED}))"),
    ("await WAYS['quick'](subject)", ASKED),
    (
        "await either(subject)",
        f"function either(choice(subject == 'shop' [return]: step shop | otherwise), step depot({ASKED}))",
    ),
    (
        "try:\n    await shop(subject)\nexcept ValueError:\n    await answer(subject)",
        f"step shop, choice(on ValueError: {ASKED} | without an error)",
    ),
    # loops
    ("for word in subject.split():\n    await answer(word)", f"loop for word in subject.split()({ASKED})"),
    (
        "while subject:\n    if await answer(subject):\n        break",
        f"loop while subject({ASKED}, choice(await answer(subject) [break] | otherwise))",
    ),
    ("[await answer(word) for word in subject]", f"loop for word in subject({ASKED})"),
    ("for ask in (shop, answer):\n    await ask(subject)", f"step shop, {ASKED}"),
    (
        "async for part in answer.stream(subject):\n    await shop(subject)",
        f"loop for part in answer.stream(subject)({ASKED}, step shop)",
    ),
    # side by side
    ("await gather(shop(subject), answer(subject))", f"branches(1: step shop | 2: {ASKED})"),
    ("await gather(a=shop(subject), b=answer(subject))", f"branches(a: step shop | b: {ASKED})"),
    (
        "await gather(**{name: ask(subject) for name, ask in WAYS.items()})",
        f"branches(quick: {ASKED} | slow: step depot({ASKED}))",
    ),
    ("await gather(*[answer(word) for word in subject])", f"items For each of subject({ASKED})"),
    (
        "calls = []\nfor word in subject:\n    calls.append(answer(word))\nawait gather(*calls)",
        f"items For each of calls({ASKED})",
    ),
    ("await map_over(answer, subject.split())", f"items For each of subject.split()({ASKED})"),
    ("await map_over(lambda word: answer(word), subject)", f"items For each of subject({ASKED})"),
    ("await functools.partial(answer, subject)()", ASKED),
    # functions of its own, and given to others
    ("async def own(text):\n    return await answer(text)\nawait own(subject)", ASKED),
    ("@step\nasync def own(text: str) -> str:\n    return text\nawait own(subject)", "step own"),
    ("await patterns.sequence(subject, shop, answer)", f"step shop, {ASKED}"),
    # what can't be seen
    ("ask = getattr(handbook, subject)\nawait ask(subject)", "unknown ask(subject)"),
    ("await globals()[subject](subject)", "unknown globals()[subject](subject)"),
    ("await asyncio.to_thread(helper.run, subject)", "unknown asyncio.to_thread(helper.run, subject)"),
    ("await asyncio.to_thread(Desk(), subject)", "unknown asyncio.to_thread(Desk(), subject)"),
    ("await asyncio.to_thread(answer, subject)", "unknown asyncio.to_thread(answer, subject)"),
    (
        "calls = [shop]\ncalls.append(subject)\nfor call in calls:\n    await call(subject)",
        "loop for call in calls(unknown call(subject))",
    ),
    ("await gather(*map(answer, subject))", "branches(…: unknown gather(*map(answer, subject)))"),
    (
        "ask = answer\nfor word in subject:\n    await ask(word)\n    ask = globals()[word]",
        "loop for word in subject(unknown ask(word))",
    ),
]


@pytest.fixture(scope="module")
def outlines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outline]:
    """One project with a pipeline for each row."""
    folder = tmp_path_factory.mktemp("outline")
    number = abs(hash(folder))  # a module is imported once a process
    app = APP
    for row, (body, _) in enumerate(SEEN):
        app += f"\n\n@app.pipeline\nasync def row_{row}(subject: str) -> str:\n{textwrap.indent(body, '    ')}\n"
        app += "    return subject\n"
    (folder / "coachwork.toml").write_text('[routes.default]\nmodels = ["local:qwen2.5-coder-1.5b"]\n')
    (folder / "app.py").write_text(app.replace("{number}", str(number)))
    (folder / f"desk_{number}.py").write_text(DESK)
    (folder / "prompts").mkdir()
    (folder / "prompts" / "answer.md").write_text("---\nabout: Answers.\n---\n## user\n{{subject}}\n")
    project = load_project(folder, {})
    try:
        return {name: outline(pipeline, project.folder) for name, pipeline in project.pipelines.items()}
    finally:
        project.database.close()


@pytest.mark.parametrize("row", range(len(SEEN)), ids=[body.split("\n")[0] for body, _ in SEEN])
def test_an_outline_is_what_the_code_says(outlines: dict[str, Outline], row: int) -> None:
    _, seen = SEEN[row]
    found = outlines[f"row_{row}"]
    assert told(found.parts) == seen
    assert found.whole == ("unknown" not in seen)


def test_a_call_of_itself_is_said_and_not_followed(outlines: dict[str, Outline]) -> None:
    assert told(outlines["loops"].parts) == f"{ASKED}, choice(left: again again | otherwise)"


def test_each_part_tells_its_line(outlines: dict[str, Outline]) -> None:
    lines = APP.splitlines()
    [asked] = outlines["child"].parts
    file, _, line = asked.where.partition(":")
    assert (file, lines[int(line) - 1].strip()) == ("app.py", "return await answer(subject)")
    assert lines[int(outlines["child"].where.partition(":")[2])] == "async def child(subject: str) -> str:"


def test_as_mermaid_every_way_leads_on(outlines: dict[str, Outline]) -> None:
    body = "await gather(a=shop(subject), b=answer(subject))"
    row = next(number for number, (code, _) in enumerate(SEEN) if code == body)
    assert mermaid(outlines[f"row_{row}"]).splitlines()[1:-1] == [
        f'    start(["Row {row}"])',
        '    n1{"side by side"}',
        "    start --> n1",
        '    n2["Asking the shop"]',
        '    n1 -->|"a"| n2',
        '    n3["Answer"]',
        '    n1 -->|"b"| n3',
        '    done(["Its result"])',
        "    n2 --> done",
        "    n3 --> done",
    ]
    for found in outlines.values():
        lines = mermaid(found).splitlines()
        assert lines.count("    end") == sum(line.strip().startswith("subgraph ") for line in lines)
        assert lines[-2].endswith(" done")


def told(parts: Sequence[Part]) -> str:
    return ", ".join(map(_told, parts))


def _told(part: Part) -> str:
    if part.kind in ("choice", "branches"):
        ways = (
            f"{way.label}{f' [{way.ends}]' * bool(way.ends)}: {told(way.parts)}".removesuffix(": ")
            for way in part.parts
        )
        return f"{part.kind}({' | '.join(ways)})"
    name = part.label if part.kind in ("approval", "loop", "items", "unknown") or not part.name else part.name
    between = " & " if part.kind == "agent" else ", "
    inside = between.join(map(_told, part.parts))
    return f"{part.kind} {name}" + (f"({inside})" if inside else "")
