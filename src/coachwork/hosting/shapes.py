"""What a hosted object takes and gives, where it says so itself: the types of its form and its API.

Knows what each framework calls its own types; imports none of them.
"""

from collections.abc import Callable
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, TypeAdapter, create_model, model_serializer
from pydantic.errors import PydanticUserError

from coachwork.messages import Conversation

Types = tuple[Any, Any]
Fields = dict[str, Any]  # name: (type, default), as create_model takes them
_DEFERRED = "DeferredToolRequests"


def types_of(adapter: str, thing: Any) -> Types:
    """Input and output type of a thing, None for one that it does not say."""
    return _SHAPES[adapter](thing)


def _langgraph(graph: Any) -> Types:
    """A graph over messages is a chat; any other takes the fields of its input or state, and gives its state."""
    builder = getattr(graph, "builder", None)
    if builder is None:  # a function under @entrypoint
        return _of_root(graph), Any
    fields = _of_state(builder.input_schema, builder.state_schema)
    if "messages" not in fields:
        return (_made("Input", fields) if fields else None), dict[str, Any]
    return Conversation, str


def _of_state(given: Any, state: Any) -> Fields:
    """The fields of a graph's input. Of a TypedDict that is its whole state none is required: nodes fill some in."""
    if hasattr(given, "model_fields"):
        return _of_model(given)
    must: frozenset[str] = frozenset() if given is state else getattr(given, "__required_keys__", frozenset())
    hints = get_type_hints(given, include_extras=True)
    return {name: (_field(name, kind), ... if name in must else None) for name, kind in hints.items()}


def _of_root(runnable: Any) -> Any:
    """What a runnable takes: fields, a text, or None for what it does not say or can't be described."""
    try:
        model = runnable.get_input_schema()
    except PydanticUserError:
        return None
    fields = _of_model(model)
    root = getattr(model, "model_fields", {}).get("root")
    return _made("Input", fields) if fields else str if root is not None and root.annotation is str else None


def _of_model(model: Any) -> Fields:
    return {
        name: (_field(name, info.annotation), ... if info.is_required() else info.default)
        for name, info in getattr(model, "model_fields", {}).items()
        if name != "root"
    }


def _langchain(runnable: Any) -> Types:
    """A chat model is a chat, a chain has the fields of its prompt."""
    if hasattr(runnable, "bind_tools"):
        return Conversation, str
    return _of_root(runnable), _chain_output(runnable)


def _chain_output(runnable: Any) -> Any:
    """Text where a chain ends in a model or in a parser of text, else any JSON."""
    last = getattr(runnable, "last", runnable)
    named = {kind.__name__ for kind in type(last).__mro__}
    return str if named & {"BaseLanguageModel", "StrOutputParser"} else Any


def _pydantic_ai(agent: Any) -> Types:
    output = agent.output_type
    kinds = list(output) if isinstance(output, list | tuple) else list(get_args(output) or [output])
    if get_origin(output) is not None and get_origin(output) is not Union and not hasattr(output, "__or__"):
        kinds = [output]
    kinds = [kind for kind in kinds if getattr(kind, "__name__", "") != _DEFERRED]
    return Conversation, _checked(Union[tuple(kinds)] if kinds else str)  # noqa: UP007 made of a list


def _openai_agents(agent: Any) -> Types:
    output = agent.output_type
    return Conversation, str if output is None else _checked(getattr(output, "output_type", output))


def _haystack(pipeline: Any) -> Types:
    """The fields that some component needs, each once; the reply's text where one component replies."""
    fields: Fields = {}
    for sockets in pipeline.inputs().values():
        for name, socket in sockets.items():
            if socket["is_mandatory"] and name not in fields:
                fields[name] = (_field(name, socket["type"]), ...)
    ends = pipeline.outputs()
    replies = len(ends) == 1 and {"replies", "last_message"} & set(next(iter(ends.values())))
    output = str if replies else dict[str, Any]
    if list(fields) == ["messages"]:
        return Conversation, output
    return _made("PipelineInput", fields) if fields else None, output


def _llamaindex(workflow: Any) -> Types:
    """The fields of its start event, where it has one of its own."""
    fields = _of_model(workflow.start_event_class)
    return _made("StartEvent", fields) if fields else None, Any


_SHAPES: dict[str, Callable[[Any], Types]] = {
    "on_langgraph": _langgraph,
    "on_langchain": _langchain,
    "on_pydantic_ai": _pydantic_ai,
    "on_openai_agents": _openai_agents,
    "on_haystack": _haystack,
    "on_llamaindex": _llamaindex,
    "on_crewai": lambda _crew: (None, str),
    "on_dspy": lambda _module: (None, dict[str, Any]),
    "on_a2a": lambda agent: (Conversation, Any if agent.gives_data else str),
}


class _Given(BaseModel):
    """The fields of a hosted object. One that was left out is left out there too."""

    model_config = ConfigDict(extra="forbid")

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if name in self.model_fields_set}


def _made(name: str, fields: Fields) -> type[BaseModel]:
    return create_model(name, __base__=_Given, **fields)


def _field(name: str, annotation: Any) -> Any:
    """The type of a field: text where the framework says nothing of it, since people fill it in."""
    return str if annotation is Any else _checked(annotation)


def _checked(annotation: Any) -> Any:
    """The type, or any JSON where it can't be described as JSON."""
    try:
        TypeAdapter(annotation).json_schema()
    except (PydanticUserError, TypeError, NameError):
        return Any
    return annotation
