import { X } from "lucide-react";
import type { IngestPlan } from "../api/types";
import { IconButton } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { count, money, plural } from "../text/numbers";

const SHOWN = 12;

/** What reading the folder again would do and cost; nothing has been done. */
export function IngestPlanView({ plan, again, close }: { plan: IngestPlan; again: () => void; close: () => void }) {
  if (plan.state === "failed" && plan.problem) return <ProblemNote problem={plan.problem} retry={again} />;
  const more = plan.added + plan.changed + plan.deleted - Math.min(SHOWN, plan.changes.length);
  return (
    <section aria-label="What would change" className="mt-3 max-w-3xl rounded-lg border border-line bg-sunken px-4 py-3 text-sm">
      <div className="flex items-start justify-between gap-3">
        <p role="status">{plan.state === "working" ? `Looking: ${count(plan.read)} of ${plural(plan.found, "document")}.` : summary(plan)}</p>
        <IconButton label="Close what would change" icon={<X className="size-4" />} onClick={close} />
      </div>
      {plan.state === "done" && plan.changes.length > 0 && (
        <ul aria-label="Documents that would change" className="mt-2 flex flex-col gap-0.5">
          {plan.changes.slice(0, SHOWN).map((one) => (
            <li key={one.document}>
              <span className="inline-block w-20 text-ink-3">{one.what}</span>
              <span className="font-mono text-xs break-all">{one.document}</span>
            </li>
          ))}
          {more > 0 && <li className="text-ink-3">and {count(more)} more</li>}
        </ul>
      )}
      {plan.state === "done" && plan.failed.length > 0 && (
        <>
          <p className="mt-2 text-waiting">{plural(plan.failed.length, "document")} could not be read:</p>
          <ul aria-label="Documents that could not be read" className="mt-0.5 flex flex-col gap-0.5">
            {plan.failed.slice(0, SHOWN).map((one) => (
              <li key={one.document}>
                <span className="font-mono text-xs break-all">{one.document}</span> <span className="text-ink-2">{one.reason}</span>
              </li>
            ))}
            {plan.failed.length > SHOWN && <li className="text-ink-3">and {count(plan.failed.length - SHOWN)} more</li>}
          </ul>
        </>
      )}
    </section>
  );
}

function summary(plan: IngestPlan): string {
  const counts: [number, string][] = [[plan.added, "new"], [plan.changed, "changed"], [plan.deleted, "gone"]];
  const changes = counts.filter(([number]) => number > 0).map(([number, word]) => `${count(number)} ${word}`);
  if (changes.length === 0) return `Nothing would change: ${plural(plan.found, "document")} looked at.`;
  const cost = plan.cost_usd === null ? "its price is not known" : plan.cost_usd === 0 ? "free" : `at most ${money(plan.cost_usd)}`;
  const embed = plan.passages ? ` ${plural(plan.passages, "passage")} (some ${count(plan.tokens)} tokens) would be embedded by ${plan.model}: ${cost}.` : " Nothing would be embedded.";
  return `${plural(plan.found, "document")}: ${changes.join(", ")}.${embed} Nothing has been done yet.`;
}
