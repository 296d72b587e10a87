"""Speech to text by remote services, on OpenAI's wire. Knows which model gives what: a table of names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from coachwork.errors import ProviderFault, StreamCut
from coachwork.messages import Audio, SpokenWord, Transcript, Usage
from coachwork.providers.languages import tag
from coachwork.providers.openai_errors import raised_as_theirs
from coachwork.providers.wire import Meter

_FILES = {  # the ending by which a service knows a sound
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/m4a": "m4a",
    "audio/x-m4a": "m4a",
    "audio/webm": "webm",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
}


@dataclass(frozen=True)
class _Listener:
    """What a kind of model is asked for; `streams` where it can give its text as it comes."""

    pattern: str
    form: Mapping[str, Any] = field(default_factory=dict)
    streams: bool = False


# https://platform.openai.com/docs/api-reference/audio/createTranscription,
# https://console.groq.com/docs/speech-to-text, https://docs.mistral.ai/capabilities/audio
_LISTENERS = (
    _Listener("*transcribe-diarize*", {"response_format": "diarized_json", "chunking_strategy": "auto"}, streams=True),
    _Listener("*gpt-*transcribe*", {"response_format": "json"}, streams=True),
    _Listener("*whisper*", {"response_format": "verbose_json", "timestamp_granularities": ["word"]}),
    _Listener("voxtral*", {"timestamp_granularities": ["segment"]}),
    _Listener("*"),
)


async def transcribe(client: Any, full: str, audio: Audio, meter: Meter, *, streams: bool) -> Transcript:
    """What is said in a recording. `full` is our name of the model, `provider:name`.

    Raises StreamCut where a streamed text has no end, ProviderFault where the answer is no transcript.
    """
    name = full.partition(":")[2]
    listener = next(row for row in _LISTENERS if fnmatchcase(name.lower(), row.pattern))
    ending = _FILES.get(audio.media_type.partition(";")[0], audio.media_type.rpartition("/")[2])
    form = {"model": name, "file": (f"sound.{ending}", audio.data, audio.media_type), **listener.form}
    with raised_as_theirs(name):
        ask = _as_it_comes if streams and listener.streams else _at_once
        answer = await ask(client.audio.transcriptions, full, form)
    if not isinstance(answer, Mapping) or not isinstance(answer.get("text"), str):
        raise ProviderFault(f"{full!r} sent something that is no transcript.", model=full)
    used = _usage(answer)
    meter.usage += used
    return Transcript(
        text=answer["text"].strip(),
        language=tag(str(answer.get("language") or "")),
        seconds=float(answer.get("duration") or used.audio_seconds),
        words=[
            SpokenWord(word=str(row["word"]), start=row["start"], end=row["end"]) for row in answer.get("words") or ()
        ],
    )


async def _at_once(transcriptions: Any, _full: str, form: Mapping[str, Any]) -> Any:
    """The body as it is: the SDK's own types leave out what other services add."""
    response = await transcriptions.with_raw_response.create(**form)
    return json.loads(response.text)


async def _as_it_comes(transcriptions: Any, full: str, form: Mapping[str, Any]) -> Any:
    done: dict[str, Any] | None = None
    stream = await transcriptions.create(**form, stream=True)
    async with stream:
        async for event in stream:
            if event.type == "transcript.text.done":
                done = event.model_dump(exclude_none=True)
    if done is None:
        raise StreamCut(f"The transcript of {full!r} stopped before its end.", model=full)
    return done


def _usage(answer: Mapping[str, Any]) -> Usage:
    """Tokens, or the seconds that are billed, whichever the service counts by."""
    counted = answer.get("usage") or {}
    seconds = counted.get("seconds") or counted.get("prompt_audio_seconds") or answer.get("duration") or 0
    details = counted.get("input_token_details") or counted.get("prompt_tokens_details") or {}
    return Usage(
        input_tokens=counted.get("input_tokens") or counted.get("prompt_tokens") or 0,
        output_tokens=counted.get("output_tokens") or counted.get("completion_tokens") or 0,
        input_audio_tokens=details.get("audio_tokens") or 0,
        audio_seconds=float(seconds),
    )
