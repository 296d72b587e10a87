import { describe, expect, it } from "vitest";
import type { Part } from "../api/stream";
import type { Json, Run, Step } from "../api/types";
import type { RunView } from "./progress";
import { cachedOf, latestOf, NOTHING, sideBySide, viewOf, withPart } from "./progress";

const step = (seq: number, start: number, end: number | null, more: Partial<Step> = {}): Step => ({
  seq,
  kind: "prompt",
  name: `step${seq}`,
  label: "",
  status: end === null ? "running" : "succeeded",
  started_at: new Date(start).toISOString(),
  finished_at: end === null ? null : new Date(end).toISOString(),
  ...more,
});
const run = (more: Partial<Run>): Run => ({ id: "r", pipeline: "p", title: "", status: "running", created_at: "", started_at: null, finished_at: null, seconds: null, cost_usd: null, user: null, position: null, input: {}, output: null, error: null, steps: [], approvals: [], feedback: null, ...more });
const fold = (parts: Part[]) => parts.reduce(withPart, NOTHING);

describe("a stream becomes what is shown", () => {
  it("writes the answer, and starts it over when the model was changed", () => {
    const progress = fold([
      { type: "start" },
      { type: "data-run", data: { status: "running" } },
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: "Wrong" },
      { type: "data-text-restart", id: "t" },
      { type: "text-delta", id: "t", delta: "Right" },
      { type: "text-delta", id: "t", delta: "." },
    ]);
    expect(viewOf(run({}), progress).text).toBe("Right.");
  });

  it("shows the values of an answer while its step works, as they are now, and no longer", () => {
    const value = (number: Json) => ({ type: "data-partial", id: "partial-1", data: { value: number } });
    const writing = fold([{ type: "data-step", data: step(1, 0, null) }, value({ name: "A" }), value({ name: "Ann" })]);
    expect(viewOf(run({}), writing).partial).toEqual({ name: "Ann" });
    expect(viewOf(run({}), withPart(writing, value(null))).partial).toBe(undefined);
    expect(viewOf(run({}), withPart(writing, { type: "data-step", data: step(1, 0, 5) })).partial).toBe(undefined);
    expect(viewOf(run({ status: "succeeded", output: { name: "Anna" } }), writing).partial).toBe(undefined);
  });

  it("lets a later part about a step replace the earlier one", () => {
    const progress = fold([
      { type: "data-step", id: "step-1", data: step(1, 0, null) },
      { type: "data-step", id: "step-1", data: step(1, 0, 5) },
    ]);
    expect(viewOf(run({}), progress).steps.map((one) => one.status)).toEqual(["succeeded"]);
  });

  it("keeps the tools that a hosted framework used with the step in which it did", () => {
    const use = (id: string, within: number) => ({ type: "tool-input-available", toolCallId: id, toolName: "find_order", input: { number: 7 }, providerMetadata: { coachwork: { step: within } } });
    const progress = fold([
      use("a", 1),
      { type: "tool-output-available", toolCallId: "a", output: "sent" },
      use("a", 3),
      { type: "tool-output-error", toolCallId: "a", errorText: "no such order" },
      use("b", 3),
    ]);
    const told = (view: RunView) => view.tools.map((one) => [one.step, one.id, one.status, one.output]);
    const known = [[1, "a", "succeeded", "sent"], [3, "a", "failed", "no such order"]];
    expect(told(viewOf(run({}), progress))).toEqual([...known, [3, "b", "running", null]]);
    expect(told(viewOf(run({ status: "failed" }), progress))).toEqual([...known, [3, "b", "failed", null]]);
  });

  it("tells the place in line, then forgets it", () => {
    const queued = fold([{ type: "data-run", data: { status: "queued", position: 4 } }]);
    expect(viewOf(run({ status: "queued" }), queued).position).toBe(4);
    expect(viewOf(run({ status: "queued" }), withPart(queued, { type: "data-run", data: { status: "running" } })).position).toBe(null);
  });

  it("shows the problem in the server's words, or the error's text where it sent none", () => {
    expect(fold([{ type: "data-problem", data: { code: "x", title: "x", reader: "Words." } }, { type: "error", errorText: "other" }]).problem?.reader).toBe("Words.");
    expect(fold([{ type: "error", errorText: "other" }]).problem?.reader).toBe("other");
  });

  it("trusts the record once the run has ended", () => {
    const progress = fold([{ type: "data-run", data: { status: "running" } }, { type: "data-step", data: step(1, 0, null) }]);
    const view = viewOf(run({ status: "succeeded", output: "done", seconds: 3, steps: [step(1, 0, 3000)] }), progress);
    expect([view.status, view.output, view.steps[0]?.status]).toEqual(["succeeded", "done", "succeeded"]);
  });
});

describe("steps side by side", () => {
  it.each([
    ["one after the other", [step(1, 0, 10), step(2, 10, 20)], [[1], [2]]],
    ["two at once", [step(1, 0, 10), step(2, 10, 20), step(3, 11, 30), step(4, 30, 31)], [[1], [2, 3], [4]]],
    ["one still at work", [step(1, 0, null), step(2, 5, 8)], [[1, 2]]],
    ["none", [], []],
  ])("%s", (_name, steps, expected) => {
    expect(sideBySide(steps).map((group) => group.map((one) => one.seq))).toEqual(expected);
  });
});

it.each([
  [[], false],
  [[step(1, 0, 1, { model: "a" })], false],
  [[step(1, 0, 1, { model: "a", cached: true }), step(2, 0, 1, { model: "a" })], "partly"],
  [[step(1, 0, 1, { model: "a", cached: true }), step(2, 0, 1)], true],
])("says whether the answer was kept from before", (steps, expected) => expect(cachedOf(steps)).toBe(expected));

it("leaves out of a long run what is long done, and nothing that still works", () => {
  const many = Array.from({ length: 300 }, (_, index) => [step(index + 1, index, index === 7 ? null : index + 1)]);
  const { groups, earlier } = latestOf(many);
  expect(groups.flat().map((one) => one.seq)).toEqual([8, ...Array.from({ length: 12 }, (_, index) => 289 + index)]);
  expect(earlier).toBe(287);
  expect(latestOf([many.slice(8).flat()]).groups.map((group) => group.length)).toEqual([12]);
  expect(latestOf(many.slice(285))).toEqual({ groups: many.slice(285), earlier: 0 });
});
