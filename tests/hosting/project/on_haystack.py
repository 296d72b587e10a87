"""A Haystack pipeline whose model has no limit of its answer, and one that has; an agent with a tool."""

from typing import Annotated

from haystack import Pipeline
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.tools import tool

boundless, bounded = Pipeline(), Pipeline()
boundless.add_component("llm", OpenAIChatGenerator(model="gpt-5-mini"))
bounded.add_component("llm", OpenAIChatGenerator(model="gpt-5-mini", generation_kwargs={"max_completion_tokens": 200}))


@tool
def get_weather(city: Annotated[str, "A city"]) -> str:
    """Get weather for a given city."""
    return f"It's always sunny in {city}!"


agent = Pipeline()
agent.add_component(
    "agent",
    Agent(
        chat_generator=OpenAIChatGenerator(model="gpt-5-mini", generation_kwargs={"max_completion_tokens": 200}),
        tools=[get_weather],
    ),
)
