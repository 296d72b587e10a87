"""Remote models through pydantic-ai's model layer and the official SDKs, imported when first asked.

Knows how one question is put to one service; what a service is, is in `services.py`, how it is opened in
`opening.py`, what their errors mean in `failures.py`. It neither retries nor waits: that is the route's business.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from coachwork.errors import ModelError
from coachwork.messages import Audio, ModelRequest, Moderation, Transcript
from coachwork.providers.model_names import can
from coachwork.providers.services import OwnServer, Service, services
from coachwork.providers.wire import Abilities, ChatEvent, Meter, Provider, Purpose

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

    from coachwork.providers.opening import Opened
    from coachwork.providers.wire import Vectors


class RemoteModels(Provider):
    """The models of one remote service."""

    def __init__(self, name: str, service: Service, environ: Mapping[str, str]) -> None:
        self.name = name
        self.keys = service.keys
        self.billed = service.billed
        self.price_table = service.price_table or name
        self._service = service
        self._environ = environ
        self._models: dict[str, Model[Any]] = {}
        self._opened: Opened | None = None
        self._opening = asyncio.Lock()
        self._http: httpx2.AsyncClient | None = None

    def problem(self, model: str) -> ModelError | None:
        from coachwork.providers.opening import no_address

        return no_address(self.name, self._service)

    def abilities(self, model: str) -> Abilities:
        found = can(self._service, model)
        return found if self._service.streams else replace(found, streams=False)

    async def stream(self, model: str, request: ModelRequest, meter: Meter) -> AsyncIterator[ChatEvent]:
        spoken = False
        with self._translated(model, lambda: spoken):
            found = await self._model(model)
            ask = self._streamed if self._service.streams else self._whole
            async with aclosing(ask(found, request, meter)) as events:
                async for event in events:
                    spoken = True
                    yield event

    async def embed(self, model: str, texts: Sequence[str], purpose: Purpose, meter: Meter) -> "Vectors":
        with self._translated(model):
            opened = await self._open()
            from coachwork.providers.remote_embed import embed

            return await embed(self._service, opened.provider, f"{self.name}:{model}", texts, purpose, meter)

    async def transcribe(self, model: str, audio: Audio, meter: Meter) -> Transcript:
        with self._translated(model):
            opened = await self._open()
            from coachwork.providers.remote_listen import transcribe

            client = opened.provider.client
            return await transcribe(client, f"{self.name}:{model}", audio, meter, streams=self._service.streams)

    async def moderate(self, model: str, texts: Sequence[str], meter: Meter) -> list[Moderation]:
        with self._translated(model):
            opened = await self._open()
            from coachwork.providers.remote_moderate import moderate

            return await moderate(opened.provider.client, f"{self.name}:{model}", texts, meter)

    async def rerank(self, model: str, query: str, texts: Sequence[str], meter: Meter) -> list[float]:
        with self._translated(model):
            asker = await asyncio.to_thread(import_module, "coachwork.providers.remote_rerank")
            if self._http is None:
                from coachwork.providers.responses import http_client

                self._http = http_client()
            full = f"{self.name}:{model}"
            scores: list[float] = await asker.rerank(self._http, self._service, self._key(), full, query, texts, meter)
            return scores

    async def close(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()
        opened, self._opened = self._opened, None
        self._models.clear()
        if opened is not None:
            await opened.close()

    @contextmanager
    def _translated(self, model: str, spoken: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Our errors in place of theirs. What they are is imported late: by then `_open` has done so in its thread."""
        try:
            yield
        except Exception:
            from coachwork.providers.failures import translated

            with translated(f"{self.name}:{model}", self._key(), self.keys, spoken):
                raise

    def _key(self) -> str:
        return next((self._environ[name] for name in self.keys if self._environ.get(name)), "")

    async def _open(self) -> "Opened":
        """The SDK's client, opened once, in a thread: importing it takes a second or two."""
        from coachwork.providers.opening import Address, opened

        async with self._opening:
            if self._opened is None:
                address = Address(self.name, self._service, self._key(), self._environ)
                self._opened = await asyncio.to_thread(opened, address)
            return self._opened

    async def _model(self, name: str) -> "Model[Any]":
        if name not in self._models:
            from coachwork.providers.opening import model_of

            opened = await self._open()
            self._models[name] = model_of(self._service.wire, name, opened.provider)
        return self._models[name]

    def _answerable(self, model: str, request: ModelRequest) -> ModelRequest:
        """Probabilities are asked of those that give them: others refuse the whole request."""
        if request.probabilities and not self.abilities(model).probabilities:
            return replace(request, probabilities=False)
        return request

    # ── Two ways to ask ──

    async def _streamed(
        self, model: "Model[Any]", request: ModelRequest, meter: Meter
    ) -> AsyncGenerator[ChatEvent, None]:
        from pydantic_ai.direct import model_request_stream

        from coachwork.providers.beside import told
        from coachwork.providers.inbound import Answer
        from coachwork.providers.opening import WIRES
        from coachwork.providers.outbound import asked
        from coachwork.providers.responses import came_to_done, closed, noted

        full = f"{self.name}:{model.model_name}"
        ask = asked(model, full, WIRES[self._service.wire], self._answerable(model.model_name, request))
        answer = Answer(full, request.schema_name if request.schema is not None else "")
        responses: list[httpx2.Response] = []
        async with AsyncExitStack() as opened:
            opened.push_async_callback(closed, responses)
            with noted(responses), told(answer.beside):
                response = await opened.enter_async_context(model_request_stream(model, **ask))
            try:
                async for event in response:
                    for ours in answer.heard(event):
                        yield ours
            finally:
                meter.usage = answer.used(response)
        for last in answer.end(response, whole=came_to_done(responses)):
            yield last

    async def _whole(self, model: "Model[Any]", request: ModelRequest, meter: Meter) -> AsyncGenerator[ChatEvent, None]:
        from pydantic_ai.direct import model_request

        from coachwork.providers.beside import told
        from coachwork.providers.inbound import Answer
        from coachwork.providers.opening import WIRES
        from coachwork.providers.outbound import asked

        full = f"{self.name}:{model.model_name}"
        ask = asked(model, full, WIRES[self._service.wire], self._answerable(model.model_name, request))
        answer = Answer(full, request.schema_name if request.schema is not None else "")
        with told(answer.beside):
            response = await model_request(model, **ask)
        meter.usage = answer.used(response)
        events, last = list(answer.whole(response)), list(answer.end(response, whole=True))
        if not last:
            return  # it was cut: nothing of it is shown
        filtered = response.finish_reason == "content_filter"
        for event in last if filtered else (*events, *last):
            yield event


def remote_providers(own: Mapping[str, OwnServer], environ: Mapping[str, str]) -> dict[str, Provider]:
    """A provider for every service of the table and of the project."""
    return {name: RemoteModels(name, service, environ) for name, service in services(own).items()}
