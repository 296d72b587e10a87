"""Every table. Times are integer milliseconds since 1970 UTC, money is integer 1e-9 US dollars, JSON is text."""

import sqlalchemy as sa

metadata = sa.MetaData()

Json = sa.JSON(none_as_null=True)
BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("pipeline", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("input", Json, nullable=False),
    sa.Column("output", Json),
    sa.Column("error", Json),
    sa.Column("user", sa.Text, nullable=False, server_default=""),
    sa.Column("idempotency_key", sa.Text, unique=True),
    sa.Column("created_at", BigInt, nullable=False),
    sa.Column("started_at", BigInt),
    sa.Column("finished_at", BigInt),
    sa.Column("cost_nano", BigInt, nullable=False, server_default="0"),
    sa.Column("forked_from", sa.Text),  # the run whose first steps it has
    sa.Column("forked_at", sa.Integer),  # its first own step
    sa.Column("changes", Json),  # of prompts and models, against the project as it is
    sa.Column("worker", sa.Text),  # who has it now
    sa.Column("claim", sa.Integer, nullable=False, server_default="0"),  # how often it was taken: the last one writes
    sa.Column("leg", sa.Integer, nullable=False, server_default="0"),  # how often it was put back into the line
    sa.Column("deaths", sa.Integer, nullable=False, server_default="0"),  # of workers that had it, and no step between
    sa.Column("deaths_at", sa.Integer, nullable=False, server_default="-1"),  # after so many ended steps
    sa.Column("alone_claim", sa.Integer, nullable=False, server_default="-1"),  # of a run with deaths that works alone
    sa.Column("alone_deaths", sa.Integer, nullable=False, server_default="0"),  # of workers that had nothing but it
    sa.Column("ready_at", BigInt),  # when it stands in line for a worker; none while one has it, or a person has to act
    sa.Column("deadline_at", BigInt),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),  # the higher is taken first
    sa.Column("key", sa.Text, nullable=False, server_default=""),  # the id of the API key that asked for it
    sa.Column("team", sa.Text, nullable=False, server_default=""),
    sa.Index("runs_by_time", "created_at", "id"),
    sa.Index("runs_in_line", "ready_at"),
    sa.Index("runs_by_worker", "worker"),
    sa.Index("runs_by_status", "status", "created_at"),
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("place", sa.Text, nullable=False, server_default=""),  # see tracing/branches.py
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False, server_default=""),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", BigInt, nullable=False),
    sa.Column("finished_at", BigInt),
    sa.Column("route", sa.Text, nullable=False, server_default=""),
    sa.Column("model", sa.Text, nullable=False, server_default=""),
    sa.Column("prompt_version", sa.Text, nullable=False, server_default=""),
    sa.Column("how", sa.Text, nullable=False, server_default=""),
    sa.Column("reasoning", sa.Text, nullable=False, server_default=""),
    sa.Column("cached", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("cost_nano", BigInt),
    sa.Column("input_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("output_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cached_tokens", sa.Integer, nullable=False, server_default="0"),  # of the input
    sa.Column("input", Json),
    sa.Column("output", Json),
    sa.Column("error", Json),
    sa.Column("attempts", Json),
    sa.Column("reused", sa.Boolean, nullable=False, server_default=sa.false()),  # of the run it was forked from
    sa.Column("within", Json),  # the branches, items, pipelines and agents around it; see tracing/places.py
    sa.Column("tainted", sa.Boolean, nullable=False, server_default=sa.false()),  # strangers' words; tracing/taint.py
    sa.Index("steps_by_name", "kind", "name", "started_at"),
)

received = sa.Table(  # answers of models to a step that has not ended yet
    "received",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("place", sa.Text, primary_key=True),
    sa.Column("question", sa.Text, primary_key=True),  # its fingerprint
    sa.Column("number", sa.Integer, primary_key=True),  # among the step's equal ones
    sa.Column("answer", Json, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("data", Json, nullable=False),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("value", Json),
    sa.Column("schema", Json),
    sa.Column("context", Json),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("decision", Json),
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
    sa.Column("decided_by", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", BigInt, nullable=False),
    sa.Column("expires_at", BigInt),
    sa.Column("decided_at", BigInt),
    sa.Column("deciders", Json),  # names and role:NAMEs; none for anybody
    sa.Column("fallback", Json),  # the value that holds if nobody decides in time
    sa.Column("reminders", Json),  # when, in order
    sa.Column("remind_at", BigInt),  # the next of them
    sa.Column("notify", sa.Boolean, nullable=False, server_default=sa.false()),  # the project's receiver is told
    sa.Index("approvals_by_run", "run_id"),
    sa.Index("approvals_by_status", "status", "created_at"),
    sa.Index("approvals_by_decision", "decided_at"),
    sa.Index("approvals_by_reminder", "remind_at"),
)

approval_trail = sa.Table(  # all that happened to an approval; only added to
    "approval_trail",
    metadata,
    sa.Column("approval_id", sa.Text, sa.ForeignKey("approvals.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", BigInt, nullable=False),
    sa.Column("what", sa.Text, nullable=False),  # opened, shown, reminded, misfit, refused, decided, link
    sa.Column("who", sa.Text, nullable=False, server_default=""),
    sa.Column("detail", Json),
    sa.Column("notify_at", BigInt),  # when the receiver is told, or tried again; none where there is nothing to tell
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Index("approval_trail_by_notice", "notify_at"),
)

batches = sa.Table(  # a table of inputs, a run for each row
    "batches",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("pipeline", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # of the file
    sa.Column("sha256", sa.Text, nullable=False),  # of the file
    sa.Column("user", sa.Text, nullable=False, server_default=""),
    sa.Column("idempotency_key", sa.Text, unique=True),
    sa.Column("status", sa.Text, nullable=False),  # running, paused, finished, cancelled
    sa.Column("reason", sa.Text, nullable=False, server_default=""),  # why it is paused
    sa.Column("at_once", sa.Integer, nullable=False),  # rows that work at the same time
    sa.Column("cap_nano", BigInt),  # the most that it may cost: a budget of scope `batch`
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("queued", sa.Integer, nullable=False),  # rows without a run
    sa.Column("refused", sa.Integer, nullable=False),
    sa.Column("succeeded", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cancelled", sa.Integer, nullable=False, server_default="0"),
    sa.Column("spent_nano", BigInt, nullable=False, server_default="0"),  # by rows that have ended, all tries
    sa.Column("highest_nano", BigInt, nullable=False, server_default="0"),  # of one row
    sa.Column("created_at", BigInt, nullable=False),
    sa.Column("finished_at", BigInt),
    sa.Column("fed_by", sa.Text, nullable=False, server_default=""),  # the one process that starts its rows
    sa.Column("fed_until", BigInt, nullable=False, server_default="0"),
    sa.Index("batches_by_end", "finished_at"),
)

batch_rows = sa.Table(
    "batch_rows",
    metadata,
    sa.Column("batch_id", sa.Text, sa.ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),  # queued, open (its run says more), or how its run ended, or refused
    sa.Column("title", sa.Text, nullable=False, server_default=""),
    sa.Column("given", Json),  # as it stands in the file, shortened
    sa.Column("input", Json),  # None where it was refused
    sa.Column("error", Json),  # why it was refused
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("run_id", sa.Text),  # of the last try
    sa.Column("cost_nano", BigInt, nullable=False, server_default="0"),  # of all tries that have ended
    sa.Index("batch_rows_by_status", "batch_id", "status", "row"),
)

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("cron", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("handled_at", BigInt, nullable=False),  # the last time that fell due and was looked after
    sa.Column("run_id", sa.Text),  # of the last time that began a run
    sa.Column("begun_at", BigInt),  # that time
)

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", BigInt, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # chat, embed, transcribe, moderate, rerank
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False, server_default=""),
    sa.Column("outcome", sa.Text, nullable=False),  # ok, cancelled, or the code of the error
    sa.Column("finish_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("input_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("output_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cached_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("thinking_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cache_write_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("input_audio_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("output_audio_tokens", sa.Integer, nullable=False, server_default="0"),
    sa.Column("audio_ms", sa.Integer, nullable=False, server_default="0"),
    sa.Column("images", sa.Integer, nullable=False, server_default="0"),
    sa.Column("searches", sa.Integer, nullable=False, server_default="0"),  # what a reranker is billed by
    sa.Column("estimated", sa.Boolean, nullable=False, server_default=sa.false()),  # the tokens are our count
    sa.Column("cached", sa.Boolean, nullable=False, server_default=sa.false()),  # answered before, nobody was asked
    sa.Column("cost_nano", BigInt),
    sa.Column("price_version", sa.Text, nullable=False, server_default=""),
    sa.Column("fallbacks", Json),  # what failed before: [{model, code, message}]
    sa.Column("first_token_ms", sa.Integer),
    sa.Column("total_ms", sa.Integer, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False, server_default=""),
    sa.Column("step", sa.Integer),  # seq of the run's step, None outside
    sa.Column("user", sa.Text, nullable=False, server_default=""),
    sa.Column("key", sa.Text, nullable=False, server_default=""),
    sa.Column("team", sa.Text, nullable=False, server_default=""),
    sa.Column("app", sa.Text, nullable=False, server_default=""),
    sa.Index("calls_by_time", "at"),
    sa.Index("calls_by_run", "run_id"),
)

budgets = sa.Table(
    "budgets",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),  # run, user, key, team, app, installation
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("per", sa.Text, primary_key=True),  # day, week, month, total
    sa.Column("starts_at", BigInt, primary_key=True),  # of the window, 0 for total
    sa.Column("spent_nano", BigInt, nullable=False, server_default="0"),
    sa.Column("held_nano", BigInt, nullable=False, server_default="0"),  # the sum of its leases
    sa.Column("warned_at", BigInt),
)

budget_leases = sa.Table(
    "budget_leases",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("per", sa.Text, primary_key=True),
    sa.Column("starts_at", BigInt, primary_key=True),
    sa.Column("holder", sa.Text, primary_key=True),  # one worker's part of a budget, to be spent without asking
    sa.Column("amount_nano", BigInt, nullable=False),
    sa.Column("expires_at", BigInt, nullable=False),
    sa.Index("budget_leases_by_expiry", "expires_at"),
)

rates = sa.Table(  # where processes share a model's limits; see models/buckets.py. Times in microseconds
    "rates",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("requests_full_us", BigInt, nullable=False, server_default="0"),
    sa.Column("tokens_full_us", BigInt, nullable=False, server_default="0"),
    sa.Column("requests_back_us", BigInt, nullable=False, server_default="0"),
    sa.Column("tokens_back_us", BigInt, nullable=False, server_default="0"),
    sa.Column("tickets", BigInt, nullable=False, server_default="0"),
)

places = sa.Table(  # who is at a model, or in line for a place there; nobody after `until`
    "places",
    metadata,
    sa.Column("holder", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("ticket", BigInt, nullable=False),
    sa.Column("until", BigInt, nullable=False),
    sa.Index("places_by_model", "model", "ticket"),
)

answers = sa.Table(  # answers that may be given again, and claims of those who are asking right now
    "answers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # of the whole question, its tenant and its route
    sa.Column("family", sa.Text, nullable=False),  # of everything but the words of the conversation
    sa.Column("claimed_by", sa.Text, nullable=False, server_default=""),  # "" where the answer is there
    sa.Column("answer", Json),
    sa.Column("vector", sa.LargeBinary),  # of the words, float32; for the semantic cache
    sa.Column("at", BigInt, nullable=False),
    sa.Column("until", BigInt, nullable=False),
    sa.Index("answers_by_family", "family", "at"),
    sa.Index("answers_by_until", "until"),
)

prompt_versions = sa.Table(
    "prompt_versions",
    metadata,
    sa.Column("prompt", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("files", Json, nullable=False),  # the texts it is made of, by path
    sa.Column("first_seen", BigInt, nullable=False),
)

prompt_labels = sa.Table(
    "prompt_labels",
    metadata,
    sa.Column("prompt", sa.Text, primary_key=True),
    sa.Column("label", sa.Text, primary_key=True),  # production, candidate …
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("set_at", BigInt, nullable=False),
)

prompt_trials = sa.Table(
    "prompt_trials",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("at", BigInt, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False),
    sa.Column("passed", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("cost_nano", BigInt),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("cases", Json, nullable=False),
    sa.Index("prompt_trials_by_prompt", "prompt", "at"),
)

spans = sa.Table(
    "spans",
    metadata,
    sa.Column("trace_id", sa.Text, primary_key=True),
    sa.Column("span_id", sa.Text, primary_key=True),
    sa.Column("parent_id", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("start_ns", BigInt, nullable=False),
    sa.Column("end_ns", BigInt, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attributes", Json, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False, server_default=""),
    sa.Index("spans_by_run", "run_id", "start_ns"),
)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("knowledge", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),  # path below the knowledge folder, with forward slashes
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("size", BigInt, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # indexed, failed
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("text", sa.Text, nullable=False, server_default=""),
    sa.Column("structure", Json),  # headings and pages with their offsets
    sa.Column("passages", sa.Integer, nullable=False, server_default="0"),
    sa.Column("updated_at", BigInt, nullable=False),
    sa.Column("readers", Json),  # groups, `*` for everybody; NULL and [] for nobody but who may read all
    sa.Column("metadata", Json),  # what a search can filter by
)

passage_weights = sa.Table(  # beside the index, so that they outlive every new ingest
    "passage_weights",
    metadata,
    sa.Column("knowledge", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),  # of the passage's words with the titles above them
    sa.Column("hidden", sa.Boolean, nullable=False),
    sa.Column("boost", sa.Float, nullable=False),
    sa.Column("updated_at", BigInt, nullable=False),
)

knowledge_access = sa.Table(
    "knowledge_access",
    metadata,
    sa.Column("knowledge", sa.Text, primary_key=True),
    sa.Column("rules", sa.Text, nullable=False),  # the fingerprint of those that the whole index was built by
)

ingests = sa.Table(  # the last ingestion of each knowledge base, by however many processes
    "ingests",
    metadata,
    sa.Column("knowledge", sa.Text, primary_key=True),
    sa.Column("generation", sa.Text, nullable=False, server_default=""),  # names this ingestion; "" before the first
    sa.Column("terms", sa.Text, nullable=False, server_default=""),  # the model and settings that all of them work by
    sa.Column("whole_terms", sa.Text, nullable=False, server_default=""),  # by which the last one that was done worked
    sa.Column("status", sa.Text, nullable=False),  # none, open, done, failed, stopped
    sa.Column("closer", sa.Text, nullable=False, server_default=""),  # the worker that brings it to its end
    sa.Column("parts", Json, nullable=False),  # documents found and looked at, by source
    sa.Column("added", sa.Integer, nullable=False, server_default="0"),
    sa.Column("changed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("deleted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed", sa.Integer, nullable=False, server_default="0"),  # in this ingestion
    sa.Column("embedded", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reused", sa.Integer, nullable=False, server_default="0"),
    sa.Column("embedded_beside", sa.Integer, nullable=False, server_default="0"),
    sa.Column("started_at", BigInt, nullable=False),
    sa.Column("moved_at", BigInt, nullable=False),
    sa.Column("ended_at", BigInt),
    sa.Column("problem", Json),  # what ended it: code, message, hint, reader
)

ingest_documents = sa.Table(  # what an ingestion has to read, and who has it
    "ingest_documents",
    metadata,
    sa.Column("knowledge", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),  # queued, claimed, done, refused
    sa.Column("sha256", sa.Text, nullable=False),  # of the bytes to be read, or that were
    sa.Column("worker", sa.Text, nullable=False, server_default=""),
    sa.Column("asked", sa.Integer, nullable=False, server_default="0"),  # how often it was asked for again
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),  # how often it was claimed
    sa.Index("ingest_documents_by_status", "knowledge", "status", "id"),
)

ingest_workers = sa.Table(  # processes that work on an ingestion now
    "ingest_workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("knowledge", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # ingest, add: a single document
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("gathering", sa.Boolean, nullable=False),  # may it still find documents?
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("current", sa.Text, nullable=False, server_default=""),
    sa.Column("started_at", BigInt, nullable=False),
    sa.Column("moved_at", BigInt, nullable=False),
    sa.Column("heartbeat_at", BigInt, nullable=False),
    sa.Index("ingest_workers_by_knowledge", "knowledge"),
)

agent_messages = sa.Table(
    "agent_messages",
    metadata,
    sa.Column("memory", sa.Text, primary_key=True),
    sa.Column("conversation", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),  # from 0
    sa.Column("role", sa.Text, nullable=False),  # user, assistant, summary
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("covers", sa.Integer),  # of a summary: the last message that is in it
    sa.Column("tainted", sa.Boolean, nullable=False),
    sa.Column("turn", sa.Text, nullable=False),  # the step that wrote it, so that it writes once
    sa.Column("run_id", sa.Text, nullable=False),  # "" outside a run
    sa.Column("at", BigInt, nullable=False),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("helpful", sa.Boolean, nullable=False),
    sa.Column("reasons", Json, nullable=False),
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
    sa.Column("at", BigInt, nullable=False),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", BigInt, nullable=False),
    sa.Column("heartbeat_at", BigInt, nullable=False),
    sa.Column("stopped_at", BigInt),
    sa.Column("adopted_by", sa.Text),
)

commits = sa.Table(  # the last commit of each writer on PostgreSQL: see store/commits.py
    "commits",
    metadata,
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("number", BigInt, nullable=False),
    sa.Column("at", BigInt, nullable=False),
)
