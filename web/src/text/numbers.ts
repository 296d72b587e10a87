// Numbers, money and times in the reader's own locale.

const whole = new Intl.NumberFormat();
const seconds1 = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

export function count(value: number): string {
  return whole.format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${whole.format(value)} ${value === 1 ? one : many}`;
}

/** < 0.1 s, 0.4 s, 8.2 s, 3 min 5 s, 2 h 10 min. */
export function duration(seconds: number): string {
  if (seconds < 0.05) return `< ${seconds1.format(0.1)} s`;
  if (seconds < 59.95) return `${seconds1.format(seconds)} s`;
  const all = Math.round(seconds);
  if (all < 3600) return all % 60 === 0 ? `${all / 60} min` : `${Math.floor(all / 60)} min ${all % 60} s`;
  if (all < 172_800) return `${Math.floor(all / 3600)} h ${Math.floor((all % 3600) / 60)} min`;
  return plural(Math.round(all / 86_400), "day");
}

/** Dollars with as many digits as say something: $12.40, $0.031, $0.0004. */
export function money(usd: number): string {
  const digits = usd === 0 || usd >= 1 ? 2 : Math.min(6, Math.max(2, 1 - Math.floor(Math.log10(usd))));
  return new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 2, maximumFractionDigits: digits }).format(usd);
}

const aligned = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 4, maximumFractionDigits: 4 });

/** Dollars for a column: always four digits, so that they stand under each other. */
export function moneyAligned(usd: number): string {
  if (usd === 0) return "$0";
  return usd > 0 && usd < 0.00005 ? `<${aligned.format(0.0001)}` : aligned.format(usd);
}

export function bytes(size: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const power = size < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(size) / 3));
  return new Intl.NumberFormat(undefined, { style: "unit", unit: units[power] as string, unitDisplay: power === 0 ? "long" : "short", maximumFractionDigits: power === 0 ? 0 : 1 }).format(size / 1000 ** power);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["minute", 60],
  ["hour", 3600],
  ["day", 86_400],
];

/** "3 minutes ago", "in 2 days"; a date where that is long ago. */
export function ago(iso: string, now: number): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return seconds <= 20 ? "just now" : "in a moment";
  if (size > 14 * 86_400) return day.format(new Date(iso));
  const [unit, length] = STEPS.findLast(([, each]) => size >= each * 0.9) ?? (["minute", 60] as const);
  return relative.format(Math.round(seconds / length), unit as Intl.RelativeTimeFormatUnit);
}

export function exactly(iso: string): string {
  return exact.format(new Date(iso));
}

/** 1st, 2nd, 3rd, 4th. */
export function ordinal(value: number): string {
  const kind = new Intl.PluralRules("en", { type: "ordinal" }).select(value);
  return `${whole.format(value)}${{ one: "st", two: "nd", few: "rd" }[kind as string] ?? "th"}`;
}

/** A share from 0 to 1. What is not all is never called all, what is not nothing never nothing. */
export function shareWords(share: number | null): string {
  if (share === null) return "–";
  if (share === 0 || share === 1) return `${share * 100} %`;
  return `${Math.min(99, Math.max(1, Math.round(share * 100)))} %`;
}
