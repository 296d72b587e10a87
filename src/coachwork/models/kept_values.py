"""The one result of a call that is no chat, as JSON to be kept and back. Pure; knows kinds, asks nobody."""

import base64
from typing import Any

from coachwork.messages import Moderation, Transcript
from coachwork.providers.wire import Kind


def packed(kind: Kind, value: Any) -> Any:
    """Vectors as base64 of float32 and their number, everything else as it is told over HTTP."""
    match kind:
        case "embed":
            data = value.astype("<f4").tobytes()
            return {"rows": int(value.shape[0]), "float32": base64.b64encode(data).decode()}
        case "transcribe":
            return value.model_dump(mode="json")
        case "moderate":
            return [each.model_dump(mode="json") for each in value]
        case "rerank":
            return [float(score) for score in value]
    raise TypeError(f"a call of kind {kind!r} has no one value")


def unpacked(kind: Kind, kept: Any) -> Any:
    """A value of its own for every reader: he may change it."""
    match kind:
        case "embed":
            import numpy as np

            flat = np.frombuffer(base64.b64decode(kept["float32"]), dtype="<f4")
            return flat.reshape(kept["rows"], -1).astype(np.float32)
        case "transcribe":
            return Transcript.model_validate(kept)
        case "moderate":
            return [Moderation.model_validate(each) for each in kept]
        case "rerank":
            return list(kept)
    raise TypeError(f"a call of kind {kind!r} has no one value")
