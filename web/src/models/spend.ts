// Sums and periods of the spend table. Pure; days begin at midnight UTC, as budgets do.

import type { Spend, SpendBy, Spent } from "../api/types";
import { money } from "../text/numbers";

const DAY = 86_400_000;

export const PERIODS = [
  { name: "1", label: "Today", days: 1 },
  { name: "7", label: "7 days", days: 7 },
  { name: "30", label: "30 days", days: 30 },
  { name: "90", label: "90 days", days: 90 },
] as const;

export const GROUPS: { name: SpendBy; label: string; head: string }[] = [
  { name: "model", label: "By model", head: "Model" },
  { name: "pipeline", label: "By app", head: "App" },
  { name: "user", label: "By user", head: "User" },
  { name: "route", label: "By route", head: "Route" },
  { name: "day", label: "By day", head: "Day" },
];

/** The first day of a period that ends today, as 2026-11-25. */
export function firstDay(days: number, now: number): string {
  return new Date(now - (days - 1) * DAY).toISOString().slice(0, 10);
}

/** Every day of a period, those without a question too. */
export function everyDay(spend: Spend, days: number, now: number): { name: string; cost_nano: number; calls: number }[] {
  const known = new Map(spend.items.map((one) => [one.name, one]));
  return Array.from({ length: days }, (_, index) => {
    const name = firstDay(days - index, now);
    const found = known.get(name);
    return { name, cost_nano: found?.cost_nano ?? 0, calls: found?.calls ?? 0 };
  });
}

/** Dollars for one column: as many digits for all as its smallest amount needs, so that they stand under each other. */
export function columnMoney(nanos: number[]): (nano: number) => string {
  const paid = nanos.filter((nano) => nano > 0);
  const digits = paid.some((nano) => nano < 1e6) ? 6 : paid.some((nano) => nano < 1e8) ? 4 : 2;
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (nano) => {
    if (nano === 0) return "free";
    const least = 10 ** -digits;
    return nano / 1e9 < least / 2 ? `<${format.format(least)}` : format.format(nano / 1e9);
  };
}

/** What is compared: the cost, or where nothing costs anything the number of calls. */
export function basisOf(total: Spent): { word: "cost" | "calls"; of: (spent: { cost_nano: number; calls: number }) => number } {
  return total.cost_nano > 0 ? { word: "cost", of: (spent) => spent.cost_nano } : { word: "calls", of: (spent) => spent.calls };
}

/** The sum of a time in a word: "nothing" where all of it was free, "unknown" where no price is known. */
export function totalWord(total: Spent): string {
  if (total.unpriced > 0 && total.cost_nano === 0) return "unknown";
  return total.cost_nano === 0 ? "nothing" : money(total.cost_nano / 1e9);
}

/** What a group cost: "price unknown" where nobody could tell for any of its questions. */
export function costWord(spent: Spent, format: (nano: number) => string): string {
  return spent.calls > 0 && spent.unpriced === spent.calls ? "price unknown" : format(spent.cost_nano);
}

const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

export function shareWord(part: number, whole: number): string {
  if (whole === 0 || part === 0) return "none";
  const share = part / whole;
  return share < 0.0005 ? `<${percent.format(0.001)}` : percent.format(share);
}
