// What a prompt costs and how its answers were won, in the reader's words. Pure.

import { dollars } from "../models/words";
import { count, plural } from "../text/numbers";

/** The worst case of one question: what a call costs at most, and how many it may take. */
export function worstWords(nano: number | null, calls: number): string {
  if (nano === null) return "price unknown";
  const most = nano === 0 ? "free" : `at most ${dollars(nano)} a call`;
  return calls > 1 && nano > 0 ? `${most}, up to ${plural(calls, "call")}` : most;
}

/** Counts by name, the most first. */
export function mostFirst(counts: Record<string, number>): string {
  return Object.entries(counts)
    .sort(([a, many], [b, more]) => more - many || a.localeCompare(b))
    .map(([name, many]) => `${name.replaceAll("-", " ") || "a bug"} ${count(many)}`)
    .join(", ");
}
