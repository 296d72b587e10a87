"""Answers questions from the documents in knowledge/handbook, with the places they come from."""

from pydantic import BaseModel, ConfigDict, Field

from coachwork import App, Citation, Conversation, Example, KnowledgeBase, Passage, Sentence, note, prompt

app = App("Template title", about="Answers questions from our handbook, and shows where the answer stands.")
handbook = KnowledgeBase("handbook")


class Question(BaseModel):
    """What the form asks for: each field becomes an input with its title and description."""

    model_config = ConfigDict(extra="forbid")
    question: str = Field(min_length=3, max_length=2000, description="Ask as you would ask a colleague.")


class Answer(BaseModel):
    """A text whose [1] markers are proved word for word in the documents."""

    text: str
    citations: list[Citation] = []
    sentences: list[Sentence] = []


@prompt  # its text, model and limits stand in prompts/answer.md
async def answer(question: str, passages: list[Passage]) -> str: ...


@app.pipeline(
    title="Ask the handbook",
    about="One question, one answer with its sources.",
    examples=[
        Example(title="Coming back late", input={"question": "What does it cost to come back an hour late?"}),
        Example(title="A puncture", input={"question": "I have a puncture on the road. What do I do?"}),
        Example(title="Not in the handbook", input={"question": "Is there parking at the station?"}),
    ],
    knowledge=["handbook"],
)
async def ask(question: Question) -> Answer:
    return await answer_from_handbook(question.question)


@app.pipeline(title="Chat", about="The same handbook, as a conversation.", knowledge=["handbook"])
async def chat(conversation: Conversation) -> Answer:
    return await answer_from_handbook(conversation.question)


async def answer_from_handbook(question: str) -> Answer:
    note("Searching the handbook")
    passages = await handbook.search(question, top_k=4)
    checked = handbook.verify(await answer(question, passages), passages)
    return Answer(text=checked.text, citations=checked.citations, sentences=checked.sentences)
