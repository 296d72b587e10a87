import { ListChecks, Search, Table2 } from "lucide-react";
import { useEffect, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { asProblem, withQuery } from "../api/client";
import { useApp, useRunPages } from "../api/queries";
import type { RunFilter } from "../api/queries";
import type { RunStatus } from "../api/types";
import { Button, buttonClass } from "../parts/Button";
import { Empty } from "../parts/Empty";
import { ProblemNote } from "../parts/ProblemNote";
import { useTitle } from "../parts/Screen";
import { SkeletonRows } from "../parts/Skeleton";
import { RunTable } from "../runs/RunTable";
import { statusWord } from "../run/StatusMark";
import { count } from "../text/numbers";

const TABS: RunStatus[] = ["queued", "running", "waiting", "failed", "succeeded", "cancelled"];

/** Everything that ran. The filters stand in the address. */
export function RunsScreen() {
  useTitle("Runs");
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const filter: RunFilter = { status: search.get("status") ?? undefined, pipeline: search.get("app") ?? undefined, q: search.get("q") ?? undefined };
  const query = useRunPages(filter);
  const app = useApp().data;
  const runs = query.data?.pages.flatMap((page) => page.items) ?? [];
  const counts = query.data?.pages[0]?.counts;
  const total = counts ? Object.values(counts).reduce((sum, each) => sum + each, 0) : null;
  const change = (next: RunFilter) => go(withQuery("/runs", { status: next.status, app: next.pipeline, q: next.q }), { replace: true });
  const filtered = Boolean(filter.status || filter.pipeline || filter.q);
  return (
    <div className="flex h-full flex-col">
      <header className="flex flex-col gap-3 border-b border-line px-8 pt-6 pb-3 max-md:px-4 max-md:pt-4">
        <div className="flex flex-wrap items-center justify-between gap-3">
          <h1 className="text-xl font-semibold tracking-tight">Runs</h1>
          <div className="flex flex-wrap items-center gap-2 max-sm:w-full">
            <Link href="/batches" className={`${buttonClass("plain")} h-8! text-sm!`}>
              <Table2 className="size-4" aria-hidden /> Batches
            </Link>
            <SearchField value={filter.q ?? ""} onChange={(q) => change({ ...filter, q: q || undefined })} />
            <select aria-label="App" value={filter.pipeline ?? ""} onChange={(event) => change({ ...filter, pipeline: event.target.value || undefined })} className="field-input h-8! w-44 text-sm! max-sm:w-36">
              <option value="">All apps</option>
              {app?.pipelines.map((pipeline) => (
                <option key={pipeline.name} value={pipeline.name}>
                  {pipeline.title}
                </option>
              ))}
            </select>
          </div>
        </div>
        <nav aria-label="Status" className="-mx-1 flex gap-1 overflow-x-auto px-1 py-0.5">
          <StatusTab label="All" number={total} here={!filter.status} to={withQuery("/runs", { app: filter.pipeline, q: filter.q })} />
          {TABS.map((status) => (
            <StatusTab key={status} label={statusWord(status)} number={counts ? (counts[status] ?? 0) : null} here={filter.status === status} to={withQuery("/runs", { status, app: filter.pipeline, q: filter.q })} />
          ))}
        </nav>
      </header>
      {query.isPending && <SkeletonRows rows={12} />}
      {query.error && runs.length === 0 && (
        <div className="max-w-2xl p-8 max-md:p-4">
          <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />
        </div>
      )}
      {query.data && runs.length === 0 && (
        <Empty icon={<ListChecks />} title={filtered ? "No run fits these filters" : "Nothing has run yet"}>
          {filtered ? (
            <Button small onClick={() => change({})} className="mt-3">
              Show all runs
            </Button>
          ) : (
            <>
              Open <Link href="/" className="text-accent-text underline">an app</Link> and click one of its examples. Each run is kept here with its steps, time and cost.
            </>
          )}
        </Empty>
      )}
      {runs.length > 0 && <RunTable runs={runs} app={app} more={query.hasNextPage} loading={query.isFetchingNextPage} onMore={() => void query.fetchNextPage()} />}
    </div>
  );
}

function StatusTab({ label, number, here, to }: { label: string; number: number | null; here: boolean; to: string }) {
  return (
    <Link href={to} replace aria-current={here ? "true" : undefined} className={`inline-flex h-7 shrink-0 items-center gap-1.5 rounded-full px-3 text-sm max-sm:h-9 ${here ? "bg-accent-soft font-medium text-accent-text" : "text-ink-2 hover:bg-hover"}`}>
      {label}
      {number !== null && <span className={`tnum ${here ? "" : "text-ink-3"}`}>{count(number)}</span>}
    </Link>
  );
}

/** Asks once somebody stops typing. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onChange(text.trim()), 250);
    return () => clearTimeout(timer);
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- only typing starts the clock
  }, [text]);
  return (
    <div className="relative max-sm:flex-1">
      <Search className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-3" aria-hidden />
      <input type="search" aria-label="Search runs" placeholder="Search runs" value={text} onChange={(event) => setText(event.target.value)} className="field-input h-8 w-56 pl-8 text-sm max-sm:w-full" />
    </div>
  );
}
