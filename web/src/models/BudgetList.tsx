import { Link } from "wouter";
import type { Budget } from "../api/types";
import { useNow } from "../parts/When";
import { exactly } from "../text/numbers";
import { StateMark } from "./StateMark";
import { budgetPeriod, budgetSaid, budgetTitle, dollars, isTemplate, resetWords } from "./words";
import type { Tone } from "./words";

const FILL: Record<Tone, string> = { good: "bg-accent", quiet: "bg-accent", warn: "bg-waiting", bad: "bg-failed" };

/** What may be spent, what is spent and held of it, and when it begins anew. */
export function BudgetList({ budgets }: { budgets: Budget[] }) {
  return (
    <ul className="overflow-hidden rounded-lg border border-line">
      {budgets.map((budget) => (
        <BudgetRow key={`${budget.scope}/${budget.name}/${budget.per}`} budget={budget} />
      ))}
    </ul>
  );
}

function BudgetRow({ budget }: { budget: Budget }) {
  const now = useNow();
  const said = budgetSaid(budget);
  const amount = (nano: number) => (nano === 0 ? "$0" : dollars(nano));
  return (
    <li className="border-b border-line px-4 py-3 last:border-b-0">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <p className="min-w-0">
          {budget.scope === "run" && budget.name ? (
            <Link href={`/runs/${budget.name}`} className="font-mono text-xs font-medium hover:underline">
              {budget.name}
            </Link>
          ) : (
            <span className="font-medium break-words">{budgetTitle(budget)}</span>
          )}{" "}
          <span className="text-sm text-ink-3">{budgetPeriod(budget)}</span>
        </p>
        <p className="tnum">
          {isTemplate(budget) ? (
            <span className="text-ink-2">at most {amount(budget.limit_nano)}</span>
          ) : (
            <>
              <span className="font-medium">{amount(budget.spent_nano)}</span> <span className="text-ink-2">of {amount(budget.limit_nano)} spent</span>
            </>
          )}
        </p>
      </div>
      {!isTemplate(budget) && <Bar budget={budget} fill={FILL[said.tone]} />}
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-0.5 text-sm">
        {said.tone === "good" || said.tone === "quiet" ? <span className="text-ink-3">{said.word}</span> : <StateMark said={said} wraps />}
        <p className="tnum text-ink-2">
          {budget.held_nano > 0 && <>{amount(budget.held_nano)} held for calls on their way, </>}
          {!isTemplate(budget) && <>{amount(Math.max(0, budget.left_nano))} left, </>}
          <span className="text-ink-3" title={budget.resets_at ? exactly(budget.resets_at) : undefined}>
            {resetWords(budget, now)}
          </span>
        </p>
      </div>
    </li>
  );
}

/** Spent solid, held hatched, the point of the warning as a notch. The words beside it say the same. */
function Bar({ budget, fill }: { budget: Budget; fill: string }) {
  const part = (nano: number) => `${budget.limit_nano === 0 ? 100 : Math.min(100, (100 * nano) / budget.limit_nano)}%`;
  return (
    <div aria-hidden className="relative my-2 flex h-2 overflow-hidden rounded-full bg-line">
      <div className={fill} style={{ width: part(budget.spent_nano) }} />
      <div className={`${fill} opacity-45`} style={{ width: part(budget.held_nano) }} />
      {budget.warn_at_nano < budget.limit_nano && <div className="absolute inset-y-0 w-0.5 bg-surface" style={{ left: part(budget.warn_at_nano) }} />}
    </div>
  );
}
