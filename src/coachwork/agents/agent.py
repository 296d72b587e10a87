"""`Agent`: a prompt with tools, asked until it has an answer or a limit stops it. Knows who does what alone."""

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from coachwork.agents.a2a import RemoteAgent
from coachwork.agents.limits import Limits
from coachwork.agents.mcp import McpServer, Visit
from coachwork.agents.memory import Memory, Talk
from coachwork.agents.outcome import Outcome
from coachwork.agents.tool import Tool, called, tool_of
from coachwork.errors import AgentStopped, ProjectError
from coachwork.prompts import Prompt
from coachwork.tracing.places import inside

if TYPE_CHECKING:
    from coachwork.agents.turn import Conversation

P = ParamSpec("P")
R = TypeVar("R")


class Agent(Generic[P, R]):
    """A prompt that may use tools before it answers.

    desk = Agent(answer_mail, tools=[find_order, handbook, send_mail], limits=Limits(usd=0.05))
    reply = await desk(mail)              # raises AgentStopped where a limit came first
    outcome = await desk.run(mail)        # says how it ended, and what was done

    Takes what the prompt takes and gives what it gives. Each turn and each tool call is a recorded step of the run.
    `untrusted` says that the very question was written by strangers (a mail, a ticket): then every tool that acts
    asks a person first. `expires` is how long such a question waits (`2d`), None for ever.
    """

    def __init__(
        self,
        prompt: Prompt[P, R],
        tools: Sequence[Any] = (),
        *,
        limits: Limits | None = None,
        untrusted: bool = False,
        expires: str | None = None,
        memory: Memory | None = None,
        name: str = "",
    ) -> None:
        self.prompt = prompt
        self.name = name or prompt.name
        self.limits = limits or Limits()
        self.untrusted = untrusted
        self.expires = expires
        self.memory = memory
        self._given = tuple(tools)
        self._talk: Talk | None = None

    def __repr__(self) -> str:
        return f"<agent {self.name}>"

    @cached_property
    def tools(self) -> tuple[Tool, ...]:
        """Its tools, but for those of MCP servers.

        Raises ProjectError for one without types or docstring, and for two of one name.
        """
        return self._of_one_name_each([tool_of(each) for each in self._given if not isinstance(each, McpServer)])

    @property
    def given(self) -> tuple[Any, ...]:
        """What it was given to use, as it stands in the code."""
        return self._given

    @property
    def servers(self) -> list[McpServer]:
        """The MCP servers it uses; what they can do is asked when it works."""
        return [each for each in self._given if isinstance(each, McpServer)]

    @property
    def remote(self) -> list[RemoteAgent]:
        """The agents of others that it uses."""
        return [each for each in self._given if isinstance(each, RemoteAgent)]

    def _of_one_name_each(self, tools: Sequence[Tool]) -> tuple[Tool, ...]:
        names = [each.name for each in tools]
        if twice := [each for each in names if names.count(each) > 1]:
            raise ProjectError(f"the agent {self.name!r} has two tools called {twice[0]!r}", hint="Rename one.")
        return tuple(tools)

    async def run(self, *args: P.args, **kwargs: P.kwargs) -> Outcome[R]:
        """Work until there is an answer, a limit, a loop or a refusal. Raises ModelError where no model answers."""
        from coachwork.agents.turn import Conversation

        compiled = self.prompt.compiled
        conversation = Conversation(compiled, self.prompt.models, compiled.arguments(args, kwargs))
        with inside("agent", self.name):
            return await self._with_visits(conversation)

    async def _with_visits(self, conversation: "Conversation") -> Outcome[R]:
        visits = [Visit(server) for server in self.servers]
        try:
            tools = [*self.tools]
            for visit in visits:
                tools += await visit.tools()
            return await self._driven(conversation, self._of_one_name_each(tools))
        finally:
            for visit in visits:
                await visit.close()

    async def _driven(self, conversation: "Conversation", tools: Sequence[Tool]) -> Outcome[R]:
        from coachwork.agents.drive import driven  # it brings pydantic-ai: not before an agent works
        from coachwork.agents.work import Work

        more: Any = {"expires": self.expires, "untrusted": self.untrusted, "talk": self._talk}
        work = Work(conversation, tools, self.limits, self.name, **more)
        return cast("Outcome[R]", await driven(work))

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The answer. Raises AgentStopped, with what was achieved so far in its `details`, where there is none."""
        outcome = await self.run(*args, **kwargs)
        if outcome.status != "done":
            told = outcome.budget
            what = "the budget" if told else "its limits"
            raise AgentStopped(
                f"the agent {self.name!r} stopped: {outcome.why}",
                hint=f"Raise {what}, or use `await agent.run(…)`, which tells what was done by then.",
                details={"outcome": outcome.model_dump(mode="json")} | ({"budget": told} if told else {}),
            )
        return cast(R, outcome.value)

    def remembering(self, conversation: str) -> "Agent[P, R]":
        """The agent with what was said in this conversation before, to which it adds: a name, as of a user or a case.

        Raises ProjectError where it has no memory.
        """
        if self.memory is None:
            raise ProjectError(
                f"the agent {self.name!r} has no memory", hint='Give it one: Agent(…, memory=Memory("desk"))'
            )
        other = copy(self)
        other._talk = Talk(self.memory, conversation)
        return other

    def as_tool(self) -> Tool:
        """The agent as a tool of another: it is told what the prompt's `about` says.

        It begins tainted where its caller is, so its own tools ask a person and it need not.
        """
        return called(self, self.prompt.function, self.name, self.prompt.about, reads=True)
