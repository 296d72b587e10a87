import { Coins } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useSearch } from "wouter";
import { asProblem, withQuery } from "../api/client";
import { useApp, useSpend } from "../api/queries";
import type { SpendBy, Spent } from "../api/types";
import { Empty } from "../parts/Empty";
import { ProblemNote } from "../parts/ProblemNote";
import { Skeleton } from "../parts/Skeleton";
import { useNow } from "../parts/When";
import { count, plural } from "../text/numbers";
import { firstDay, GROUPS, PERIODS, shareWord, totalWord } from "./spend";
import { SpendDays } from "./SpendDays";
import { SpendTable } from "./SpendTable";

/** What was spent in a time, in four figures, by day, and by whatever is asked for. The choice stands in the address. */
export function SpendPanel() {
  const search = new URLSearchParams(useSearch());
  const period = PERIODS.find((one) => one.name === search.get("days")) ?? PERIODS[2];
  const group = GROUPS.find((one) => one.name === search.get("by")) ?? GROUPS[0]!;
  const now = useNow();
  const from = firstDay(period.days, now);
  const byDay = useSpend("day", from);
  const query = useSpend(group.name, from);
  const app = useApp().data;
  const to = (days: string, by: SpendBy) => withQuery("/models", { days: days === "30" ? null : days, by: by === "model" ? null : by });
  const spend = query.data;
  return (
    <>
      <nav aria-label="Time" className="-mx-1 mb-4 flex gap-1 overflow-x-auto px-1 py-0.5">
        {PERIODS.map((one) => (
          <Choice key={one.name} here={one === period} to={to(one.name, group.name)}>
            {one.label}
          </Choice>
        ))}
      </nav>
      {query.isPending && <Skeleton lines={5} label="Loading what was spent" />}
      {query.error && !spend && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {spend && spend.total.calls === 0 && <NothingAsked days={period.days} />}
      {spend && spend.total.calls > 0 && (
        <>
          <Figures total={spend.total} />
          {byDay.data && period.days > 1 && <SpendDays spend={byDay.data} days={period.days} now={now} />}
          <nav aria-label="Spend by" className="-mx-1 mb-2 flex gap-1 overflow-x-auto px-1 py-0.5">
            {GROUPS.filter((one) => one.name !== "day" || period.days > 1).map((one) => (
              <Choice key={one.name} here={one === group} to={to(period.name, one.name)}>
                {one.label}
              </Choice>
            ))}
          </nav>
          <SpendTable spend={spend} app={app} />
        </>
      )}
    </>
  );
}

function Choice({ here, to, children }: { here: boolean; to: string; children: ReactNode }) {
  return (
    <Link href={to} replace aria-current={here ? "true" : undefined} className={`inline-flex h-7 shrink-0 items-center rounded-full px-3 text-sm max-sm:h-9 ${here ? "bg-accent-soft font-medium text-accent-text" : "text-ink-2 hover:bg-hover"}`}>
      {children}
    </Link>
  );
}

function Figures({ total }: { total: Spent }) {
  return (
    <dl className="mb-4 grid grid-cols-4 gap-px overflow-hidden rounded-lg border border-line bg-line max-md:grid-cols-2">
      <Figure label="Spent" value={totalWord(total)} more={total.unpriced > 0 ? `without ${plural(total.unpriced, "call")} whose price is unknown` : ""} />
      <Figure label="Calls to models" value={count(total.calls)} more={`${count(total.input_tokens + total.output_tokens)} tokens`} />
      <Figure label="Answered from memory" value={shareWord(total.cached, total.calls)} more={total.cached > 0 ? `${plural(total.cached, "call")}, which cost nothing` : ""} />
      <Figure label="Failed" value={shareWord(total.failed, total.calls)} more={total.failed > 0 ? plural(total.failed, "call") : ""} />
    </dl>
  );
}

function Figure({ label, value, more }: { label: string; value: string; more: string }) {
  return (
    <div className="bg-surface px-4 py-3">
      <dt className="text-sm text-ink-3">{label}</dt>
      <dd className="tnum text-xl font-semibold tracking-tight">{value}</dd>
      {more && <dd className="text-sm text-ink-3">{more}</dd>}
    </div>
  );
}

function NothingAsked({ days }: { days: number }) {
  return (
    <div className="rounded-lg border border-dashed border-line-strong">
      <Empty icon={<Coins />} title={days === 1 ? "Nothing was asked today" : `Nothing was asked in these ${days} days`}>
        <p>
          Open{" "}
          <Link href="/" className="text-accent-text underline">
            an app
          </Link>{" "}
          and click one of its examples. Each call to a model is written down here, with its tokens, its time and what it cost.
        </p>
      </Empty>
    </div>
  );
}
