"""One message to an agent of others, by the official SDK (extra `a2a`): its card, its stream, its end. Decides nothing.

Every connection, those that a card names included, goes to a permitted host and an address that was checked.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import chain, repeat
from typing import Any
from urllib.parse import SplitResult, urlsplit

import structlog

from coachwork.agents.a2a import File, RemoteAgent, Reply, Said
from coachwork.agents.web import Web, is_host
from coachwork.errors import CoachworkError, NotAllowed, NotInstalled, ToolFailed
from coachwork.messages import JsonValue

try:
    import httpx
    from a2a.client.card_resolver import A2ACardResolver
    from a2a.client.client import Client, ClientConfig
    from a2a.client.client_factory import ClientFactory
    from a2a.types import a2a_pb2 as wire

    from coachwork.agents.a2a_json import data_part, plain
except ModuleNotFoundError as error:
    raise NotInstalled("agents of others need the extra `a2a`", hint='pip install "coachwork[a2a]"') from error

log = structlog.get_logger(__name__)
_MOST_BYTES = 8_000_000  # of one response
_CONNECT_SECONDS = 10.0
_CANCEL_SECONDS = 5.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # before a task that was let go of is asked for again
_USUAL = {"http": 80, "https": 443}
_RESTING = {wire.TASK_STATE_COMPLETED, wire.TASK_STATE_INPUT_REQUIRED}
_FAILED = {
    wire.TASK_STATE_FAILED: "failed",
    wire.TASK_STATE_CANCELED: "was cancelled",
    wire.TASK_STATE_REJECTED: "refused",
    wire.TASK_STATE_AUTH_REQUIRED: "asks for credentials of its own, and they can't be given here",
}


async def talk(agent: RemoteAgent, said: Said, told: Callable[[str], None]) -> Reply:
    """See `RemoteAgent.ask`."""
    try:
        async with asyncio.timeout(agent.seconds):
            return await _talked(agent, said, told)
    except CoachworkError:
        raise
    except TimeoutError:
        raise _failed(agent, f"did not end in {agent.seconds:g} s") from None
    except Exception as error:
        raise _failed(agent, f"did not answer: {type(error).__name__}: {error}"[:500]) from error


async def _talked(agent: RemoteAgent, said: Said, told: Callable[[str], None]) -> Reply:
    times = httpx.Timeout(_CONNECT_SECONDS, read=None)
    async with httpx.AsyncClient(transport=_Guarded(agent), timeout=times, trust_env=False) as http:
        base, path = _card_at(agent.place().url)
        card = await A2ACardResolver(http, base, path).get_agent_card()
        client = ClientFactory(ClientConfig(httpx_client=http)).create(card)
        heard = _Heard(told)
        try:
            async for event in client.send_message(_request(said)):
                heard.take(event)
            await _until_it_rests(client, heard)
        except asyncio.CancelledError:
            await _cancel(client, heard.task)
            raise
        return _reply(agent, heard)


def _card_at(url: str) -> tuple[str, str]:
    """Where the card is, as base and path: below the address, or the address itself where it is that of a card."""
    parts = urlsplit(url)
    if parts.path.endswith(".json"):
        return f"{parts.scheme}://{parts.netloc}", parts.path
    return url.rstrip("/"), "/.well-known/agent-card.json"


def _request(said: Said) -> wire.SendMessageRequest:
    parts = [] if said.data is None else [data_part(said.data)]
    if said.text or not (parts or said.files):
        parts.insert(0, wire.Part(text=said.text))
    parts += [wire.Part(raw=each.data, media_type=each.media_type) for each in said.files]
    message = wire.Message(
        message_id=said.id, role=wire.ROLE_USER, parts=parts, task_id=said.task, context_id=said.context
    )
    return wire.SendMessageRequest(message=message)


async def _until_it_rests(client: Client, heard: "_Heard") -> None:
    """A stream may end before its task does: then it is asked for until it rests."""
    for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
        if not heard.task or heard.state in _RESTING or heard.state in _FAILED:
            return
        await asyncio.sleep(pause)
        heard.whole(await client.get_task(wire.GetTaskRequest(id=heard.task)))


class _Heard:
    """What an agent said of its task: its state, and its artifacts by their ids, pieces put together."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._shown = ""  # the artifact whose words are shown as they come
        self.task = self.context = self.words = ""
        self.state: wire.TaskState = wire.TASK_STATE_UNSPECIFIED
        self.artifacts: dict[str, list[wire.Part]] = {}
        self.message: list[wire.Part] = []  # an answer without a task

    def take(self, event: wire.StreamResponse) -> None:
        match event.WhichOneof("payload"):
            case "task":
                self.whole(event.task)
            case "message":
                self.message, self.context = list(event.message.parts), event.message.context_id
            case "status_update":
                self.task, self.context = event.status_update.task_id, event.status_update.context_id
                self._stands(event.status_update.status)
            case "artifact_update":
                self._piece(event.artifact_update)

    def whole(self, task: wire.Task) -> None:
        """The task as it stands."""
        self.task, self.context = task.id, task.context_id
        if task.artifacts:
            self.artifacts = {each.artifact_id: list(each.parts) for each in task.artifacts}
        self._stands(task.status)

    def _stands(self, status: wire.TaskStatus) -> None:
        self.state = status.state
        self.words = texts(status.message.parts)

    def _piece(self, update: wire.TaskArtifactUpdateEvent) -> None:
        artifact = update.artifact
        before = self.artifacts.get(artifact.artifact_id, []) if update.append else []
        self.artifacts[artifact.artifact_id] = [*before, *artifact.parts]
        self._shown = self._shown or artifact.artifact_id
        if artifact.artifact_id == self._shown and not update.last_chunk:
            self._told(texts(artifact.parts))


def texts(parts: Iterable[wire.Part]) -> str:
    return "".join(part.text for part in parts)


def _reply(agent: RemoteAgent, heard: _Heard) -> Reply:
    """What it came to. Raises ToolFailed where that is no answer."""
    if heard.state in _FAILED:
        raise _failed(agent, f"{_FAILED[heard.state]}{': ' if heard.words else ''}{heard.words}")
    if heard.state == wire.TASK_STATE_INPUT_REQUIRED:
        return Reply("asks", heard.words or "More is needed.", task=heard.task, context=heard.context)
    parts = [part for each in heard.artifacts.values() for part in each] or heard.message
    data = [plain(part.data) for part in parts if part.HasField("data")]
    text = "\n\n".join(words for each in heard.artifacts.values() if (words := texts(each))) or texts(heard.message)
    files = tuple(_file(part) for part in parts if part.WhichOneof("content") in ("raw", "url"))
    if not text and not data and not files:
        text = heard.words  # some agents answer in their last status
    given: JsonValue = data[0] if len(data) == 1 else (data or None)
    if not text and given is None and not files:
        raise _failed(agent, "ended without an answer")
    return Reply("done", text, given, heard.task, heard.context, files)


def _file(part: wire.Part) -> File:
    return File(part.filename, part.media_type, part.raw, part.url)


async def _cancel(client: Client, task: str) -> None:
    """Nobody waits any more: its work is ended too, if that can be said in time."""
    if not task:
        return
    try:
        async with asyncio.timeout(_CANCEL_SECONDS):
            await client.cancel_task(wire.CancelTaskRequest(id=task))
    except Exception as error:
        log.warning("a2a.not_cancelled", task=task, error=type(error).__name__)


def _failed(agent: RemoteAgent, why: str) -> ToolFailed:
    return ToolFailed(
        f"the agent {agent.name!r} {why}",
        hint=f"Look whether it runs and [a2a.{agent.name}] is right.",
        reader=f"{agent.name} {why}.",
    )


class _Guarded(httpx.AsyncHTTPTransport):
    """Sends to the agent's own host and those that were named, at checked addresses; its token to the first alone.

    The card is written by strangers: an address in it may lead anywhere.
    """

    def __init__(self, agent: RemoteAgent) -> None:
        super().__init__()
        place = agent.place()
        self._agent = agent
        self._own = urlsplit(place.url)
        self._hosts = place.hosts
        self._web = Web([agent.host, *place.hosts], private=place.private)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = urlsplit(str(request.url))
        own = (url.hostname, _port(url)) == (self._own.hostname, _port(self._own))
        if not own and not any(is_host(url.hostname or "", pattern) for pattern in self._hosts):
            raise self._no(f"its card leads to {url.hostname}:{_port(url)}, which is not among its hosts")
        if url.scheme != "https" and self._own.scheme == "https":
            raise self._no(f"its card leads to {url.geturl()!r}, which is not encrypted")
        try:
            address = await self._web.address(url)
        except NotAllowed as error:
            raise self._no(error.message) from error
        if own and self._agent.token:
            request.headers["authorization"] = f"Bearer {self._agent.token}"
        request.extensions = {**request.extensions, "sni_hostname": url.hostname}
        request.url = request.url.copy_with(host=address)  # the Host header names it still
        response = await super().handle_async_request(request)
        response.stream = _Bounded(response.stream)
        return response

    def _no(self, why: str) -> ToolFailed:
        name = self._agent.name
        return ToolFailed(
            f"the agent {name!r} was not asked: {why}",
            hint=f"Name its hosts in [a2a.{name}], or set `private = true` where it is in your own network.",
            reader=f"{name} was not asked: {why}.",
        )


def _port(url: SplitResult) -> int | None:
    return url.port or _USUAL.get(url.scheme)


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        so_far = 0
        async for piece in self._stream:
            so_far += len(piece)
            if so_far > _MOST_BYTES:
                raise httpx.RemoteProtocolError(f"more than {_MOST_BYTES} bytes came")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
