// The server counts characters as Python does (code points), JavaScript counts UTF-16 units. This is the one place that knows.

/** Gives a function from code point offsets to JavaScript offsets in `text`. Free where the text has no astral characters. */
export function unitOffsets(text: string): (offset: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return (offset) => Math.min(Math.max(offset, 0), text.length);
  const astral: number[] = []; // code point offsets just after each astral character
  let points = 0;
  for (const character of text) {
    points += 1;
    if (character.length === 2) astral.push(points);
  }
  return (offset) => {
    let low = 0;
    let high = astral.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((astral[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.min(Math.max(offset + low, 0), text.length);
  };
}

export interface Range<T> {
  start: number;
  end: number;
  value: T;
}

/** Cuts `start`..`end` at the borders of the ranges that touch it. Ranges must not overlap one another. */
export function cut<T>(start: number, end: number, ranges: readonly Range<T>[]): { start: number; end: number; value: T | null; last: boolean }[] {
  const pieces: { start: number; end: number; value: T | null; last: boolean }[] = [];
  let at = start;
  for (const range of ranges) {
    if (range.end <= at || range.start >= end) continue;
    if (range.start > at) pieces.push({ start: at, end: range.start, value: null, last: false });
    const from = Math.max(at, range.start);
    const to = Math.min(end, range.end);
    pieces.push({ start: from, end: to, value: range.value, last: to === range.end });
    at = to;
  }
  if (at < end) pieces.push({ start: at, end, value: null, last: false });
  return pieces;
}
