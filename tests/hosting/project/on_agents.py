"""Agents whose tools need a person: pydantic-ai's and the OpenAI Agents SDK's."""

from typing import Any

import pydantic_ai
from pydantic_ai.tools import DeferredToolRequests

from agents import Agent, ModelSettings, function_tool, handoff

MAILS: list[str] = []

mailer: pydantic_ai.Agent[None, Any] = pydantic_ai.Agent(
    "openai-chat:gpt-5-mini",
    output_type=[str, DeferredToolRequests],
    model_settings={"max_tokens": 200},
    defer_model_check=True,
)


@mailer.tool_plain(requires_approval=True)
def send_mail(to: str) -> str:
    """Send a mail."""
    return f"sent to {to}"


@function_tool(needs_approval=True)
def send_letter(to: str) -> str:
    """Send a letter."""
    return f"posted to {to}"


careful = Agent(name="Careful", model="gpt-5-mini", tools=[send_letter], model_settings=ModelSettings(max_tokens=200))


boundless_ai = pydantic_ai.Agent("openai-chat:gpt-5-mini", defer_model_check=True)
boundless_agent = Agent(name="Boundless", model="gpt-5-mini")
helper = Agent(name="Helper", model="gpt-5-mini", model_settings=ModelSettings(max_tokens=200))
boundless_helper = Agent(name="Boundless helper", model="gpt-5-mini")
asks_helper = Agent(
    name="Asks a helper",
    model="gpt-5-mini",
    model_settings=ModelSettings(max_tokens=200),
    tools=[
        helper.as_tool("ask_helper", "Ask the helper."),
        boundless_helper.as_tool("ask_boundless", "Ask another.", failure_error_function=None),
    ],
)

triage, refunds = Agent(name="Triage"), Agent(name="Refunds")
triage.handoffs, refunds.handoffs = [refunds, handoff(Agent(name="Sales"))], [triage]
