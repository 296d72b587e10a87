"""Chat with a GGUF file through llama.cpp, inside this process (https://github.com/xorbitsai/xllamacpp).

Knows how a request becomes llama.cpp's chat body and its chunks our events; not where the file came from.
One answer at a time with all cores: measured on two cores, a second slot made four calls 2.5 times
slower and lost the cached prefixes that make the next question over the same prompt cheap.
"""

import asyncio
import atexit
import json
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coachwork.errors import ContextTooLong, ModelError, ModelUnavailable, NotInstalled, ProviderFault, Rejected
from coachwork.messages import (
    FinishReason,
    MediaPart,
    Message,
    ModelRequest,
    TextDelta,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    Usage,
)
from coachwork.providers.cores import sleeping_threads
from coachwork.providers.wire import ChatEvent, End, Meter

_BATCH = 128  # tokens read between two chances to stop: 1.5 s on two cores, at the same speed as 2048
_PREFIX_CACHE_MIB = 1024  # about 36,000 tokens of the 1.5B model's prompts, kept for the next question
_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "tool_calls": "tool_call"}
Chunk = dict[str, Any]


@dataclass
class Llama:
    """A model that is, or will be, loaded. `context` in tokens."""

    path: Path
    context: int
    threads: int
    holders: int = 0
    server: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_loaded: dict[tuple[Path, int, int], Llama] = {}
_registry = threading.Lock()
_working: dict[threading.Thread, threading.Event] = {}


def hold(path: Path, context: int, threads: int) -> Llama:
    """Take part in the process's one copy of a model; it is loaded at its first question."""
    with _registry:
        llama = _loaded.setdefault((path, context, threads), Llama(path, context, threads))
        llama.holders += 1
        return llama


def release(llama: Llama) -> None:
    """Give a copy back; the last one to do so frees its memory."""
    with _registry:
        llama.holders -= 1
        if llama.holders <= 0:
            _loaded.pop((llama.path, llama.context, llama.threads), None)
            llama.server = None


async def llama_stream(llama: Llama, model: str, request: ModelRequest, meter: Meter) -> AsyncIterator[ChatEvent]:
    """Answer in a thread, deltas to the loop. Closing the iterator stops the generation at its next token."""
    body = chat_body(request, model)
    finish: FinishReason | None = None
    probabilities: list[tuple[str, float]] = []
    async with _chunks(llama, model, body) as chunks:
        async for chunk in chunks:
            if "error" in chunk:
                raise _refused(model, chunk["error"])
            meter.usage = _usage(chunk) or meter.usage
            for choice in chunk.get("choices", ()):
                delta = choice.get("delta") or {}
                if text := delta.get("content"):
                    yield TextDelta(text)
                for call in delta.get("tool_calls") or ():
                    yield _tool_call(call)
                told = (choice.get("logprobs") or {}).get("content") or ()
                probabilities += [(token["token"], token["logprob"]) for token in told]
                if reason := choice.get("finish_reason"):
                    finish = _FINISH.get(reason, "stop")
    if finish is None:
        raise ProviderFault(f"{model!r} ended without saying why.", model=model)
    yield End(finish, meter.usage, tuple(probabilities))


def _tool_call(call: Mapping[str, Any]) -> ToolCallDelta:
    function = call.get("function") or {}
    return ToolCallDelta(
        call.get("index", 0), call.get("id") or "", function.get("name") or "", function.get("arguments") or ""
    )


def chat_body(request: ModelRequest, model: str) -> dict[str, Any]:
    """The request as llama.cpp's `/v1/chat/completions` takes it. Raises Rejected for media."""
    messages = []
    for message in request.messages:
        if media := next((part.media_type for part in message.parts if isinstance(part, MediaPart)), None):
            raise Rejected(f"{model!r} reads text only, not {media!r}.", model=model, details={"status": 400})
        messages += _messages(message)
    body: dict[str, Any] = {
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "timings_per_token": True,  # so that a stopped call knows what it used
        "return_progress": True,  # a chunk for every batch of the prompt: the chance to stop while reading
        "temperature": 0.0 if request.temperature is None else request.temperature,
    }
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = list(request.stop)
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.schema is not None:
        body["grammar"] = grammar(request.schema)
    if request.tools and request.tool_choice != "none":
        named = [tool for tool in request.tools if request.tool_choice in ("auto", "required", tool.name)]
        body["tools"] = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.schema}}
            for t in named
        ]
        body["tool_choice"] = "auto" if request.tool_choice == "auto" else "required"
    if request.probabilities:
        body["logprobs"] = True
    return body


def _messages(message: Message) -> list[dict[str, Any]]:
    """A message in the words of the chat wire, which gives each result of a tool a message of its own."""
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]
    made: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": part.id, "name": part.name, "content": part.content}
        for part in message.parts
        if isinstance(part, ToolResultPart)
    ]
    if message.text or not made:
        made.append({"role": message.role, "content": message.text} | ({"tool_calls": calls} if calls else {}))
    return made


def grammar(schema: Mapping[str, Any]) -> str:
    """A grammar for compact JSON of `schema`: a third fewer tokens to wait for than llama.cpp's indented form.

    Keywords that the engine can't enforce are left to the validation of the answer.
    Source: https://github.com/guidance-ai/llguidance/blob/main/docs/json_schema.md
    """
    guidance = {"whitespace_flexible": False, "lenient": True}
    return "%llguidance {}\nstart: %json " + json.dumps({**schema, "x-guidance": guidance})


# ── A thread beside the loop ───────────────────────────────────────────────────────────────────


class _chunks:
    """The chunks of one call as an async iterator; leaving the block stops the call."""

    def __init__(self, llama: Llama, model: str, body: dict[str, Any]) -> None:
        self._queue: asyncio.Queue[Chunk | BaseException | None] = asyncio.Queue()
        self._stop = threading.Event()
        loop = asyncio.get_running_loop()

        def tell(item: Chunk | BaseException | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._queue.put_nowait, item)

        self._thread = threading.Thread(
            target=_work, args=(llama, model, body, tell, self._stop), name=f"coachwork {model}", daemon=True
        )

    async def __aenter__(self) -> AsyncIterator[Chunk]:
        _working[self._thread] = self._stop
        self._thread.start()
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Chunk]:
        while (item := await self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    async def __aexit__(self, *_exc: object) -> None:
        self._stop.set()


def _work(
    llama: Llama,
    model: str,
    body: dict[str, Any],
    tell: Callable[[Chunk | BaseException | None], None],
    stop: threading.Event,
) -> None:
    """Runs in its own thread: load if needed, generate, tell each chunk. The callback's True stops llama.cpp."""

    def heard(chunk: Chunk) -> bool:
        tell(chunk)
        return stop.is_set()

    try:
        server = _server(llama, model)
        if not stop.is_set():
            server.handle_chat_completions(body, heard)
        tell(None)
    except ValueError as error:  # what llama.cpp refuses to begin: its message is all there is
        tell(Rejected(f"{model!r} refused the request: {error}", model=model, details={"status": 400}))
    except BaseException as error:  # carried to the caller, who sees it in his own thread
        tell(error)
    finally:
        _working.pop(threading.current_thread(), None)


@atexit.register
def _stop_all() -> None:
    """A thread inside llama.cpp may not meet the end of the interpreter: it would take the process down."""
    for thread, stop in list(_working.items()):
        stop.set()
        thread.join(timeout=10)


def _server(llama: Llama, model: str) -> Any:
    with llama.lock:
        if llama.server is None:
            llama.server = _load(llama, model)
        return llama.server


def _load(llama: Llama, model: str) -> Any:
    try:
        with sleeping_threads():
            import xllamacpp
    except ImportError:
        raise NotInstalled(
            f"{model!r} runs on llama.cpp, which is not installed.", hint='pip install "coachwork[local]"'
        ) from None
    params = xllamacpp.CommonParams()
    params.model.path = str(llama.path)
    params.n_ctx = llama.context
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = _BATCH
    params.cache_ram_mib = _PREFIX_CACHE_MIB
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = llama.threads
    params.warmup = False
    params.verbosity = -1
    # The library always opens a loopback port of its own. Nobody has the key to it.
    params.api_keys = [secrets.token_hex(32)]
    params.ui = params.endpoint_slots = False
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelUnavailable(
            f"llama.cpp could not load {str(llama.path)!r} ({error})",
            model=model,
            hint="Is it a GGUF file, and is there enough memory for it?",
        ) from error


def _usage(chunk: Chunk) -> Usage | None:
    """Tokens so far: the exact count in the last chunk, the running timings before it."""
    if exact := chunk.get("usage"):
        cached = (exact.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        return Usage(exact["prompt_tokens"], exact["completion_tokens"], cached)
    if timings := chunk.get("timings"):
        cached = timings["cache_n"]
        return Usage(cached + timings["prompt_n"], timings["predicted_n"], cached)
    return None


def _refused(model: str, error: Any) -> ModelError:
    if not isinstance(error, dict):
        return ProviderFault(f"{model!r} failed: {error}", model=model)
    message = error.get("message", "")
    if error.get("type") == "exceed_context_size_error":
        return ContextTooLong(
            f"The request has {error.get('n_prompt_tokens')} tokens; {model!r} is loaded with a context of "
            f"{error.get('n_ctx')}.",
            model=model,
            hint=f'Send less, or raise it in coachwork.toml: [models."{model}"] context = …',
        )
    if error.get("code") == 400:
        return Rejected(f"{model!r} refused the request: {message}", model=model, details={"status": 400})
    return ProviderFault(f"{model!r} failed: {message or error}", model=model)
