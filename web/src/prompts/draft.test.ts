import { expect, test } from "vitest";
import { diffLines, pieces } from "./draft";

const said = (before: string, after: string, around = 3) => diffLines(before, after, around).map((line) => `${{ same: " ", gone: "-", new: "+", skipped: "…" }[line.kind]}${line.text}`);

test("a changed line is told as gone and new, between what stayed", () => {
  expect(said("a\nb\nc", "a\nB\nc")).toEqual([" a", "-b", "+B", " c"]);
});

test("lines that came and went are found among equal ones", () => {
  expect(said("a\nb\nc\nd", "b\nc\nx\nd")).toEqual(["-a", " b", " c", "+x", " d"]);
});

test("long equal stretches are left out", () => {
  expect(said("1\n2\n3\n4\n5\n6", "1\n2\n3\n4\n5\nsix", 1)).toEqual(["…", " 5", "-6", "+six"]);
  expect(said("a\nb", "a\nb")).toEqual(["…"]);
});

test("what is filled in is told apart from what is written", () => {
  expect(pieces("Dear {{name}}, {{{raw}}}!")).toEqual([
    { text: "Dear ", filled: false },
    { text: "{{name}}", filled: true },
    { text: ", ", filled: false },
    { text: "{{{raw}}}", filled: true },
    { text: "!", filled: false },
  ]);
  expect(pieces("")).toEqual([]);
});
