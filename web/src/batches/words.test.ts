import { expect, test } from "vitest";
import type { Batch, BatchRow } from "../api/types";
import { endedOf, oneLine, outcomeOf, progressWords } from "./words";

const counts = { queued: 200, running: 8, waiting: 2, succeeded: 27, failed: 1, cancelled: 0, refused: 2 };
const batch = { rows: 240, counts } as Batch;
const row = { row: 1, status: "succeeded", title: "", given: null, tries: 1, run_id: null, output: null, error: null, seconds: null, cost_usd: 0 } satisfies BatchRow;

test("progress names only what there is", () => {
  expect(progressWords(batch)).toBe("27 of 240 rows done, 1 failed, 2 not taken, 2 waiting for a person");
  expect(progressWords({ ...batch, rows: 1, counts: { ...counts, succeeded: 1, failed: 0, refused: 0, waiting: 0 } })).toBe("1 of 1 row done");
  expect(endedOf(batch)).toBe(30);
});

test("any value is one line", () => {
  expect(oneLine("a\n b")).toBe("a b");
  expect(oneLine({ text: "Dear Ada", citations: [] })).toBe("Dear Ada");
  expect(oneLine({ team: "returns", urgent: true, score: 0.5, more: { a: 1 }, none: null })).toBe("returns · Yes · 0.5");
  expect(oneLine([1, 2])).toBe("1, 2");
  expect(oneLine([{ a: 1 }])).toBe("1 entry");
  expect(oneLine(null)).toBe("");
});

test("a row that failed says why, by columns where they are known", () => {
  const error = { title: "input", code: "input", reader: "It does not fit.", fields: [{ path: ["attempts"], message: "must be a number" }] };
  expect(outcomeOf({ ...row, status: "refused", error })).toBe("attempts: must be a number");
  expect(outcomeOf({ ...row, status: "failed", error: { ...error, fields: [] } })).toBe("It does not fit.");
  expect(outcomeOf({ ...row, output: "fine" })).toBe("fine");
});
