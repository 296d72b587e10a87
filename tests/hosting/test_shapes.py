"""Found by shape: which adapter hosts what, and which form it gets, without one framework imported for it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel

import coachwork
from coachwork import App
from coachwork.errors import ProjectError

_PROGRAM = """
import sys
from coachwork import App
from coachwork.errors import ProjectError
from coachwork.hosting import guest

app = App("Probe")
try:
    app.host("thing", object())
except ProjectError as error:
    print(str(error).splitlines()[0])
loaded = {module.partition(".")[0] for module in sys.modules}
print(sorted(loaded & {"langgraph", "langchain_core", "pydantic_ai", "agents", "haystack", "workflows", "openai"}))
"""
_HERE = {**os.environ, "PYTHONPATH": str(Path(coachwork.__file__).parents[1])}


class Weather(BaseModel):
    city: str
    celsius: float


def test_nothing_is_imported_to_find_out_what_a_thing_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=_HERE, capture_output=True, text=True, check=True, timeout=120
    )
    refusal, loaded = done.stdout.splitlines()
    assert "app.host('thing', …) was given a builtins.object, which no adapter hosts" in refusal
    assert loaded == "[]"


def test_the_adapters_need_the_standard_library_alone() -> None:
    """They also run where Coachwork is not installed."""
    from coachwork.hosting import guest_program

    program = Path(guest_program.__file__)
    code = (
        "import sys, runpy\n"
        "sys.modules['coachwork'] = sys.modules['pydantic'] = None\n"  # importing either now fails
        f"sys.argv = [{str(program)!r}]\n"
        f"load = runpy.run_path({str(program)!r})['load_guest']; load()\n"
        "import pkgutil, importlib, coachwork_guest\n"
        "names = [m.name for m in pkgutil.iter_modules(coachwork_guest.__path__)]\n"
        "[importlib.import_module(f'coachwork_guest.{name}') for name in names]; print(len(names))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 9


def hosted(thing: object, **more: Any) -> Any:
    return App("Probe").host("probe", thing, **more)


def test_a_graph_over_its_own_state_has_a_form_of_it_in_which_nothing_is_required() -> None:
    from langgraph.graph import START, StateGraph

    class State(TypedDict):  # the one of `typing`, which Pydantic can't take whole before Python 3.12
        topic: str
        joke: str

    graph = StateGraph(State).add_node("tell", lambda state: {"joke": state["topic"]}).add_edge(START, "tell").compile()
    schema = hosted(graph).input_schema
    assert set(schema["properties"]) == {"topic", "joke"}
    assert "required" not in schema


def test_a_graph_with_an_input_of_its_own_requires_it() -> None:
    from langgraph.graph import START, StateGraph

    class Input(TypedDict):
        topic: str

    class State(Input):
        joke: str

    builder = StateGraph(State, input_schema=Input).add_node("tell", lambda state: {"joke": state["topic"]})
    schema = hosted(builder.add_edge(START, "tell").compile()).input_schema
    assert schema["required"] == ["topic"]
    assert set(schema["properties"]) == {"topic"}


def test_an_agent_is_a_chat_and_gives_its_output_type() -> None:
    from pydantic_ai import Agent

    pipeline = hosted(Agent("openai:gpt-5-mini", output_type=Weather, defer_model_check=True))
    assert pipeline.output_schema["properties"].keys() == {"city", "celsius"}
    assert pipeline.input_schema["properties"].keys() == {"messages"}


def test_a_runnable_that_says_nothing_needs_its_input_said() -> None:
    from langchain_core.runnables import RunnablePassthrough

    with pytest.raises(ProjectError, match="can't tell what its input is") as refused:
        hosted(RunnablePassthrough())
    assert "input=YourModel" in refused.value.hint
    assert hosted(RunnablePassthrough(), input=Weather, output=Weather).input_schema["required"] == ["city", "celsius"]


def test_a_name_is_used_once() -> None:
    from langchain_core.runnables import RunnablePassthrough

    app = App("Probe")
    app.host("probe", RunnablePassthrough(), input=str)
    with pytest.raises(ProjectError, match="two pipelines named 'probe'"):
        app.host("probe", RunnablePassthrough(), input=str)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("", r"there is no \[hosted.crew\] to say where it runs"),
        ('[hosted.crew]\npython = "python3"', "`python` needs an `object`"),
        ('[hosted.crew]\npython = "p"\nobject = "a:b"\n[hosted.other]\ncommand = ["x"]', "belongs to no pipeline"),
    ],
)
def test_what_runs_elsewhere_is_checked_when_the_project_loads(tmp_path: Path, settings: str, says: str) -> None:
    from coachwork.app.project import load_project

    (tmp_path / "coachwork.toml").write_text(settings)
    (tmp_path / "app.py").write_text('from coachwork import App\napp = App("Crew")\napp.host("crew")\n')
    with pytest.raises(ProjectError, match=says):
        load_project(tmp_path, {"HOME": str(tmp_path)})


def test_doctor_names_what_can_not_start_and_what_forgets(tmp_path: Path) -> None:
    from coachwork.app.checks import check_project

    (tmp_path / "coachwork.toml").write_text('[hosted.crew]\npython = "envs/none/bin/python"\nobject = "a:b"\n')
    (tmp_path / "app.py").write_text(
        "from langgraph.checkpoint.memory import InMemorySaver\n"
        "from langgraph.graph import START, MessagesState, StateGraph\n"
        "from coachwork import App\n"
        "graph = StateGraph(MessagesState).add_node('a', lambda state: state).add_edge(START, 'a')\n"
        "app = App('Crew')\n"
        "app.host('crew')\n"
        "app.host('graph', graph.compile(checkpointer=InMemorySaver()))\n"
    )
    found = {finding.id: finding for finding in check_project(tmp_path, {"HOME": str(tmp_path)})}
    assert f"there is no {tmp_path}/envs/none/bin/python" in found["hosted.environment"].message
    assert "keeps its checkpoints in memory" in found["hosted.checkpointer"].message
