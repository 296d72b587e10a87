"""Lets pydantic-ai's agent loop (https://ai.pydantic.dev/agents/) drive the work: ask, run tools side by side, stop.

Knows pydantic-ai; decides nothing: a turn, a call and what they may do are `work.Work`'s.
"""

from typing import Any

from pydantic_ai import Agent as Loop
from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets.abstract import AbstractToolset, ToolsetTool
from pydantic_ai.usage import UsageLimits
from pydantic_core import SchemaValidator, core_schema

from coachwork.agents.outcome import Outcome
from coachwork.agents.work import Stop, Work

_AS_IT_IS = SchemaValidator(core_schema.any_schema())  # arguments are read by our own ladder, once


class _OurModels(Model):
    """The routes of the project as one model of pydantic-ai."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    @property
    def model_name(self) -> str:
        return self._work.conversation.prompt.file.settings.route

    @property
    def system(self) -> str:
        return "coachwork"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        calls = await self._work.turn()
        if not calls:
            return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart(each.name, {}, tool_call_id=each.id) for each in calls])


class _OurTools(AbstractToolset[None]):
    """The tools of the agent. Each call goes by its id: what it says is read by `Work`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    @property
    def id(self) -> str | None:
        return "coachwork"

    async def get_tools(self, ctx: RunContext[None]) -> dict[str, ToolsetTool[None]]:
        return {
            each.name: ToolsetTool(
                toolset=self,
                tool_def=ToolDefinition(
                    name=each.name,
                    description=each.spec.description,
                    parameters_json_schema=dict(each.spec.schema),
                ),
                max_retries=0,
                args_validator=_AS_IT_IS,
            )
            for each in self._work.tools.values()
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]
    ) -> str:
        assert ctx.tool_call_id is not None
        return await self._work.use(ctx.tool_call_id)


async def driven(work: Work) -> Outcome[Any]:
    """Work until there is an answer, or something stops it."""
    loop = Loop(_OurModels(work), toolsets=[_OurTools(work)], output_type=str)
    try:
        await work.begin()
        await loop.run("", usage_limits=UsageLimits(request_limit=None))
    except Stop as stop:
        return work.outcome(stop.status, stop.why, stop.budget)
    await work.end()
    return work.outcome()
