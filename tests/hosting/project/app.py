"""Objects of other frameworks that ask, fail, wait and cost."""

import on_agents
import on_haystack
import on_langchain
import on_langgraph
from pydantic import BaseModel

from coachwork import App

app = App("Lab")


class Text(BaseModel):
    text: str


app.host("reviewed", on_langgraph.reviewed)
app.host("forgetful", on_langgraph.forgetful)
app.host("kept", on_langgraph.kept)
app.host("unkept", on_langgraph.unkept)
app.host("graph_mailer", on_langgraph.mailer)
app.host("bounded", on_langchain.bounded)
app.host("boundless", on_langchain.boundless)
app.host("boundless_ai", on_agents.boundless_ai)
app.host("boundless_agent", on_agents.boundless_agent)
app.host("boundless_haystack", on_haystack.boundless)
app.host("bounded_haystack", on_haystack.bounded)
app.host("haystack_agent", on_haystack.agent)
app.host("boundless_elsewhere")
app.host("unknown", on_langchain.unknown)
app.host("spender", on_langchain.spender, input=str, output=str)
app.host("breaks", on_langchain.breaks, input=str, output=str)
app.host("mailer", on_agents.mailer)
app.host("careful", on_agents.careful)
app.host("asks_helper", on_agents.asks_helper)
app.host("triage", on_agents.triage)
app.host("agent_elsewhere")
app.host("fragile", input=str, output=str)
app.host("by_command", input=Text, output=str)
app.host("missing", input=str, output=str)
