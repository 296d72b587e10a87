import { Ban, Check, CircleAlert, FileX2, Hourglass, LoaderCircle, UserRound } from "lucide-react";
import type { RowStatus, RunStatus, StepStatus } from "../api/types";
import { ordinal } from "../text/numbers";

type Status = RunStatus | StepStatus | RowStatus;

const LOOKS: Record<Status, { word: string; icon: typeof Check; text: string; chip: string; moves?: string }> = {
  queued: { word: "Waiting in line", icon: Hourglass, text: "text-ink-3", chip: "bg-hover text-ink-2" },
  running: { word: "Working", icon: LoaderCircle, text: "text-working", chip: "bg-working-soft text-working", moves: "turning" },
  waiting: { word: "Waiting for a person", icon: UserRound, text: "text-waiting", chip: "bg-waiting-soft text-waiting" },
  succeeded: { word: "Done", icon: Check, text: "text-done", chip: "bg-done-soft text-done" },
  failed: { word: "Failed", icon: CircleAlert, text: "text-failed", chip: "bg-failed-soft text-failed" },
  cancelled: { word: "Stopped", icon: Ban, text: "text-ink-3", chip: "bg-hover text-ink-2" },
  refused: { word: "Not taken", icon: FileX2, text: "text-failed", chip: "bg-failed-soft text-failed" },
};

/** What the state is called; of what waits, `waitsFor` says whether for a person or a time. */
export function statusWord(status: Status, position?: number | null, waitsFor?: "person" | "time" | null): string {
  const word = status === "waiting" && waitsFor === "time" ? "Waiting for a time" : LOOKS[status].word;
  return status === "queued" && position ? `${word} (${ordinal(position)})` : word;
}

/** The state as an icon; the word always stands beside it, or is read out. */
export function StatusIcon({ status, className = "size-4", silent = false }: { status: Status; className?: string; silent?: boolean }) {
  const look = LOOKS[status];
  const Icon = look.icon;
  return (
    <span className={`inline-flex shrink-0 ${look.text}`}>
      <Icon className={`${className} ${look.moves ?? ""}`} aria-hidden />
      {!silent && <span className="sr-only">{look.word}</span>}
    </span>
  );
}

export function StatusChip({ status, position, waitsFor }: { status: Status; position?: number | null; waitsFor?: "person" | "time" | null }) {
  const look = LOOKS[status];
  const Icon = look.icon;
  return (
    <span className={`inline-flex h-6 items-center gap-1.5 rounded-full px-2.5 text-sm font-medium whitespace-nowrap ${look.chip}`}>
      <Icon className={`size-3.5 ${look.moves ?? ""}`} aria-hidden />
      {statusWord(status, position, waitsFor)}
    </span>
  );
}

/** The same without a ground, for tables. */
export function StatusText({ status, position, waitsFor }: { status: Status; position?: number | null; waitsFor?: "person" | "time" | null }) {
  const look = LOOKS[status];
  const Icon = look.icon;
  return (
    <span className={`flex items-center gap-2 whitespace-nowrap ${look.text}`}>
      <Icon className={`size-4 shrink-0 ${look.moves ?? ""}`} aria-hidden />
      {statusWord(status, position, waitsFor)}
    </span>
  );
}
