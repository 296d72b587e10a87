"""What is looked for on an App and is not there."""

import pytest

from coachwork import App

LOOKED_FOR = [
    ("schedule", "an App has no 'schedule'. A pipeline that begins by the clock: @app.pipeline(schedule="),
    ("prompt", "an App has no 'prompt'. It is no part of an App: `from coachwork import prompt`."),
    ("agent", "an App has no 'agent'. It is no part of an App: `from coachwork import Agent`."),
    (
        "knowledge_base",
        "an App has no 'knowledge_base'. It is no part of an App: `from coachwork import KnowledgeBase`.",
    ),
    ("pipline", "an App has no 'pipline'. Did you mean 'pipeline'?"),
    ("get", "an App has no 'get'. Known: about, host, pipeline, pipelines, schedules, title."),
]


@pytest.mark.parametrize(("name", "told"), LOOKED_FOR)
def test_what_an_app_does_not_have_is_answered_with_where_it_is(name: str, told: str) -> None:
    app = App("Desk")
    with pytest.raises(AttributeError) as refused:
        getattr(app, name)
    assert str(refused.value).startswith(told)
    assert not hasattr(app, name)
