import { Link } from "wouter";
import { useApp } from "../api/queries";
import type { RunSummary } from "../api/types";
import { When } from "../parts/When";
import { StatusIcon, statusWord } from "./StatusMark";

/** A few runs, one line each. */
export function RunList({ runs, openIn }: { runs: RunSummary[]; openIn?: (run: RunSummary) => string }) {
  const app = useApp().data;
  return (
    <ul className="overflow-hidden rounded-lg border border-line">
      {runs.map((run) => (
        <li key={run.id} className="border-b border-line last:border-b-0">
          <Link href={openIn?.(run) ?? `/apps/${run.pipeline}/runs/${run.id}`} className="flex items-center gap-3 px-4 py-2.5 hover:bg-hover">
            <StatusIcon status={run.status} silent />
            <span className="min-w-0 flex-1 truncate">{run.title || run.id}</span>
            <span className={`shrink-0 text-sm text-ink-2 max-sm:hidden ${openIn ? "" : "w-40"}`}>{run.status === "succeeded" ? <span className="sr-only">Done</span> : statusWord(run.status, run.position)}</span>
            {!openIn && <span className="w-36 shrink-0 truncate text-sm text-ink-3 max-md:hidden">{app?.pipelines.find((one) => one.name === run.pipeline)?.title ?? run.pipeline}</span>}
            <When iso={run.created_at} className="w-28 shrink-0 text-right text-sm text-ink-3 max-sm:w-auto" />
          </Link>
        </li>
      ))}
    </ul>
  );
}
