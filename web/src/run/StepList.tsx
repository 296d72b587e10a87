import { ChevronDown, ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import type { ReactNode } from "react";
import type { Step } from "../api/types";
import { hasEnded } from "../api/types";
import { useNow } from "../parts/When";
import { duration, ordinal, plural } from "../text/numbers";
import { latestOf, sideBySide } from "./progress";
import type { RunView, ToolUse } from "./progress";
import { waitsFor } from "./waits";
import { StatusIcon } from "./StatusMark";

/** What a run is doing, in the author's words; one line once it is done. */
export function StepList({ view, beside }: { view: RunView; beside: ReactNode }) {
  const ended = hasEnded(view.status);
  const [asked, setAsked] = useState<boolean | null>(null);
  const [whole, setWhole] = useState(false);
  const list = useId();
  const open = asked ?? !ended;
  const steps = view.steps;
  const all = sideBySide(steps);
  const latest = latestOf(all);
  return (
    <div className="rounded-lg border border-line bg-surface">
      <div className="flex items-center gap-1 pr-2">
        <button
        type="button"
        aria-expanded={open && steps.length > 0}
        aria-controls={open && steps.length > 0 ? list : undefined}
        onClick={() => setAsked(!open)}
        disabled={steps.length === 0}
        className="flex min-w-0 flex-1 items-center gap-2.5 rounded-lg px-3.5 py-2.5 text-left disabled:cursor-default"
      >
        <StatusIcon status={view.status} silent />
        <span className="min-w-0 flex-1 truncate font-medium">{headline(view)}</span>
        {ended && steps.length > 0 && <span className="shrink-0 text-sm text-ink-3">{plural(steps.length, "step")}</span>}
        {steps.length > 0 && (open ? <ChevronDown className="size-4 shrink-0 text-ink-3" aria-hidden /> : <ChevronRight className="size-4 shrink-0 text-ink-3" aria-hidden />)}
        </button>
        {beside}
      </div>
      {open && steps.length > 0 && (
        <ol id={list} className="flex flex-col gap-px border-t border-line px-1.5 py-1.5">
          {latest.earlier > 0 && (
            <li>
              <button type="button" onClick={() => setWhole(!whole)} className="w-full rounded-md px-2 py-1.5 text-left text-sm text-accent-text hover:bg-hover">
                {whole ? "Show only the latest steps" : `Show ${plural(latest.earlier, "earlier step")}`}
              </button>
            </li>
          )}
          {(whole ? all : latest.groups).map((group) => (
            <li key={group[0]?.seq}>
              {group.length === 1 ? (
                <>
                  <StepLine step={group[0] as Step} />
                  <ToolLines tools={view.tools} step={group[0] as Step} />
                </>
              ) : (
                <ul className="grid grid-cols-[repeat(auto-fit,minmax(180px,1fr))] gap-1.5 px-0.5 py-0.5" aria-label="At the same time">
                  {group.map((step) => (
                    <li key={step.seq} className="rounded-md border border-line bg-sunken">
                      <StepLine step={step} />
                      <ToolLines tools={view.tools} step={step} />
                    </li>
                  ))}
                </ul>
              )}
            </li>
          ))}
          {view.note && !ended && (
            <li className="flex items-center gap-2.5 px-2 py-1.5 text-ink-2">
              <span className="breathe mx-1 size-2 rounded-full bg-working" aria-hidden />
              {view.note}
            </li>
          )}
        </ol>
      )}
    </div>
  );
}

/** The tools that a hosted framework used within a step. */
function ToolLines({ tools, step }: { tools: ToolUse[]; step: Step }) {
  const used = tools.filter((use) => use.step === step.seq);
  if (used.length === 0) return null;
  return (
    <ul aria-label="Tools it used" className="pl-6">
      {used.map((use) => (
        <li key={use.id} className="flex items-center gap-2.5 px-2 py-1 text-ink-2">
          <StatusIcon status={use.status} />
          <span className="min-w-0 flex-1 truncate">{use.name.replaceAll("_", " ")}</span>
        </li>
      ))}
    </ul>
  );
}

function StepLine({ step }: { step: Step }) {
  return (
    <div className="flex items-center gap-2.5 px-2 py-1.5">
      <StatusIcon status={step.status} />
      <span className="min-w-0 flex-1">
        <span className={step.status === "running" || step.status === "waiting" ? "font-medium" : ""}>{step.label || step.name}</span>
        {step.detail && <span className="text-ink-3"> · {step.detail}</span>}
        {(step.attempts?.length ?? 0) > 0 && <span className="text-ink-3"> · {plural(step.attempts?.length ?? 0, "model")} did not answer, asked the next</span>}
      </span>
      <span className="tnum shrink-0 text-sm text-ink-3">{step.status === "running" ? <Ticking since={step.started_at} /> : step.seconds !== null && step.seconds !== undefined && step.kind !== "approval" ? duration(step.seconds) : null}</span>
    </div>
  );
}

/** The seconds so far, told every 20 seconds at least: it says "still working" without shouting. */
function Ticking({ since }: { since: string | null }) {
  const now = useNow();
  if (since === null) return null;
  const seconds = (now - Date.parse(since)) / 1000;
  return seconds < 5 ? null : <>{`${Math.round(seconds)} s`}</>;
}

export function headline(view: RunView): string {
  switch (view.status) {
    case "queued":
      return view.position ? `Waiting in line (${ordinal(view.position)})` : "Waiting in line";
    case "waiting":
      return waitsFor(view.steps) === "time" ? "Waiting for a time" : "Waiting for a person";
    case "running": {
      const now = view.steps.findLast((step) => step.status === "running");
      return view.note || now?.label || now?.name || "Working";
    }
    case "succeeded":
      return view.seconds === null ? "Done" : `Done in ${duration(view.seconds)}`;
    case "failed":
      return view.seconds === null ? "Failed" : `Failed after ${duration(view.seconds)}`;
    case "cancelled":
      return "Stopped";
  }
}
