// What is other between two values: which fields of them, and which words of a text. Pure.

import type { Comparison, Json } from "../api/types";

/** A stretch of a text; one that is not the same in both is marked. */
export interface Piece {
  text: string;
  same: boolean;
}

/** One field of two values, by its path in words. A value that one of them lacks is undefined. */
export interface FieldPair {
  path: string;
  a: string | undefined;
  b: string | undefined;
}

const MOST_CELLS = 9_000_000; // of the table for the words, some 1,500 in each text (36 MB): above that a text is marked from its first other word to its last

/** Where two runs part, in words. Steps can all be the same where what came out is not: code between them does that. */
export function whereTheyDiffer({ a, b, steps, first_difference: first, same_output }: Pick<Comparison, "a" | "b" | "steps" | "first_difference" | "same_output">): string {
  const step = first === null ? undefined : (steps[first]?.a ?? steps[first]?.b);
  if (step) return `They first differ at “${step.label || step.name}”`;
  if (!same_output) return "Their steps are the same, the output is another";
  return a.status === b.status ? "They nowhere differ" : "Their steps are the same, they ended differently";
}

/** The fields that differ, and how many do not. */
export function fieldsThatDiffer(a: Json | undefined, b: Json | undefined): { pairs: FieldPair[]; same: number } {
  const one = new Map(leaves(a, []));
  const other = new Map(leaves(b, []));
  const paths = [...new Set([...one.keys(), ...other.keys()])];
  const pairs = paths.filter((path) => one.get(path) !== other.get(path)).map((path) => ({ path, a: one.get(path), b: other.get(path) }));
  return { pairs, same: paths.length - pairs.length };
}

function leaves(value: Json | undefined, path: string[]): [string, string][] {
  if (value === undefined) return [];
  if (typeof value === "object" && value !== null) {
    const inner = Object.entries(value).flatMap(([name, item]) => leaves(item as Json, [...path, Array.isArray(value) ? String(Number(name) + 1) : name]));
    if (inner.length > 0) return inner;
  }
  return [[path.join(" › "), typeof value === "string" ? value : JSON.stringify(value)]];
}

/** The words of both texts, marked where they are not in the other one. */
export function wordsThatDiffer(a: string, b: string): { a: Piece[]; b: Piece[] } {
  const one = a.split(/(\s+)/).filter(Boolean);
  const other = b.split(/(\s+)/).filter(Boolean);
  let head = 0;
  while (head < one.length && head < other.length && one[head] === other[head]) head++;
  let tail = 0;
  while (tail < one.length - head && tail < other.length - head && one.at(-1 - tail) === other.at(-1 - tail)) tail++;
  const [left, right] = [one.slice(head, one.length - tail), other.slice(head, other.length - tail)];
  const common = left.length * right.length > MOST_CELLS ? [] : longestCommon(left, right);
  const whole = (words: string[], middle: string[], of: 0 | 1): Piece[] => {
    const kept = new Set(common.map((pair) => pair[of]));
    const marks = [...words.slice(0, head).map(() => true), ...middle.map((_, index) => kept.has(index)), ...words.slice(words.length - tail).map(() => true)];
    return joined(words, tail === 0 ? marks.slice(0, words.length) : marks);
  };
  return { a: whole(one, left, 0), b: whole(other, right, 1) };
}

/** Places of the words that both have, in their order. */
function longestCommon(a: string[], b: string[]): [number, number][] {
  const width = b.length + 1;
  const best = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => best[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) best[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const found: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) found.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return found;
}

function joined(words: string[], same: boolean[]): Piece[] {
  const pieces: Piece[] = [];
  words.forEach((word, index) => {
    const last = pieces.at(-1);
    if (last && last.same === same[index]) last.text += word;
    else pieces.push({ text: word, same: same[index] as boolean });
  });
  return pieces;
}
