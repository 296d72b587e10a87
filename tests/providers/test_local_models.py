"""Models on this machine, really run: SmolLM2 135M, MiniLM, static vectors, Whisper tiny. Fetched once, into the user's
cache.
"""

import asyncio
import base64
import email.parser
import email.policy
import json
import os
import signal
import urllib.error
import urllib.request
from contextlib import aclosing
from pathlib import Path

import pytest

from coachwork.errors import ContextTooLong, DownloadError, ModelUnavailable, Rejected
from coachwork.messages import Audio, MediaPart, Message, ModelRequest, TextDelta
from coachwork.models import ModelConfig, Models, ModelsConfig
from coachwork.models.check import silence
from coachwork.providers import local_llama

pytestmark = pytest.mark.local_model

CACHE = Path(os.environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork")
RECORDINGS = (
    Path(os.environ.get("COACHWORK_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data") / "cassettes"
)
SMALL = "local:smollm2-135m"
SETTINGS = {SMALL: ModelConfig(context=1024), "local:bad": ModelConfig(path=__file__)}


@pytest.fixture(scope="module")
def cache():
    """The user's cache with the four models in it."""
    models = Models(ModelsConfig(), database=None, cache_dir=CACHE, environ=os.environ)
    for name in ("smollm2-135m", "minilm", "wordllama", "whisper-tiny.en"):
        try:
            models.pull(f"local:{name}")
        except DownloadError as error:
            pytest.skip(f"local:{name} can't be had here: {error.message}")
    return CACHE


@pytest.fixture
async def models(cache):
    room = Models(ModelsConfig(models=SETTINGS), database=None, cache_dir=cache, environ={})
    yield room
    await room.close()


def ask(text: str, **options) -> ModelRequest:
    return ModelRequest((Message.of("user", text),), **options)


async def test_it_streams_and_counts(models):
    events = [event async for event in models.stream(SMALL, ask("Name three garden tools.", max_tokens=24))]
    pieces = [event.text for event in events if isinstance(event, TextDelta)]
    reply = events[-1].reply
    assert len(pieces) > 5
    assert reply.text == "".join(pieces)
    assert (reply.finish_reason, reply.usage.output_tokens, reply.cost_nano) == ("length", 24, 0)
    assert reply.usage.input_tokens > 10


async def test_the_same_question_again_reads_its_prompt_from_the_prefix_cache(models):
    request = ask("Write one sentence about spades and forks in the garden.", max_tokens=4)
    first = await models.complete(SMALL, request)
    again = await models.complete(SMALL, request)
    assert again.text == first.text
    assert again.usage.input_tokens == first.usage.input_tokens
    assert again.usage.cached_tokens >= again.usage.input_tokens - 2


async def test_a_schema_is_kept_and_compact(models):
    schema = {
        "$defs": {"Team": {"enum": ["billing", "shipping"]}},
        "type": "object",
        "properties": {
            "team": {"$ref": "#/$defs/Team"},
            "urgent": {"type": "boolean"},
            "points": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        },
        "required": ["team", "urgent", "points"],
        "additionalProperties": False,
    }
    reply = await models.complete(SMALL, ask("Sort this ticket: my invoice is wrong!", schema=schema, max_tokens=80))
    value = json.loads(reply.text)
    assert value["team"] in ("billing", "shipping")
    assert isinstance(value["urgent"], bool)
    assert [type(point) for point in value["points"]] == [int, int]
    assert "\n" not in reply.text


async def test_who_stops_listening_stops_the_model(models):
    async with aclosing(models.stream(SMALL, ask("Write a very long story.", max_tokens=900))) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    for _ in range(200):
        if not local_llama._working:
            break
        await asyncio.sleep(0.01)
    assert local_llama._working == {}


async def test_many_at_once_all_get_an_answer(models):
    replies = await asyncio.gather(*(models.complete(SMALL, ask(f"Count to {n}.", max_tokens=8)) for n in range(5)))
    assert all(reply.usage.output_tokens for reply in replies)


async def test_a_request_that_is_too_long_says_by_how_much(models):
    with pytest.raises(
        ContextTooLong, match=r"tokens; 'local:smollm2-135m' is loaded with a context of 1024"
    ) as raised:
        await models.complete(SMALL, ask("word " * 2000))
    assert '[models."local:smollm2-135m"] context' in raised.value.hint


async def test_what_it_can_not_read_is_refused(models):
    picture = ModelRequest((Message("user", (MediaPart(b"\x89PNG", "image/png"),)),))
    with pytest.raises(Rejected, match="reads text only"):
        await models.complete(SMALL, picture)


async def test_a_file_that_is_no_model_is_named(models):
    with pytest.raises(ModelUnavailable, match="could not load"):
        await models.complete("local:bad", ask("Hello"))


async def test_the_library_takes_neither_our_signals_nor_an_open_door(models):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    caught = _signals_caught()
    await models.complete(SMALL, ask("Hi", max_tokens=2))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert _signals_caught() == caught
    (llama,) = [held for held in local_llama._loaded.values() if held.server]
    with pytest.raises(urllib.error.HTTPError) as refused:
        await asyncio.to_thread(urllib.request.urlopen, f"{llama.server.listening_address}/v1/models")
    assert refused.value.code == 401


def _signals_caught() -> int:
    """Bits of SIGINT and SIGTERM in the mask of caught signals, as the kernel has it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    return int(line.split()[1], 16) & (1 << signal.SIGINT - 1 | 1 << signal.SIGTERM - 1)


async def test_the_loop_goes_on_while_a_model_works(models):
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.005)

    beating = asyncio.create_task(beat())
    reply = await models.complete(SMALL, ask("Write about spades.", max_tokens=60))
    beating.cancel()
    assert reply.usage.output_tokens > 20
    assert beats > 10  # a loop that is held up for the whole answer would give one or two


async def test_meanings_that_are_near_have_vectors_that_are(models):
    texts = ["How do I return a broken spade?", "Sending back damaged garden tools", "Opening hours of our shop"]
    made = await models.embed("embed", texts * 5, purpose="passage")
    assert (made.vectors.shape, str(made.vectors.dtype), made.dimensions) == ((15, 384), "float32", 384)
    near, far = made.vectors[0] @ made.vectors[1], made.vectors[0] @ made.vectors[2]
    assert near > far + 0.2
    assert abs(made.vectors[7] @ made.vectors[7] - 1) < 1e-5
    assert abs(made.vectors[0] @ made.vectors[3] - 1) < 1e-2  # the same text in another batch, int8
    empty = await models.embed("embed", [], purpose="query")
    assert empty.vectors.shape == (0, 384)
    static = (await models.embed("local:wordllama", texts, purpose="passage")).vectors
    assert static.shape == (3, 256)
    assert static[0] @ static[1] > static[0] @ static[2] + 0.1


async def test_silence_is_heard_as_nothing(models):
    heard = await models.transcribe("transcribe", Audio(silence(1.5)))
    assert (heard.transcript.text, heard.transcript.seconds) == ("", 1.5)


async def test_what_is_no_sound_is_refused_in_words_for_the_reader(models):
    with pytest.raises(Rejected, match="can't be read as sound") as raised:
        await models.transcribe("transcribe", Audio(b"not a sound at all", "audio/mpeg"))
    assert "wav, mp3" in raised.value.reader


async def test_a_real_recording_is_understood(models):
    found = sorted(RECORDINGS.glob("openai/transcription-basic-functionality-openai-whisper-1*"))
    if not found:
        pytest.skip(f"no recording in {RECORDINGS}")
    exchange = json.loads(found[0].read_text())["exchanges"][0]
    raw = b"content-type: " + exchange["request"]["headers"]["content-type"].encode() + b"\r\n\r\n"
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        raw + base64.b64decode(exchange["request"]["base64"])
    )
    sound = next(part for part in form.iter_parts() if part.get_filename())
    heard = await models.transcribe("transcribe", Audio(sound.get_payload(decode=True), sound.get_content_type()))
    expected = set(json.loads(exchange["response"]["text"])["text"].lower().strip(".").split())
    said = set(heard.transcript.text.lower().strip(".").split())
    assert len(expected & said) >= 0.7 * len(expected)
    assert heard.transcript.language == "en"
