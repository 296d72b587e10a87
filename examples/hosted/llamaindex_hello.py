"""The hello-world of LlamaIndex workflows: https://docs.llamaindex.ai/en/stable/module_guides/workflow/, without a model.

Its OpenAI package needs an older `openai` than Coachwork, so the workflow that asks a model is in `joke_flow.py`, for
an environment of its own.
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
