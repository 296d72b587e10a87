// A filter as a person writes it, as what the API takes: `product = e-bike | scooter, year >= 2024`. Pure.

import type { JsonObject } from "../api/types";

type Scalar = string | number | boolean;
type Range = { least?: Scalar; most?: Scalar };

const CONDITION = /^([\p{L}_][\p{L}\p{N}_]*)\s*(>=|<=|=)\s*(.+)$/u;

/** The conditions, which must all hold; or the first part that is none. */
export function readFilter(text: string): { where: JsonObject } | { wrong: string } {
  const where: Record<string, Scalar | Scalar[] | Range> = {};
  for (const part of text.split(/[,\n]/).map((one) => one.trim())) {
    if (part === "") continue;
    const [, field, sign, rest] = CONDITION.exec(part) ?? [];
    if (field === undefined || rest === undefined) return { wrong: part };
    if (sign === "=") {
      const values = rest.split("|").map((one) => scalar(one.trim()));
      where[field] = values.length === 1 ? (values[0] as Scalar) : values;
    } else {
      const before = where[field];
      const range = typeof before === "object" && !Array.isArray(before) ? before : {};
      where[field] = { ...range, [sign === ">=" ? "least" : "most"]: scalar(rest) };
    }
  }
  return { where: where as JsonObject };
}

/** Numbers and yes or no as such, words as they are; in quotes it is words whatever it looks like. */
function scalar(text: string): Scalar {
  const quoted = /^"(.*)"$/.exec(text);
  if (quoted) return quoted[1] as string;
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
