"""A secret that the application works with is read by no model, whatever form it comes in."""

import base64
from pathlib import Path
from urllib.parse import quote

import structlog

from coachwork.agents import tool
from coachwork.app.project import load_project
from coachwork.errors import ToolFailed
from coachwork.messages import Passage
from coachwork.tracing.log import redact
from coachwork.tracing.scope import entered
from coachwork.tracing.secrets import password_in

from .conftest import Made, call
from .test_agent import Steps

TOKEN = "Plain word/4711, no shape"
PASSWORD = "hunter2-of-the-desk"


@tool(reads=True)
async def status() -> str:
    """Tells how the desk stands."""
    basic = base64.b64encode(f"{TOKEN}:".encode()).decode()
    return f"token={TOKEN} url=https://x/?key={quote(TOKEN, safe='')} header=Basic {basic}"


@tool(reads=True, longest=20)
async def cut() -> str:
    """Tells much."""
    return f"0123456789{TOKEN}"


@tool(reads=True)
async def breaks() -> str:
    """Always breaks."""
    raise ToolFailed("no", reader=f"refused postgresql://desk:{PASSWORD}@db/desk and {PASSWORD}")


@tool(reads=True)
async def papers() -> list[Passage]:
    """Gives papers."""
    return [Passage(knowledge="k", document="d", title="Keys", start=0, end=9, text=f"It is {TOKEN}.", digest="1")]


async def test_a_known_secret_is_taken_out_of_results_errors_inputs_and_the_log(made: Made, tmp_path: Path) -> None:
    project = tmp_path / "desk"
    project.mkdir()
    (project / "app.py").write_text('from coachwork import App\napp = App("Desk")\n')
    (project / "coachwork.toml").write_text("")
    environ = {"DESK_TOKEN": TOKEN, "REPLICA": f"postgresql://desk:{PASSWORD}@db/desk", "DESK_KEY": "password"}
    load_project(project, environ).database.close()

    asks = [call("status"), call("cut"), call("breaks"), call("papers")]
    desk = made([*asks, "Done."], status, cut, breaks, papers)
    with entered(Steps()) as steps:
        outcome = await desk.agent.run(f"The password of the desk is {PASSWORD}, says {TOKEN}")
    read = "\n".join(str(request.messages) for request in desk.fake.requests)
    told = [use.result for use in outcome.uses]
    for words in (read, *told, str([step.input for step in steps.records])):
        for form in (TOKEN, quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()).decode()[:28], PASSWORD):
            assert form not in words
    assert told[0].startswith("token=[secret] url=https://x/?key=[secret] header=Basic [secret]")
    assert "Plain" not in told[1]  # what is cut off is taken out before
    assert "The password of the desk is [secret]" in read  # an ordinary word is not taken for a secret
    logged = redact(structlog, "info", {"event": "x", "error": f"no access with {TOKEN}"})
    assert logged["error"] == "no access with [secret]"


def test_the_password_of_a_url_is_found() -> None:
    assert password_in("postgresql://u:a%2Fb@h/d") == "a/b"
    assert [password_in(url) for url in ("sqlite:///x", "https://h/p@q", "http://[::1", "")] == [""] * 4
