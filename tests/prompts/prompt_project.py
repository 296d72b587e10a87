"""A folder of prompts and the models of two routes, for tests that ask through the real models room."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from coachwork.models import Models, ModelsConfig
from coachwork.models.config import RouteConfig
from coachwork.prompts import Prompt
from coachwork.prompts.compiled import RouteModel
from coachwork.prompts.versions import Versions
from coachwork.testing import FakeModel, script


class Ticket(BaseModel):
    subject: str
    body: str = ""


class Triage(BaseModel):
    team: Literal["billing", "returns"] = Field(description="Who owns the cause.")
    urgent: bool


BILLING = {"team": "billing", "urgent": False}


class Named(FakeModel):
    """A fake under another provider's name."""

    def __init__(self, name: str, fake: FakeModel) -> None:
        self.__dict__.update(fake.__dict__)
        self.name = name


def write(folder: Path, **files: str) -> Path:
    """`a__b` is the prompt prompts/a/b.md; a name with a dot is a file of its own."""
    for name, text in files.items():
        path = folder / "prompts" / (name if "." in name else f"{name.replace('__', '/')}.md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


class Desk:
    """Prompts bound to routes of fakes: `smart` asks one:m and then two:m, `quick` asks three:m."""

    def __init__(self, folder: Path, *, thinks: tuple[str, ...] = (), versions: Versions | None = None) -> None:
        self.folder = folder
        self.versions = versions
        self.fakes = {name: Named(name, script()) for name in ("one", "two", "three")}
        routes = {"smart": ["one:m", "two:m"], "quick": ["three:m"], "embed": ["one:m"]}
        config = ModelsConfig(routes={name: RouteConfig(models=models, retries=0) for name, models in routes.items()})
        self.models = Models(config, database=None, cache_dir=folder, environ={}, extra_providers=dict(self.fakes))
        self.routes = {
            name: [RouteModel(model, model in thinks) for model in models] for name, models in routes.items()
        }

    def answers(self, **scripts: FakeModel) -> "Desk":
        for name, fake in scripts.items():
            self.fakes[name].__dict__.update({**fake.__dict__, "name": name})
        return self

    def bind(self, *prompts: Prompt[Any, Any], label: str = "") -> "Desk":
        for prompt in prompts:
            prompt.bind(self.folder, self.models, self.routes, versions=self.versions, label=label)
        return self

    def asked(self, name: str) -> list[Any]:
        return self.fakes[name].requests
