import type { ReactNode } from "react";
import type { Estimate } from "../api/types";
import { count, duration, money, plural } from "../text/numbers";
import { oneLine } from "./words";

/** What a table would give and cost, before anything of it runs. */
export function EstimateView({ estimate }: { estimate: Estimate }) {
  const known = estimate.from_runs > 0;
  return (
    <div className="flex flex-col gap-5">
      <dl className="flex flex-wrap gap-x-10 gap-y-4 rounded-lg border border-line bg-sunken px-5 py-4">
        <Fact label="Rows that can run">{count(estimate.valid)}</Fact>
        <Fact label="Left out">{estimate.refused === 0 ? "none" : count(estimate.refused)}</Fact>
        <Fact label="Likely cost">{estimate.likely_usd === null ? "not known yet" : money(estimate.likely_usd)}</Fact>
        {estimate.highest_usd !== null && <Fact label="If every row is as dear as the dearest">{money(estimate.highest_usd)}</Fact>}
        {estimate.bound_usd !== null && <Fact label="Can't be passed">{money(estimate.bound_usd)}</Fact>}
        <Fact label="Likely time">{estimate.seconds === null ? "not known yet" : duration(estimate.seconds)}</Fact>
      </dl>
      <p className="text-sm text-ink-3">
        {known ? `Reckoned from the last ${plural(estimate.from_runs, "run")} of this app that succeeded.` : "This app has not run yet, so nothing is known of its cost. A cap below keeps it small."}
      </p>
      {estimate.problems.length > 0 && <Problems estimate={estimate} />}
    </div>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt className="mb-0.5 text-xs text-ink-3">{label}</dt>
      <dd className="tnum">{children}</dd>
    </div>
  );
}

function Problems({ estimate: { problems, refused } }: { estimate: Estimate }) {
  return (
    <section aria-label="Rows left out">
      <h2 className="mb-2 text-sm font-semibold text-ink-2">{refused === 1 ? "One row can't run" : `${count(refused)} rows can't run`}: mend the file and choose it again, or go on without {refused === 1 ? "it" : "them"}</h2>
      <div className="max-h-[340px] overflow-auto rounded-lg border border-line" tabIndex={0} role="region" aria-label="What is wrong, by row">
        <table className="w-full border-separate border-spacing-0 text-sm">
          <thead className="sticky top-0 bg-sunken text-left text-ink-3">
            <tr>
              {["Row", "Column", "What is wrong", "What stands there"].map((label) => (
                <th key={label} scope="col" className="border-b border-line px-3 py-2 font-medium">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {problems.map((problem, index) => (
              <tr key={index} className="align-top">
                <td className="tnum border-b border-line px-3 py-1.5">{problem.row}</td>
                <td className="border-b border-line px-3 py-1.5 font-mono text-xs leading-5">{problem.column || "–"}</td>
                <td className="border-b border-line px-3 py-1.5">{problem.message}</td>
                <td className="max-w-[240px] truncate border-b border-line px-3 py-1.5 text-ink-2">{oneLine(problem.value ?? null) || "nothing"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {problems.length >= 500 && <p className="mt-1.5 text-sm text-ink-3">The first 500 are shown.</p>}
    </section>
  );
}
