// Folds the parts of a run's stream into what is shown. Pure; knows the AI SDK UI message stream, not the network.

import type { Part } from "../api/stream";
import type { Approval, Json, Problem, Run, RunStatus, Step } from "../api/types";
import { hasEnded } from "../api/types";

/** A tool that a hosted framework used inside of a step: it is no step of ours, and is known from the stream alone. */
export interface ToolUse {
  id: string;
  name: string;
  step: number;
  status: "running" | "succeeded" | "failed";
  input: Json;
  output: Json;
}

export interface Progress {
  status: RunStatus | null;
  position: number | null;
  steps: Step[];
  tools: ToolUse[];
  /** Texts by their id, in the order they began: the last one is the answer being written. */
  texts: { id: string; text: string }[];
  /** What there is of a structured answer, by the number of its step. Never a result. */
  partials: Record<string, Json>;
  note: string;
  approvals: Approval[];
  result: { output: Json; seconds: number | null; cost_usd: number | null } | null;
  problem: Problem | null;
  ended: boolean;
}

export const NOTHING: Progress = { status: null, position: null, steps: [], tools: [], texts: [], partials: {}, note: "", approvals: [], result: null, problem: null, ended: false };

export function withPart(progress: Progress, part: Part): Progress {
  switch (part.type) {
    case "data-run": {
      const data = part["data"] as { status: RunStatus; position?: number | null };
      return { ...progress, status: data.status, position: data.position ?? null };
    }
    case "data-step": {
      const step = part["data"] as Step;
      return { ...progress, steps: replaced(progress.steps, step, (other) => other.seq === step.seq), note: "" };
    }
    case "data-note":
      return { ...progress, note: (part["data"] as { label: string }).label };
    case "tool-input-available": {
      const step = (part["providerMetadata"] as { coachwork?: { step?: number } } | undefined)?.coachwork?.step ?? 0;
      const use: ToolUse = { id: String(part["toolCallId"]), name: String(part["toolName"]), step, status: "running", input: part["input"] as Json, output: null };
      return { ...progress, tools: replaced(progress.tools, use, (other) => other.id === use.id && other.step === step) };
    }
    case "tool-output-available":
      return withToolEnd(progress, String(part["toolCallId"]), { status: "succeeded", output: part["output"] as Json });
    case "tool-output-error":
      return withToolEnd(progress, String(part["toolCallId"]), { status: "failed", output: String(part["errorText"] ?? "") });
    case "text-start":
    case "data-text-restart":
      return withText(progress, String(part["id"]), () => "");
    case "text-delta":
      return withText(progress, String(part["id"]), (text) => text + String(part["delta"] ?? ""));
    case "data-partial":
      return { ...progress, partials: { ...progress.partials, [String(part["id"])]: (part["data"] as { value: Json }).value } };
    case "data-approval": {
      const approval = part["data"] as Approval;
      return { ...progress, approvals: replaced(progress.approvals, approval, (other) => other.id === approval.id) };
    }
    case "data-result": {
      const data = part["data"] as { output: Json; seconds?: number | null; cost_usd?: number | null };
      return { ...progress, result: { output: data.output, seconds: data.seconds ?? null, cost_usd: data.cost_usd ?? null } };
    }
    case "data-problem":
      return { ...progress, problem: part["data"] as Problem };
    case "error":
      return {
        ...progress,
        problem: progress.problem ?? { title: "The run failed", code: "run-failed", reader: String(part["errorText"] ?? "") },
        status: progress.status && hasEnded(progress.status) ? progress.status : "failed",
      };
    case "abort":
      return { ...progress, status: "cancelled" };
    case "finish":
      return { ...progress, ended: true };
    default:
      return progress;
  }
}

function replaced<T>(list: T[], item: T, same: (other: T) => boolean): T[] {
  return list.some(same) ? list.map((other) => (same(other) ? item : other)) : [...list, item];
}

function withToolEnd(progress: Progress, id: string, end: Pick<ToolUse, "status" | "output">): Progress {
  const at = progress.tools.findLastIndex((use) => use.id === id);
  return { ...progress, tools: progress.tools.map((use, index) => (index === at ? { ...use, ...end } : use)) };
}

function withText(progress: Progress, id: string, change: (text: string) => string): Progress {
  const known = progress.texts.some((text) => text.id === id);
  const texts = known
    ? progress.texts.map((entry) => (entry.id === id ? { id, text: change(entry.text) } : entry))
    : [...progress.texts, { id, text: change("") }];
  return { ...progress, texts };
}

/** A run as a person sees it: the record where there is one, the stream where it is ahead. */
export interface RunView {
  id: string;
  status: RunStatus;
  position: number | null;
  steps: Step[];
  tools: ToolUse[];
  text: string;
  /** The answer that is being written, as far as it is; undefined where none is. */
  partial: Json | undefined;
  note: string;
  approvals: Approval[];
  output: Json | undefined;
  problem: Problem | null;
  seconds: number | null;
  cost_usd: number | null;
  startedAt: string | null;
}

export function viewOf(run: Run, progress: Progress): RunView {
  const recorded = hasEnded(run.status);
  const steps = recorded ? run.steps : mergeSteps(run.steps, progress.steps);
  const streamed = progress.texts.findLast((entry) => entry.text !== "")?.text ?? "";
  return {
    id: run.id,
    status: recorded ? run.status : (progress.status ?? run.status),
    position: progress.status === null ? run.position : progress.position,
    steps,
    tools: recorded ? progress.tools.map((use) => (use.status === "running" ? { ...use, status: "failed" } : use)) : progress.tools,
    text: streamed,
    partial: recorded ? undefined : partialOf(steps, progress),
    note: progress.note,
    approvals: progress.approvals.length > 0 && !recorded ? progress.approvals : run.approvals,
    output: run.status === "succeeded" ? run.output : (progress.result?.output ?? undefined),
    problem: run.error ?? progress.problem,
    seconds: run.seconds ?? progress.result?.seconds ?? null,
    cost_usd: recorded ? run.cost_usd : (progress.result?.cost_usd ?? null),
    startedAt: run.started_at,
  };
}

/** The values that the last step at work has written so far. */
function partialOf(steps: Step[], { partials }: Progress): Json | undefined {
  const working = steps.filter((step) => step.status === "running").map((step) => partials[`partial-${step.seq}`]);
  return working.findLast((value) => value !== undefined && value !== null) ?? undefined;
}

function mergeSteps(recorded: Step[], streamed: Step[]): Step[] {
  const bySeq = new Map(recorded.map((step) => [step.seq, step]));
  for (const step of streamed) {
    const known = bySeq.get(step.seq);
    if (!known || known.status === "running" || known.status === "waiting") bySeq.set(step.seq, { ...known, ...step });
  }
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

/** Steps that were at work at the same time stand side by side. */
export function sideBySide(steps: Step[]): Step[][] {
  const groups: { steps: Step[]; until: number }[] = [];
  const inOrder = [...steps].sort((a, b) => startOf(a) - startOf(b) || a.seq - b.seq);
  for (const step of inOrder) {
    const last = groups.at(-1);
    const until = step.finished_at === null ? Infinity : Date.parse(step.finished_at);
    if (last && startOf(step) < last.until) {
      last.steps.push(step);
      last.until = Math.max(last.until, until);
    } else groups.push({ steps: [step], until });
  }
  return groups.map((group) => group.steps);
}

const IN_SIGHT = 12; // steps, and those that are not done yet: more is no list to see at a glance what is done now

/** Groups of steps without those that are long done, and how many steps that leaves out. */
export function latestOf(groups: Step[][]): { groups: Step[][]; earlier: number } {
  const steps = groups.flat();
  const old = new Set(steps.slice(0, -IN_SIGHT).filter((step) => step.status !== "running" && step.status !== "waiting"));
  if (old.size <= 3) return { groups, earlier: 0 }; // a line that says so would save nothing
  return { groups: groups.map((group) => group.filter((step) => !old.has(step))).filter((group) => group.length > 0), earlier: old.size };
}

function startOf(step: Step): number {
  return step.started_at === null ? Infinity : Date.parse(step.started_at);
}

export function modelsOf(steps: Step[]): string[] {
  return [...new Set(steps.map((step) => step.model).filter((model): model is string => Boolean(model)))];
}

/** True where every model call was answered from the cache, "partly" where some were. */
export function cachedOf(steps: Step[]): boolean | "partly" {
  const calls = steps.filter((step) => step.model);
  const cached = calls.filter((step) => step.cached).length;
  return cached === 0 ? false : cached === calls.length ? true : "partly";
}
