"""A folder becomes a project: settings read, `app.py` imported, prompts and knowledge bases bound, all checked.

Knows what belongs together; starts nothing. Whatever is wrong is a ProjectError with file, line and fix.
"""

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from coachwork.agents import Agent, McpServer, Memory, RemoteAgent
from coachwork.agents.a2a import A2aConfig
from coachwork.agents.mcp import McpConfig
from coachwork.app.application import App
from coachwork.app.secret import installation_secret
from coachwork.app.settings import FILE, Settings, read_settings
from coachwork.errors import CoachworkError, ProjectError, did_you_mean
from coachwork.hosting.config import HostedConfig
from coachwork.hosting.pipeline import Hosted
from coachwork.hosting.process import Process
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.models import Models
from coachwork.pipelines.answering import answer_from, writer
from coachwork.pipelines.deliver import Webhooks
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.schedule_config import checked
from coachwork.pipelines.schedule_times import Schedule
from coachwork.prompts import Prompt
from coachwork.prompts.compiled import RouteModel
from coachwork.prompts.versions import Versions
from coachwork.store.database import Database
from coachwork.tracing import spans
from coachwork.tracing.secrets import keep_secret, password_in, secrets_of


@dataclass(frozen=True)
class Project:
    """A loaded project. `close()` gives back what it holds open."""

    folder: Path
    settings: Settings
    app: App
    prompts: Mapping[str, Prompt[..., Any]]
    knowledge: Mapping[str, KnowledgeBase]
    models: Models
    webhooks: Webhooks
    database: Database
    hosted: Sequence[Process] = ()
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    secret: Callable[[], bytes] = field(kw_only=True, repr=False)  # the installation's own, read when it is needed

    @property
    def pipelines(self) -> dict[str, Pipeline[..., Any]]:
        return self.app.pipelines

    async def close(self) -> None:
        await self.models.close()
        for base in self.knowledge.values():
            await base.close()
        self.database.close()


def find_project(start: Path) -> Path:
    """The nearest folder upwards that has a coachwork.toml. Raises ProjectError."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE).is_file():
            return folder
    raise ProjectError(
        f"neither {start.resolve()} nor a folder above it has a {FILE}",
        hint="Go to your project's folder, name it with --project, or make one: coachwork new NAME",
    )


def load_project(folder: Path, environ: Mapping[str, str] = os.environ) -> Project:
    """Load and check the project in `folder`. Raises ProjectError."""
    folder = folder.resolve()
    settings = read_settings(folder, environ)
    keep_secret([*secrets_of(environ), password_in(settings.database), password_in(settings.index)])
    modules = _import_app(folder)
    app = _the_app(modules, folder)
    prompts = {found.name: found for found in _declared(modules, Prompt)}
    knowledge = {found.name: found for found in _declared(modules, KnowledgeBase)}
    hosted = _placed(app.pipelines, settings.hosted, folder, environ)
    if any(value is answer_from for module in modules for value in vars(module).values()):
        prompts.setdefault("answer_from", writer())
        for base in knowledge.values():
            base.writer = prompts["answer_from"]
    _check_receiver(settings, folder)
    schedules = checked(app.schedules, settings.schedules, app.pipelines, str(folder / FILE))
    database = Database(settings.database)
    try:
        database.migrate()
        models = Models(
            settings.model_room,
            database=database,
            cache_dir=cache_folder(environ),
            environ=environ,
            on_call=spans.model_call,
            app=app.title,
        )
        for name, base in knowledge.items():
            config = settings.knowledge.get(name) or KnowledgeConfig(folder=f"knowledge/{name}")
            base.bind(
                config,
                project=folder,
                index=settings.index,
                database=database,
                models=models,
                groups=settings.groups,
            )
        _bind_prompts(prompts.values(), folder, models, Versions(database), settings.prompts.label)
        for memory in _declared(modules, Memory):
            memory.bind(database)
        _place_servers(_declared(modules, McpServer), settings.mcp, folder, environ)
        agents: list[Agent[..., Any]] = _declared(modules, Agent)
        _place_agents(_remote(modules, agents, app.pipelines), settings.a2a, folder, environ)
        for agent in agents:
            agent.tools  # noqa: B018  checked now, with the place of what is wrong
    except CoachworkError:
        database.close()
        raise
    for pipeline in app.pipelines.values():
        pipeline.knowledge = pipeline.knowledge or _used(pipeline, knowledge.values())
    webhooks = Webhooks(settings.webhooks, folder, environ)
    return Project(
        folder,
        settings,
        app,
        prompts,
        knowledge,
        models,
        webhooks,
        database,
        hosted,
        schedules,
        secret=partial(installation_secret, folder, environ),
    )


def _check_receiver(settings: Settings, folder: Path) -> None:
    name = settings.approvals.webhook
    if name and name not in settings.webhooks:
        raise ProjectError(
            f"approvals are told to the webhook {name!r}, which is none",
            file=str(folder / FILE),
            hint=f"{did_you_mean(name, list(settings.webhooks))} Or add a section [webhooks.{name}] with its url.",
        )


def _placed(
    pipelines: Mapping[str, Pipeline[..., Any]],
    configs: Mapping[str, HostedConfig],
    folder: Path,
    environ: Mapping[str, str],
) -> list[Process]:
    """A process for each pipeline that is hosted elsewhere, by the section of its name. Raises ProjectError."""
    elsewhere = {name: made for name, made in pipelines.items() if isinstance(made, Hosted) and made.elsewhere}
    for name in configs:
        if name not in elsewhere:
            raise ProjectError(
                f"[hosted.{name}] belongs to no pipeline",
                file=str(folder / FILE),
                hint=f'{did_you_mean(name, list(elsewhere))} Or declare it in app.py: app.host("{name}")',
            )
    for name, made in elsewhere.items():
        if name not in configs:
            raise ProjectError(
                f"app.host({name!r}) has no object, and there is no [hosted.{name}] to say where it runs",
                file=str(folder / FILE),
                hint=f'Add [hosted.{name}] with python = "…/bin/python" and object = "module:name".',
            )
        made.process = Process(name, configs[name], folder, environ)
    return [made.process for made in elsewhere.values() if made.process is not None]


def _place_servers(
    servers: Iterable[McpServer], configs: Mapping[str, McpConfig], folder: Path, environ: Mapping[str, str]
) -> None:
    """Tell each MCP server that an agent uses where it is. Raises ProjectError."""
    by_name = {server.name: server for server in servers}
    for name in configs:
        if name not in by_name:
            raise ProjectError(
                f"[mcp.{name}] belongs to no server of the code",
                file=str(folder / FILE),
                hint=f'{did_you_mean(name, list(by_name))} Or declare it in app.py: {name} = McpServer("{name}")',
            )
    for server in by_name.values():
        server.bind(configs.get(server.name), project=folder, environ=environ)


def _remote(
    modules: Iterable[ModuleType], agents: Iterable[Agent[..., Any]], pipelines: Mapping[str, Pipeline[..., Any]]
) -> list[RemoteAgent]:
    """The agents of others that the code names: as globals, as tools, or hosted."""
    hosted = [made.thing for made in pipelines.values() if isinstance(made, Hosted)]
    named = [*_declared(modules, RemoteAgent), *(each for agent in agents for each in agent.remote)]
    return named + [thing for thing in hosted if isinstance(thing, RemoteAgent)]


def _place_agents(
    remote: Iterable[RemoteAgent], configs: Mapping[str, A2aConfig], folder: Path, environ: Mapping[str, str]
) -> None:
    """Tell each agent of others where it is. Raises ProjectError."""
    known = {agent.name for agent in remote}
    for name in configs:
        if name not in known:
            raise ProjectError(
                f"[a2a.{name}] belongs to no agent of the code",
                file=str(folder / FILE),
                hint=f'{did_you_mean(name, list(known))} Or declare it in app.py: {name} = RemoteAgent("{name}")',
            )
    for agent in remote:
        agent.bind(configs.get(agent.name), environ=environ)


def _bind_prompts(
    prompts: Iterable[Prompt[..., Any]], folder: Path, models: Models, versions: Versions, label: str
) -> None:
    routes = {
        route.name: [RouteModel(model.model, model.thinking) for model in route.models] for route in models.route_info()
    }
    known: set[str] = set()
    wrong: list[ProjectError] = []
    for prompt in prompts:
        try:
            prompt.bind(folder, models, routes, versions=versions, label=label)
        except ProjectError as error:
            wrong.append(error)
        known |= set(versions.labels(prompt.name))
    if wrong:
        wrong[0].others = tuple(wrong[1:])
        raise wrong[0]
    if label and label not in known:
        raise ProjectError(
            f"no version of any prompt has the label {label!r}",
            file=str(folder / FILE),
            line=_line_of_label(folder),
            hint=f"{did_you_mean(label, sorted(known))} Set it: coachwork prompt label NAME {label}",
        )


def _line_of_label(folder: Path) -> int | None:
    """The line of `[prompts] label`; None where the environment says it."""
    section = ""
    for number, line in enumerate((folder / FILE).read_text("utf-8").splitlines(), 1):
        text = line.strip()
        section = text if text.startswith("[") else section
        if section.startswith("[prompts]") and text.startswith("label"):
            return number
    return None


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where model files are kept: `COACHWORK_CACHE`, else `~/.cache/coachwork`."""
    return Path(environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork")


def _import_app(folder: Path) -> list[ModuleType]:
    """Import `app.py` and give it with every module of the project that it brought in."""
    path = folder / "app.py"
    if not path.is_file():
        raise ProjectError(f"{folder} has no app.py", hint="It declares the application: app = App('My app')")
    name = f"coachwork_project_{abs(hash(str(folder)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    except CoachworkError:
        raise
    except Exception as error:
        raise ProjectError(
            f"app.py can't be imported: {type(error).__name__}: {error}",
            file=str(path),
            line=_line_in(error, folder),
            hint="Correct that line; `python app.py` shows the whole traceback.",
        ) from error
    own = (found for found in list(sys.modules.values()) if _is_below(getattr(found, "__file__", None), folder))
    return [module, *(found for found in own if found is not module)]


def _line_in(error: BaseException, folder: Path) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if _is_below(frame.filename, folder)]
    return lines[-1] if lines else None


def _is_below(file: object, folder: Path) -> bool:
    if not isinstance(file, str):
        return False
    path = Path(file)
    return path.is_absolute() and path.is_relative_to(folder) and ".venv" not in path.parts


def _declared(modules: Iterable[ModuleType], kind: type[Any]) -> list[Any]:
    """Every object of a kind that the project's modules hold as a global, once."""
    found: dict[int, Any] = {}
    for module in modules:
        for value in list(vars(module).values()):
            if isinstance(value, kind):
                found[id(value)] = value
    return list(found.values())


def _the_app(modules: list[ModuleType], folder: Path) -> App:
    apps: list[App] = _declared(modules, App)
    if len(apps) != 1:
        raise ProjectError(
            "app.py declares no App" if not apps else f"the project declares {len(apps)} Apps, it should be one",
            file=str(folder / "app.py"),
            hint="Write once: app = App('My app')",
        )
    return apps[0]


def _used(pipeline: Pipeline[..., Any], bases: Iterable[KnowledgeBase]) -> list[str]:
    """The knowledge bases that a pipeline's function names."""
    function = pipeline.function
    names = getattr(getattr(function, "__code__", None), "co_names", ())
    values = [getattr(function, "__globals__", {}).get(name) for name in names]
    return [base.name for base in bases if any(value is base for value in values)]
