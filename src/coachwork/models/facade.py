"""The models of a project: one call in, one stream of events out. Knows who does what; every rule is elsewhere."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from coachwork.errors import Finding, UnknownModel, did_you_mean
from coachwork.messages import Audio, Finished, ModelEvent, ModelRequest, Reply
from coachwork.models.call import CHAIN, through
from coachwork.models.check import ModelCheck, check
from coachwork.models.config import ModelConfig, ModelsConfig
from coachwork.models.embedding import Embeddings, embedding
from coachwork.models.fakes import FAKED, fake_from
from coachwork.models.ledger import OnCall
from coachwork.models.moderation import Moderated, moderating
from coachwork.models.office import Call, Office, Value
from coachwork.models.overview import RouteInfo, findings, route_info
from coachwork.models.routes import Route, Target, find, limits_of, resolve
from coachwork.models.speech import Heard, listening
from coachwork.providers.catalogue import CATALOGUE, Weights
from coachwork.providers.local import LocalModels, LocalSettings
from coachwork.providers.remote import remote_providers
from coachwork.providers.services import OwnServer
from coachwork.providers.weights import OnProgress, environment_sources, obtain
from coachwork.providers.wire import ChatEvent, Kind, Meter, Provider, Purpose
from coachwork.store.database import Database


class Models:
    """Asks models by route. Open one a process; `await close()` gives connections and memory back.

    A route is a name of the settings or a literal model, `provider:name`. `database` is where a row of
    each call goes, None for nowhere; `cache_dir` holds local models in its folder `models`.
    """

    def __init__(
        self,
        config: ModelsConfig,
        *,
        database: Database | None,
        cache_dir: Path,
        environ: Mapping[str, str],
        on_call: OnCall | None = None,
        extra_providers: Mapping[str, Provider] | None = None,
    ) -> None:
        self.config = config
        self._environ = environ
        self._office = Office(database, on_call)
        self._cache = Path(cache_dir).expanduser() / "models"
        self._local = LocalModels(self._cache, _local_settings(config))
        servers = {name: OwnServer(**server.model_dump()) for name, server in config.providers.items()}
        remote = remote_providers(servers, environ)
        self._fake = fake_from(environ)
        self.providers: dict[str, Provider] = {**remote, "local": self._local, **(extra_providers or {})}
        if self._fake is not None:
            self.providers["fake"] = self._fake
        self._chain = through(CHAIN)

    @property
    def route_names(self) -> list[str]:
        return list(self.config.all_routes)

    # ── Asking ──

    async def stream(self, route: str, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer as events; the last is a Finished. Close it (`contextlib.aclosing`) to stop the model.

        Raises an error of the ModelError branch; text shown before it does not count.
        """
        found = self._resolved(route, "chat")
        if request.max_tokens is None:
            request = replace(request, max_tokens=found.limits.max_tokens)

        def send(target: Target, meter: Meter) -> AsyncIterator[ChatEvent]:
            return target.provider.stream(target.name, request, meter)

        call = Call("chat", found, send, self._office, request)
        async with aclosing(self._chain(call)) as events:
            async for event in events:
                yield event  # type: ignore[misc]  # Value and End stay inside the chain

    async def complete(self, route: str, request: ModelRequest) -> Reply:
        """The whole answer."""
        async with aclosing(self.stream(route, request)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return event.reply
        raise AssertionError("a stream ends with Finished or raises")

    async def embed(self, route: str, texts: Sequence[str], *, purpose: Purpose) -> Embeddings:
        """Texts as vectors of length 1. `purpose` says what they are for; some models tell the two apart."""
        call = Call("embed", self._resolved(route, "embed"), embedding(texts, purpose), self._office)
        vectors, reply = await self._one(call)
        return Embeddings(vectors, reply.model, int(vectors.shape[1]), reply.usage, reply.cost_nano)

    async def transcribe(self, route: str, audio: Audio) -> Heard:
        """What is said in a recording."""
        call = Call("transcribe", self._resolved(route, "transcribe"), listening(audio), self._office)
        transcript, reply = await self._one(call)
        return Heard(transcript, reply.model, reply.usage, reply.cost_nano, reply.seconds)

    async def moderate(self, route: str, texts: Sequence[str]) -> Moderated:
        """Whether texts should not be shown, by a moderation model."""
        call = Call("moderate", self._resolved(route, "moderate"), moderating(texts), self._office)
        moderations, reply = await self._one(call)
        return Moderated(moderations, reply.model, reply.usage, reply.cost_nano)

    async def _one(self, call: Call) -> tuple[Any, Reply]:
        value = None
        async with aclosing(self._chain(call)) as events:
            async for event in events:
                if isinstance(event, Value):
                    value = event.value
                elif isinstance(event, Finished):
                    return value, event.reply
        raise AssertionError("a call ends with Finished or raises")

    def _resolved(self, route: str, kind: Kind) -> Route:
        if self._fake is not None and kind == "chat":
            limits = limits_of(route, self.config)
            return Route(route, (Target("fake:script", "script", self._fake, ModelConfig()),), (), limits)
        return resolve(route, kind, self.config, self.providers, self._environ)

    # ── Looking ──

    def route_info(self) -> list[RouteInfo]:
        """Every route, its models in order, and which of them can be asked."""
        return route_info(self.config, self.providers, self._environ)

    def findings(self) -> list[Finding]:
        """What is wrong in the settings of the routes, with the fix."""
        found = findings(self.config, self.providers, self._environ)
        if self._fake is None:
            return found
        needless = {"models.I001", "models.E003"}  # no key is needed where a fake answers
        return [FAKED, *(finding for finding in found if finding.id not in needless)]

    async def check(self, models: Sequence[str] | None = None) -> list[ModelCheck]:
        """Ask each usable model of the routes, or the given ones, one tiny real question, one after the other."""
        infos = {info.model: info for route in self.route_info() for info in route.models}
        wanted = [name for name, info in infos.items() if info.usable] if models is None else list(models)
        found = []
        for model in wanted:
            target = self._target(model)
            kinds = target.provider.abilities(target.name).kinds
            found.extend([await check(self, model, kind) for kind in sorted(kinds)])
        return found

    # ── Files of local models ──

    def local_models(self) -> list[str]:
        """Every local model that can be named, as `local:name`."""
        return [f"local:{name}" for name in self._local.known()]

    def missing(self, kinds: Collection[Kind] | None = None) -> list[Weights]:
        """The files the routes need and this machine lacks: of each route's first model that needs no missing key."""
        needed: dict[str, Weights] = {}
        for route in self.route_info():
            model = next((info for info in route.models if info.usable or info.size), None)
            if model is None or model.usable or (self._fake is not None and "chat" in model.kinds):
                continue
            name = model.model.partition(":")[2]
            weights = self._local.weights(name)
            if weights and self._local.place(name) is None and (kinds is None or weights.kind in kinds):
                needed[weights.name] = weights
        return list(needed.values())

    def weights(self, model: str) -> Weights:
        """What is known of a local model's files: size, licence, source. Raises UnknownModel."""
        name = model.removeprefix("local:")
        if name not in CATALOGUE:
            raise UnknownModel(
                f"{model!r} is no local model that can be fetched.",
                model=model,
                hint=did_you_mean(name, list(CATALOGUE)),
            )
        return CATALOGUE[name]

    def pull(self, model: str, progress: OnProgress | None = None) -> Path:
        """Fetch and verify a local model's files; gives their folder. Blocks: for a command, or a thread.

        Raises UnknownModel, DownloadError, DiskFull.
        """
        return obtain(self.weights(model), self._cache, progress=progress, sources=environment_sources(self._environ))

    async def close(self) -> None:
        await asyncio.gather(*(provider.close() for provider in self.providers.values()))

    def _target(self, model: str) -> Target:
        return find(model, self.config, self.providers)


def _local_settings(config: ModelsConfig) -> dict[str, LocalSettings]:
    return {
        model.partition(":")[2]: LocalSettings(settings.path, settings.context, settings.threads)
        for model, settings in config.models.items()
        if model.startswith("local:")
    }
