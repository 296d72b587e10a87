"""How an agent ended, and what it did on the way. Frozen data without behaviour."""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from coachwork.messages import Frozen, JsonValue, Passage

R = TypeVar("R")
Status = Literal["done", "limit", "loop", "refused"]


class ToolUse(Frozen):
    """A tool that was called, or refused: `failed` with the reason in `result`, as the model was told it."""

    tool: str
    arguments: JsonValue
    result: str
    failed: bool = False


class Spent(Frozen):
    """What an agent used. `tokens` in and out, `seconds` of models and tools at work (not of people thinking).

    `cost_nano` is in 1e-9 US dollars, None once a call's price was unknown.
    """

    turns: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost_nano: int | None = 0
    seconds: float = 0.0


class Outcome(BaseModel, Generic[R]):
    """The end of an agent's work.

    `done` has the `value`. Otherwise `why` says what stopped it: a `limit`, a `loop` of the same call, or a model that
    `refused`; then `text` is what it wrote last, and `uses` what it had done by then. `passages` are what its searches
    found, in the order of the numbers by which the model was shown them: `knowledge.verify(text, outcome.passages)`.
    `tainted`: something from outside (a document, a mail, a page) was in its context. `budget` says which one (`scope`,
    `name`, `left_nano` …) stopped it, where it was a budget of the project and not a limit of its own.
    """

    model_config = ConfigDict(frozen=True)

    status: Status
    value: R | None = None
    why: str = ""
    text: str = ""
    uses: list[ToolUse] = []
    passages: list[Passage] = []
    tainted: bool = False
    spent: Spent = Spent()
    budget: JsonValue = None
