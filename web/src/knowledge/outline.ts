// The headings of a document as a table of contents. Pure.

import type { DocumentText } from "../api/types";
import { unitOffsets } from "../text/offsets";

export interface OutlineEntry {
  title: string;
  depth: number;
  anchor: string;
}

export function outlineOf(document: DocumentText): OutlineEntry[] {
  const units = unitOffsets(document.text);
  const headings = (document.headings ?? []).filter((heading) => heading.level <= 3);
  const top = Math.min(...headings.map((heading) => heading.level));
  const below = headings.filter((heading) => heading.level > top || headings.filter((other) => other.level === top).length > 1);
  const first = Math.min(...below.map((heading) => heading.level));
  return below.map((heading) => ({ title: heading.title, depth: heading.level - first, anchor: `at-${lineStart(document.text, units(heading.start))}` }));
}

/** A heading's offset may point at its words or at its line; the anchor is the line. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", Math.max(0, offset - 1)) + 1;
}
