// Cuts a stored text without markup into headings, pages and paragraphs, each with its place in the text. Pure.

import type { DocumentText } from "../api/types";
import { unitOffsets } from "../text/offsets";
import { lineStart } from "./outline";

export type Piece =
  | { kind: "page"; page: number; start: number }
  | { kind: "heading"; level: number; start: number; end: number; anchor: number }
  | { kind: "paragraph"; start: number; end: number };

export function piecesOf(document: DocumentText): Piece[] {
  const { text } = document;
  const units = unitOffsets(text);
  const pieces: Piece[] = [];
  const pages = new Map((document.pages ?? []).map((page) => [units(page.start), page.page]));
  const headings = (document.headings ?? []).map((heading) => {
    const start = units(heading.start);
    const lineEnd = text.indexOf("\n", start);
    const given = units(heading.end);
    const end = given > start ? given : lineEnd < 0 ? text.length : lineEnd;
    return { level: heading.level, start, end: Math.min(end, lineEnd < 0 ? text.length : lineEnd) };
  });
  const borders = [...new Set([0, text.length, ...pages.keys(), ...headings.flatMap((heading) => [heading.start, heading.end])])].filter((at) => at <= text.length).sort((a, b) => a - b);
  borders.forEach((start, index) => {
    const page = pages.get(start);
    if (page !== undefined) pieces.push({ kind: "page", page, start });
    const end = borders[index + 1];
    if (end === undefined) return;
    const heading = headings.find((one) => one.start === start && one.end === end);
    if (heading) pieces.push({ kind: "heading", level: heading.level, start, end, anchor: lineStart(text, start) });
    else pieces.push(...paragraphs(text, start, end));
  });
  return pieces;
}

function paragraphs(text: string, start: number, end: number): Piece[] {
  const found: Piece[] = [];
  const gap = /\n[ \t]*\n\s*/g;
  gap.lastIndex = start;
  let at = start;
  const push = (to: number) => {
    let from = at;
    let until = to;
    while (from < until && /\s/.test(text[from] as string)) from += 1;
    while (until > from && /\s/.test(text[until - 1] as string)) until -= 1;
    if (until > from) found.push({ kind: "paragraph", start: from, end: until });
  };
  for (let match = gap.exec(text); match && match.index < end; match = gap.exec(text)) {
    push(match.index);
    at = match.index + match[0].length;
  }
  push(end);
  return found;
}
