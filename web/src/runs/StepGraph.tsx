import { useMemo, useState } from "react";
import type { Step } from "../api/types";
import { StatusIcon, statusWord } from "../run/StatusMark";
import { duration, moneyAligned, plural } from "../text/numbers";
import { graphOf } from "./graph";
import type { Graph, GraphNode } from "./graph";
import { StepInside } from "./StepTable";

const WIDTH = 208;
const HEIGHT = 48;
const ACROSS = 20;
const DOWN = 34;

/** What ran, drawn: a line leads from a step to those that began after its end. A step opens below. */
export function StepGraph({ steps }: { steps: Step[] }) {
  const graph = useMemo(() => graphOf(steps), [steps]);
  const [open, setOpen] = useState("");
  const opened = graph.nodes.find((node) => node.key === open);
  const width = graph.widest * (WIDTH + ACROSS) - ACROSS;
  return (
    <div>
      <div className="max-h-[640px] overflow-auto rounded-lg border border-line bg-sunken p-5" tabIndex={0} role="region" aria-label="Graph of the steps">
        <div className="relative mx-auto" style={{ width, height: graph.layers * (HEIGHT + DOWN) - DOWN }}>
          <Lines graph={graph} width={width} />
          <ol>
            {graph.nodes.map((node) => (
              <Box key={node.key} node={node} place={placeOf(graph, node, width)} open={node.key === open} onOpen={() => setOpen(node.key === open ? "" : node.key)} />
            ))}
          </ol>
        </div>
      </div>
      <p className="mt-1.5 text-sm text-ink-3">A line leads from a step to those that began after it had ended. Steps beside each other were at work at the same time.</p>
      {opened && (
        <section aria-label={labelOf(opened)} className="mt-4 flex flex-col gap-6 rounded-lg border border-line bg-sunken px-4 py-4">
          {telling(opened.steps).map((step) => (
            <div key={step.seq}>
              <h3 className="mb-3 flex items-center gap-2 font-semibold">
                <StatusIcon status={step.status} /> {step.label || step.name}
              </h3>
              <StepInside step={step} />
            </div>
          ))}
          {opened.steps.length > SHOWN && <p className="text-sm text-ink-3">{plural(SHOWN, "step")} of {opened.steps.length} are shown, those that failed first. The list has all.</p>}
        </section>
      )}
    </div>
  );
}

interface Place {
  x: number;
  y: number;
}

function placeOf(graph: Graph, node: GraphNode, width: number): Place {
  const beside = graph.nodes.filter((other) => other.layer === node.layer).length;
  const left = (width - (beside * (WIDTH + ACROSS) - ACROSS)) / 2;
  return { x: left + node.row * (WIDTH + ACROSS), y: node.layer * (HEIGHT + DOWN) };
}

function Lines({ graph, width }: { graph: Graph; width: number }) {
  const places = new Map(graph.nodes.map((node) => [node.key, placeOf(graph, node, width)]));
  return (
    <svg className="absolute inset-0 size-full" aria-hidden>
      {graph.edges.map(([from, to]) => {
        const start = places.get(from) as Place;
        const end = places.get(to) as Place;
        const [x1, y1, x2, y2] = [start.x + WIDTH / 2, start.y + HEIGHT, end.x + WIDTH / 2, end.y];
        const bend = (y2 - y1) / 2;
        return <path key={`${from} ${to}`} d={`M ${x1} ${y1} C ${x1} ${y1 + bend}, ${x2} ${y2 - bend}, ${x2} ${y2}`} fill="none" className="stroke-line-strong" strokeWidth="1.5" />;
      })}
    </svg>
  );
}

const EDGE: Record<string, string> = { failed: "border-failed", running: "border-working", waiting: "border-waiting" };

function Box({ node, place, open, onOpen }: { node: GraphNode; place: Place; open: boolean; onOpen: () => void }) {
  const status = statusOf(node);
  const seconds = node.steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0);
  const cost = node.steps.reduce((sum, step) => sum + (step.cost_usd ?? 0), 0);
  const facts = [status === "succeeded" ? "" : statusWord(status), seconds > 0 ? duration(seconds) : "", cost > 0 ? moneyAligned(cost) : "", node.steps.every((step) => step.reused) ? "taken over" : ""].filter(Boolean);
  return (
    <li className="absolute" style={{ left: place.x, top: place.y, width: WIDTH, height: HEIGHT }}>
      <button type="button" aria-expanded={open} onClick={onOpen} className={`flex size-full items-center gap-2 rounded-lg border bg-surface px-3 text-left shadow-card hover:bg-hover ${open ? "border-accent" : (EDGE[status] ?? "border-line-strong")} ${node.steps.every((step) => step.reused) ? "border-dashed" : ""}`}>
        <StatusIcon status={status} />
        <span className="min-w-0 flex-1">
          <span className="block truncate text-sm font-medium">{labelOf(node)}</span>
          {facts.length > 0 && <span className="tnum block truncate text-xs text-ink-3">{facts.join(" · ")}</span>}
        </span>
      </button>
    </li>
  );
}

function labelOf({ steps }: GraphNode): string {
  const first = steps[0] as Step;
  return (steps.length > 1 ? `${steps.length} × ` : "") + (first.label || first.name);
}

const ORDER = ["failed", "waiting", "running", "cancelled", "succeeded"] as const;

/** Of many the one that a person has to know of. */
function statusOf({ steps }: GraphNode): Step["status"] {
  return ORDER.find((status) => steps.some((step) => step.status === status)) ?? "succeeded";
}

const SHOWN = 5;

/** The first few, those that failed before the others. */
function telling(steps: Step[]): Step[] {
  return [...steps].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status) || a.seq - b.seq).slice(0, SHOWN);
}
