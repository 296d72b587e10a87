"""A knowledge base as an application uses it: search, verify, ingest. Knows who does what; does none of it itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import TypeAdapter

from coachwork.errors import Conflict, InputError, NotFound, ProjectError
from coachwork.knowledge.access import fingerprint, may_read, readers_asking
from coachwork.knowledge.bill import Billed
from coachwork.knowledge.catalog import Catalog, no_such_document
from coachwork.knowledge.chosen import Choice
from coachwork.knowledge.cite import check, judge_of, judgements, told
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import (
    DocumentInfo,
    DocumentText,
    IngestProgress,
    IngestReport,
    IngestState,
    KnowledgeStatus,
    PagePicture,
)
from coachwork.knowledge.explanation import Explanation, explained
from coachwork.knowledge.filters import Filter, Range, Where, conditions_of
from coachwork.knowledge.index import WHOLE, PassageIndex, PassageStore, Stretch, open_store, table_name, table_prefix
from coachwork.knowledge.ingest_queue import IngestQueue
from coachwork.knowledge.query import (
    QUESTION_CHARACTERS,
    Outcome,
    Place,
    Query,
    SearchModels,
    require,
    searched,
)
from coachwork.knowledge.search import Found, as_passage
from coachwork.knowledge.weights import Weight, WeightTable
from coachwork.messages import Checked, Passage, Scores, StepRecord
from coachwork.store.locks import Locks
from coachwork.tracing.scope import current_scope, recorded

if TYPE_CHECKING:
    from coachwork.knowledge.ingest_worker import Ingest, Model
    from coachwork.knowledge.moving import Moved
    from coachwork.knowledge.planning import IngestPlan
    from coachwork.knowledge.readiness import Readiness
    from coachwork.knowledge.sources.gathered import Sources
    from coachwork.knowledge.sources.iterable import Given
    from coachwork.store.database import Database

_PASSAGES: TypeAdapter[list[Passage]] = TypeAdapter(list[Passage])
CHECKING = "Checking the answer against its sources"  # the label of the step
Writer: TypeAlias = Callable[[str, list[Passage]], Awaitable[str]]


@dataclass(frozen=True)
class _Bound:
    config: KnowledgeConfig
    project: Path
    index: str
    database: "Database"
    models: SearchModels
    groups: Mapping[str, Sequence[str]]


class KnowledgeBase:
    """Documents that can be searched and cited. Declare it in `app.py`; the project binds it to its settings.

    handbook = KnowledgeBase("handbook")
    passages = await handbook.search("How long do refunds take?", top_k=6)

    Documents lie in its folder and in the places of its settings' `sources`, and come from `source`: a function, plain
    or async, that yields pairs of a name and a text or bytes; a dict of them; or any `sources.Source`.
    """

    def __init__(self, name: str, source: "Given | None" = None) -> None:
        from coachwork.knowledge.sources.iterable import source_of

        self.name = name
        self._source = None if source is None else source_of(source)
        self.writer: Writer | None = None  # writes answers for `answer_from`: set where the project uses it
        self._bound: _Bound | None = None
        self._store: PassageStore | None = None

    def __repr__(self) -> str:
        return f"KnowledgeBase({self.name!r})"

    def bind(
        self,
        config: KnowledgeConfig,
        *,
        project: Path,
        index: str,
        database: "Database",
        models: SearchModels,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Give it its place. `index` is a folder, an object-storage URI or postgresql://…; `models` makes the
        embeddings; `groups` are the users of each group."""
        self._bound = _Bound(config, project.resolve(), index, database, models, groups or {})
        self._store = None

    @cached_property
    def readiness(self) -> "Readiness":
        """Whether a search finds all documents yet."""
        from coachwork.knowledge.readiness import Readiness

        return Readiness()

    @property
    def folder(self) -> Path:
        """Where the documents lie."""
        bound = self._need()
        return bound.project / bound.config.folder

    @property
    def title(self) -> str:
        return self._need().config.title or self.name.replace("_", " ")

    @property
    def check_route(self) -> str:
        """The route whose model checks answers unless a call says another, "" for none."""
        return self._need().config.check

    async def search(
        self,
        query: str,
        *,
        top_k: int = 6,
        where: Where | None = None,
        neighbours: int = 0,
        diversity: float = 0.0,
        max_tokens: int | None = None,
        rerank: str | None = None,
        rewrite: str | None = None,
    ) -> list[Passage]:
        """The `top_k` passages nearest to `query`, by meaning and by words, best first; one recorded step.

        Only what the one who asks may read is looked at (`access` in the settings). `where` filters by metadata:
        `{"product": ["a", "b"], "year": Range(least=2024)}`. Around each passage come `neighbours` on each side;
        `diversity` from 0 to 1 takes unlike passages before better ones; all together have at most `max_tokens`
        estimated tokens. `rerank` is a route of a reranker, or of a chat model, which grades; `rewrite` is one of a
        chat model. None for the settings' own, "" for none.

        While an ingest reads them for the first time, or with another model or access rules, it waits for its end.
        Raises ProjectError where there was none, InputError for what does not fit.
        """
        bound = self._need()
        choice = Choice(top_k, neighbours, diversity, max_tokens)
        asked = self._query(bound, query, where, choice, rerank, rewrite)
        record = StepRecord(
            "search",
            self.name,
            label=f"Searching the {self.title}",
            input={"query": query, "top_k": top_k} | _told(asked, where),
        )

        async def find() -> list[Passage]:
            models = Billed(bound.models)
            try:
                found = await self._find(bound, asked, models)
            finally:
                record.cost_nano, record.attempts = models.nano, models.attempts
            if found is None:
                return []
            passages = [as_passage(self.name, each) for each in found.chosen.passages]
            record.detail, record.tainted = found_in_words(passages), bool(passages)
            return passages

        return await recorded(record, _PASSAGES, find)

    async def explain(
        self,
        question: str,
        *,
        top_k: int = 6,
        where: Where | None = None,
        neighbours: int = 0,
        diversity: float = 0.0,
        max_tokens: int | None = None,
        rerank: str | None = None,
        rewrite: str | None = None,
    ) -> Explanation:
        """The same search with everything it looked at: ranks and scores of each stage, and why a passage came or not.

        Hidden passages are told too, to those who may read their documents. Not recorded: it is for trying.
        """
        bound = self._need()
        choice = Choice(top_k, neighbours, diversity, max_tokens)
        asked = self._query(bound, question, where, choice, rerank, rewrite)
        shown = replace(asked, filter=replace(asked.filter, hidden=True))
        found = await self._find(bound, shown, bound.models)
        if found is None:
            return Explanation(question=question, wordings=[], candidates=[], seconds={})
        return explained(self.name, found)

    async def weigh(
        self, document: str, digest: str, *, hidden: bool | None = None, boost: float | None = None
    ) -> Weight:
        """Hide a passage from every search or show it again, multiply its score by `boost`, and give what holds now.

        `digest` is the passage's own. What is None stays as it is. Outlives every ingest for as long as the
        passage's words and titles stay the same. Raises NotFound, and InputError for a boost not from 0.1 to 10.
        """
        bound = self._need()
        if boost is not None and not 0.1 <= boost <= 10:
            raise InputError(f"boost={boost!r} does not fit", hint="From 0.1 to 10; 1 changes nothing.")
        if all(passage.digest != digest for passage, _ in await self.passages(document)):
            raise NotFound(
                f"document {document!r} has no passage {digest!r}", hint="It may have changed: read it anew."
            )
        weight = await WeightTable(bound.database, self.name).change(document, digest, hidden, boost)
        await (await self._index(bound)).weigh(document, digest, weight.hidden, weight.boost)
        return weight

    async def passages(self, document: str) -> list[tuple[Passage, Weight]]:
        """The passages of a document in order, hidden ones too, with what they weigh. Raises NotFound."""
        bound = self._need()
        await self._readable(bound, document)
        index = await self._index(bound)
        hits = await index.passages([Stretch(document, 0, WHOLE)], Filter(self._asking(bound), hidden=True))
        if not hits:
            await Catalog(bound.database, self.name).text(document)  # tells a document without text from none
        return [
            (as_passage(self.name, Found(hit, Scores(boost=hit.boost))), Weight(hit.hidden, hit.boost)) for hit in hits
        ]

    def _query(
        self, bound: _Bound, text: str, where: Where | None, choice: Choice, rerank: str | None, rewrite: str | None
    ) -> Query:
        filter = Filter(self._asking(bound), conditions_of(where or {}))
        question = text.strip()[:QUESTION_CHARACTERS]
        rerank = bound.config.rerank if rerank is None else rerank
        rewrite = bound.config.rewrite if rewrite is None else rewrite
        asked = Query(question, filter, choice, rerank, rewrite)
        require(asked)
        return asked

    async def _find(self, bound: _Bound, asked: Query, models: SearchModels) -> Outcome | None:
        """What is found, None for an empty question."""
        if not asked.question:
            return None
        await self.readiness.wait(self._queue(bound), self.title)
        await self._require_rules(bound)
        made = await models.embed(bound.config.embed, [asked.question], purpose="query")
        index = await self._index_of(bound, made.model, made.dimensions)
        place = Place(index, bound.config.embed, bound.config.language, made.counts)
        return await searched(asked, place, next(iter(made.vectors)), models)

    async def _index(self, bound: _Bound) -> PassageIndex:
        """The index that searches use, for who has no question."""
        return (await self._named_index(bound))[1]

    async def _named_index(self, bound: _Bound) -> tuple[str, PassageIndex]:
        store = self._passages(bound)
        names = [name for name in await store.tables() if name.startswith(table_prefix(self.name))]
        if len(names) == 1 and (index := await store.open(names[0], bound.config.language)) is not None:
            return names[0], index
        probe = await bound.models.embed(bound.config.embed, ["model"], purpose="query")
        name = table_name(self.name, probe.model, probe.dimensions)
        return name, await self._index_of(bound, probe.model, probe.dimensions)

    async def _index_of(self, bound: _Bound, model: str, dimensions: int) -> PassageIndex:
        store = self._passages(bound)
        index = await store.open(table_name(self.name, model, dimensions), bound.config.language)
        if index is None:
            names = await store.tables()
            other = any(name.startswith(table_prefix(self.name)) for name in names)
            why = f"was indexed with another embedding model than {model!r}, or before an upgrade" if other else ""
            raise ProjectError(
                f"knowledge base {self.name!r} {why or 'is not indexed yet'}", hint=f"Run: coachwork ingest {self.name}"
            )
        return index

    def _asking(self, bound: _Bound) -> frozenset[str] | None:
        return readers_asking(current_scope(), bound.groups)

    async def _require_rules(self, bound: _Bound) -> None:
        """Refuse to answer a named user from an index that was let in by other access rules than hold now."""
        if self._asking(bound) is None or not bound.config.access:
            return
        if await WeightTable(bound.database, self.name).rules() != fingerprint(bound.config.access):
            raise ProjectError(
                f"the access rules of knowledge base {self.name!r} are not those it was indexed by",
                hint=f"Run: coachwork ingest {self.name} (no passage is embedded again), and restart older processes.",
            )

    async def _readable(self, bound: _Bound, document: str) -> None:
        """Raise NotFound for a document that is not there, and in the same words for one that may not be read."""
        asking = self._asking(bound)
        if asking is None:
            return
        await self._require_rules(bound)
        if not may_read(await Catalog(bound.database, self.name).readers(document), asking):
            raise no_such_document(self.name, document)

    def verify(self, text: str, passages: Sequence[Passage]) -> Checked:
        """Hold an answer against the passages it was written from; `[n]` in it means the n-th of them, from 1.

        Pure and quick, no model is asked. How it decides: `cite.py`.
        """
        return check(text, passages)

    async def verify_by_model(self, text: str, passages: Sequence[Passage], route: str | None = None) -> Checked:
        """As `verify`; then a chat model of `route` looks at the sentences that are neither proved nor contradicted.

        One call for all of them, one recorded step; the model has to show the words (`opinion.py` says when it is
        believed). Where it fails `check_failed` says why, and the verdicts are those of `verify`. None for the route
        of the settings' `check`, "" for none. Raises UnknownModel for a route that there is not.
        """
        from coachwork.knowledge.opinion import reviewed

        route = self.check_route if route is None else route
        if not route:
            return check(text, passages)
        record = StepRecord("verify", self.name, label=CHECKING, input={"text": text}, route=route)
        judge = judge_of(passages)
        judged = judgements(text, judge)
        judged, failed = await reviewed(self._need().models, route, text, judge, judged, record)
        return told(text, passages, judged).model_copy(update={"check_failed": failed})

    async def ingest(self, progress: Callable[[IngestProgress], None] | None = None) -> IngestReport:
        """Index what is new or changed in the folder, forget what is gone; documents that can't be read are reported.

        Safe to kill and to run from several processes: they share the work, and all give the report of the whole.
        """
        return await (await self._job(progress or _nobody)).run()

    async def ingestion(self) -> IngestState:
        """How far the last ingest is, whatever process works on it."""
        return await self._queue(self._need()).state()

    async def plan(self, progress: Callable[[IngestProgress], None] | None = None) -> "IngestPlan":
        """What an ingest would do now, and what its embedding would cost at most. Nothing is indexed."""
        from coachwork.knowledge.planning import Planning

        bound = self._need()
        model = await self._asked(bound, bound.config.embed)
        name = table_name(self.name, model.name, model.dimensions)
        planning = Planning(
            folder=self.folder,
            config=bound.config,
            catalog=Catalog(bound.database, self.name),
            sources=self._sources(bound),
            model=model.name,
            index=await self._passages(bound).open(name, bound.config.language),
            cost=bound.models.cost_of_embedding,
            tell=progress or _nobody,
        )
        return await planning.run()

    async def add(
        self, name: str, data: bytes, progress: Callable[[IngestProgress], None] | None = None
    ) -> DocumentInfo:
        """Put a document into the folder under `name`, in place of one of that name, and index it.

        It is in the folder, and found, when this returns. A running ingest is waited for only where it is at this very
        document. Raises InputError for a name or size that can't be taken, DocumentUnreadable for what can't be read:
        then nothing has changed.
        """
        from coachwork.knowledge.document import SourceFile
        from coachwork.knowledge.ingest import limits_of
        from coachwork.knowledge.uploads import clean, place_of, staged

        place = place_of(self.folder, name)
        job = await self._job(progress or _nobody)
        await asyncio.to_thread(clean, self.folder)
        path = await asyncio.to_thread(staged, self.folder, place, data, limits_of(job.config).max_bytes)
        try:
            await job.add(SourceFile(name, path, len(data)), place)
        finally:
            path.unlink(missing_ok=True)
        return next(found for found in await job.catalog.listed() if found.id == name)

    async def remove(self, name: str) -> None:
        """Take a document out of the folder and, at once, out of every answer. Raises NotFound.

        A running ingest is not waited for: should it be at this very document, it follows the delete at its end.
        """
        from coachwork.knowledge.uploads import file_of

        path = file_of(self.folder, name)
        bound = self._need()
        job = await self._job(_nobody)
        path.unlink(missing_ok=True)
        gone = await job.remove(name)
        if job.beside is not None:
            index = await self._passages(bound).open(job.table(job.beside), bound.config.language)
            if index is not None:
                await index.remove(gone)

    async def _asked(self, bound: _Bound, route: str) -> "Model":
        """Which model answers on a route, and its dimensions: asked and not assumed, as the tables depend on it."""
        from coachwork.knowledge.ingest_worker import Model

        probe = await bound.models.embed(route, ["model"], purpose="passage")
        return Model(probe.model, probe.dimensions)

    async def _job(self, tell: Callable[[IngestProgress], None]) -> "Ingest":
        from coachwork.knowledge.ingest_worker import Ingest

        bound = self._need()
        next_embed = bound.config.next_embed
        return Ingest(
            knowledge=self.name,
            folder=self.folder,
            config=bound.config,
            catalog=Catalog(bound.database, self.name),
            queue=self._queue(bound),
            locks=Locks(bound.database),
            store=self._passages(bound),
            embedder=bound.models,
            model=await self._asked(bound, bound.config.embed),
            beside=await self._asked(bound, next_embed) if next_embed else None,
            tell=tell,
            weights=WeightTable(bound.database, self.name),
            sources=self._sources(bound),
        )

    def _queue(self, bound: _Bound) -> IngestQueue:
        return IngestQueue(bound.database, Locks(bound.database), self.name)

    async def status(self) -> KnowledgeStatus:
        """Counts, from the last ingest: of what the one who asks may read."""
        bound = self._need()
        if self._asking(bound) is None:
            return await Catalog(bound.database, self.name).status()
        listed = await self.documents()
        indexed = [found for found in listed if found.status == "indexed"]
        updated = max((found.updated_at for found in listed), default=None)
        passages = sum(found.passages for found in indexed)
        return KnowledgeStatus(len(indexed), passages, len(listed) - len(indexed), updated)

    async def documents(self) -> list[DocumentInfo]:
        """Every document by id that the one who asks may read; those that failed, with their reason, to who may read
        all."""
        bound = self._need()
        asking = self._asking(bound)
        await self._require_rules(bound)
        return [found for found in await Catalog(bound.database, self.name).listed() if may_read(found.readers, asking)]

    async def document(self, id: str) -> DocumentText:
        """The stored text of a document, into which passages and citations point. Raises NotFound."""
        bound = self._need()
        await self._readable(bound, id)
        return await Catalog(bound.database, self.name).text(id)

    async def page(self, id: str, number: int, start: int = 0, end: int = 0) -> PagePicture:
        """Page `number` of a PDF as it is printed, with the places of the words at `start`..`end` of its stored text.

        It may be attached to a mail. The file is read apart from this process, in the limits of an ingest.
        Raises NotFound, DocumentUnreadable.
        """
        from coachwork.knowledge.ingest import limits_of
        from coachwork.knowledge.reader import DocumentReader

        document, path = await self.document(id), await self.file(id)
        place = next((page for page in document.pages if page.page == number), None)
        if place is None:
            raise NotFound(f"document {id!r} has no page {number}")
        here = (max(start, place.start) - place.start, min(end, place.end) - place.start)
        text = document.text[place.start : place.end]
        async with DocumentReader(limits_of(self._need().config), size=0, overlap=0) as reader:
            shown = await reader.page(id, path, number, text, [here] if here[0] < here[1] else [])
        return PagePicture(number, len(document.pages), **shown)

    async def file(self, id: str) -> Path:
        """The original file of a document, never outside of the folder. Raises NotFound."""
        bound = self._need()
        await self._readable(bound, id)
        return self._sources(bound).file(self.folder, id)

    async def attached(self, id: str) -> bytes | None:
        """The bytes of a document that is attached to a mail, None for one that is a file of its own.

        The mail is read apart from this process, in the limits of an ingest. Raises NotFound, DocumentUnreadable.
        """
        from coachwork.knowledge.ingest import limits_of
        from coachwork.knowledge.reader import DocumentReader

        path = await self.file(id)
        if path.name == id.rpartition("/")[2]:
            return None
        async with DocumentReader(limits_of(self._need().config), size=0, overlap=0) as reader:
            return await reader.original(id, path)

    async def purge(self) -> None:
        """Take off the disk, now, what was deleted; an ingest takes out of the index what is an hour old by then.

        Waits for a moment in which nobody writes; searches that go on at this moment may fail and be asked again.
        Raises Conflict where somebody reads the database for so long that its log could not be emptied: call it again.
        """
        from coachwork.knowledge.ingest_worker import writing_lock

        bound = self._need()
        async with Locks(bound.database).exclusive(writing_lock(self.name)):
            await (await self._index(bound)).purge()
            if not await bound.database.scrub():
                raise Conflict(
                    "the database is being read, so deleted text is still in its log", hint="Try it again in a moment."
                )

    async def move(self, to: str, tell: Callable[[int], None]) -> "Moved":
        """Copy the index to another place, vectors and all; the old one is left. `tell` hears of passages copied.

        A running ingest pauses. Searches go on here until `index` of the settings says otherwise.
        """
        from coachwork.knowledge.ingest_worker import writing_lock
        from coachwork.knowledge.moving import copied

        bound = self._need()
        target = open_store(to)
        try:
            async with Locks(bound.database).exclusive(writing_lock(self.name)):
                name, index = await self._named_index(bound)
                return await copied(index, target, name, bound.config.language, tell)
        finally:
            await target.close()

    async def close(self) -> None:
        """Give back what the index holds open: its connections."""
        if self._store is not None:
            await self._store.close()

    def _passages(self, bound: _Bound) -> PassageStore:
        if self._store is None:
            self._store = open_store(bound.index)
        return self._store

    def _sources(self, bound: _Bound) -> "Sources":
        from coachwork.knowledge.sources.gathered import Sources

        copies = bound.project / ".coachwork" / "sources" / self.name
        return Sources(self.name, bound.config.sources, self._source, bound.project, copies, Locks(bound.database))

    def _need(self) -> _Bound:
        if self._bound is None:
            raise ProjectError(
                f"knowledge base {self.name!r} is used outside of a project",
                hint="Load the project first: coachwork run PIPELINE, or load_project(folder) in Python.",
            )
        return self._bound


def _told(asked: Query, where: Where | None) -> dict[str, Any]:
    """What of a query is more than its words, for the record: options that were used. Never who asked."""
    choice = asked.choice
    options = {
        "where": {name: wanted.model_dump() if isinstance(wanted, Range) else wanted for name, wanted in where.items()}
        if where
        else None,
        "neighbours": choice.neighbours,
        "diversity": choice.diversity,
        "max_tokens": choice.max_tokens,
        "rerank": asked.rerank,
        "rewrite": asked.rewrite,
    }
    return {name: value for name, value in options.items() if value}


def found_in_words(passages: Sequence[Passage]) -> str:
    """`6 passages from 3 documents`, as the page shows it."""
    if not passages:
        return "nothing found"
    documents = len({passage.document for passage in passages})
    return (
        f"{len(passages)} passage{'s' if len(passages) > 1 else ''}"
        f" from {documents} document{'s' if documents > 1 else ''}"
    )


def _nobody(_progress: IngestProgress) -> None:
    """Nobody watches."""
