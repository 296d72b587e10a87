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
  const before = new Map(spans.map((span, index) => [span.key, nearest(spans.slice(0, index).filter((other) => ended(other, span)))]));
  const beforeOf = (span: Span) => before.get(span.key) as Span[];
  const layers: Span[][] = [];
  const depths = new Map<string, number>();
  for (const span of spans) {
    const depth = Math.max(-1, ...beforeOf(span).map((other) => depths.get(other.key) as number)) + 1;
    depths.set(span.key, depth);
    (layers[depth] ??= []).push(span);
  }
  const rows = new Map<string, number>();
  for (const layer of layers) {
    // under what led to it, otherwise in the order in which the code began it
    const under = new Map(layer.map((span) => [span.key, mean(beforeOf(span).map((other) => rows.get(other.key) ?? 0))]));
    layer.sort((one, other) => (under.get(one.key) as number) - (under.get(other.key) as number) || one.seq - other.seq);
    layer.forEach((span, row) => rows.set(span.key, row));
  }
  return {
    nodes: layers.flatMap((layer, index) => layer.map((span, row) => ({ key: span.key, steps: span.steps, layer: index, row }))),
    edges: spans.flatMap((span) => beforeOf(span).map((other): [string, string] => [other.key, span.key])),
    layers: layers.length,
    widest: Math.max(0, ...layers.map((layer) => layer.length)),
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
