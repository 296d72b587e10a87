import type { Spend } from "../api/types";
import { plural } from "../text/numbers";
import { basisOf, everyDay } from "./spend";
import { dayWord } from "./SpendTable";
import { dollars } from "./words";

/** The cost of each day as a column; the table by day tells the same in numbers. */
export function SpendDays({ spend, days, now }: { spend: Spend; days: number; now: number }) {
  const all = everyDay(spend, days, now);
  const basis = basisOf(spend.total);
  const highest = all.reduce((most, one) => (basis.of(one) > basis.of(most) ? one : most));
  const most = basis.word === "cost" ? dollars(highest.cost_nano) : plural(highest.calls, "call");
  const label = `${basis.word === "cost" ? "Cost" : "Calls"} of each day. The most was ${most} on ${dayWord(highest.name)}. The table by day tells all of them.`;
  return (
    <figure className="mb-4 rounded-lg border border-line px-4 pt-3 pb-2">
      <div role="img" aria-label={label} className={`flex h-24 items-end ${days > 31 ? "gap-px" : "gap-1"}`}>
        {all.map((one) => (
          <div key={one.name} title={`${dayWord(one.name)}: ${one.calls === 0 ? "nothing asked" : `${dollars(one.cost_nano)}, ${plural(one.calls, "call")}`}`} className="group flex h-full min-w-0 flex-1 items-end">
            <div className={`w-full rounded-t-sm ${basis.of(one) > 0 ? "bg-accent group-hover:bg-accent-hover" : "bg-line"}`} style={{ height: basis.of(one) > 0 ? `max(2px, ${(100 * basis.of(one)) / basis.of(highest)}%)` : "1px" }} />
          </div>
        ))}
      </div>
      <figcaption className="tnum mt-1.5 flex justify-between border-t border-line pt-1.5 text-xs text-ink-3">
        <span>{dayWord(all[0]?.name ?? "")}</span>
        <span>
          most: {most}, {dayWord(highest.name)}
        </span>
        <span>today</span>
      </figcaption>
    </figure>
  );
}
