"""Six frameworks, one application: each object is a pipeline with a page, an API, a bill and a trace."""

import haystack_hello
import langchain_hello
import langgraph_hello
import llamaindex_hello
import openai_agents_hello
import pydantic_ai_hello
from pydantic import BaseModel

from coachwork import App

app = App("Hosted", about="The hello-world of other frameworks, as pipelines.")


class Question(BaseModel):
    question: str
    query: str


app.host("langgraph", langgraph_hello.graph, title="LangGraph")
app.host("langgraph_asks", langgraph_hello.asking, title="LangGraph, with an interrupt")
app.host("langchain_agent", langchain_hello.agent, title="LangChain agent")
app.host("langchain_chain", langchain_hello.chain, title="LangChain chain")
app.host("pydantic_ai", pydantic_ai_hello.agent, title="pydantic-ai")
app.host("openai_agents", openai_agents_hello.agent, title="OpenAI Agents SDK")
app.host("haystack", haystack_hello.pipeline, title="Haystack", input=Question)
app.host("llamaindex", llamaindex_hello.workflow, title="LlamaIndex workflow")
app.host("elsewhere", title="OpenAI Agents SDK, in a process of its own")
