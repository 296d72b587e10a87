"""LlamaIndex workflows ask a person: https://docs.llamaindex.ai/en/stable/understanding/workflows/human_in_the_loop.

The hello-world of its documentation asks a model. LlamaIndex's package for OpenAI needs an older `openai` than
Coachwork, so that one is `joke_flow.py`, for an environment of its own.
"""

from workflows import Workflow, step
from workflows.events import HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent


class Name(StartEvent):
    name: str


class Greeting(Workflow):
    @step
    async def ask(self, ev: Name) -> InputRequiredEvent:
        return InputRequiredEvent(prefix=f"How shall {ev.name} be greeted?")

    @step
    async def greet(self, ev: HumanResponseEvent) -> StopEvent:
        return StopEvent(result=f"{ev.response}!")


workflow = Greeting(timeout=60)
