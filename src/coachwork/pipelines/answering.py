"""`answer_from`: search, answer with markers, hold every sentence against the documents. Knows the order alone.

Copy it where it does not fit: every line is a public name. Its prompt is `prompts/answer_from.md` once the project
has such a file, and `shipped/answer_from.md` until then.
"""

from collections.abc import Sequence
from importlib.resources import files

from coachwork.errors import ProjectError
from coachwork.knowledge import KnowledgeBase
from coachwork.messages import Answer, Passage
from coachwork.prompts.prompt import Prompt

NOT_THERE = "The documents do not answer this."
_NEAR_MISSES = 3


async def answer_from(
    knowledge: KnowledgeBase,
    question: str,
    *,
    top_k: int = 6,
    passages: Sequence[Passage] | None = None,
    check: str | None = None,
) -> Answer:
    """Answer `question` from a knowledge base, each sentence with the place that proves it.

    `passages` are used instead of a search of `top_k`. Where no passage is found no model is asked, and where no
    sentence is proved `found` is False and the nearest passages stand beside it. `check` is a route whose
    model also looks at what the words alone don't prove: None for the one in the settings, "" for none. Raises what
    `search` and the prompt raise, and ProjectError where the project does not import `answer_from`.
    """
    write = knowledge.writer
    if write is None:
        raise ProjectError(
            f"nobody writes answers from {knowledge.name!r}: the project was loaded without `answer_from`",
            hint="Import it at the top of app.py: from coachwork import answer_from",
        )
    if passages is None:
        passages = await knowledge.search(question, top_k=top_k)
    text = await write(question, list(passages)) if passages else NOT_THERE
    checked = await knowledge.verify_by_model(text, passages, check)
    found = any(sentence.supported and sentence.markers for sentence in checked.sentences)
    return Answer(
        text=checked.text,
        citations=checked.citations,
        sentences=checked.sentences,
        check_failed=checked.check_failed,
        found=found,
        near_misses=[] if found else list(passages[:_NEAR_MISSES]),
    )


def writer() -> Prompt[[str, list[Passage]], str]:
    """The prompt of `answer_from`, for one project to bind."""

    async def answer_from(question: str, passages: list[Passage]) -> str: ...  # type: ignore[empty-body]

    shipped = files("coachwork.pipelines").joinpath("shipped/answer_from.md").read_text("utf-8")
    return Prompt(answer_from, shipped=shipped)
