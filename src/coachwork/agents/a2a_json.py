"""JSON in the parts of A2A's messages, which are protobuf's. Needs the SDK (extra `a2a`)."""

from typing import Any

from a2a.helpers.proto_helpers import new_data_part
from a2a.types.a2a_pb2 import Part

from coachwork.messages import JsonValue


def data_part(value: JsonValue) -> Part:
    return new_data_part(value, media_type="application/json")


def plain(value: Any) -> JsonValue:
    """A protobuf Value as the JSON that was sent; it has no whole numbers, so whole ones become whole again."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return {key: plain(part) for key, part in value.struct_value.fields.items()}
        case "list_value":
            return [plain(part) for part in value.list_value.values]
        case "number_value":
            number: float = value.number_value
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        case "string_value" | "bool_value" as kind:
            found: str | bool = getattr(value, kind)
            return found
    return None
