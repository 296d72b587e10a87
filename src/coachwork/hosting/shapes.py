"""What a hosted object takes and gives, where it says so itself: the types of its form and its API.

Knows what each framework calls its own types; imports none of them.
"""

from collections.abc import Callable
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, PydanticSchemaGenerationError, TypeAdapter, create_model
from pydantic.errors import PydanticInvalidForJsonSchema

from coachwork.messages import Conversation

Types = tuple[Any, Any]
_DEFERRED = "DeferredToolRequests"


def types_of(adapter: str, thing: Any) -> Types:
    """Input and output type of a thing, None for one that it does not say."""
    return _SHAPES[adapter](thing)


def _langgraph(graph: Any) -> Types:
    """A graph over messages is a chat; any other takes its state as fields and gives its state."""
    schema = graph.get_input_jsonschema()
    if "messages" in schema.get("properties", {}):
        return Conversation, str
    return _model_or_none(graph.get_input_schema), dict[str, Any]


def _langchain(runnable: Any) -> Types:
    """A chat model is a chat, a chain has the fields of its prompt."""
    if hasattr(runnable, "bind_tools"):
        return Conversation, str
    return _model_or_none(runnable.get_input_schema), _chain_output(runnable)


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
    fields: dict[str, Any] = {}
    for sockets in pipeline.inputs().values():
        for name, socket in sockets.items():
            if socket["is_mandatory"] and name not in fields:
                fields[name] = (_field(name, socket["type"]), ...)
    ends = pipeline.outputs()
    output = str if len(ends) == 1 and "replies" in next(iter(ends.values())) else dict[str, Any]
    if list(fields) == ["messages"]:
        return Conversation, output
    return _made("PipelineInput", fields) if fields else None, output


def _llamaindex(workflow: Any) -> Types:
    """The fields of its start event, where it has one of its own."""
    fields = {
        name: (_field(name, info.annotation), ... if info.is_required() else info.default)
        for name, info in workflow.start_event_class.model_fields.items()
    }
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
}


def _model_or_none(schema: Callable[[], Any]) -> Any:
    """The fields of a model as one of ours, None where it is no object with fields."""
    model = schema()
    fields = {
        name: (_field(name, info.annotation), ... if info.is_required() else info.default)
        for name, info in getattr(model, "model_fields", {}).items()
        if name != "root"
    }
    return _made("Input", fields) if fields else None


def _made(name: str, fields: dict[str, Any]) -> type[BaseModel]:
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def _field(name: str, annotation: Any) -> Any:
    """The type of a field: text where the framework says nothing of it, since people fill it in."""
    return str if annotation is Any else _checked(annotation)


def _checked(annotation: Any) -> Any:
    """The type, or any JSON where it can't be described as JSON."""
    try:
        TypeAdapter(annotation).json_schema()
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema, TypeError, NameError):
        return Any
    return annotation
