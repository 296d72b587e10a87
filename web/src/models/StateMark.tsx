import { Check, Circle, CircleAlert, TriangleAlert } from "lucide-react";
import type { Said, Tone } from "./words";

const LOOKS: Record<Tone, { icon: typeof Check; text: string }> = {
  good: { icon: Check, text: "text-done" },
  quiet: { icon: Circle, text: "text-ink-3" },
  warn: { icon: TriangleAlert, text: "text-waiting" },
  bad: { icon: CircleAlert, text: "text-failed" },
};

/** A state: its icon and its word in one colour, what more there is to say beside it. */
export function StateMark({ said, wraps = false }: { said: Said; wraps?: boolean }) {
  const look = LOOKS[said.tone];
  const Icon = look.icon;
  return (
    <span className="flex min-w-0 items-start gap-2">
      <Icon className={`mt-[3px] size-4 shrink-0 ${said.tone === "quiet" ? "scale-60" : ""} ${look.text}`} aria-hidden />
      <span className={`min-w-0 ${wraps ? "" : "truncate"}`}>
        <span className={said.tone === "quiet" ? "text-ink-2" : look.text}>{said.word}</span>
        {said.more && <span className="text-ink-3">, {said.more}</span>}
      </span>
    </span>
  );
}
