"""The public surface is this list: a name that comes or goes is a decision, made here."""

import coachwork

PUBLIC = [
    "Agent",
    "Answer",
    "App",
    "Audio",
    "ChatMessage",
    "Checked",
    "Citation",
    "Conversation",
    "Decision",
    "Delivery",
    "Example",
    "Image",
    "KnowledgeBase",
    "Limits",
    "McpServer",
    "Memory",
    "Outcome",
    "Passage",
    "Pdf",
    "RemoteAgent",
    "Sentence",
    "Transcript",
    "Web",
    "answer_from",
    "approval",
    "deliver",
    "gather",
    "map_over",
    "note",
    "patched",
    "prompt",
    "sleep",
    "step",
    "together",
    "tool",
    "transcribe",
]


def test_the_public_names_are_these() -> None:
    assert sorted(coachwork.__all__) == PUBLIC
    assert dir(coachwork) == sorted([*PUBLIC, "__version__"])


def test_every_public_name_is_there_and_explains_itself() -> None:
    missing = [name for name in coachwork.__all__ if not (getattr(coachwork, name).__doc__ or "").strip()]
    assert missing == []
