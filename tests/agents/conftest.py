"""A prompt with tools and a fake model that plays what it is told, for the stories of this room."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coachwork.agents import Agent, Limits
from coachwork.messages import ToolCallPart
from coachwork.models import Models, ModelsConfig
from coachwork.prompts import Prompt, prompt
from coachwork.prompts.compiled import RouteModel
from coachwork.testing import FakeModel

PROMPT = "---\nroute: smart\nabout: Answers letters.\nreask: 1\n---\nAnswer the letter.\n## user\n{{letter}}\n"
PRICED = {"input_usd_per_million": 1.0, "output_usd_per_million": 2.0}


def call(name: str, arguments: str = "{}", id: str = "") -> ToolCallPart:
    return ToolCallPart(id or f"call_{name}_{arguments}", name, arguments)


@dataclass
class Desk:
    """An agent on a fake model; `fake.requests` is what that was asked."""

    agent: Agent[..., Any]
    fake: FakeModel
    prompt: Prompt[..., Any]


Made = Callable[..., Desk]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A function: what the model answers in turn, and the agent's tools and limits."""

    def make(
        answers: Any, *tools: Any, returns: Any = str, limits: Limits | None = None, text: str = PROMPT, **more: Any
    ) -> Desk:
        async def answer(letter: str) -> Any: ...

        answer.__annotations__["return"] = returns
        (tmp_path / "prompts").mkdir(exist_ok=True)
        (tmp_path / "prompts" / "answer.md").write_text(text)
        fake = FakeModel(answers, billed=True)
        config = ModelsConfig.model_validate(
            {"routes": {"smart": {"models": ["fake:m"], "retries": 0}}, "models": {"fake:m": PRICED}}
        )
        models = Models(config, database=None, cache_dir=tmp_path, environ={}, extra_providers={"fake": fake})
        made: Prompt[..., Any] = prompt(answer)
        made.bind(tmp_path, models, {"smart": [RouteModel("fake:m")]})
        return Desk(Agent(made, list(tools), limits=limits, **more), fake, made)

    return make
