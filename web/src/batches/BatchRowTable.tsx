import { useVirtualizer } from "@tanstack/react-virtual";
import { RotateCw } from "lucide-react";
import { useEffect, useRef } from "react";
import type { ReactNode } from "react";
import type { BatchRow } from "../api/types";
import { StatusText } from "../run/StatusMark";
import { duration, moneyAligned } from "../text/numbers";
import { canRetry, oneLine, outcomeOf } from "./words";

interface BatchRowTableProps {
  rows: BatchRow[];
  open: number | null;
  more: boolean;
  loading: boolean;
  onMore: () => void;
  onOpen: (row: number) => void;
  onRetry: (row: number) => void;
}

const ROW = 41;

/** The rows of a batch, live; only those in sight exist. */
export function BatchRowTable({ rows, open, more, loading, onMore, onOpen, onRetry }: BatchRowTableProps) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 12 });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1);
  const aside = open === null ? "max-lg:hidden" : "max-2xl:hidden"; // beside an open row there is no place for it
  useEffect(() => {
    if (more && !loading && last && last.index >= rows.length - 30) onMore();
  }, [more, loading, last, rows.length, onMore]);
  return (
    <div ref={box} className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Rows">
      <table className="w-full table-fixed border-separate border-spacing-0" aria-rowcount={more ? -1 : rows.length + 1}>
        <thead className="sticky top-0 z-10 bg-surface text-left text-sm text-ink-3">
          <tr>
            <Head className="w-[76px] pl-8! text-right max-md:w-[56px] max-md:pl-4!">Row</Head>
            <Head className="w-[190px] max-md:w-[150px]">Status</Head>
            <Head className="max-md:hidden">What was given</Head>
            <Head>What came of it</Head>
            <Head className={`w-[84px] text-right ${aside}`}>Time</Head>
            <Head className={`w-[92px] text-right ${aside}`}>Cost</Head>
            <Head className="w-[104px] pr-8! max-md:w-[56px] max-md:pr-4!">
              <span className="sr-only">Try again</span>
            </Head>
          </tr>
        </thead>
        <tbody>
          <Spacer height={shown[0]?.start ?? 0} />
          {shown.map(({ index }) => {
            const row = rows[index] as BatchRow;
            return (
              <tr key={row.row} aria-rowindex={index + 2} className={`cursor-pointer ${row.row === open ? "bg-accent-soft" : "hover:bg-hover"}`} onClick={(event) => !(event.target as HTMLElement).closest("button") && onOpen(row.row)}>
                <Cell className="pl-8! text-right max-md:pl-4!">
                  <button type="button" aria-label={`Open row ${row.row}`} aria-current={row.row === open ? "true" : undefined} onClick={() => onOpen(row.row)} className="tnum rounded px-1 text-accent-text hover:underline">
                    {row.row}
                  </button>
                </Cell>
                <Cell>
                  <StatusText status={row.status} />
                </Cell>
                <Cell className="max-md:hidden">{row.title || oneLine(row.given)}</Cell>
                <Cell className={row.status === "failed" || row.status === "refused" ? "text-failed" : "text-ink-2"}>{outcomeOf(row)}</Cell>
                <Cell className={`tnum text-right text-ink-2 ${aside}`}>{row.seconds === null ? "–" : duration(row.seconds)}</Cell>
                <Cell className={`tnum text-right text-ink-2 ${aside}`}>{row.tries > 0 ? moneyAligned(row.cost_usd) : "–"}</Cell>
                <Cell className="pr-8! text-right max-md:pr-4!">
                  {canRetry(row) && (
                    <button type="button" aria-label={`Try row ${row.row} again`} onClick={() => onRetry(row.row)} className="inline-flex size-7 items-center justify-center rounded-md text-ink-2 hover:bg-hover hover:text-ink">
                      <RotateCw className="size-3.5" aria-hidden />
                    </button>
                  )}
                </Cell>
              </tr>
            );
          })}
          <Spacer height={last ? virtual.getTotalSize() - last.end : 0} />
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

function Head({ className = "", children }: { className?: string; children: ReactNode }) {
  return (
    <th scope="col" className={`border-b border-line px-3 py-2 font-medium ${className}`}>
      {children}
    </th>
  );
}

function Cell({ className = "", children }: { className?: string; children: ReactNode }) {
  return <td className={`h-[41px] truncate border-b border-line px-3 ${className}`}>{children}</td>;
}

function Spacer({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td style={{ height, padding: 0 }} />
    </tr>
  );
}
