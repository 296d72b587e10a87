"""The settings of a project: `coachwork.toml` over defaults, with environment variables on top. Read once, here.

Every plain setting has a variable: `COACHWORK_` and its path in capitals, `COACHWORK_SERVER_PORT=9000`.
Secrets are never in the file: they come from the environment, or from a file that it names.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coachwork.agents.a2a import A2aConfig
from coachwork.agents.mcp import McpConfig
from coachwork.errors import ProjectError, did_you_mean
from coachwork.hosting.config import HostedConfig
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.models.config import BudgetConfig, ModelConfig, ModelsConfig, ProviderConfig, RouteConfig
from coachwork.pipelines.deliver import WebhookConfig
from coachwork.pipelines.schedule_config import ScheduleConfig

FILE = "coachwork.toml"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """`a2a_answers` lets agents that speak A2A decide approvals; without it a task waits for a person here."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    max_body_mb: float = Field(20, gt=0)
    a2a_answers: bool = False


class RunSettings(Section):
    """`concurrency` is how many runs work at once in a process, 0 in a server that leaves them to workers; `total` in
    all processes together, None for no bound. A run whose code holds up all others for `blocked_seconds` without an
    await is stopped, 0 for never. `memory_mb` is how much a server or worker may take beyond what it has at its start,
    None for all there is; Linux only."""

    concurrency: int = Field(4, ge=0)
    total: int | None = Field(None, ge=1)
    memory_mb: int | None = Field(None, ge=64)
    blocked_seconds: float = Field(60, ge=0)


class PromptSettings(Section):
    """`label` names the version of each prompt that serves, as `production`; "" for the files as they are now."""

    label: str = ""


class ApprovalSettings(Section):
    """`webhook` names the receiver of `[webhooks.NAME]` that is told of approvals; `url` is where people reach us."""

    webhook: str = ""
    url: str = Field("", pattern=r"^(https?://.+[^/])?$")


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False


_PLAIN: dict[str, type[Section]] = {
    "server": ServerSettings,
    "runs": RunSettings,
    "log": LogSettings,
    "prompts": PromptSettings,
    "approvals": ApprovalSettings,
}


class Settings(Section):
    """Everything a project can set. `database` is a SQLAlchemy URL, `index` a folder, an object-storage URI or
    postgresql://…. `groups` are the users of each group that may read documents (`[knowledge.NAME.access]`)."""

    database: str = "sqlite:///.coachwork/coachwork.db"
    index: str = ".coachwork/index"
    server: ServerSettings = ServerSettings()
    runs: RunSettings = RunSettings()
    log: LogSettings = LogSettings()
    prompts: PromptSettings = PromptSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    roles: dict[str, list[str]] = {}
    routes: dict[str, RouteConfig] = {}
    models: dict[str, ModelConfig] = {}
    providers: dict[str, ProviderConfig] = {}
    budgets: list[BudgetConfig] = []
    knowledge: dict[str, KnowledgeConfig] = {}
    groups: dict[str, list[str]] = {}
    webhooks: dict[str, WebhookConfig] = {}
    schedules: dict[str, ScheduleConfig] = {}
    hosted: dict[str, HostedConfig] = {}
    mcp: dict[str, McpConfig] = {}
    a2a: dict[str, A2aConfig] = {}

    @property
    def model_room(self) -> ModelsConfig:
        return ModelsConfig(routes=self.routes, models=self.models, providers=self.providers, budgets=self.budgets)


def read_settings(folder: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the project in `folder`. Raises ProjectError with file, line and the fix."""
    path = folder / FILE
    if not path.is_file():
        raise ProjectError(
            f"{folder} is no Coachwork project: it has no {FILE}",
            hint="Go to your project's folder, name it with --project, or make one: coachwork new NAME",
        )
    source = path.read_text(encoding="utf-8")
    try:
        values = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(
            f"this is not TOML: {error}", file=str(path), line=_line_of_error(error), hint="Correct that line."
        ) from None
    _overlay(values, environ)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _explained(error, source, path) from None
    return _placed(settings, folder)


def _overlay(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Put plain settings from the environment over those of the file."""
    for name, kind in (("database", str), ("index", str)):
        if text := environ.get(f"COACHWORK_{name.upper()}"):
            values[name] = kind(text)
    for section, model in _PLAIN.items():
        for field in model.model_fields:
            if text := environ.get(f"COACHWORK_{section}_{field}".upper()):
                values.setdefault(section, {})[field] = text


def _placed(settings: Settings, folder: Path) -> Settings:
    """Relative places count from the project's folder, not from where the command was typed."""
    database = settings.database
    match = re.fullmatch(r"sqlite:///(?!/)(.+)", database)
    if match and match[1] != ":memory:":
        database = f"sqlite:///{(folder / match[1]).resolve()}"
    return settings.model_copy(update={"database": database, "index": index_place(settings.index, folder)})


def index_place(index: str, folder: Path) -> str:
    """The place of an index: a URI as it is, a folder counted from the project's."""
    return index if "://" in index else str((folder / index).resolve())


def _explained(error: ValidationError, source: str, path: Path) -> ProjectError:
    """The first finding of Pydantic, with its line and the nearest known name."""
    found = error.errors(include_url=False)[0]
    where = [str(part) for part in found["loc"]]
    key = where[-1] if where else ""
    hint = "Correct or remove that line."
    if found["type"] == "extra_forbidden":
        known = _known_fields(where[:-1])
        message = f"unknown setting {'.'.join(where)!r}"
        hint = did_you_mean(key, known)
    else:
        message = f"{'.'.join(where)} = {found.get('input')!r}: {found['msg']}"
    return ProjectError(message, file=str(path), line=_line_of(source, where), hint=hint)


def _known_fields(section: list[str]) -> list[str]:
    kinds: dict[str, type[BaseModel]] = {
        "server": ServerSettings,
        "runs": RunSettings,
        "log": LogSettings,
        "prompts": PromptSettings,
        "routes": RouteConfig,
        "models": ModelConfig,
        "providers": ProviderConfig,
        "budgets": BudgetConfig,
        "knowledge": KnowledgeConfig,
        "webhooks": WebhookConfig,
        "schedules": ScheduleConfig,
        "approvals": ApprovalSettings,
        "hosted": HostedConfig,
        "mcp": McpConfig,
        "a2a": A2aConfig,
    }
    return list((kinds[section[0]] if section and section[0] in kinds else Settings).model_fields)


def _line_of(source: str, where: list[str]) -> int | None:
    """The line on which a setting stands: its key below its section's head, else the section's head itself."""
    lines, key, section = source.splitlines(), where[-1] if where else "", where[:-1]
    head = None
    counted: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if match := re.match(r"\s*\[\[([^\[\]]+)\]\]", line):
            name = match[1].strip()
            head = [name, str(counted.get(name, 0))]
            counted[name] = counted.get(name, 0) + 1
            if head == where:
                return number
        elif match := re.match(r"\s*\[([^\[\]]+)\]", line):
            names = [part.strip("\"' ") for part in re.findall(r"\"[^\"]+\"|'[^']+'|[^.\"']+", match[1])]
            head = names
            if names == where:
                return number
        elif re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line) and (head or []) == section:
            return number
    return None


def _line_of_error(error: tomllib.TOMLDecodeError) -> int | None:
    match = re.search(r"line (\d+)", str(error))
    return int(match[1]) if match else None
