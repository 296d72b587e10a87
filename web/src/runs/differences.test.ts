import { expect, test } from "vitest";
import type { Comparison } from "../api/types";
import { fieldsThatDiffer, whereTheyDiffer, wordsThatDiffer } from "./differences";

test("only fields that differ are told, with their path, and the others are counted", () => {
  const a = { kind: "bill", lines: [{ text: "one" }, { text: "two" }], urgent: true };
  const b = { kind: "bill", lines: [{ text: "one" }, { text: "three" }, { text: "four" }], urgent: null };
  expect(fieldsThatDiffer(a, b)).toEqual({
    pairs: [
      { path: "lines › 2 › text", a: "two", b: "three" },
      { path: "urgent", a: "true", b: "null" },
      { path: "lines › 3 › text", a: undefined, b: "four" },
    ],
    same: 2,
  });
  expect(fieldsThatDiffer("x", "x")).toEqual({ pairs: [], same: 1 });
  expect(fieldsThatDiffer([], undefined).pairs).toEqual([{ path: "", a: "[]", b: undefined }]);
});

test("of two texts the words are marked that the other has not", () => {
  const told = wordsThatDiffer("We will send the saddle today.", "We can send a new saddle today.");
  expect(told.a.filter((piece) => !piece.same).map((piece) => piece.text)).toEqual(["will", "the"]);
  expect(told.b.filter((piece) => !piece.same).map((piece) => piece.text.trim())).toEqual(["can", "a new"]);
  for (const [pieces, text] of [[told.a, "We will send the saddle today."], [told.b, "We can send a new saddle today."]] as const) expect(pieces.map((piece) => piece.text).join("")).toBe(text);
  expect(wordsThatDiffer("", "all new")).toEqual({ a: [], b: [{ text: "all new", same: false }] });
});

test("texts too long to be laid over each other are marked from the first other word to the last", () => {
  const long = Array.from({ length: 2000 }, (_, index) => `w${index}`).join(" ");
  const told = wordsThatDiffer(`same ${long} end`, `same ${long.replaceAll("w", "v")} end`);
  expect(told.a.map((piece) => piece.same)).toEqual([true, false, true]);
});

test("an answer of many words is marked word by word", () => {
  const text = (name: string) => Array.from({ length: 80 }, (_, index) => `order 3 sentence ${index} for ${name}.`).join(" ");
  const other = wordsThatDiffer(text("Ann"), text("Bob and sons")).a.filter((piece) => !piece.same);
  expect(other.map((piece) => piece.text)).toEqual(Array.from({ length: 80 }, () => "Ann."));
});

test.each([
  [{ first_difference: 0 }, "They first differ at “Reading”"],
  [{ same_output: false }, "Their steps are the same, the output is another"],
  [{ b: { status: "failed" } }, "Their steps are the same, they ended differently"],
  [{}, "They nowhere differ"],
])("of two runs is said where they part: %j", (more, said) => {
  const found = { a: { status: "succeeded" }, b: { status: "succeeded" }, steps: [{ a: { name: "read", label: "Reading" }, b: null, differs: [] }], first_difference: null, same_output: true, ...more };
  expect(whereTheyDiffer(found as unknown as Comparison)).toBe(said);
});
