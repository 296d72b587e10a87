import type { AppInfo, Spend, SpendBy, Spent } from "../api/types";
import { shortModel } from "../run/AnswerFacts";
import { count, plural } from "../text/numbers";
import { basisOf, columnMoney, costWord, GROUPS, shareWord } from "./spend";
import { providerWord } from "./words";

const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });

export function dayWord(name: string): string {
  return name ? day.format(new Date(`${name}T00:00:00Z`)) : "";
}

/** Who or what cost how much; each row's bar is its part of the whole. */
export function SpendTable({ spend, app }: { spend: Spend; app: AppInfo | undefined }) {
  const money = columnMoney([...spend.items.map((one) => one.cost_nano), spend.total.cost_nano]);
  const items = spend.by === "day" ? spend.items.toReversed() : spend.items;
  const basis = basisOf(spend.total);
  const whole = basis.of(spend.total);
  const most = Math.max(spend.by === "day" ? Math.max(...items.map(basis.of)) : whole, 1);
  const head = GROUPS.find((group) => group.name === spend.by)?.head ?? "";
  return (
    <div className="overflow-x-auto rounded-lg border border-line">
      <table className="w-full border-separate border-spacing-0 text-sm">
        <thead className="bg-sunken text-left text-ink-3">
          <tr>
            <Head className="pl-4">{head}</Head>
            <Head className="w-[20%] max-lg:hidden">{`Part of the ${basis.word}`}</Head>
            <Head right>Calls</Head>
            <Head right className="max-md:hidden">
              Tokens in
            </Head>
            <Head right className="max-md:hidden">
              Tokens out
            </Head>
            <Head right className="max-lg:hidden">
              From memory
            </Head>
            <Head right className="max-md:hidden">
              Failed
            </Head>
            <Head right className="pr-4">
              Cost
            </Head>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.name} className="group hover:bg-hover">
              <th scope="row" className="border-b border-line py-2 pr-3 pl-4 text-left font-normal break-words">
                <Name by={spend.by} name={one.name} app={app} />
              </th>
              <td className="border-b border-line px-3 py-2 max-lg:hidden">
                <span className="flex items-center gap-2.5">
                  <span className="h-1.5 min-w-0 flex-1 overflow-hidden rounded-full bg-line">
                    <span className="block h-full rounded-full bg-accent" style={{ width: `${(100 * basis.of(one)) / most}%` }} />
                  </span>
                  {spend.by !== "day" && <span className="tnum w-11 text-right text-ink-2">{basis.of(one) === 0 ? "–" : shareWord(basis.of(one), whole)}</span>}
                </span>
              </td>
              <Numbers spent={one} money={money} line />
            </tr>
          ))}
          {spend.others && (
            <tr>
              <th scope="row" className="border-b border-line py-2 pr-3 pl-4 text-left font-normal text-ink-2">
                {plural(spend.others_count, "other")}, each of them cheaper
              </th>
              <td className="border-b border-line max-lg:hidden" />
              <Numbers spent={spend.others} money={money} line />
            </tr>
          )}
        </tbody>
        <tfoot className="font-medium">
          <tr>
            <th scope="row" className="py-2.5 pr-3 pl-4 text-left font-medium">
              All
            </th>
            <td className="max-lg:hidden" />
            <Numbers spent={spend.total} money={money} />
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function Head({ children, right = false, className = "px-3" }: { children: string; right?: boolean; className?: string }) {
  return (
    <th scope="col" className={`border-b border-line px-3 py-2 font-medium whitespace-nowrap ${right ? "text-right" : ""} ${className}`}>
      {children}
    </th>
  );
}

function Numbers({ spent, money, line = false }: { spent: Spent; money: (nano: number) => string; line?: boolean }) {
  const cell = `tnum px-3 py-2 text-right whitespace-nowrap ${line ? "border-b border-line text-ink-2" : ""}`;
  const some = (value: number) => (value === 0 ? "–" : count(value));
  return (
    <>
      <td className={cell}>{count(spent.calls)}</td>
      <td className={`${cell} max-md:hidden`}>{some(spent.input_tokens)}</td>
      <td className={`${cell} max-md:hidden`}>{some(spent.output_tokens)}</td>
      <td className={`${cell} max-lg:hidden`}>{some(spent.cached)}</td>
      <td className={`${cell} max-md:hidden ${spent.failed * 20 > spent.calls ? "text-failed!" : ""}`}>{some(spent.failed)}</td>
      <td className={`${cell} pr-4 text-ink!`}>{costWord(spent, money)}</td>
    </>
  );
}

const NOBODY: Partial<Record<SpendBy, string>> = { pipeline: "Outside of apps", user: "Nobody known" };

function Name({ by, name, app }: { by: SpendBy; name: string; app: AppInfo | undefined }) {
  if (name === "") return <span className="text-ink-2">{NOBODY[by] ?? "–"}</span>;
  if (by === "day") return <>{dayWord(name)}</>;
  if (by === "pipeline") return <span className="font-medium">{app?.pipelines.find((one) => one.name === name)?.title ?? name}</span>;
  if (by !== "model") return <span className="font-medium">{name}</span>;
  return (
    <>
      <span className="font-medium">{shortModel(name)}</span> <span className="text-ink-3">{providerWord(name)}</span>
    </>
  );
}
