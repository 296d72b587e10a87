"""What hosted objects say of their inside is drawn before they ran: nodes and where they lead, tools, hand-offs."""

from typing import Annotated, Any, TypedDict

import pytest

from coachwork.hosting.inside import inside
from coachwork.pipelines.outline import Part, mermaid

from .served import Hosting


def told(parts: list[Part]) -> str:
    """As words: `Node -> where it leads [what is in it]`."""

    def one(part: Part) -> str:
        leads = " | ".join(f"maybe {arrow.to or 'end'}" if arrow.maybe else arrow.to or "end" for arrow in part.arrows)
        return f"{part.label}{' -> ' * bool(leads)}{leads}{f' [{told(part.parts)}]' if part.parts else ''}"

    return ", ".join(map(one, parts))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("langgraph", "Mock llm"),
        (
            "langchain_agent",
            "Graph [Model -> maybe end | maybe tools, Tools -> maybe model [Get weather for a given city]]",
        ),
        ("langchain_chain", "ChatPromptTemplate, ChatOpenAI, StrOutputParser"),
        (
            "haystack",
            "Retriever (InMemoryBM25Retriever), Prompt builder (ChatPromptBuilder), Llm (OpenAIChatGenerator)",
        ),
        ("llamaindex", "Ask, A person answers, Greet"),
        ("openai_agents", "Assistant"),
        ("pydantic_ai", "Agent"),
    ],
)
def test_the_hello_worlds_show_their_inside(examples: Hosting, name: str, parts: str) -> None:
    found = examples.outline(name)
    assert found.whole
    assert told(found.parts) == parts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("haystack_agent", "Agent (Agent) [Get weather for a given city]"),
        ("mailer", "Agent [Send a mail]"),
        ("asks_helper", "Asks a helper [Ask the helper, Ask another]"),
        ("kept", "Write, Polish"),
        ("triage", "Triage [Refunds [Triage], Sales]"),  # two that hand over to each other
    ],
)
def test_agents_and_graphs_show_their_inside(lab: Hosting, name: str, parts: str) -> None:
    assert told(lab.outline(name).parts) == parts


@pytest.mark.slow
def test_what_works_elsewhere_is_said_to_be_unseen(examples: Hosting) -> None:
    found = examples.outline("elsewhere")
    assert not found.whole
    assert told(found.parts) == "It works in a process of its own"


@pytest.mark.slow
def test_ways_of_a_graph_are_dashed_as_mermaid(examples: Hosting) -> None:
    drawn = [line.strip() for line in mermaid(examples.outline("langchain_agent")).splitlines()]
    assert {"n1_0 -.-> n1_1", "n1_0 -.-> n1_end", "n1_1 -.-> n1_0", "start --> n1", "n1 --> done"} <= set(drawn)


class State(TypedDict):
    said: Annotated[list[str], lambda old, new: old + new]


def graph_of(state: Any) -> Any:
    """plan, then left beside right, which is a graph itself, then join."""
    graphs = pytest.importorskip("langgraph.graph")

    def nothing(_state: Any) -> Any:
        return {"said": []}

    right = graphs.StateGraph(state).add_node("deep", nothing).add_edge("__start__", "deep").compile()
    graph = graphs.StateGraph(state)
    for name, what in (("plan", nothing), ("left", nothing), ("right", right), ("join", nothing)):
        graph.add_node(name, what)
    edges = "__start__ plan, plan left, plan right, left join, right join, join __end__"
    for edge in edges.split(", "):
        graph.add_edge(*edge.split())
    return graph.compile()


def test_a_subgraph_and_parallel_nodes_are_drawn() -> None:
    drawn = "Graph [Plan -> left | right, Left -> join, Right -> join [Deep], Join -> end]"
    assert told(inside(graph_of(State))) == drawn


def test_a_graph_that_cannot_draw_itself_is_said_to_be_unseen() -> None:
    """LangGraph tries a graph's channels for its drawing, and fails where two nodes write one plain value."""
    assert told(inside(graph_of(dict))) == "What is in a CompiledStateGraph is seen when it runs"
