"""The models of a project: one call in, one stream of events out. Knows who does what; every rule is elsewhere."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from coachwork.errors import Finding, UnknownModel, did_you_mean
from coachwork.messages import Attempt, Audio, Finished, ModelEvent, ModelRequest, Reply, Usage
from coachwork.models.answers import InDatabase
from coachwork.models.breaker import ModelHealth, healths
from coachwork.models.budgets import Budgets, BudgetState, budget_findings
from coachwork.models.call import CHAIN, through
from coachwork.models.check import ModelCheck, check
from coachwork.models.config import ModelConfig, ModelsConfig
from coachwork.models.embedding import Embeddings, embedding
from coachwork.models.fakes import FAKED, fake_from
from coachwork.models.foreign import Foreign
from coachwork.models.ledger import OnCall
from coachwork.models.moderation import Moderated, moderating
from coachwork.models.office import Call, Office, Value
from coachwork.models.overview import RouteInfo, findings, route_info
from coachwork.models.preview import Preview, previewed
from coachwork.models.prices import worst
from coachwork.models.routes import Route, Target, find, limits_of, resolve, why_not
from coachwork.models.speech import Heard, listening
from coachwork.models.unsaid import without_our_secrets
from coachwork.providers.catalogue import CATALOGUE, Weights
from coachwork.providers.local import LocalModels, LocalSettings
from coachwork.providers.remote import remote_providers
from coachwork.providers.services import OwnServer
from coachwork.providers.tools_by_schema import answering
from coachwork.providers.weights import OnProgress, environment_sources, obtain
from coachwork.providers.wire import ChatEvent, Kind, Meter, Provider, Purpose
from coachwork.store.database import Database
from coachwork.tracing.secrets import without_known

if TYPE_CHECKING:
    from coachwork.models.reranking import Reranked


class Models:
    """Asks models by route. Open one a process; `await close()` gives connections and memory back.

    A route is a name of the settings or a literal model, `provider:name`. `database` is where a row of
    each call goes, None for nowhere; `cache_dir` holds local models in its folder `models`. `app` names the
    application that asks, for its budget and its bill.
    """

    def __init__(
        self,
        config: ModelsConfig,
        *,
        database: Database | None,
        cache_dir: Path,
        environ: Mapping[str, str],
        on_call: OnCall | None = None,
        app: str = "",
        extra_providers: Mapping[str, Provider] | None = None,
    ) -> None:
        self.config = config
        self._environ = environ
        # without any in the settings, a batch may still have a cap of its own
        budgets = Budgets(config.budgets, database) if config.budgets or database is not None else None
        self._office = Office(database, on_call, app=app, budgets=budgets, embed=self._embedded)
        if database is not None:
            self._office.answers = InDatabase(database)
        self._cache = Path(cache_dir).expanduser() / "models"
        self._local = LocalModels(self._cache, _local_settings(config))
        servers = {name: OwnServer(**server.model_dump()) for name, server in config.providers.items()}
        remote = remote_providers(servers, environ)
        self._fake = fake_from(environ)
        self.providers: dict[str, Provider] = {**remote, "local": self._local, **(extra_providers or {})}
        if self._fake is not None:
            self.providers["fake"] = self._fake
        self._chain = through(CHAIN)
        self.foreign = Foreign(self._office, config, self.providers)  # calls that a hosted framework makes itself

    @property
    def route_names(self) -> list[str]:
        return list(self.config.all_routes)

    # ── Asking ──

    def stream(
        self, route: str, request: ModelRequest, *, after: Sequence[Attempt] = ()
    ) -> AsyncGenerator[ModelEvent, None]:
        """Answer as events; the last is a Finished. Close it (`contextlib.aclosing`) to stop the model.

        `after` tells of answers to the same question that did not do, as where the asked type could not be
        read from them: `Attempt(reply.model, "output-refused", why, reply.seconds)`. Their models are not
        asked again while the route has others, and they stand among this call's attempts.
        Raises an error of the ModelError branch; text shown before it does not count.
        """
        found = self._resolved(route, "chat", request.alternatives)
        found = _without(found, {attempt.model for attempt in after})
        request = without_our_secrets(_bounded(request, found.limits.max_tokens))

        def send(target: Target, meter: Meter) -> AsyncIterator[ChatEvent]:
            return answering(target.provider, target.name, request.on(target.model), meter)

        call = Call("chat", found, send, self._office, request, attempts=list(after))
        return cast(AsyncGenerator[ModelEvent, None], self._chain(call))  # Value and End stay inside the chain

    async def complete(self, route: str, request: ModelRequest, *, after: Sequence[Attempt] = ()) -> Reply:
        """The whole answer; see `stream`."""
        async with aclosing(self.stream(route, request, after=after)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return event.reply
        raise AssertionError("a stream ends with Finished or raises")

    def held(self, model: str) -> str:
        """How an answer of `provider:name` is held to a schema: `native`, `tool` or `prompted`."""
        target = self._target(model)
        return target.provider.abilities(target.name).schema

    async def embed(self, route: str, texts: Sequence[str], *, purpose: Purpose) -> Embeddings:
        """Texts as vectors of length 1. `purpose` says what they are for; some models tell the two apart."""
        texts = [without_known(text) for text in texts]
        found = self._resolved(route, "embed")
        call = Call("embed", found, embedding(texts, purpose), self._office, texts=texts, purpose=purpose)
        vectors, reply = await self._one(call)
        made_by = self._target(reply.model)
        counts = made_by.provider.abilities(made_by.name).counts
        return Embeddings(
            vectors, reply.model, int(vectors.shape[1]), reply.usage, reply.cost_nano, counts, reply.cached
        )

    def cost_of_embedding(self, model: str, tokens: int) -> int | None:
        """What a model asks at most for so many tokens to embed, in 1e-9 US dollars; None where nobody knows."""
        return worst(self._target(model), Usage(input_tokens=tokens))

    async def transcribe(self, route: str, audio: Audio) -> Heard:
        """What is said in a recording."""
        call = Call("transcribe", self._resolved(route, "transcribe"), listening(audio), self._office, audio=audio)
        transcript, reply = await self._one(call)
        return Heard(transcript, reply.model, reply.usage, reply.cost_nano, reply.seconds, reply.cached)

    async def moderate(self, route: str, texts: Sequence[str]) -> Moderated:
        """Whether texts should not be shown, by a moderation model."""
        call = Call("moderate", self._resolved(route, "moderate"), moderating(texts), self._office, texts=texts)
        moderations, reply = await self._one(call)
        return Moderated(moderations, reply.model, reply.usage, reply.cost_nano, reply.cached)

    async def rerank(
        self, route: str, query: str, texts: Sequence[str], *, after: Sequence[Attempt] = ()
    ) -> "Reranked":
        """How well each text answers the query, from 0 to 1, by a reranker. `after` as for `stream`."""
        from coachwork.models.reranking import Reranked, reranking

        query, texts = without_known(query), [without_known(text) for text in texts]
        found = self._resolved(route, "rerank")
        send = reranking(query, texts)
        call = Call("rerank", found, send, self._office, texts=texts, query=query, attempts=list(after))
        scores, reply = await self._one(call)
        return Reranked(scores, reply.model, reply.usage, reply.cost_nano, reply.cached, reply.attempts)

    def ranks_by(self, route: str) -> tuple[Literal["rerank", "chat"], ...]:
        """The ways in which the models of a route that can be asked now may rank passages, in their order.

        A reranker does by `rerank`, a chat model by grading. ("chat",) where none can be asked, for the error that says
        why. Raises UnknownModel.
        """
        ways: dict[Literal["rerank", "chat"], None] = {}
        for target in (self._target(model) for model in limits_of(route, self.config).models):
            if why_not(target, None, self._environ) is None:
                kinds = target.provider.abilities(target.name).kinds
                ways["rerank" if "rerank" in kinds and "chat" not in kinds else "chat"] = None
        return tuple(ways) or ("chat",)

    async def _one(self, call: Call) -> tuple[Any, Reply]:
        value = None
        async with aclosing(self._chain(call)) as events:
            async for event in events:
                if isinstance(event, Value):
                    value = event.value
                elif isinstance(event, Finished):
                    return value, event.reply
        raise AssertionError("a call ends with Finished or raises")

    async def _embedded(self, question: str) -> bytes:
        """The vector by which the cache compares questions."""
        made = await self.embed("embed", [question], purpose="query")
        return bytes(made.vectors[0].astype("float32").tobytes())

    def _resolved(self, route: str, kind: Kind, alternatives: Sequence[str] = ()) -> Route:
        if self._fake is not None and kind == "chat":
            limits = limits_of(route, self.config)
            prices = self.config.models.get("fake:script") or ModelConfig()
            return Route(route, (Target("fake:script", "script", self._fake, prices),), (), limits)
        return resolve(route, kind, self.config, self.providers, self._environ, alternatives)

    # ── Looking ──

    def route_info(self) -> list[RouteInfo]:
        """Every route, its models in order, and which of them can be asked."""
        faked = "" if self._fake is None else "fake:script"
        return route_info(self.config, self.providers, self._environ, faked=faked)

    def preview(self, route: str, request: ModelRequest) -> list[Preview]:
        """What each model of a route would be sent for a request, how much that is, and what it costs at most."""
        if self._fake is not None:
            targets = list(self._resolved(route, "chat").targets)
        else:
            names = [model for name in (route, *request.alternatives) for model in limits_of(name, self.config).models]
            targets = [self._target(model) for model in dict.fromkeys(names)]
        request = _bounded(request, limits_of(route, self.config).max_tokens)
        return [previewed(target, request.on(target.model), self._environ) for target in targets]

    def findings(self) -> list[Finding]:
        """What is wrong in the settings of the routes, with the fix."""
        found = findings(self.config, self.providers, self._environ)
        found += budget_findings(self.config, self._office.app, self.providers)
        if self._fake is None:
            return found
        needless = {"models.I001", "models.E003"}  # no key is needed where a fake answers
        return [FAKED, *(finding for finding in found if finding.id not in needless)]

    def health(self) -> list[ModelHealth]:
        """How each model that was asked fares in this process: left alone or not, failures, time to the first token."""
        return healths(self._office)

    async def budgets(self) -> list[BudgetState]:
        """Every budget with what is spent, held and left in its present window."""
        return [] if self._office.budgets is None else await self._office.budgets.state()

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
        if self._office.budgets is not None:
            await self._office.budgets.close()
        await asyncio.gather(*(provider.close() for provider in self.providers.values()))

    def _target(self, model: str) -> Target:
        return find(model, self.config, self.providers)


def _without(route: Route, models: Collection[str]) -> Route:
    """The route without these models, unless it has no other."""
    left = tuple(target for target in route.targets if target.model not in models)
    return replace(route, targets=left) if left and models else route


def _bounded(request: ModelRequest, max_tokens: int) -> ModelRequest:
    """The request, and its variants, with the route's limit of the answer where they have none of their own."""
    variants = {model: _bounded(other, max_tokens) for model, other in request.variants.items()}
    if request.max_tokens is not None and variants == request.variants:
        return request
    return replace(request, max_tokens=request.max_tokens or max_tokens, variants=variants)


def _local_settings(config: ModelsConfig) -> dict[str, LocalSettings]:
    return {
        model.partition(":")[2]: LocalSettings(settings.path, settings.context, settings.threads)
        for model, settings in config.models.items()
        if model.startswith("local:")
    }
