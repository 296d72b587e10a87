"""An agent of somebody else as a tool: the A2A SDK's own server, and what it may not make us do."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from coachwork.agents import RemoteAgent
from coachwork.app.project import load_project
from coachwork.app.runtime import Runtime
from coachwork.errors import ProjectError, ToolFailed
from coachwork.messages import Image
from coachwork.tracing.scope import entered

from .conftest import Made, call
from .remote_agent import Remote, remote_agent
from .test_agent import Steps
from .test_dangerous_tools import Person


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    with remote_agent() as served:
        yield served


async def test_it_is_asked_as_a_tool_and_what_it_asks_back_goes_to_the_model(made: Made, remote: Remote) -> None:
    weather = RemoteAgent("weather", about="Knows the weather.", url=remote.url, private=True, reads=True)
    weather.bind(None, environ={"COACHWORK_A2A_WEATHER_TOKEN": "t0ken"})
    desk = made([call("weather", '{"message": "How is it?"}'), "?"], weather)
    with entered(Steps()) as steps:
        asked = (await desk.agent.run("?")).uses[0].result
    assert asked.startswith("weather asks: Which city?\nAnswer it by this tool again, with task='")
    task = asked.rpartition("task='")[2].rstrip("'.")
    assert [(each.kind, each.name) for each in steps.records] == [
        ("prompt", "answer"),
        ("tool", "weather"),
        ("prompt", "answer"),
    ]
    answers = made([call("weather", f'{{"message": "Bern", "task": "{task}"}}'), "Done."], weather)
    outcome = await answers.agent.run("?")
    assert outcome.uses[0].result == "Sunny in Bern."
    assert (outcome.tainted, remote.messages[-1].task_id) == (True, task)
    assert "Knows the weather." in desk.fake.requests[0].tools[0].description
    assert set(remote.tokens) == {"Bearer t0ken"}


async def test_it_acts_until_somebody_says_that_it_only_reads(made: Made, remote: Remote) -> None:
    weather = RemoteAgent("weather", url=remote.url, private=True)
    before = len(remote.messages)
    with entered(Person("rejected")) as person:
        await made([call("weather", '{"message": "Bern"}'), "No."], weather, untrusted=True).agent.run("?")
    assert (len(person.asked), len(remote.messages)) == (1, before)


async def test_words_come_as_they_come_and_failures_and_data_are_what_they_are(remote: Remote) -> None:
    weather, told = RemoteAgent("weather", url=remote.url, private=True, seconds=20), list[str]()
    reply = await weather.ask("Bern", told=told.append)
    assert (reply.text, told) == ("Sunny in Bern.", ["Sunny "])  # the last piece comes with the answer
    assert (await weather.ask(data={"city": "Bern"})).data == {"degrees": 21}
    turned = await weather.ask("Turn it", files=[Image(b"abc", "image/png")])
    assert (turned.files[0].data, turned.words) == (b"cba", "[a file: back.png, 3 bytes]")
    assert [part.WhichOneof("content") for part in remote.messages[-1].parts] == ["text", "raw"]
    with pytest.raises(ToolFailed, match="'weather' failed: no clouds today"):
        await weather.ask("fail")


async def test_who_stops_waiting_cancels_the_task_there(remote: Remote) -> None:
    weather = RemoteAgent("weather", url=remote.url, private=True)
    begun = asyncio.Event()
    waiting = asyncio.create_task(weather.ask("wait", told=lambda _text: begun.set()))
    async with asyncio.timeout(20):
        await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert remote.cancelled == [remote.messages[-1].task_id]
    late = RemoteAgent("weather", url=remote.url, private=True, seconds=1)
    with pytest.raises(ToolFailed, match="did not end in 1 s"):
        await late.ask("wait")
    assert len(remote.cancelled) == 2


async def test_a_card_may_not_lead_elsewhere_nor_into_the_own_network(remote: Remote) -> None:
    with remote_agent(elsewhere=f"{remote.url}/rpc") as liar:
        weather = RemoteAgent("weather", url=liar.url, private=True)
        weather.bind(None, environ={"COACHWORK_A2A_WEATHER_TOKEN": "t0ken"})
        before = len(remote.tokens)
        with pytest.raises(ToolFailed, match=r"its card leads to 127\.0\.0\.1:\d+, which is not among its hosts"):
            await weather.ask("Bern")
        permitted = RemoteAgent("weather", url=liar.url, hosts=["127.0.0.1"], private=True)
        permitted.bind(None, environ={"COACHWORK_A2A_WEATHER_TOKEN": "t0ken"})
        assert (await permitted.ask("Bern")).text == "Sunny in Bern."
        assert len(remote.tokens) == before  # the token is for the host of the address alone
    with pytest.raises(ToolFailed, match=r"is 127\.0\.0\.1, and that is not on the public network"):
        await RemoteAgent("weather", url=remote.url).ask("Bern")
    with pytest.raises(ToolFailed, match="'gone' did not answer"):
        await RemoteAgent("gone", url="http://127.0.0.1:9", private=True).ask("Bern")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("", "nothing says where the agent 'weather' is"),
        ('[a2a.weather]\nurl = "ftp://x"\n', "a2a.weather.url"),
        ('[a2a.wether]\nurl = "http://x"\n', r"\[a2a\.wether\] belongs to no agent"),
    ],
)
def test_a_project_that_is_wrong_about_its_agents_is_refused(tmp_path: Path, settings: str, says: str) -> None:
    (tmp_path / "app.py").write_text(
        'from coachwork import App, RemoteAgent\napp = App("Desk")\napp.host("weather", RemoteAgent("weather"))\n'
    )
    (tmp_path / "coachwork.toml").write_text(settings)
    with pytest.raises(ProjectError, match=says):
        load_project(tmp_path, {})


async def test_hosted_it_is_a_pipeline_and_what_it_asks_a_person_answers(tmp_path: Path, remote: Remote) -> None:
    (tmp_path / "app.py").write_text(
        "from pydantic import BaseModel\nfrom coachwork import App, RemoteAgent\n"
        "class City(BaseModel):\n    city: str\nclass Weather(BaseModel):\n    degrees: int\n"
        'app = App("Desk")\napp.host("weather", RemoteAgent("weather"))\n'
        'app.host("degrees", RemoteAgent("weather", data=True), input=City, output=Weather)\n'
    )
    (tmp_path / "coachwork.toml").write_text(f'[a2a.weather]\nurl = "{remote.url}"\nprivate = true\n')
    project = load_project(tmp_path, {})
    try:
        async with Runtime(project) as runtime:
            chat = {"messages": [{"role": "user", "content": "How is it?"}]}
            run = await runtime.runs.wait((await runtime.runs.start("weather", chat)).id, 30)
            assert [asked.title for asked in run.approvals] == ["weather asks: Which city?"]
            await runtime.runs.answer(run.approvals[0].id, "edit", "Bern")
            done = await runtime.runs.wait(run.id, 30)
            data = await runtime.runs.wait((await runtime.runs.start("degrees", {"city": "Bern"})).id, 30)
            shown = [event async for _number, event in runtime.runs.events(run.id)]
    finally:
        await project.close()
    assert (done.status, done.output) == ("succeeded", "Sunny in Bern."), done.error
    assert [step.kind for step in done.steps] == ["step", "approval", "step"]
    assert "Sunny " in [event.get("delta") for event in shown]
    assert remote.messages[-2].task_id  # the answer went on with the task that had asked
    assert data.output == {"degrees": 21}, data.error
