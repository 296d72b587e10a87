import { expect, test } from "vitest";
import type { Place, Step } from "../api/types";
import { BOX, pictureOf } from "./graph";

const NONE: ReadonlySet<string> = new Set();

function step(seq: number, from: number, to: number | null, name = `s${seq}`, within: Place[] = []): Step {
  const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
  return { seq, kind: "step", name, label: name, status: to === null ? "running" : "succeeded", started_at: at(from), finished_at: to === null ? null : at(to), within };
}

const place = (kind: Place["kind"], group: number, name: string): Place => ({ kind, group, name });

/** By rows from above, the labels of each from the left. */
function rows(steps: Step[], toggled = NONE): string[][] {
  const found = new Map<number, { x: number; label: string }[]>();
  for (const box of pictureOf(steps, toggled).boxes) found.set(box.y, [...(found.get(box.y) ?? []), { x: box.x, label: (box.group?.title ?? box.steps[0]?.name ?? "") + (box.steps.length > 1 ? ` (${box.steps.length})` : "") }]);
  return [...found].sort(([one], [other]) => one - other).map(([, row]) => row.sort((one, other) => one.x - other.x).map(({ label }) => label));
}

test("steps one after the other are a line", () => {
  const picture = pictureOf([step(1, 0, 1), step(2, 1, 2), step(3, 2, null)], NONE);
  expect(picture.boxes.map((box) => box.x)).toEqual([0, 0, 0]);
  expect(picture.lines.map(([from, to]) => to.y - from.y > 0)).toEqual([true, true]);
  expect(picture.width).toBe(BOX.width);
});

test("steps at the same time stand beside each other, between what was before and after", () => {
  const steps = [step(1, 0, 1), step(2, 1, 3), step(3, 1, 2), step(4, 3, 4)];
  expect(rows(steps)).toEqual([["s1"], ["s2", "s3"], ["s4"]]);
  expect(pictureOf(steps, NONE).lines).toHaveLength(4);
});

test("a branch of two steps beside one long step is a branch of two", () => {
  const steps = [step(1, 0, 10), step(2, 0, 4), step(3, 5, 9), step(4, 10, 11)];
  expect(rows(steps)).toEqual([["s1", "s2"], ["s3"], ["s4"]]);
  expect(pictureOf(steps, NONE).lines).toHaveLength(3);
});

test("branches are columns with their names, also where their steps did not overlap", () => {
  const [price, stock] = [place("branch", 1, "price"), place("branch", 1, "stock")];
  const picture = pictureOf([step(1, 0, 1), step(2, 1, 2, "p", [price]), step(3, 2, 3, "s", [stock]), step(4, 3, 4, "t", [stock]), step(5, 4, 5)], NONE);
  expect(picture.frames.map((frame) => [frame.title, frame.steps.length])).toEqual([["price", 1], ["stock", 2]]);
  expect(new Set(picture.frames.map((frame) => frame.height)).size).toBe(1); // or lines would run through the higher one
  const boxes = Object.fromEntries(picture.boxes.map((box) => [box.steps[0]?.name, box]));
  expect(boxes["p"]?.y).toBe(boxes["s"]?.y);
  expect(boxes["p"]?.x).toBeLessThan(boxes["s"]?.x ?? 0);
  expect(boxes["t"]?.inside).toEqual(["stock"]);
  expect(picture.lines).toHaveLength(2 + 1 + 2); // to both, within one, from both
});

test("a child pipeline is a frame that can be closed, and one of many steps is closed until it is opened", () => {
  const few = [1, 2].map((seq) => step(seq, seq, seq + 1, `s${seq}`, [place("pipeline", 1, "child")]));
  expect(pictureOf(few, NONE).frames.map((frame) => frame.title)).toEqual(["Pipeline child"]);
  expect(rows(few, new Set(["/pipeline:1"]))).toEqual([["Pipeline child (2)"]]);
  const many = Array.from({ length: 30 }, (_, index) => step(index + 1, index, index + 1, `s${index}`, [place("agent", 1, "desk")]));
  expect(rows(many)).toEqual([["Agent desk (30)"]]);
  expect(rows(many, new Set(["/agent:1"]))).toHaveLength(30);
});

test("many items are one until they are opened, then the first that a person has to know of", () => {
  const items = Array.from({ length: 400 }, (_, index) => ({ ...step(index + 1, 0, 1 + (index % 7), "read", [place("item", 1, String(index + 1))]), status: index === 300 ? ("failed" as const) : ("succeeded" as const) }));
  expect(rows(items)).toEqual([["400 items (400)"]]);
  const opened = pictureOf(items, new Set(["/item:1"]));
  expect(opened.frames.map((frame) => frame.title).slice(0, 3)).toEqual(["400 items", "Item 301", "Item 1"]);
  expect(opened.boxes).toHaveLength(8);
});

test("a step that has steps inside is a group of its own", () => {
  const steps = [step(1, 0, 9, "tool"), step(2, 1, 2, "ask", [place("step", 1, "")]), step(3, 9, 10, "next")];
  const picture = pictureOf(steps, NONE);
  expect(picture.frames.map((frame) => frame.title)).toEqual(["tool"]);
  expect(picture.boxes.map((box) => box.steps[0]?.name)).toEqual(["tool", "ask", "next"]);
});

test("many of a kind at the same time, or in a row, are one", () => {
  const many = Array.from({ length: 500 }, (_, index) => step(index + 2, 1, 2 + (index % 7), "read"));
  expect(rows([step(1, 0, 1), ...many, step(502, 9, 10)])).toEqual([["s1"], ["read (500)"], ["s502"]]);
  const loop = Array.from({ length: 400 }, (_, index) => step(index + 1, index, index + 1, "poll"));
  expect(rows([...loop, step(401, 400, 401)])).toEqual([["poll (400)"], ["s401"]]);
});

test("steps of no length at one moment follow their numbers, and no step none", () => {
  expect(rows([step(1, 0, 0), step(2, 0, 0)])).toEqual([["s1"], ["s2"]]);
  expect(pictureOf([], NONE)).toEqual({ width: 0, height: 0, boxes: [], frames: [], lines: [] });
});
