"""Prices for what the public table lacks, each with the page that publishes it. A row is all it takes to add one.

The public table counts first where it knows a model. Sound that is billed by the token has the provider's
own estimate by the minute too, for answers that do not tell their tokens.
"""

from dataclasses import dataclass

VERSION = "coachwork 2026-11"


@dataclass(frozen=True)
class PriceRow:
    """One model's price in US dollars, "" for none: `input` a million tokens, `minute` of sound, `image` a piece.

    `search` is a reranker's unit. `input_audio` and `output_audio` are a million tokens of sound. `provider` is as in
    the public table, `model` without the date at its end. `source` is the page that publishes the price, `as_of` the
    month of the figure: 2026-11 was compared with genai-prices 0.2.3 or public copies of the page.
    """

    provider: str
    model: str
    source: str
    as_of: str
    input: str = ""
    input_audio: str = ""
    output_audio: str = ""
    minute: str = ""
    image: str = ""
    search: str = ""


_OPENAI = "https://platform.openai.com/docs/pricing"
_COHERE = "https://cohere.com/pricing"
_GOOGLE = "https://ai.google.dev/gemini-api/docs/pricing"
_VOYAGE = "https://docs.voyageai.com/docs/pricing"
_JINA = "https://jina.ai/reranker"
_GROQ = "https://groq.com/pricing"
_MISTRAL = "https://mistral.ai/pricing"

ROWS: tuple[PriceRow, ...] = (
    PriceRow("openai", "omni-moderation-latest", _OPENAI, "2026-11", input="0"),
    PriceRow("openai", "text-moderation-latest", _OPENAI, "2025-08", input="0"),
    PriceRow("openai", "text-embedding-3-small", _OPENAI, "2026-11", input="0.02"),
    PriceRow("openai", "text-embedding-3-large", _OPENAI, "2026-11", input="0.13"),
    PriceRow("openai", "text-embedding-ada-002", _OPENAI, "2026-11", input="0.10"),
    PriceRow("openai", "whisper-1", _OPENAI, "2026-11", minute="0.006"),
    PriceRow("openai", "gpt-4o-transcribe", _OPENAI, "2026-11", minute="0.006"),
    PriceRow("openai", "gpt-4o-transcribe-diarize", _OPENAI, "2025-10", minute="0.006"),
    PriceRow("openai", "gpt-4o-mini-transcribe", _OPENAI, "2026-11", minute="0.003"),
    PriceRow("openai", "gpt-4o-audio-preview", _OPENAI, "2025-08", input_audio="40", output_audio="80"),
    PriceRow("openai", "gpt-4o-mini-audio-preview", _OPENAI, "2025-08", input_audio="10", output_audio="20"),
    PriceRow("openai", "dall-e-2", _OPENAI, "2025-08", image="0.02"),  # 1024×1024
    PriceRow("openai", "dall-e-3", _OPENAI, "2025-08", image="0.04"),  # 1024×1024, standard
    PriceRow("google", "gemini-embedding-001", _GOOGLE, "2026-11", input="0.15"),
    PriceRow("google", "imagen-4.0-fast-generate-001", _GOOGLE, "2025-08", image="0.02"),
    PriceRow("google", "imagen-4.0-generate-001", _GOOGLE, "2025-08", image="0.04"),
    PriceRow("google", "imagen-4.0-ultra-generate-001", _GOOGLE, "2025-08", image="0.06"),
    PriceRow("cohere", "embed-v4.0", _COHERE, "2026-11", input="0.12"),
    PriceRow("cohere", "embed-english-v3.0", _COHERE, "2025-08", input="0.10"),
    PriceRow("cohere", "embed-multilingual-v3.0", _COHERE, "2025-08", input="0.10"),
    PriceRow("cohere", "embed-english-light-v3.0", _COHERE, "2025-08", input="0.10"),
    PriceRow("cohere", "embed-multilingual-light-v3.0", _COHERE, "2025-08", input="0.10"),
    PriceRow("cohere", "rerank-v4.0-pro", _COHERE, "2026-06", search="0.0025"),
    PriceRow("cohere", "rerank-v4.0-fast", _COHERE, "2026-06", search="0.002"),
    PriceRow("cohere", "rerank-v3.5", _COHERE, "2026-06", search="0.002"),
    PriceRow("cohere", "rerank-english-v3.0", _COHERE, "2025-08", search="0.002"),
    PriceRow("cohere", "rerank-multilingual-v3.0", _COHERE, "2025-08", search="0.002"),
    PriceRow("voyageai", "rerank-2.5", _VOYAGE, "2026-11", input="0.05"),
    PriceRow("voyageai", "rerank-2.5-lite", _VOYAGE, "2026-11", input="0.02"),
    PriceRow("voyageai", "rerank-2", _VOYAGE, "2026-11", input="0.05"),
    PriceRow("voyageai", "rerank-2-lite", _VOYAGE, "2026-11", input="0.02"),
    PriceRow("jina", "jina-reranker-v2-base-multilingual", _JINA, "2026-06", input="0.02"),
    PriceRow("mistral", "mistral-embed", _MISTRAL, "2026-11", input="0.10"),
    PriceRow("groq", "whisper-large-v3", _GROQ, "2026-11", minute="0.00185"),  # 0.111 an hour
    PriceRow("groq", "distil-whisper-large-v3-en", _GROQ, "2026-11", minute="0.0003333333333"),  # 0.02 an hour
)

BY_MODEL: dict[tuple[str, str], PriceRow] = {(row.provider, row.model): row for row in ROWS}

# What a batch costs of the plain price where the public table has no batch price of the model, and who says so.
BATCH_SHARES: dict[str, tuple[str, str]] = {
    "openai": ("0.5", "https://platform.openai.com/docs/guides/batch"),
    "anthropic": ("0.5", "https://platform.claude.com/docs/en/build-with-claude/batch-processing"),
    "google": ("0.5", "https://ai.google.dev/gemini-api/docs/batch-api"),
    "mistral": ("0.5", "https://docs.mistral.ai/capabilities/batch"),
    "groq": ("0.5", "https://console.groq.com/docs/batch"),
}
