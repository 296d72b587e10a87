"""What a hosted object says of its own inside, for the outline: its nodes and where they lead, its tools and hand-offs.

Knows where each framework keeps that; imports none of them, and runs nothing.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import structlog

from coachwork.hosting.guest import adapter_of
from coachwork.pipelines.labels import in_words
from coachwork.pipelines.outline import Arrow, Part

log = structlog.get_logger(__name__)
_DEEP = 5  # graphs in graphs, agents that hand off to each other
_END = ""


def inside(thing: object) -> list[Part]:
    """The parts of a hosted object; one that is `unknown` where it does not tell them."""
    found: list[Part] = []
    if (adapter := adapter_of(thing)) in _INSIDE:
        try:
            found = _INSIDE[adapter](thing, ())
        except Exception as error:  # the framework's own code, or the application's: the outline says that it is unseen
            log.warning("hosting.inside_unseen", thing=type(thing).__name__, exc_info=error)
    return found or [Part(kind="unknown", label=f"What is in a {type(thing).__name__} is seen when it runs")]


# ── Graphs ─────────────────────────────────────────────────────────────────────────────────────


class _Edge(NamedTuple):
    """`maybe` where it is one of several ways, of which a run goes one."""

    source: str
    to: str
    maybe: bool


def _graph(title: str, first: Sequence[str], nodes: Mapping[str, Part], edges: Sequence[_Edge]) -> list[Part]:
    """The nodes one after the other where each leads to the next, else a graph of them, in the order of their edges."""
    order, ahead = list[str](), deque(first)
    while ahead:
        if (name := ahead.popleft()) in nodes and name not in order:
            order.append(name)
            ahead += [edge.to for edge in edges if edge.source == name]
    order += [name for name in nodes if name not in order]
    leads = [_Edge(name, edge.to, edge.maybe) for name in order for edge in edges if edge.source == name]
    straight = [_Edge(name, to, False) for name, to in zip(order, [*order[1:], _END], strict=True)]
    if leads in (straight, straight[:-1]):
        return [nodes[name] for name in order]
    drawn = []
    for name in order:
        arrows = dict.fromkeys(Arrow(to=edge.to, maybe=edge.maybe) for edge in leads if edge.source == name)
        drawn.append(nodes[name].model_copy(update={"arrows": list(arrows)}))
    return [Part(kind="graph", label=title, parts=drawn)]


def _langgraph(graph: Any, around: tuple[object, ...]) -> list[Part]:
    """A compiled graph, with its subgraphs (https://reference.langchain.com/python/langgraph/graphs/)."""
    return _drawn(graph, around, dict(graph.get_subgraphs()))


def _langchain(runnable: Any, around: tuple[object, ...]) -> list[Part]:
    return _drawn(runnable, around, {})


def _drawn(runnable: Any, around: tuple[object, ...], subgraphs: Mapping[str, Any]) -> list[Part]:
    """What LangChain and LangGraph draw of themselves: its first and last node are the input and the output."""
    drawing = runnable.get_graph()
    first, last = drawing.first_node(), drawing.last_node()
    rim = {node.id for node in (first, last) if node is not None}
    nodes = {}
    for node in drawing.nodes.values():
        if node.id not in rim:
            subgraph = subgraphs.get(node.name)
            deeper = subgraph is not None and subgraph not in around and len(around) < _DEEP
            parts = _langgraph(subgraph, (*around, runnable)) if deeper else _tools_of_node(node.data)
            nodes[node.id] = Part(kind="node", label=_words(node.name), name=node.id, parts=parts)
    begins = [edge.target for edge in drawing.edges if first is not None and edge.source == first.id]
    edges = [
        _Edge(edge.source, _END if last is not None and edge.target == last.id else edge.target, edge.conditional)
        for edge in drawing.edges
        if edge.source in nodes
    ]
    return _graph("Graph", begins, nodes, edges)


def _words(name: str) -> str:
    """A name as words, and that of a class as it is."""
    name = name.strip()
    return in_words(name) if name.islower() else name


def _tools_of_node(data: Any) -> list[Part]:
    """The tools of LangGraph's ToolNode."""
    found = getattr(data, "tools_by_name", None)
    return [_tool(tool.name, tool.description) for tool in found.values()] if isinstance(found, dict) else []


def _haystack(pipeline: Any, _around: tuple[object, ...]) -> list[Part]:
    """Components and their connections (https://docs.haystack.deepset.ai/docs/pipelines)."""
    nodes = {}
    for name, component in pipeline.walk():
        kind = type(component).__name__
        tools = [_tool(tool.name, tool.description) for tool in getattr(component, "tools", None) or []]
        nodes[name] = Part(kind="node", label=f"{in_words(name)} ({kind})", name=name, parts=tools)
    routed = {name for name, component in pipeline.walk() if type(component).__name__.endswith("Router")}
    edges = [_Edge(source, to, source in routed) for source, to in pipeline.graph.edges()]
    ends = [_Edge(name, _END, False) for name in nodes if not any(edge.source == name for edge in edges)]
    begins = [name for name in nodes if not any(edge.to == name for edge in edges)]
    return _graph("Components", begins or list(nodes), nodes, [*edges, *ends])


_PERSON = "person"


def _llamaindex(workflow: Any, _around: tuple[object, ...]) -> list[Part]:
    """Steps, from the events that each takes and gives (https://docs.llamaindex.ai/en/stable/understanding/workflows)."""
    steps = {name: step._step_config for name, step in workflow._get_steps().items()}
    nodes = {name: Part(kind="node", label=in_words(name), name=name) for name in steps}
    edges, begins = list[_Edge](), list[str]()
    for name, told in steps.items():
        if any(_named(event, "StartEvent") for event in told.accepted_events):
            begins.append(name)
        if any(_named(event, "HumanResponseEvent") for event in told.accepted_events):
            edges.append(_Edge(_PERSON, name, False))
        gives = [event for event in told.return_types if isinstance(event, type) and event is not type(None)]
        for event in gives:
            if _named(event, "StopEvent"):
                to = [_END]
            elif _named(event, "InputRequiredEvent"):
                to = [_PERSON]
            else:
                to = [other for other, takes in steps.items() if event in takes.accepted_events]
            edges += [_Edge(name, other, len(gives) > 1) for other in to]
    if any(_PERSON in (edge.source, edge.to) for edge in edges):
        nodes[_PERSON] = Part(kind="approval", label="A person answers", name=_PERSON)
    return _graph("Steps", begins, nodes, edges)


def _named(event: Any, name: str) -> bool:
    return any(kind.__name__ == name for kind in getattr(event, "__mro__", ()))


# ── Agents ─────────────────────────────────────────────────────────────────────────────────────


def _pydantic_ai(agent: Any, _around: tuple[object, ...]) -> list[Part]:
    """The tools of an agent's toolsets (https://ai.pydantic.dev/toolsets)."""
    parts = [part for toolset in agent.toolsets for part in _toolset(toolset)]
    return [Part(kind="agent", label=in_words(agent.name or "agent"), name=agent.name or "", parts=parts)]


def _toolset(toolset: Any) -> Iterator[Part]:
    found = toolset
    while not isinstance(getattr(found, "tools", None), dict) and hasattr(found, "wrapped"):
        found = found.wrapped
    for more in getattr(found, "toolsets", ()):
        yield from _toolset(more)
    tools = getattr(found, "tools", None)
    if isinstance(tools, dict):
        for name, tool in tools.items():
            yield _tool(name, getattr(tool, "description", None))
    elif not hasattr(found, "toolsets"):
        yield _server(getattr(found, "id", None) or type(found).__name__)


def _openai_agents(agent: Any, around: tuple[object, ...]) -> list[Part]:
    """An agent with its tools, its MCP servers and whom it hands over to (https://openai.github.io/openai-agents-python)."""
    parts = [_tool(tool.name, getattr(tool, "description", "")) for tool in agent.tools]
    parts += [_server(server.name) for server in agent.mcp_servers]
    for other in agent.handoffs:
        if not hasattr(other, "handoffs"):  # a Handoff, which tells the name alone
            parts.append(Part(kind="agent", label=other.agent_name, name=other.agent_name))
        elif any(other is one for one in (*around, agent)) or len(around) >= _DEEP:
            parts.append(Part(kind="again", label=other.name, name=other.name))
        else:
            parts += _openai_agents(other, (*around, agent))
    return [Part(kind="agent", label=agent.name, name=agent.name, parts=parts)]


def _remote(agent: Any, _around: tuple[object, ...]) -> list[Part]:
    return [Part(kind="agent", label=in_words(agent.name), name=agent.name)]


def _tool(name: str, description: str | None) -> Part:
    first = (description or "").strip().split("\n")[0].rstrip(".")
    return Part(kind="tool", label=first or in_words(name), name=name)


def _server(name: str) -> Part:
    return Part(kind="server", label=f"The tools of {name}", name=name)


_INSIDE: dict[str, Callable[[Any, tuple[object, ...]], list[Part]]] = {
    "on_langgraph": _langgraph,
    "on_langchain": _langchain,
    "on_pydantic_ai": _pydantic_ai,
    "on_openai_agents": _openai_agents,
    "on_haystack": _haystack,
    "on_llamaindex": _llamaindex,
    "on_a2a": _remote,
}
