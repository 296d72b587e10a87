import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import type { AppInfo, RunSummary } from "../api/types";
import { When } from "../parts/When";
import { StatusIcon, StatusText, statusWord } from "../run/StatusMark";
import { duration, moneyAligned } from "../text/numbers";

interface RunTableProps {
  runs: RunSummary[];
  app: AppInfo | undefined;
  more: boolean;
  loading: boolean;
  onMore: () => void;
}

const ROW = 41;
const PHONE_ROW = 63;

/** A real table of any length: only the rows in sight exist. j and k move, Enter opens. */
export function RunTable({ runs, app, more, loading, onMore }: RunTableProps) {
  const box = useRef<HTMLDivElement>(null);
  const phone = usePhone();
  const [, go] = useLocation();
  const [at, setAt] = useState(-1);
  const rows = useVirtualizer({ count: runs.length, getScrollElement: () => box.current, estimateSize: () => (phone ? PHONE_ROW : ROW), overscan: 12 });
  const shown = rows.getVirtualItems();
  const first = shown[0];
  const last = shown.at(-1);
  useEffect(() => rows.measure(), [phone, rows]);
  useEffect(() => {
    if (more && !loading && last && last.index >= runs.length - 30) onMore();
  }, [more, loading, last, runs.length, onMore]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).closest("input, textarea, select, dialog")) return;
      if (event.key === "j" || event.key === "k") {
        const next = Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), runs.length - 1);
        setAt(next);
        rows.scrollToIndex(next);
        requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-row="${next}"] a`)?.focus());
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  const nameOf = (run: RunSummary) => app?.pipelines.find((one) => one.name === run.pipeline)?.title ?? run.pipeline;
  const before = first?.start ?? 0;
  const after = last ? rows.getTotalSize() - last.end : 0;

  if (phone) {
    return (
      <div ref={box} className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Runs">
        <ul>
          <Spacer as="li" height={before} />
          {shown.map((row) => {
            const run = runs[row.index] as RunSummary;
            return (
              <li key={run.id} className="h-[63px] border-b border-line">
                <Link href={`/runs/${run.id}`} className="flex h-full items-center gap-3 px-4">
                  <StatusIcon status={run.status} silent />
                  <span className="min-w-0 flex-1">
                    <span className="block truncate">{run.title || run.id}</span>
                    <span className="block truncate text-sm text-ink-3">
                      {statusWord(run.status, run.position)} · {nameOf(run)}
                    </span>
                  </span>
                  <span className="shrink-0 text-right text-sm text-ink-3">
                    <When iso={run.created_at} />
                    <span className="tnum block">{run.seconds === null ? "" : duration(run.seconds)}</span>
                  </span>
                </Link>
              </li>
            );
          })}
          <Spacer as="li" height={after} />
        </ul>
      </div>
    );
  }
  return (
    <div ref={box} className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Runs">
      <table className="w-full table-fixed border-separate border-spacing-0" aria-rowcount={more ? -1 : runs.length + 1}>
        <thead className="sticky top-0 z-10 bg-surface text-left text-sm text-ink-3">
          <tr>
            <Head className="w-[216px] pl-8!">Status</Head>
            <Head>What was asked</Head>
            <Head className="w-[180px] max-lg:hidden">App</Head>
            <Head className="w-[110px] max-xl:hidden">By</Head>
            <Head className="w-[140px] text-right">Started</Head>
            <Head className="w-[96px] text-right">Time</Head>
            <Head className="w-[112px] pr-8! text-right">Cost</Head>
          </tr>
        </thead>
        <tbody>
          <SpacerRow height={before} />
          {shown.map((row) => {
            const run = runs[row.index] as RunSummary;
            return (
              <tr key={run.id} data-row={row.index} aria-rowindex={row.index + 2} className="group relative cursor-pointer hover:bg-hover" onClick={(event) => !(event.target as HTMLElement).closest("a") && go(`/runs/${run.id}`)}>
                <Cell className="pl-8! text-clip!">
                  <StatusText status={run.status} position={run.position} waitsFor={run.waits_for} />
                </Cell>
                <Cell>
                  <Link href={`/runs/${run.id}`} className="font-medium group-hover:underline">
                    {run.title || run.id}
                  </Link>
                </Cell>
                <Cell className="text-ink-2 max-lg:hidden">{nameOf(run)}</Cell>
                <Cell className="text-ink-2 max-xl:hidden">{run.user || "–"}</Cell>
                <Cell className="text-right text-ink-2">
                  <When iso={run.created_at} />
                </Cell>
                <Cell className="tnum text-right text-ink-2">{run.seconds === null ? "–" : duration(run.seconds)}</Cell>
                <Cell className="tnum pr-8! text-right text-ink-2">{run.cost_usd === null ? <span title="A price is unknown, or nothing was spent yet">–</span> : moneyAligned(run.cost_usd)}</Cell>
              </tr>
            );
          })}
          <SpacerRow height={after} />
        </tbody>
      </table>
      {loading && (
        <p role="status" className="py-3 text-center text-sm text-ink-3">
          Loading more …
        </p>
      )}
    </div>
  );
}

function Head({ className = "", children }: { className?: string; children: string }) {
  return (
    <th scope="col" className={`border-b border-line px-3 py-2 font-medium ${className}`}>
      {children}
    </th>
  );
}

function Cell({ className = "", children }: { className?: string; children: React.ReactNode }) {
  return <td className={`h-[41px] truncate border-b border-line px-3 ${className}`}>{children}</td>;
}

function SpacerRow({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td style={{ height, padding: 0 }} />
    </tr>
  );
}

function Spacer({ height }: { as: "li"; height: number }) {
  return height <= 0 ? null : <li aria-hidden style={{ height }} />;
}

function usePhone(): boolean {
  const [phone, setPhone] = useState(() => matchMedia("(max-width: 767px)").matches);
  useEffect(() => {
    const media = matchMedia("(max-width: 767px)");
    const look = () => setPhone(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  return phone;
}
