// What ran as a graph: which step had ended when another began. Pure; knows times, not pixels.

import type { Step } from "../api/types";
import { sideBySide } from "../run/progress";

/** One step, or many of a kind that ran at the same time. */
export interface GraphNode {
  key: string;
  steps: Step[];
  layer: number;
  /** Its place in the layer, from the left. */
  row: number;
}

export interface Graph {
  nodes: GraphNode[];
  /** Pairs of keys: the first had ended when the second began, and nothing lies between them. */
  edges: [string, string][];
  layers: number;
  /** Nodes of the widest layer. */
  widest: number;
}

interface Span {
  key: string;
  steps: Step[];
  seq: number;
  start: number;
  end: number;
}

const MANY = 5; // steps of one kind at the same time, above which they are drawn as one

export function graphOf(steps: Step[]): Graph {
  const spans = sideBySide(steps).flatMap(stacked).map(spanOf).sort((a, b) => a.start - b.start || a.seq - b.seq);
  const before = spans.map((span, index) => nearest(spans.slice(0, index).filter((other) => ended(other, span))));
  const layers = new Map<string, number>();
  spans.forEach((span, index) => layers.set(span.key, Math.max(-1, ...(before[index] as Span[]).map((other) => layers.get(other.key) as number)) + 1));
  const rows = new Map<string, number>();
  const filled: number[] = [];
  const middle = (index: number) => mean((before[index] as Span[]).map((other) => rows.get(other.key) ?? 0));
  const order = spans.map((_, index) => index).sort((a, b) => layerAt(a) - layerAt(b) || a - b);
  function layerAt(index: number): number {
    return layers.get((spans[index] as Span).key) as number;
  }
  for (let from = 0; from < order.length; ) {
    const layer = layerAt(order[from] as number);
    const here = order.filter((index) => layerAt(index) === layer).sort((a, b) => middle(a) - middle(b) || a - b);
    here.forEach((index, row) => rows.set((spans[index] as Span).key, row));
    filled.push(here.length);
    from += here.length;
  }
  return {
    nodes: spans.map(({ key, steps: of }) => ({ key, steps: of, layer: layers.get(key) as number, row: rows.get(key) as number })),
    edges: spans.flatMap((span, index) => (before[index] as Span[]).map((other): [string, string] => [other.key, span.key])),
    layers: filled.length,
    widest: Math.max(0, ...filled),
  };
}

/** Of the steps of one time those that are many of a kind, put together; the others alone. */
function stacked(group: Step[]): Step[][] {
  const kinds = new Map<string, Step[]>();
  for (const step of group) {
    const kind = `${step.kind} ${step.name}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), step]);
  }
  return [...kinds.values()].flatMap((alike) => (alike.length > MANY ? [alike] : alike.map((step) => [step])));
}

function spanOf(steps: Step[]): Span {
  const seq = Math.min(...steps.map((step) => step.seq));
  const time = (iso: string | null) => (iso === null ? Infinity : Date.parse(iso));
  return { key: String(seq), steps, seq, start: Math.min(...steps.map((step) => time(step.started_at))), end: Math.max(...steps.map((step) => time(step.finished_at))) };
}

function ended(other: Span, before: Span): boolean {
  return other.end <= before.start && other.seq < before.seq;
}

/** Without those that had ended when another of them began; the last of them tells, as it began last. */
function nearest(spans: Span[]): Span[] {
  const last = spans.at(-1);
  return spans.filter((span) => span === last || (last && !ended(span, last)));
}

function mean(numbers: number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
