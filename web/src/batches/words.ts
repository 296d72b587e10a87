// What a batch and its rows are called, and values as one line of a table. Pure; knows no widgets.

import type { Batch, BatchRow, BatchStatus, Json } from "../api/types";
import { count, plural } from "../text/numbers";

export const BATCH_WORDS: Record<BatchStatus, string> = { running: "Working", paused: "Paused", finished: "Finished", cancelled: "Stopped" };

/** Rows that nothing more will happen to by itself. */
export function endedOf({ counts }: Batch): number {
  return counts.succeeded + counts.failed + counts.cancelled + counts.refused;
}

/** "27 of 240 rows done, 1 failed, 2 not taken". */
export function progressWords(batch: Batch): string {
  const { counts } = batch;
  const rest: [number, string][] = [
    [counts.failed, "failed"],
    [counts.cancelled, "stopped"],
    [counts.refused, "not taken"],
    [counts.waiting, "waiting for a person"],
  ];
  return [`${count(counts.succeeded)} of ${plural(batch.rows, "row")} done`, ...rest.filter(([number]) => number > 0).map(([number, word]) => `${count(number)} ${word}`)].join(", ");
}

/** Any value as one line: a text as it is, the texts and numbers of an object one after the other. */
export function oneLine(value: Json): string {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value !== "object") return String(value).replace(/\s+/g, " ");
  if (Array.isArray(value)) return value.every((item) => typeof item !== "object") ? value.map(oneLine).join(", ") : plural(value.length, "entry", "entries");
  const text = value["text"];
  if (typeof text === "string") return oneLine(text);
  return Object.values(value)
    .map((inner) => (typeof inner === "object" ? "" : oneLine(inner)))
    .filter(Boolean)
    .join(" · ");
}

/** What came of a row, as one line. */
export function outcomeOf(row: BatchRow): string {
  if (row.error && row.status !== "succeeded") return whyOf(row);
  return oneLine(row.output);
}

/** Why a row did not succeed: the words for the reader, or the columns that don't fit. */
export function whyOf({ error }: BatchRow): string {
  if (!error) return "";
  const fields = (error.fields ?? []).map((field) => [field.path.join("."), field.message].filter(Boolean).join(": "));
  return fields.length > 0 ? fields.join("; ") : error.reader || error.detail || error.title;
}

export function canRetry(row: BatchRow): boolean {
  return row.status === "failed" || row.status === "cancelled";
}
