// What ran as a picture: steps in their branches, child pipelines and agents, each below what had ended before. Pure.

import type { Place, Step } from "../api/types";

export const BOX = { width: 208, height: 48 };
const ACROSS = 20;
const DOWN = 34;
const HEAD = 30; // of a frame
const EDGE = 12; // between a frame and what is in it
const MANY = 5; // steps of one kind side by side or in a row, and items of a map, above which they are drawn as one
const SHOWN_ITEMS = 8; // of many, where they are opened
const OPEN_AT_FIRST = 12; // a child pipeline or an agent with more steps is closed until it is opened
const MOST_LINES = 12; // between two groups of branches; one stands for more

/** One step, many of a kind, or a closed group. */
export interface Box {
  key: string;
  steps: Step[];
  x: number;
  y: number;
  /** What it is, where it is more than a step: "Agent", "Pipeline" … */
  group: Group | null;
  /** The branches and groups around it, for those who do not see the frames. */
  inside: string[];
}

/** Something opened around steps; one with a `group` can be closed. */
export interface Frame {
  key: string;
  title: string;
  steps: Step[];
  x: number;
  y: number;
  width: number;
  height: number;
  group: Group | null;
  inside: string[];
}

export interface Group {
  kind: Place["kind"];
  title: string;
}

export interface Point {
  x: number;
  y: number;
}

export interface Picture {
  width: number;
  height: number;
  boxes: Box[];
  frames: Frame[];
  lines: [Point, Point][];
}

/** Where lines may begin and end. */
interface Block extends Picture {
  tops: Point[];
  bottoms: Point[];
}

interface Unit {
  key: string;
  steps: Step[];
  /** What it is a part of, None for a step by itself. */
  place: Place | null;
  seq: number;
  start: number;
  end: number;
}

/** `toggled` are the keys of groups that are not as they are at first: open where few steps are in them. */
export function pictureOf(steps: Step[], toggled: ReadonlySet<string>): Picture {
  const { width, height, boxes, frames, lines } = blockOf(steps, { depth: 0, path: "", inside: [], toggled });
  return { width, height, boxes, frames, lines };
}

interface Level {
  /** How many places of a step are around it here. */
  depth: number;
  path: string;
  inside: string[];
  toggled: ReadonlySet<string>;
}

/** Units below each other, those at work at the same time side by side. */
function blockOf(steps: Step[], level: Level): Block {
  const { layers, before } = layered(stacked(unitsOf(steps, level)));
  const placed = new Map<string, Block>();
  const rows = layers.map((layer) => layer.map((unit) => ({ unit, block: drawn(unit, level) })));
  const widths = rows.map((row) => row.reduce((sum, { block }) => sum + block.width + ACROSS, -ACROSS));
  const width = Math.max(0, ...widths);
  let y = 0;
  rows.forEach((row, index) => {
    let x = (width - (widths[index] as number)) / 2;
    for (const { unit, block } of row) {
      placed.set(unit.key, moved(block, x, y));
      x += block.width + ACROSS;
    }
    y += Math.max(...row.map(({ block }) => block.height)) + DOWN;
  });
  const blocks = layers.flat().map((unit) => placed.get(unit.key) as Block);
  const between = layers.flat().flatMap((unit) => (before.get(unit.key) as Unit[]).flatMap((other) => joined(placed.get(other.key) as Block, placed.get(unit.key) as Block)));
  return {
    width,
    height: Math.max(0, y - DOWN),
    boxes: blocks.flatMap((block) => block.boxes),
    frames: blocks.flatMap((block) => block.frames),
    lines: [...blocks.flatMap((block) => block.lines), ...between],
    tops: [{ x: width / 2, y: 0 }],
    bottoms: [{ x: width / 2, y: Math.max(0, y - DOWN) }],
  };
}

function drawn(unit: Unit, level: Level): Block {
  const { place } = unit;
  if (place === null) return boxed(unit, null, level);
  if (place.kind === "branch") return columned(unit, level);
  if (place.kind === "item" && partsOf(unit.steps, level.depth).length <= MANY) return columned(unit, level);
  const group = { kind: place.kind, title: titleOf(unit, level) };
  const many = place.kind === "item" || unit.steps.length > OPEN_AT_FIRST;
  if (many !== level.toggled.has(unit.key)) return boxed(unit, group, level);
  const inside = [...level.inside, group.title];
  const block = place.kind === "item" ? columned(unit, { ...level, inside }) : blockOf(unit.steps, { ...level, depth: level.depth + 1, path: unit.key, inside });
  return framed(block, { key: unit.key, title: group.title, steps: unit.steps, group, inside: level.inside });
}

function boxed(unit: Unit, group: Group | null, level: Level): Block {
  const box = { key: unit.key, steps: unit.steps, x: 0, y: 0, group, inside: level.inside };
  return { ...BOX, boxes: [box], frames: [], lines: [], tops: [{ x: BOX.width / 2, y: 0 }], bottoms: [{ x: BOX.width / 2, y: BOX.height }] };
}

/** The branches of a `gather` or the items of a map, each in a frame with its name. */
function columned(unit: Unit, level: Level): Block {
  const parts = partsOf(unit.steps, level.depth);
  const told = parts.length > SHOWN_ITEMS && unit.place?.kind === "item" ? telling(parts).slice(0, SHOWN_ITEMS) : parts;
  const columns = told.map(([name, steps]) => {
    const title = unit.place?.kind === "item" ? `Item ${name}` : name;
    const key = `${unit.key}:${name}`;
    const inner = blockOf(steps, { ...level, depth: level.depth + 1, path: key, inside: [...level.inside, title] });
    return framed(inner, { key, title, steps, group: null, inside: level.inside });
  });
  const height = Math.max(...columns.map((column) => column.height));
  let x = 0;
  const blocks = columns.map((column) => {
    const here = moved(tall(column, height), x, 0);
    x += column.width + ACROSS;
    return here;
  });
  return {
    width: x - ACROSS,
    height,
    boxes: blocks.flatMap((block) => block.boxes),
    frames: blocks.flatMap((block) => block.frames),
    lines: blocks.flatMap((block) => block.lines),
    tops: blocks.flatMap((block) => block.tops),
    bottoms: blocks.flatMap((block) => block.bottoms),
  };
}

function framed(block: Block, frame: Omit<Frame, "x" | "y" | "width" | "height">): Block {
  const width = Math.max(block.width, BOX.width / 2) + 2 * EDGE;
  const inner = moved(block, (width - block.width) / 2, HEAD);
  const height = block.height + HEAD + EDGE;
  return { ...inner, width, height, frames: [{ ...frame, x: 0, y: 0, width, height }, ...inner.frames], tops: [{ x: width / 2, y: 0 }], bottoms: [{ x: width / 2, y: height }] };
}

/** A frame as high as those beside it, so that no line from its end runs through them. */
function tall(block: Block, height: number): Block {
  const [outer, ...inner] = block.frames;
  return { ...block, height, frames: [{ ...(outer as Frame), height }, ...inner], bottoms: block.bottoms.map(({ x }) => ({ x, y: height })) };
}

function moved(block: Block, x: number, y: number): Block {
  const by = <T extends Point>(point: T): T => ({ ...point, x: point.x + x, y: point.y + y });
  return { ...block, boxes: block.boxes.map(by), frames: block.frames.map(by), lines: block.lines.map(([from, to]) => [by(from), by(to)]), tops: block.tops.map(by), bottoms: block.bottoms.map(by) };
}

function joined(above: Block, below: Block): [Point, Point][] {
  const all = above.bottoms.flatMap((from) => below.tops.map((to): [Point, Point] => [from, to]));
  const middle = (points: Point[]) => points[Math.floor(points.length / 2)] as Point;
  return all.length <= MOST_LINES ? all : [[middle(above.bottoms), middle(below.tops)]];
}

/** Steps by themselves and groups of them, as they stand here. A step with steps inside of it is a group. */
function unitsOf(steps: Step[], { depth, path }: Level): Unit[] {
  const inside = new Set(steps.map((step) => placeAt(step, depth)).filter((place) => place?.kind === "step").map((place) => place?.group));
  const found = new Map<string, { place: Place | null; steps: Step[] }>();
  for (const step of steps) {
    const own: Place | null = inside.has(step.seq) ? { kind: "step", group: step.seq, name: "" } : null;
    const place = placeAt(step, depth) ?? own;
    const key = `${path}/${place === null ? step.seq : `${place.kind}:${place.group}`}`;
    const known = found.get(key);
    if (known) known.steps.push(step);
    else found.set(key, { place, steps: [step] });
  }
  return [...found].map(([key, { place, steps: of }]) => spanning(key, of, place));
}

function placeAt(step: Step, depth: number): Place | undefined {
  return step.within?.[depth];
}

function titleOf({ place, steps }: Unit, { depth }: Level): string {
  if (place?.kind === "item") return `${partsOf(steps, depth).length} items`;
  if (place?.kind === "step") return labelOf(steps.filter((step) => step.seq === place.group));
  return `${place?.kind === "agent" ? "Agent" : "Pipeline"} ${place?.name}`;
}

/** Steps by the name of their part, in the order of the code. */
function partsOf(steps: Step[], depth: number): [string, Step[]][] {
  const parts = new Map<string, Step[]>();
  for (const step of steps) {
    const name = placeAt(step, depth)?.name ?? "";
    parts.set(name, [...(parts.get(name) ?? []), step]);
  }
  const items = placeAt(steps[0] as Step, depth)?.kind === "item";
  return items ? [...parts].sort(([one], [other]) => Number(one) - Number(other)) : [...parts];
}

/** Those that a person has to know of first. */
function telling(parts: [string, Step[]][]): [string, Step[]][] {
  return [...parts].sort(([, one], [, other]) => ORDER.indexOf(statusOf(one)) - ORDER.indexOf(statusOf(other)));
}

function spanning(key: string, steps: Step[], place: Place | null): Unit {
  const time = (iso: string | null) => (iso === null ? Infinity : Date.parse(iso));
  return { key, steps, place, seq: Math.min(...steps.map((step) => step.seq)), start: Math.min(...steps.map((step) => time(step.started_at))), end: Math.max(...steps.map((step) => time(step.finished_at))) };
}

/** Many steps of a kind at the same time, or one after the other, as one; the others alone. */
function stacked(units: Unit[]): Unit[] {
  const inOrder = [...units].sort((one, other) => one.start - other.start || one.seq - other.seq);
  const found: Unit[] = [];
  let open: { units: Unit[]; until: number } | null = null;
  const close = () => {
    if (open !== null) found.push(...alike(open.units));
    open = null;
  };
  for (const unit of inOrder) {
    if (open !== null && unit.start >= open.until) close();
    open ??= { units: [], until: -Infinity };
    open.units.push(unit);
    open.until = Math.max(open.until, unit.end);
  }
  close();
  return rowsOfOneKind(found);
}

const kindOf = (unit: Unit) => (unit.place === null ? `${unit.steps[0]?.kind} ${unit.steps[0]?.name}` : null);

function alike(units: Unit[]): Unit[] {
  const kinds = new Map<string, Unit[]>();
  for (const unit of units) {
    const kind = kindOf(unit) ?? unit.key;
    kinds.set(kind, [...(kinds.get(kind) ?? []), unit]);
  }
  return [...kinds.values()].flatMap((of) => (of.length > MANY ? [together(of)] : of));
}

function rowsOfOneKind(units: Unit[]): Unit[] {
  const rows: Unit[][] = [];
  for (const unit of [...units].sort((one, other) => one.start - other.start || one.seq - other.seq)) {
    const last = rows.at(-1);
    const kind = kindOf(unit);
    const beside = units.some((other) => other !== unit && other.start < unit.end && unit.start < other.end);
    if (last && kind !== null && !beside && kindOf(last[0] as Unit) === kind && (last.at(-1) as Unit).end <= unit.start) last.push(unit);
    else rows.push([unit]);
  }
  return rows.flatMap((row) => (row.length > MANY ? [together(row)] : row));
}

function together(units: Unit[]): Unit {
  return spanning((units[0] as Unit).key, units.flatMap((unit) => unit.steps), null);
}

/** Each as deep as what had ended before it; a line leads to it from the nearest of those. */
function layered(units: Unit[]): { layers: Unit[][]; before: Map<string, Unit[]> } {
  const inOrder = [...units].sort((one, other) => one.start - other.start || one.seq - other.seq);
  const before = new Map(inOrder.map((unit, index) => [unit.key, nearest(inOrder.slice(0, index).filter((other) => ended(other, unit)))]));
  const depths = new Map<string, number>();
  const layers: Unit[][] = [];
  for (const unit of inOrder) {
    const depth = Math.max(-1, ...(before.get(unit.key) as Unit[]).map((other) => depths.get(other.key) as number)) + 1;
    depths.set(unit.key, depth);
    (layers[depth] ??= []).push(unit);
  }
  const rows = new Map<string, number>();
  for (const layer of layers) {
    // under what led to it, otherwise in the order in which the code began it
    const under = new Map(layer.map((unit) => [unit.key, mean((before.get(unit.key) as Unit[]).map((other) => rows.get(other.key) ?? 0))]));
    layer.sort((one, other) => (under.get(one.key) as number) - (under.get(other.key) as number) || one.seq - other.seq);
    layer.forEach((unit, row) => rows.set(unit.key, row));
  }
  return { layers, before };
}

function ended(other: Unit, unit: Unit): boolean {
  return other.end <= unit.start && other.seq < unit.seq;
}

/** Without those that had ended when another of them began; the last of them tells, as it began last. */
function nearest(units: Unit[]): Unit[] {
  const last = units.at(-1);
  return units.filter((unit) => unit === last || (last && !ended(unit, last)));
}

function mean(numbers: number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

// ── Words ────────────────────────────────────────────────────────────────────────────────────

const ORDER = ["failed", "waiting", "running", "cancelled", "succeeded"] as const;

/** Of many the one that a person has to know of. */
export function statusOf(steps: Step[]): Step["status"] {
  return ORDER.find((status) => steps.some((step) => step.status === status)) ?? "succeeded";
}

export function labelOf(steps: Step[]): string {
  const first = steps[0] as Step;
  return (steps.length > 1 ? `${steps.length} × ` : "") + (first.label || first.name);
}

/** The first few, those that failed before the others. */
export function mostTelling(steps: Step[], number: number): Step[] {
  return [...steps].sort((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status) || one.seq - other.seq).slice(0, number);
}
