"""What an agent does with a question: turns, calls, limits and people. Knows the order; `drive.py` goes through it.

Tool calls of one turn run side by side. Whatever decides about them, a person included, is done one after the other
in the order in which the model asked, so that a run that is replayed finds every step at its number.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import BaseModel, RootModel, TypeAdapter, ValidationError

from coachwork.agents.limits import Account, Limits, below, shared_accounts
from coachwork.agents.memory import Talk
from coachwork.agents.outcome import Outcome, Spent, Status, ToolUse
from coachwork.agents.tool import Tool
from coachwork.agents.turn import Asks, Conversation, Summing, Turn, shown_calls
from coachwork.errors import (
    BudgetExceeded,
    CoachworkError,
    InDoubt,
    ModelError,
    OutputRefused,
    OutputTruncated,
    RouteExhausted,
    UnknownPrice,
    did_you_mean,
)
from coachwork.messages import Frozen, JsonValue, Message, Passage, StepRecord, ToolCallPart, ToolResultPart
from coachwork.prompts.ask import refused_with
from coachwork.prompts.tool_arguments import read_arguments
from coachwork.tracing.care import cared_for
from coachwork.tracing.log import without_secrets
from coachwork.tracing.scope import current_scope, recorded
from coachwork.tracing.taint import holds_foreign, inherited, taint_the_run, tainted_here

log = structlog.get_logger(__name__)
_OUT_OF_MONEY = {BudgetExceeded.code, UnknownPrice.code}
_OF_BUDGET = ("scope", "name", "per", "limit_nano", "left_nano", "needed_nano", "resets_at")
_LEAST_TOKENS = 16  # a turn with less left than this for its answer is not begun
_REFUSAL = ("step", "limit")  # how it is recorded that an account which others share refused


class Stop(Exception):
    """The agent ends here, without its answer."""

    def __init__(self, status: Status, why: str, budget: JsonValue = None) -> None:
        super().__init__(why)
        self.status: Status = status
        self.why = why
        self.budget = budget


class Given(Frozen):
    """What a tool gave, as it is kept: the text for the model, how long it took, and what agents in it spent."""

    text: str
    passages: list[Passage] = []
    failed: bool = False
    seconds: float = 0.0
    inside: Spent = Spent()
    doubt: bool = False  # a crash cut it, and nobody knows whether it was done
    told: bool = False  # it failed, and `text` is in words that strangers may have chosen


@dataclass(frozen=True)
class Admitted:
    """A call that may be made."""

    tool: Tool
    arguments: BaseModel


@dataclass(frozen=True)
class _Kept:
    """What became of a call; `foreign` where strangers may have written what it gave."""

    arguments: Any
    given: Given
    foreign: bool
    admitted: Admitted | None = None


class Work:
    """One run of an agent."""

    def __init__(
        self,
        conversation: Conversation,
        tools: Sequence[Tool],
        limits: Limits,
        name: str,
        *,
        expires: str | None = None,
        untrusted: bool = False,
        talk: Talk | None = None,
    ) -> None:
        self.conversation = conversation
        user = current_scope().user
        self.tools = {each.name: each for each in tools if each.marks.users is None or user in each.marks.users}
        self.own = Account(limits, f"the agent {name!r}")
        self.accounts = (self.own, *shared_accounts())
        self.name = name
        self.expires = expires
        self.talk = talk
        self.value: Any = None
        self.text = ""
        self.uses: list[ToolUse] = []
        self.passages: list[Passage] = []
        self.tainted = untrusted or tainted_here() or holds_foreign(conversation.arguments)
        self._calls: list[Asks] = []
        self._entered: list[asyncio.Event] = []
        self._left: list[asyncio.Event] = []
        self._kept: dict[str, _Kept] = {}  # by the call's id
        self._same: Counter[str] = Counter()
        self._stopped: Stop | None = None

    def outcome(self, status: Status = "done", why: str = "", budget: JsonValue = None) -> Outcome[Any]:
        self._settle()
        if self.tainted:
            taint_the_run()
        return Outcome[Any](
            status=status,
            value=self.value if status == "done" else None,
            why=why,
            text=self.text,
            uses=self.uses,
            passages=self.passages,
            tainted=self.tainted,
            spent=self.own.spent,
            budget=budget,
        )

    # ── What was said before ───────────────────────────────────────────────────────────────────

    async def begin(self) -> None:
        """Remember what was said before, summed up where it is too long. Raises Stop."""
        if self.talk is None:
            return
        past = await self.talk.recall()
        self.tainted = self.tainted or past.tainted
        if older := self.talk.too_much(past):
            lines = [f"{one.role}: {_beginning(one.content, 4 * self.talk.memory.tokens)}" for one in older]
            turn = await self._asked(Summing(self.conversation, past.summary, lines), counts=True)
            cut = " [cut]" if turn.finish_reason == "length" else ""
            past = await self.talk.sum_up(past, older, turn.text.strip() + cut)
        self.conversation.follows(past.messages)

    async def end(self) -> None:
        """Keep the question and its answer, for the next time."""
        if self.talk is not None:
            question = await self.conversation.question()
            await self.talk.keep(question, self.text, tainted=self.tainted)

    # ── Turns ──────────────────────────────────────────────────────────────────────────────────

    async def turn(self) -> list[Asks]:
        """Ask until the model wants tools or has an answer that is right; none wanted means `value` is there."""
        while (calls := await self._one_turn()) is None:
            pass
        return calls

    async def _one_turn(self) -> list[Asks] | None:
        """None where a tool was asked for that is not there: the model is told, and asked again."""
        await self._resolve_doubts()
        self._hand_over()
        settings = self.conversation.prompt.file.settings
        for again in range(settings.reask + 1):
            turn = _of_one_id_each(await self._asked(self.conversation, counts=not again))
            self.text = turn.text or self.text
            if turn.calls:
                self.conversation.add(turn.message, shown=None)
                self._begin(turn.calls)
                if all(each.name in self.tools for each in turn.calls):
                    return turn.calls
                self._unknown(turn.calls)
                return None
            try:
                self.value = self.conversation.read(turn)
            except OutputTruncated as refusal:
                raise Stop("refused", refusal.message) from refusal
            except OutputRefused as refusal:
                if refusal.code == "model-refused" or again == settings.reask:
                    raise Stop("refused", refusal.message) from refusal
                turns = refused_with(turn.text, refusal, structured=self.conversation.prompt.shape is not None)
                self.conversation.add(*turns, shown={"refused": list(refusal.reasons)})
                continue
            return []
        raise AssertionError("the last try returns or raises")

    def _unknown(self, calls: Sequence[Asks]) -> None:
        """A turn that asked for a tool which is not there is answered whole. Raises Stop where it does so for ever."""
        for each in calls:
            told = "Not called, since another call of this turn names no tool."
            if each.name not in self.tools:
                told = f"There is no tool {each.name!r}. {did_you_mean(each.name, list(self.tools))}"
            self._refuse(each, Given(text=told, failed=True))
        for each in calls:
            if each.name not in self.tools:
                self._counted(each.name, _plain(each.arguments))

    async def _asked(self, asks: Conversation | Summing, *, counts: bool) -> Turn:
        from coachwork.models.purses import paying

        await self._others_counted()
        locked = [each for each in self.accounts if each.limits.usd is not None or each.limits.tokens is not None]
        for account in locked:  # two agents under one limit ask one after the other: what is left is known then
            await account.lock.acquire()
        try:
            change: dict[str, Any] = {"tools": [each.spec for each in self.tools.values()]}
            bounded = any(each.limits.tokens is not None for each in self.accounts)
            size = await asks.size(change) if bounded else 0
            await self._allowed(
                Account.against_another_turn, lambda account: account.against_spending() or _too_long(account, size)
            )
            for account in self.accounts:
                account.book(turns=int(counts))  # begun is counted: an agent beside this one must see it
            with paying(self.own.purse):
                return await self._within_bounds(asks, change, size)
        finally:
            for account in locked:
                account.lock.release()

    async def _allowed(self, *against: Callable[[Account], str]) -> None:
        """Raise Stop where an account refuses; each `against` gives why, "" where it does not.

        What the agent counts itself decides alike each time. What is measured, and what others share, hangs on who was
        faster and what a crash cut, which a replay is not bound to repeat: so it decides once. What is recorded ahead
        was allowed, and a refusal is recorded as a step.
        """
        for own in (Account.against_another_turn, Account.against_another_call):
            if own in against and (why := own(self.own)):
                raise Stop("limit", why)
        ahead, why = current_scope().recorded_ahead(), ""
        if ahead is None:
            why = next((says for each in self.accounts for one in against if (says := one(each))), "")
        if not why and ahead != _REFUSAL:
            return

        async def refuse() -> str:
            return why

        record = StepRecord(kind="step", name="limit", label=f"{self.name} stops at a limit that it shares")
        raise Stop("limit", await recorded(record, str, refuse))

    async def _others_counted(self) -> None:
        """After a restart, do nothing new before what others had done under the same limits is counted again."""
        scope = current_scope()
        counting = any(each.limits.turns or each.limits.tool_calls for each in self.accounts[1:])
        if counting and scope.recorded_ahead() is None:
            await scope.caught_up()

    async def _within_bounds(self, asks: Conversation | Summing, change: dict[str, Any], size: int) -> Turn:
        tokens = [left for each in self.accounts if (left := each.tokens_left()) is not None]
        if tokens:  # less than the least is left only to a turn that a crash cut: it was allowed before
            change["max_tokens"] = max(min(tokens) - size, _LEAST_TOKENS)
        try:
            return await asks.next(change)
        except ModelError as error:
            if _is_out_of_money(error):
                raise Stop("limit", error.message, _budget_of(error)) from error
            if whose := error.details.get("bound_by"):
                left = error.details["whole_seconds"]
                why = f"{whose} had {left:g} s left, and the model did not answer in that time"
                raise Stop("limit", why) from error
            raise

    # ── Tools ──────────────────────────────────────────────────────────────────────────────────

    def _begin(self, calls: Sequence[Asks]) -> None:
        self._calls = list(calls)
        self._entered = [asyncio.Event() for _ in calls]
        self._left = [asyncio.Event() for _ in calls]

    async def use(self, id_: str) -> str:
        """Do what the call with this id asks for, or refuse it; gives what the model is told. Raises Stop."""
        at = next(number for number, each in enumerate(self._calls) if each.id == id_)
        try:
            return await self._used(at, self._calls[at])
        except Stop as stop:  # those that were begun are not cut off: nobody would know whether they were done
            self._stopped = stop
            for other in self._left[:at]:
                await other.wait()
            raise
        finally:
            self._left[at].set()

    async def _used(self, at: int, asked: Asks) -> str:
        if at:
            await self._entered[at - 1].wait()
        if self._stopped is not None:  # by a call before this one: else it hangs on the moment whether this one begins
            self._entered[at].set()
            raise Stop(self._stopped.status, self._stopped.why, self._stopped.budget)
        working: asyncio.Task[Given] | None = None
        try:
            admitted = await self._admitted(asked)
            if isinstance(admitted, Given):
                return self._refuse(asked, admitted)
            if admitted.tool.alone:
                given = await self._called(admitted)  # it makes steps of its own, and the rest follows from them
            else:
                working = asyncio.create_task(self._recorded(admitted), name=f"tool {asked.name}")
        finally:
            self._entered[at].set()
        if working is not None:
            given = await working
        for account in self.accounts:
            account.book(seconds=given.seconds)
        return self._keep(asked, admitted, given)

    async def _admitted(self, asked: Asks) -> Admitted | Given:
        """The tool with arguments that are valid, allowed and, where it must be, agreed to by a person."""
        tool = self.tools[asked.name]
        try:
            call = ToolCallPart(asked.id, asked.name, asked.arguments)
            arguments = tool.arguments.validate_python(read_arguments(call, tool.shape).values)
        except OutputRefused as refusal:
            return self._unfit(asked, refusal.reasons)
        except ValidationError as error:
            told = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()]
            return self._unfit(asked, told)
        if looped := self._looped(tool, arguments):
            return looped
        await self._others_counted()
        await self._allowed(Account.against_another_call, Account.against_time)
        for account in self.accounts:
            account.book(tool_calls=1)
        if why := self._why_a_person(tool):
            return await self._agreed(tool, arguments, why)
        return Admitted(tool, arguments)

    def _unfit(self, asked: Asks, reasons: Sequence[str]) -> Given:
        self._counted(asked.name, _plain(asked.arguments))
        return Given(text=f"The arguments do not fit: {'; '.join(reasons)}", failed=True)

    def _looped(self, tool: Tool, arguments: BaseModel) -> Given | None:
        most = self.own.limits.same_call
        if self._counted(tool.name, _plain(arguments.model_dump_json())) <= most:
            return None
        told = f"You called {tool.name} with these arguments {most} times. Use what it gave, or do something else."
        return Given(text=told, failed=True)

    def _counted(self, name: str, arguments: str) -> int:
        """How often this was asked for by now, whether it could be called or not. Raises Stop where that is a loop."""
        key = f"{name} {arguments}"
        self._same[key] += 1
        if self._same[key] > self.own.limits.same_call + 1:
            raise Stop("loop", f"{self.name!r} called {name!r} with the same arguments {self._same[key]} times")
        return self._same[key]

    def _why_a_person(self, tool: Tool) -> str:
        marks = tool.marks
        if marks.approve == "always":
            return f"{tool.name} is never used without a person"
        if not marks.reads and marks.approve == "tainted" and self.tainted:
            return f"{tool.name} acts, and the assistant has read something from outside that may have asked it to"
        return ""

    async def _agreed(self, tool: Tool, arguments: BaseModel, why: str, again: str = "") -> Admitted | Given:
        answer = await current_scope().ask_person(
            f"May the assistant use {tool.name}{' ' if again else ''}{again}?",
            arguments,
            tool.arguments,
            context={"Why you are asked": why, "What the tool does": tool.spec.description},
            expires=self.expires,
        )
        if not answer.accepted:
            said = f": {answer.comment}" if answer.comment else ""
            return Given(text=f"A person did not allow this ({answer.status}){said}", failed=True)
        return Admitted(tool, tool.arguments.validate_python(answer.value))

    async def _recorded(self, admitted: Admitted) -> Given:
        """The call as one recorded step."""
        tool = admitted.tool
        shown = admitted.arguments.model_dump(mode="json")
        label = tool.spec.description.split("\n")[0].rstrip(".")[:120]
        repeatable = tool.marks.reads or tool.marks.repeats
        record = StepRecord(kind="tool", name=tool.name, label=label, input=shown, repeatable=repeatable)

        here = False

        async def work() -> Given:
            nonlocal here
            here = True
            return await self._called(admitted)

        try:
            given = await recorded(record, Given, work)
        except InDoubt as doubt:
            return Given(text=doubt.reader, failed=True, doubt=True)
        if not here:  # it was done before a crash: what agents in it spent was booked there
            self._book_again(given.inside)
        return given

    def _book_again(self, inside: Spent) -> None:
        for account in self.accounts:
            more = {} if account is self.own else {"turns": inside.turns, "tool_calls": inside.tool_calls}
            account.book(seconds=inside.seconds, **more)

    async def _called(self, admitted: Admitted) -> Given:
        tool = admitted.tool
        began = time.monotonic()
        passages: list[Passage] = []
        told = False
        with below(self.own) as inside:
            try:
                value = await self._in_bounds(tool, _by_name(admitted.arguments))
                passages = value if _are_passages(value) else []
                text, failed = "" if passages else _as_text(value), False
            except TimeoutError:
                text, failed = f"{tool.name} took too long and was stopped.", True
            except CoachworkError as error:
                text, failed, told = error.reader, True, True
            except Exception as error:  # the application's own code: logged whole, and the model told that it failed
                log.error("tool.failed", tool=tool.name, exc_info=error)
                text, failed = f"{tool.name} failed with {type(error).__name__}.", True
        longest = tool.marks.longest
        passages, left_out = _short_enough(passages, longest)
        text = without_secrets(sendable(left_out or text))  # before it is cut: half a secret is known to nobody
        if len(text) > longest:
            text = f"{text[:longest]}\n[cut: {longest} of {len(text)} characters]"
        of_its_own = max(0.0, time.monotonic() - began - inside.spent.seconds)
        seconds = 0.0 if tool.alone else round(of_its_own, 3)
        return Given(text=text, passages=passages, failed=failed, told=told, seconds=seconds, inside=inside.counted)

    async def _in_bounds(self, tool: Tool, arguments: Mapping[str, Any]) -> Any:
        """Call a tool no longer than it may take; of one that makes steps (and may wait for people) each step."""
        marks = tool.marks
        left = [left for each in self.accounts if (left := each.seconds_left()) is not None]
        most = min([marks.seconds, *left])
        acts = tool.alone and not (marks.reads or marks.repeats)
        with inherited(self.tainted), cared_for(careful=acts, seconds=most if tool.alone else None):
            async with asyncio.timeout(None if tool.alone else most):
                return await tool.call(**arguments)

    def _refuse(self, asked: Asks, given: Given) -> str:
        self._kept[asked.id] = _Kept(asked.arguments, given, foreign=False)
        return given.text

    def _keep(self, asked: Asks, admitted: Admitted, given: Given) -> str:
        shown = admitted.arguments.model_dump(mode="json")
        foreign = not admitted.tool.marks.trusted and (given.told or not given.failed)
        self._kept[asked.id] = _Kept(shown, given, foreign, admitted)
        return given.text

    async def _resolve_doubts(self) -> None:
        """Ask a person about calls that a crash cut: after the turn and in the order of its calls, for the replay."""
        for asked in self._calls:
            while (kept := self._kept.get(asked.id)) and kept.given.doubt and kept.admitted:
                why = "The work was interrupted while this was being done. It may have been done, or not."
                again = await self._agreed(kept.admitted.tool, kept.admitted.arguments, why, "again")
                if isinstance(again, Given):
                    text = f"It may have been done before an interruption. {again.text}"
                    self._refuse(asked, again.model_copy(update={"text": text}))
                else:
                    self._keep(asked, again, await self._recorded(again))

    def _hand_over(self) -> None:
        """What the tools of the last turn gave becomes the next message; from then on it is in the context."""
        if not self._calls:
            return
        told = self._settle()
        results = tuple(ToolResultPart(each.id, use.tool, use.result, failed=use.failed) for each, use in told)
        self.conversation.add(Message("user", results), shown=shown_calls([each for each, _use in told]))

    def _settle(self) -> list[tuple[Asks, ToolUse]]:
        """What became of the calls of this turn, in their order: passages get the numbers by which they are cited."""
        told = []
        for each in self._calls:
            if (kept := self._kept.get(each.id)) is None:
                continue  # stopped before it was done
            text = kept.given.text
            if kept.given.passages:
                first = len(self.passages) + 1
                self.passages += kept.given.passages
                numbered = enumerate(kept.given.passages, first)
                told_last = [text] if text else []
                text = "\n\n".join([*(f"[{n}] {_place(one)}\n{one.text}" for n, one in numbered), *told_last])
                text = without_secrets(text)
            use = ToolUse(tool=each.name, arguments=kept.arguments, result=text, failed=kept.given.failed)
            self.tainted = self.tainted or kept.foreign
            self.uses.append(use)
            told.append((each, use))
        self._calls, self._kept = [], {}
        return told


def _of_one_id_each(turn: Turn) -> Turn:
    """The turn with an id of its own for each call, by which what became of it is found: some models repeat one."""
    calls: dict[str, Asks] = {}
    for each in turn.calls:
        id_ = each.id
        while id_ in calls:
            id_ += "-again"
        calls[id_] = each if id_ == each.id else each.model_copy(update={"id": id_})
    return turn.model_copy(update={"calls": list(calls.values())})


def _plain(arguments: str) -> str:
    """Arguments without what makes no difference: the order of names, and blanks between them."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except ValueError:
        return " ".join(arguments.split())


def _too_long(account: Account, size: int) -> str:
    left = account.tokens_left()
    if left is None or left - size >= _LEAST_TOKENS:
        return ""
    return f"{account.whose} has {left} tokens left, and the next question takes them"


def _by_name(arguments: BaseModel) -> dict[str, Any]:
    """Arguments as they are called with; those that are known by a JSON schema alone are one dictionary."""
    if isinstance(arguments, RootModel):
        return dict(arguments.root)
    return {name: getattr(arguments, name) for name in type(arguments).model_fields}


def _beginning(text: str, longest: int) -> str:
    """A text that may be read by a model which is to sum up several such."""
    return text if len(text) <= longest else f"{text[:longest]} [cut: {longest} of {len(text)} characters]"


def _are_passages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Passage) for each in value)


def sendable(text: str) -> str:
    """Text without what no wire and no database takes: halves of characters and zero bytes (U+FFFD in their place)."""
    return text.replace("\x00", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _short_enough(passages: list[Passage], longest: int) -> tuple[list[Passage], str]:
    """The first passages that a result may have, the beginning of one at least, and what is told of the others."""
    size, kept = 0, list[Passage]()
    for each in passages:
        size += len(each.text)
        if kept and size > longest:
            break
        end = min(each.end, each.start + longest)
        kept.append(each if size <= longest else each.model_copy(update={"text": each.text[:longest], "end": end}))
    left_out = f"[cut: {len(kept)} of {len(passages)} passages]" if len(kept) < len(passages) else ""
    return kept, left_out


def _as_text(value: Any) -> str:
    """A result as the model reads it."""
    if value is None or value == []:
        return "Nothing."
    if isinstance(value, str):
        return value
    return json.dumps(TypeAdapter(Any).dump_python(value, mode="json"), ensure_ascii=False)


def _place(passage: Passage) -> str:
    return " › ".join([passage.title, *(part for part in passage.title_path if part != passage.title)])


def _budget_of(error: ModelError) -> JsonValue:
    """Which budget of the project refused; None where an agent or the call has a limit, or a price is unknown."""
    of_budget = error.code == BudgetExceeded.code and error.details.get("scope") not in (None, "agent", "call")
    return {name: error.details.get(name) for name in _OF_BUDGET} if of_budget else None


def _is_out_of_money(error: ModelError) -> bool:
    if isinstance(error, RouteExhausted):
        attempts = error.details.get("attempts", ())
        codes = {each.get("code") if isinstance(each, Mapping) else each.code for each in attempts}
        return bool(codes) and codes <= _OUT_OF_MONEY
    return error.code in _OUT_OF_MONEY
