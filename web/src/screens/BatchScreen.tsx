import { Ban, Download, Pause, Play, RotateCw } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { asProblem, withQuery } from "../api/client";
import { resultsPath, useActOnBatch, useBatch, useBatchRows } from "../api/batches";
import type { BatchAct } from "../api/batches";
import { useApp } from "../api/queries";
import type { Batch, RowStatus } from "../api/types";
import { BatchBar, BatchMark } from "../batches/BatchMark";
import { BatchRowTable } from "../batches/BatchRowTable";
import { BatchRowView } from "../batches/BatchRowView";
import { BATCH_WORDS, progressWords } from "../batches/words";
import { Button, buttonClass } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen, Trail, useTitle } from "../parts/Screen";
import { SkeletonRows } from "../parts/Skeleton";
import { When } from "../parts/When";
import { statusWord } from "../run/StatusMark";
import { count, duration, money } from "../text/numbers";
import { NotFoundScreen } from "./NotFoundScreen";

const TABS: RowStatus[] = ["queued", "running", "waiting", "failed", "refused", "succeeded", "cancelled"];
const TRAIL = [
  { label: "Runs", to: "/runs" },
  { label: "Batches", to: "/batches" },
];

/** One table as it is worked off: progress, every row, what can be done. The open row and the filter stand in the address. */
export function BatchScreen({ id }: { id: string }) {
  const query = useBatch(id);
  const batch = query.data;
  const problem = query.error ? asProblem(query.error) : null;
  if (batch) return <Shown batch={batch} />;
  if (problem?.status === 404) return <NotFoundScreen title="There is no such batch" says="The id may be mistyped, or the batch was deleted." />;
  return (
    <Screen title="Batch" trail={TRAIL}>
      {problem ? <ProblemNote problem={problem} retry={() => void query.refetch()} /> : <SkeletonRows rows={10} />}
    </Screen>
  );
}

function Shown({ batch }: { batch: Batch }) {
  useTitle(batch.name);
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const status = search.get("status") ?? "";
  const open = Number(search.get("row")) || null;
  const rows = useBatchRows(batch, status);
  const act = useActOnBatch(batch.id);
  const outputSchema = useApp().data?.pipelines.find((one) => one.name === batch.pipeline)?.output_schema;
  const items = rows.data?.pages.flatMap((page) => page.items) ?? [];
  const address = (next: { status?: string; row?: number | null }) => withQuery(`/batches/${batch.id}`, { status, row: open, ...next });
  const retry = (row: number) => act.mutate({ act: "retry", rows: [row] });
  return (
    <div className="flex h-full flex-col">
      <header className="flex flex-col gap-3 border-b border-line px-8 pt-6 pb-3 max-md:px-4 max-md:pt-4">
        <Top batch={batch} busy={act.isPending} act={act.mutate} />
        {act.error && <ProblemNote problem={asProblem(act.error)} />}
        <BatchBar batch={batch} />
        <p className="text-ink-2">
          {progressWords(batch)} · {money(batch.spent_usd)} spent{batch.cap_usd !== null && ` of at most ${money(batch.cap_usd)}`}
          {batch.seconds !== null && ` · took ${duration(batch.seconds)}`}
        </p>
        <Told batch={batch} />
        <nav aria-label="Rows by status" className="-mx-1 flex gap-1 overflow-x-auto px-1 py-0.5">
          <Tab label="All" number={batch.rows} here={status === ""} to={address({ status: "" })} />
          {TABS.filter((one) => batch.counts[one] > 0 || one === status).map((one) => (
            <Tab key={one} label={statusWord(one)} number={batch.counts[one]} here={status === one} to={address({ status: one })} />
          ))}
        </nav>
      </header>
      <div className="flex min-h-0 flex-1">
        <div className={`flex min-h-0 min-w-0 flex-1 flex-col ${open ? "max-lg:hidden" : ""}`}>
          {rows.isPending && <SkeletonRows rows={10} />}
          {rows.error && items.length === 0 && (
            <div className="p-8 max-md:p-4">
              <ProblemNote problem={asProblem(rows.error)} retry={() => void rows.refetch()} />
            </div>
          )}
          {rows.data && items.length === 0 && <p className="px-8 py-10 text-center text-ink-2">No row is like this now.</p>}
          {items.length > 0 && (
            <BatchRowTable rows={items} open={open} more={rows.hasNextPage} loading={rows.isFetchingNextPage} onMore={() => void rows.fetchNextPage()} onOpen={(row) => go(address({ row }), { replace: open !== null })} onRetry={retry} />
          )}
        </div>
        {open && <BatchRowView batch={batch} number={open} outputSchema={outputSchema} onClose={() => go(address({ row: null }), { replace: true })} onRetry={retry} />}
      </div>
    </div>
  );
}

function Top({ batch, busy, act }: { batch: Batch; busy: boolean; act: (act: BatchAct) => void }) {
  return (
    <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        <Trail trail={TRAIL} />
        <h1 className="flex flex-wrap items-center gap-x-3 text-xl font-semibold tracking-tight">
          {batch.name}
          <span className="text-base font-normal tracking-normal">
            <BatchMark status={batch.status} />
          </span>
        </h1>
        <p className="mt-0.5 text-sm text-ink-3">
          <Link href={`/apps/${batch.pipeline}`} className="underline underline-offset-2 hover:text-ink">
            {batch.pipeline_title}
          </Link>{" "}
          · started <When iso={batch.created_at} />
          {batch.user && ` by ${batch.user}`}
        </p>
      </div>
      <div className="flex flex-wrap items-center gap-2">
        {batch.status === "running" && (
          <Button small disabled={busy} onClick={() => act({ act: "pause" })}>
            <Pause className="size-3.5" aria-hidden /> Pause
          </Button>
        )}
        {batch.status === "paused" && <GoOn batch={batch} busy={busy} act={act} />}
        {(batch.status === "running" || batch.status === "paused") && (
          <Button small look="danger" disabled={busy} onClick={() => act({ act: "cancel" })}>
            <Ban className="size-3.5" aria-hidden /> Stop
          </Button>
        )}
        {batch.counts.failed + batch.counts.cancelled > 0 && <TryAgain batch={batch} busy={busy} act={act} />}
        <span className="inline-flex items-center gap-1" role="group" aria-label="Download the results">
          {(["csv", "xlsx", "jsonl"] as const).map((kind) => (
            <a key={kind} href={resultsPath(batch.id, kind)} download className={buttonClass("plain", true)}>
              <Download className="size-3.5" aria-hidden /> {{ csv: "CSV", xlsx: "Excel", jsonl: "JSON Lines" }[kind]}
            </a>
          ))}
        </span>
      </div>
    </div>
  );
}

/** A batch that its cap stopped goes on under another one. */
function GoOn({ batch, busy, act }: { batch: Batch; busy: boolean; act: (act: BatchAct) => void }) {
  return (
    <UnderCap batch={batch} act={(cap) => act({ act: "resume", ...cap })}>
      <Button small look="primary" type="submit" disabled={busy}>
        <Play className="size-3.5 fill-current" aria-hidden /> Go on
      </Button>
    </UnderCap>
  );
}

/** Rows that failed, again. Where all had begun when the cap refused some, nothing is paused, and the cap is raised here. */
function TryAgain({ batch, busy, act }: { batch: Batch; busy: boolean; act: (act: BatchAct) => void }) {
  const ended = batch.status === "finished" || batch.status === "cancelled";
  return (
    <UnderCap batch={ended ? batch : { cap_usd: null }} act={(cap) => act({ act: "retry", ...cap })}>
      <Button small type="submit" disabled={busy}>
        <RotateCw className="size-3.5" aria-hidden /> Try {count(batch.counts.failed + batch.counts.cancelled)} again
      </Button>
    </UnderCap>
  );
}

/** What goes on under the cap there is, or under another one. */
function UnderCap({ batch, act, children }: { batch: Pick<Batch, "cap_usd">; act: (cap: { cap_usd?: number }) => void; children: ReactNode }) {
  const [cap, setCap] = useState(batch.cap_usd === null ? "" : String(batch.cap_usd));
  const usd = Number(cap);
  return (
    <form
      className="flex items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        act(batch.cap_usd === null || !(usd > 0) ? {} : { cap_usd: usd });
      }}
    >
      {batch.cap_usd !== null && <input type="number" min="0" step="any" aria-label="Cap in US dollars" title="Cap in US dollars" value={cap} onChange={(event) => setCap(event.target.value)} className="field-input h-7! w-24 text-sm!" />}
      {children}
    </form>
  );
}

/** Why it stands still; and, once it has ended, the news for people who don't see the page. */
function Told({ batch }: { batch: Batch }) {
  const [said, setSaid] = useState("");
  const before = useRef(batch.status);
  useEffect(() => {
    if (before.current === batch.status) return;
    before.current = batch.status;
    setSaid(`${BATCH_WORDS[batch.status]}: ${progressWords(batch)}`);
  }, [batch]);
  return (
    <>
      <p role="status" className="sr-only">
        {said}
      </p>
      {batch.status === "paused" && batch.reason && <p className="rounded-lg border border-waiting-line bg-waiting-soft px-4 py-2">Paused: {batch.reason}. Rows at work are finished; no new one is started.</p>}
    </>
  );
}

function Tab({ label, number, here, to }: { label: string; number: number; here: boolean; to: string }) {
  return (
    <Link href={to} replace aria-current={here ? "true" : undefined} className={`inline-flex h-7 shrink-0 items-center gap-1.5 rounded-full px-3 text-sm max-sm:h-9 ${here ? "bg-accent-soft font-medium text-accent-text" : "text-ink-2 hover:bg-hover"}`}>
      {label}
      <span className={`tnum ${here ? "" : "text-ink-3"}`}>{count(number)}</span>
    </Link>
  );
}
