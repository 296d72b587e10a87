"""What other frameworks call the providers that Coachwork knows. Data; a name that is not here is taken as it is."""

_OURS = {
    "amazon_bedrock": "bedrock",
    "aws": "bedrock",
    "bedrock_converse": "bedrock",
    "azure_openai": "azure",
    "azureopenai": "azure",
    "azure-openai": "azure",
    "gemini": "google",
    "google-gla": "google",
    "google-vertex": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "googlegenai": "google",
    "googleaigemini": "google",
    "vertex_ai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "openai_chat": "openai",
    "openairesponses": "openai",
    "openai_responses": "openai",
    "openai_like": "openai",
    "x_ai": "xai",
    "x-ai": "xai",
}


def model_name(provider: str, model: str) -> str:
    """`provider:name` as routes and prices know it: ("google_genai", "models/gemini-3-pro") → google:gemini-3-pro."""
    provider = provider.lower()
    name = model.removeprefix("models/")
    return f"{_OURS.get(provider, provider) or 'unknown'}:{name or 'unknown'}"
