"""Answers questions from the documents in knowledge/handbook, with the places they come from."""

from pydantic import BaseModel, ConfigDict, Field

from coachwork import Answer, App, Conversation, Example, KnowledgeBase, answer_from

app = App("Template title", about="Answers questions from our handbook, and shows where the answer stands.")
handbook = KnowledgeBase("handbook")


class Question(BaseModel):
    """What the form asks for: each field becomes an input with its title and description."""

    model_config = ConfigDict(extra="forbid")
    question: str = Field(min_length=3, max_length=2000, description="Ask as you would ask a colleague.")


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
    # search, write, hold every sentence against the documents; its prompt is prompts/answer_from.md
    return await answer_from(handbook, question.question, top_k=4)


@app.pipeline(title="Chat", about="The same handbook, as a conversation.", knowledge=["handbook"])
async def chat(conversation: Conversation) -> Answer:
    return await answer_from(handbook, conversation.question, top_k=4)
