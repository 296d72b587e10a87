"""Agents of others that speak Agent2Agent: a tool here, or a pipeline by `app.host`. Knows no wire (`a2a_wire`).

Where they are is said by who runs the application; what they answer was written by strangers.
"""

import json
import os
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from coachwork.agents.tool import LONGEST, Approve, Tool, marked_tool, wire_name
from coachwork.errors import ProjectError
from coachwork.messages import JsonValue, Media
from coachwork.tracing.scope import current_scope


class A2aConfig(BaseModel):
    """An agent in `coachwork.toml`, `[a2a.NAME]`: the `url` whose `/.well-known/agent-card.json` describes it.

    It may be asked at the host of `url` and at `hosts` (`*.example.com`), never elsewhere, whatever its card says;
    `private` lets these be on this machine or in a private network. It is sent `COACHWORK_A2A_<NAME>_TOKEN` as a
    bearer token, where that is set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://[^/@\s]+(/\S*)?$")
    hosts: list[str] = []
    private: bool = False


@dataclass(frozen=True)
class Said:
    """What is sent: words or data, and files, for a new task or for one that asked something."""

    id: str
    text: str = ""
    data: JsonValue = None
    task: str = ""
    context: str = ""
    files: tuple[Media, ...] = ()


@dataclass(frozen=True)
class File:
    """A file that came: its bytes, or the `url` where they are said to be, which is not fetched."""

    name: str
    media_type: str
    data: bytes = b""
    url: str = ""

    def __str__(self) -> str:
        where = f"at {self.url}" if self.url else f"{len(self.data)} bytes"
        return f"[a file: {', '.join(filter(None, (self.name, self.media_type, where)))}]"


@dataclass(frozen=True)
class Reply:
    """What came: an answer, or a question (`asks`) that goes on as `task` in `context`."""

    status: Literal["done", "asks"]
    text: str
    data: JsonValue = None
    task: str = ""
    context: str = ""
    files: tuple[File, ...] = ()

    @property
    def words(self) -> str:
        """The answer as a model reads it: of files what they are, not what is in them."""
        said = [json.dumps(self.data, ensure_ascii=False)] if not self.text and self.data is not None else []
        return "\n".join([*([self.text] if self.text else said), *map(str, self.files)])


class RemoteAgent:
    """An agent somewhere else: `weather = RemoteAgent("weather", about="Knows the weather of any city.")`.

    Agent(answer, tools=[weather])          # it is asked in words, and may ask back
    app.host("weather", weather)            # it is a pipeline; what it asks, a person answers

    Where it is says `[a2a.weather]` of the settings, or `url`. As a tool it acts and is not trusted, as any; the marks
    are those of `@tool`. With `data` its answer is the data that it gives, not its words.
    """

    def __init__(
        self,
        name: str,
        *,
        about: str = "",
        url: str = "",
        hosts: Sequence[str] = (),
        private: bool = False,
        data: bool = False,
        reads: bool = False,
        trusted: bool = False,
        repeats: bool = False,
        approve: Approve = "tainted",
        users: Collection[str] | None = None,
        seconds: float = 300.0,
        longest: int = LONGEST,
    ) -> None:
        self.name = name
        self.about = about
        self.seconds = seconds
        self.gives_data = data
        self.config = A2aConfig(url=url, hosts=list(hosts), private=private) if url else None
        self._marks: dict[str, Any] = {
            "reads": reads,
            "trusted": trusted,
            "repeats": repeats,
            "approve": approve,
            "users": users,
            "seconds": seconds,
            "longest": longest,
        }
        self._environ: Mapping[str, str] = os.environ

    def __repr__(self) -> str:
        return f"<remote agent {self.name}>"

    def bind(self, config: A2aConfig | None, *, environ: Mapping[str, str]) -> None:
        """Take the place from the settings. Raises ProjectError where neither they nor the code name one."""
        self.config = config or self.config
        self._environ = environ
        self.place()

    def place(self) -> A2aConfig:
        if self.config is None:
            raise ProjectError(
                f"nothing says where the agent {self.name!r} is",
                file="coachwork.toml",
                hint=f'Add [a2a.{self.name}] with url = "https://…".',
            )
        return self.config

    @property
    def host(self) -> str:
        return (urlsplit(self.place().url).hostname or "").lower()

    @property
    def token(self) -> str:
        """Its secret, "" for none. It is for the host of `url` alone."""
        return self._environ.get(f"COACHWORK_A2A_{self.name.upper().replace('-', '_')}_TOKEN", "").strip()

    async def ask(
        self,
        text: str = "",
        *,
        data: JsonValue = None,
        files: Sequence[Media] = (),
        task: str = "",
        context: str = "",
        id: str = "",
        told: Callable[[str], None] = lambda _text: None,
    ) -> Reply:
        """Say words, or `data`, with `files` (`Image`, `Pdf` …), and wait until it answers or asks back.

        `told` gets its words as they come.

        `task` and `context` go on with a task that asked something. The same `id` is the same message, for an agent
        that looks at it. Raises NotInstalled without the extra, ToolFailed where the agent is not reached, fails, or
        takes too long. Who is cancelled here cancels the task there.
        """
        from coachwork.agents.a2a_wire import talk

        return await talk(self, Said(id or uuid.uuid4().hex, text, data, task, context, tuple(files)), told)

    def as_tool(self) -> Tool:
        async def ask(message: str, task: str = "") -> str:
            reply = await self.ask(message, task=task, id=_message_id())
            if reply.status == "asks":
                return f"{self.name} asks: {reply.words}\nAnswer it by this tool again, with task={reply.task!r}."
            return reply.words

        ask.__name__ = wire_name(self.name)
        ask.__doc__ = (
            f"{self.about or f'Asks the agent {self.name}.'}\n\n"
            "Say in `message` all that it needs, in full words: it knows nothing of what was said here. "
            "`task` is given only to answer a question that it asked."
        )
        return marked_tool(ask, **self._marks)


def _message_id() -> str:
    """The same again where the same step is done again: who gets a message twice may know it by that."""
    scope = current_scope()
    return f"{scope.run_id}-{scope.step_seq}" if scope.run_id else ""
