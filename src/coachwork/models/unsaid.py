"""A request without the secrets of this process, known by their values. Knows parts of messages; not what is secret."""

from dataclasses import replace

from coachwork.messages import Message, ModelRequest, Part, TextPart, ToolCallPart, ToolResultPart
from coachwork.tracing.secrets import without_known


def without_our_secrets(request: ModelRequest) -> ModelRequest:
    """The request, in all its variants, as a model may read it."""
    messages = tuple(_message(each) for each in request.messages)
    variants = {model: without_our_secrets(each) for model, each in request.variants.items()}
    same = all(new is old for new, old in zip(messages, request.messages, strict=True)) and not variants
    return request if same else replace(request, messages=messages, variants=variants)


def _message(message: Message) -> Message:
    parts = tuple(_part(each) for each in message.parts)
    same = all(new is old for new, old in zip(parts, message.parts, strict=True))
    return message if same else replace(message, parts=parts)


def _part(part: Part) -> Part:
    if isinstance(part, TextPart) and (text := without_known(part.text)) != part.text:
        return TextPart(text)
    if isinstance(part, ToolResultPart) and (content := without_known(part.content)) != part.content:
        return replace(part, content=content)
    if isinstance(part, ToolCallPart) and (arguments := without_known(part.arguments)) != part.arguments:
        return replace(part, arguments=arguments)
    return part
