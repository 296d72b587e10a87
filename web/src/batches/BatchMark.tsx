import { Ban, CheckCheck, LoaderCircle, Pause } from "lucide-react";
import type { Batch, BatchStatus } from "../api/types";
import { BATCH_WORDS, endedOf, progressWords } from "./words";

const LOOKS: Record<BatchStatus, { icon: typeof Ban; text: string; moves?: string }> = {
  running: { icon: LoaderCircle, text: "text-working", moves: "turning" },
  paused: { icon: Pause, text: "text-waiting" },
  finished: { icon: CheckCheck, text: "text-done" },
  cancelled: { icon: Ban, text: "text-ink-3" },
};

export function BatchMark({ status }: { status: BatchStatus }) {
  const look = LOOKS[status];
  return (
    <span className={`inline-flex items-center gap-2 whitespace-nowrap ${look.text}`}>
      <look.icon className={`size-4 shrink-0 ${look.moves ?? ""}`} aria-hidden /> {BATCH_WORDS[status]}
    </span>
  );
}

const PARTS = [
  ["succeeded", "fill-done"],
  ["failed", "fill-failed"],
  ["refused", "fill-failed"],
  ["cancelled", "fill-line-strong"],
  ["waiting", "fill-waiting"],
  ["running", "fill-working"],
] as const;

/** How much of a batch has ended, and how. The words beside it say the same. */
export function BatchBar({ batch, className = "" }: { batch: Batch; className?: string }) {
  const widths = PARTS.map(([status]) => (batch.counts[status] / Math.max(batch.rows, 1)) * 100);
  return (
    <svg viewBox="0 0 100 8" preserveAspectRatio="none" className={`h-2 w-full overflow-hidden rounded-full bg-line ${className}`} role="progressbar" aria-label="Progress" aria-valuemin={0} aria-valuemax={batch.rows} aria-valuenow={endedOf(batch)} aria-valuetext={progressWords(batch)}>
      {PARTS.map(([status, fill], index) => (
        <rect key={status} x={widths.slice(0, index).reduce((sum, width) => sum + width, 0)} y="0" width={widths[index]} height="8" className={fill} />
      ))}
    </svg>
  );
}
