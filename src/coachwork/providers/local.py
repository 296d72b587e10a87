"""The provider `local`: models that run on this machine. Knows which file is which model and whether it is here.

How each kind runs is in `local_llama.py`, `local_embed.py`, `local_e5.py`, `local_static.py` and `local_whisper.py`,
imported when first asked.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from coachwork.errors import ModelError, ModelUnavailable, UnknownModel, did_you_mean
from coachwork.messages import Audio, ModelRequest, Transcript
from coachwork.providers.catalogue import CATALOGUE, Weights
from coachwork.providers.cores import free_cores
from coachwork.providers.places import megabytes
from coachwork.providers.weights import located
from coachwork.providers.wire import Abilities, ChatEvent, Kind, Meter, Provider, Purpose

if TYPE_CHECKING:
    from coachwork.providers.local_llama import Llama
    from coachwork.providers.wire import Vectors

DEFAULT_CONTEXT = 8192
_RUNTIMES: dict[Kind, tuple[str, str]] = {  # the package that runs a kind, and our extra that brings it
    "chat": ("xllamacpp", "local"),
    "embed": ("onnxruntime", "knowledge"),
    "transcribe": ("faster_whisper", "speech"),
}
_OWN_FORMATS = {  # embedding models whose files our own code reads: its module, and the extra with what that needs
    "multilingual-e5": ("local_e5", "knowledge"),
    "wordllama": ("local_static", "static"),
}


@dataclass(frozen=True)
class LocalSettings:
    """A user's settings for one local model. `context` in tokens; None and "" mean: choose."""

    path: str = ""
    context: int | None = None
    threads: int | None = None


class LocalModels(Provider):
    """Runs models of the catalogue, and any GGUF file that the settings name by `path`."""

    name = "local"
    billed = False

    def __init__(self, cache: Path, settings: Mapping[str, LocalSettings]) -> None:
        self.cache = cache
        self._settings = settings
        self._held: dict[str, Llama] = {}

    def known(self) -> list[str]:
        return sorted({*CATALOGUE, *(name for name, setting in self._settings.items() if setting.path)})

    def weights(self, model: str) -> Weights | None:
        """The catalogue's entry, None for a file of the user's own."""
        return None if self._setting(model).path else CATALOGUE.get(model)

    def place(self, model: str) -> Path | None:
        """The file or folder of a model on this machine, None where it is not (whole and verified) here."""
        if path := self._setting(model).path:
            given = Path(path).expanduser()
            return given if given.exists() else None
        weights = CATALOGUE.get(model)
        folder = located(weights, self.cache) if weights else None
        if folder is None or weights is None:
            return None
        return folder / weights.files[0].name if weights.kind == "chat" else folder

    def problem(self, model: str) -> ModelError | None:
        full = f"{self.name}:{model}"
        if self.place(model) is not None:
            return self._no_runtime(model)
        if path := self._setting(model).path:
            return ModelUnavailable(
                f"The file of {full!r} is not at {path!r}.",
                model=full,
                hint=f'Correct [models."{full}"] path in coachwork.toml, or remove it to use a fetched file.',
            )
        weights = CATALOGUE.get(model)
        if weights is None:
            hint = f'{did_you_mean(model, self.known())} For a file of your own: [models."{full}"] path = "…"'
            return UnknownModel(f"There is no local model {model!r}.", model=full, hint=hint)
        return ModelUnavailable(
            f"The local model {full!r} is not on this machine yet.",
            model=full,
            hint=f"Run `coachwork models pull {full}` ({megabytes(weights.size)}, licence {weights.licence}, "
            f"{weights.source}).",
        )

    def _no_runtime(self, model: str) -> ModelError | None:
        package, extra = _RUNTIMES[next(iter(self.abilities(model).kinds))]
        if model in _OWN_FORMATS:
            package, extra = "tokenizers", _OWN_FORMATS[model][1]
        if _installed(package):
            return None
        full = f"{self.name}:{model}"
        return ModelUnavailable(
            f"{full!r} runs on {package}, which is not installed.", model=full, hint=f'pip install "coachwork[{extra}]"'
        )

    def abilities(self, model: str) -> Abilities:
        weights = CATALOGUE.get(model)
        kind = weights.kind if weights else "chat"
        if kind == "chat":
            return Abilities(
                frozenset({kind}),
                schema="native",
                tools=weights.tools if weights else "schema",
                probabilities=True,
                context=self._context(model),
                at_once=1,
            )
        assert weights is not None  # a file of the user's own is a chat model
        return Abilities(frozenset({kind}), context=weights.context or None, at_once=1, counts=weights.counts)

    async def stream(self, model: str, request: ModelRequest, meter: Meter) -> AsyncIterator[ChatEvent]:
        from coachwork.providers.local_llama import llama_stream

        place = self._found(model)
        if model not in self._held:
            from coachwork.providers.local_llama import hold

            self._held[model] = hold(place, self._context(model), self._setting(model).threads or free_cores())
        async for event in llama_stream(self._held[model], f"{self.name}:{model}", request, meter):
            yield event

    async def embed(self, model: str, texts: Sequence[str], purpose: Purpose, meter: Meter) -> "Vectors":
        place = self._found(model)
        if model in _OWN_FORMATS:
            reader = import_module(f"coachwork.providers.{_OWN_FORMATS[model][0]}")
            made: Vectors = await reader.embed(place, texts, purpose, meter)
            return made
        from coachwork.providers.local_embed import embed

        return await embed(place, texts, self._setting(model).threads or free_cores(), meter)

    async def transcribe(self, model: str, audio: Audio, meter: Meter) -> Transcript:
        from coachwork.providers.local_whisper import transcribe

        return await transcribe(self._found(model), audio, self._setting(model).threads or free_cores(), meter)

    async def close(self) -> None:
        if self._held:
            from coachwork.providers.local_llama import release

            for held in self._held.values():
                release(held)
            self._held.clear()

    def _setting(self, model: str) -> LocalSettings:
        return self._settings.get(model) or LocalSettings()

    def _context(self, model: str) -> int:
        weights = CATALOGUE.get(model)
        return self._setting(model).context or min(DEFAULT_CONTEXT, weights.context if weights else DEFAULT_CONTEXT)

    def _found(self, model: str) -> Path:
        if problem := self.problem(model):
            raise problem
        place = self.place(model)
        assert place is not None
        return place


@cache
def _installed(package: str) -> bool:
    return find_spec(package) is not None
