"""What OpenAI's API offers beside chat: embeddings, transcriptions, moderations. Knows that wire's JSON alone."""

import base64
import email.parser
import email.policy
import io
import struct
import wave
from collections.abc import Iterator, Mapping
from typing import Any

from coachwork.testing.provider.openai_chat import error_event, trouble
from coachwork.testing.provider.question import Answer, Question, pieces
from coachwork.testing.provider.vectors import vector
from coachwork.testing.provider.wire import Frame, Received, Wire, body_of, compact

_CATEGORIES = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence", "violence/graphic")
_DIMENSIONS = 64


# ── Embeddings ─────────────────────────────────────────────────────────────────────────────────


def read_embed(received: Received) -> Question:
    body = body_of(received)
    return Question(model=str(body.get("model", "")), said="\n".join(_inputs(body)))


def embedded(question: Question, answer: Answer, received: Received) -> dict[str, Any]:
    body = body_of(received)
    made = [vector(text, body.get("dimensions") or _DIMENSIONS) for text in _inputs(body)]
    packed = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(one) if packed else one}
        for index, one in enumerate(made)
    ]
    counted = {"prompt_tokens": answer.counted.input_tokens, "total_tokens": answer.counted.input_tokens}
    usage = {"usage": counted} if answer.tells_usage else {}
    return {"object": "list", "data": data, "model": question.model, **usage}


def _inputs(body: Mapping[str, Any]) -> list[str]:
    """The texts; a text may also be given as its tokens' numbers."""
    given = body.get("input", "")
    texts = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    return [text if isinstance(text, str) else " ".join(map(str, text)) for text in texts]


def _packed(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


# ── Moderations ────────────────────────────────────────────────────────────────────────────────


def moderated(question: Question, _answer: Answer, received: Received) -> dict[str, Any]:
    """A text is flagged for a category whose name stands in it."""
    results = [_judged(text) for text in _moderation_inputs(body_of(received))]
    return {"id": "modr-000000000001", "model": question.model, "results": results}


def read_moderation(received: Received) -> Question:
    body = body_of(received)
    return Question(model=str(body.get("model", "")), said="\n".join(_moderation_inputs(body)))


def _moderation_inputs(body: Mapping[str, Any]) -> list[str]:
    given = body.get("input", "")
    if isinstance(given, str):
        return [given]
    if given and isinstance(given[0], Mapping):  # parts of one text
        return [" ".join(str(part.get("text", "")) for part in given)]
    return list(given)


def _judged(text: str) -> dict[str, Any]:
    found = {category: category in text.lower() for category in _CATEGORIES}
    return {
        "flagged": any(found.values()),
        "categories": found,
        "category_scores": {category: 0.99 if there else 0.01 for category, there in found.items()},
        "category_applied_input_types": {category: ["text"] for category in _CATEGORIES},
    }


# ── Transcriptions ─────────────────────────────────────────────────────────────────────────────


def read_transcription(received: Received) -> Question:
    fields, _sound = _form(received)
    return Question(model=fields.get("model", [""])[-1], streams=fields.get("stream", [""])[-1] == "true")


def transcribed(question: Question, answer: Answer, received: Received) -> Any:
    """The script's text, or the sound's length in words; its words share the time evenly."""
    fields, sound = _form(received)
    length, shape = seconds(sound), fields.get("response_format", ["json"])[-1]
    text = _heard(answer, length)
    if shape in ("text", "srt", "vtt"):
        return text + "\n"
    whisper = question.model.startswith("whisper")
    told: dict[str, Any] = {"text": text}
    if answer.tells_usage:
        told["usage"] = {"type": "duration", "seconds": round(length)} if whisper else _tokens_of(answer, length)
    if shape != "verbose_json":
        return told
    words = text.split()
    each = length / max(len(words), 1)
    told |= {"task": "transcribe", "language": "english", "duration": length}
    told["words"] = [{"word": word, "start": at * each, "end": (at + 1) * each} for at, word in enumerate(words)]
    told["segments"] = [_segment(text, length)]
    return told


def transcribed_events(_question: Question, answer: Answer) -> Iterator[Frame]:
    text = _heard(answer, 0.0)
    for piece in pieces(text):
        yield _frame({"type": "transcript.text.delta", "delta": piece}, "piece")
    usage = {"usage": _tokens_of(answer, 0.0)} if answer.tells_usage else {}
    yield _frame({"type": "transcript.text.done", "text": text, **usage}, "close")


def _heard(answer: Answer, length: float) -> str:
    """The echo of a question without words tells the length of the sound instead."""
    return f"This sound is {length:g} seconds long." if answer.text.strip() == "You said:" else answer.text


def seconds(sound: bytes) -> float:
    """The length of a wav file; of anything else, as if it were 16 kB a second."""
    try:
        with wave.open(io.BytesIO(sound)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError):
        return len(sound) / 16_000


def _tokens_of(answer: Answer, length: float) -> dict[str, Any]:
    heard = answer.counted.input_audio_tokens or round(length * 10)
    written = answer.counted.output_tokens
    return {
        "type": "tokens",
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
        "total_tokens": heard + written,
    }


def _segment(text: str, length: float) -> dict[str, Any]:
    sure = {"temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.01}
    return {"id": 0, "seek": 0, "start": 0.0, "end": length, "text": text, "tokens": [], **sure}


def _frame(event: dict[str, Any], kind: Any) -> Frame:
    return Frame(f"data: {compact(event)}\n\n", kind)


def _form(received: Received) -> tuple[dict[str, list[str]], bytes]:
    """The fields of a multipart form, and the bytes of its file. Raises ValueError where it is none."""
    kind = received.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise ValueError(f"a recording is sent as multipart/form-data, not as {kind!r}")
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + received.body)
    fields: dict[str, list[str]] = {}
    sound = b""
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)  # what `decode` gives of a part without parts
        if name == "file":
            sound = content
        else:
            fields.setdefault(str(name).removesuffix("[]"), []).append(content.decode())
    return fields, sound


EMBED = Wire("openai-embed", "openai", read_embed, embedded, None, trouble, error_event)
MODERATE = Wire("openai-moderate", "openai", read_moderation, moderated, None, trouble, error_event)
TRANSCRIBE = Wire(
    "openai-transcribe", "openai", read_transcription, transcribed, transcribed_events, trouble, error_event
)
