// What a prompt costs, in the reader's words. Pure.

import { dollars } from "../models/words";
import { plural } from "../text/numbers";

/** The worst case of one question: what a call costs at most, and how many it may take. */
export function worstWords(nano: number | null, calls: number): string {
  if (nano === null) return "price unknown";
  const most = nano === 0 ? "free" : `at most ${dollars(nano)} a call`;
  return calls > 1 && nano > 0 ? `${most}, up to ${plural(calls, "call")}` : most;
}
