"""Three frameworks that can't share Coachwork's environment, as pipelines like any other."""

from pydantic import BaseModel

from coachwork import App

app = App("Hosted elsewhere", about="The hello-world of frameworks in environments of their own.")


class Topic(BaseModel):
    topic: str


class Question(BaseModel):
    question: str


class Solved(BaseModel):
    reasoning: str
    answer: float


app.host("crewai", input=Topic, output=str, title="CrewAI crew")
app.host("crewai_streams", input=Topic, output=str, title="CrewAI crew that streams")
app.host("dspy", input=Question, output=Solved, title="DSPy module")
app.host("llamaindex", input=Topic, output=str, title="LlamaIndex workflow")
