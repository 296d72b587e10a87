import { describe, expect, it } from "vitest";
import { addressOf, answerOf, unsupportedIn } from "../run/answer";
import { piecesOf } from "../knowledge/plain";
import { stepwise } from "./headings";
import { cut, unitOffsets } from "./offsets";

describe("the server's offsets", () => {
  it("are code points, JavaScript's are not", () => {
    const text = "a🚗b🚗🚗c";
    const units = unitOffsets(text);
    const points = [...text];
    points.forEach((character, at) => expect(text.slice(units(at), units(at + 1))).toBe(character));
    expect(units(points.length)).toBe(text.length);
  });
  it("never leave the text", () => expect([unitOffsets("ab")(9), unitOffsets("a🚗")(9), unitOffsets("ab")(-1)]).toEqual([2, 3, 0]));
});

it("cuts a stretch of text where marks begin and end", () => {
  const marks = [
    { start: 2, end: 4, value: "a" },
    { start: 6, end: 12, value: "b" },
  ];
  expect(cut(0, 8, marks)).toEqual([
    { start: 0, end: 2, value: null, last: false },
    { start: 2, end: 4, value: "a", last: true },
    { start: 4, end: 6, value: null, last: false },
    { start: 6, end: 8, value: "b", last: false },
  ]);
  expect(cut(8, 14, marks)).toEqual([
    { start: 8, end: 12, value: "b", last: true },
    { start: 12, end: 14, value: null, last: false },
  ]);
});

describe("an answer", () => {
  const sentence = (text: string, whole: string, supported = false) => {
    const start = [...whole.slice(0, whole.indexOf(text))].length;
    return { text, start, end: start + [...text].length, supported };
  };

  it("marks the sentences that nothing supports, where they really stand", () => {
    const text = "🚗 We deliver. We also fly 🚗. Good bye.";
    const marks = unsupportedIn(text, [sentence("We also fly 🚗.", text), sentence("We deliver.", text, true)]);
    expect(marks.map((mark) => text.slice(mark.start, mark.end))).toEqual(["We also fly 🚗."]);
  });

  it("is what has a text; the rest is shown beside it", () => {
    expect(answerOf({ text: "Hi", citations: [], urgent: true })).toMatchObject({ text: "Hi", rest: { urgent: true } });
    expect(answerOf("Hi")).toMatchObject({ text: "Hi" });
    expect([answerOf({ total: 3 }), answerOf(null), answerOf(undefined)]).toEqual([null, null, null]);
  });

  it("leads to its source at the quoted words", () => {
    expect(addressOf({ marker: 1, knowledge: "hand book", document: "a/b c.md", title: "", start: 3, end: 9, quote: "" })).toBe("/knowledge/hand%20book/documents/a/b%20c.md?start=3&end=9");
  });
});

it("cuts a stored text into pages, headings and paragraphs that keep their places", () => {
  const text = "Title\n\nFirst 🚗 part.\nGoes on.\n\nNext\n\nSecond.";
  const points = (part: string) => [...text.slice(0, text.indexOf(part))].length;
  const pieces = piecesOf({
    id: "a",
    title: "a",
    format: "pdf",
    text,
    headings: ["Title", "Next"].map((title) => ({ start: points(title), end: points(title) + title.length, level: 1, title })),
    pages: [
      { page: 1, start: 0, end: points("Next") },
      { page: 2, start: points("Next"), end: [...text].length },
    ],
    updated_at: null,
    file_url: null,
  });
  expect(pieces.map((piece) => (piece.kind === "page" ? `page ${piece.page}` : `${piece.kind}: ${text.slice(piece.start, piece.end)}`))).toEqual(["page 1", "heading: Title", "paragraph: First 🚗 part.\nGoes on.", "page 2", "heading: Next", "paragraph: Second."]);
});

it.each([
  [[1, 2, 3], [2, 3, 4]],
  [[2, 2, 4, 2], [2, 2, 3, 2]],
  [[3, 1, 3], [2, 2, 3]],
  [[], []],
])("heading levels %j become %j: none is skipped", (levels, expected) => expect(stepwise(levels, 2)).toEqual(expected));
