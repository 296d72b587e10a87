import { ChevronRight, Minus, Plus } from "lucide-react";
import { useMemo, useState } from "react";
import type { Step } from "../api/types";
import { StatusIcon, statusWord } from "../run/StatusMark";
import type { ToolUse } from "../run/progress";
import { duration, moneyAligned, plural } from "../text/numbers";
import { BOX, labelOf, mostTelling, pictureOf, statusOf } from "./graph";
import type { Box, Frame, Picture } from "./graph";
import { kindOf, StepInside } from "./StepTable";

/** What ran, drawn: a line leads from a step to those that began after its end. A step opens below. */
export function StepGraph({ steps, tools }: { steps: Step[]; tools: ToolUse[] }) {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState("");
  const picture = useMemo(() => pictureOf(steps, toggled), [steps, toggled]);
  const opened = picture.boxes.find((box) => box.key === open && box.group === null);
  const toggle = (key: string) => {
    const next = new Set(toggled);
    if (!next.delete(key)) next.add(key);
    setToggled(next);
  };
  return (
    <div>
      <div className="max-h-[640px] overflow-auto rounded-lg border border-line bg-sunken p-5" tabIndex={0} role="region" aria-label="Graph of the steps">
        <div className="relative mx-auto" style={{ width: picture.width, height: picture.height }}>
          <ol>
            {picture.frames.map((frame) => (
              <FrameBox key={frame.key} frame={frame} onClose={() => toggle(frame.key)} />
            ))}
          </ol>
          <Lines picture={picture} />
          <ol>
            {picture.boxes.map((box) => (
              <StepBox key={box.key} box={box} tools={usedIn(tools, box.steps)} open={box.key === open} onOpen={() => (box.group ? toggle(box.key) : setOpen(box.key === open ? "" : box.key))} />
            ))}
          </ol>
        </div>
      </div>
      <p className="mt-1.5 text-sm text-ink-3">A line leads from a step to those that began after it had ended. What stands side by side did not wait for each other.</p>
      {opened && <Opened steps={opened.steps} tools={tools} />}
    </div>
  );
}

function Lines({ picture }: { picture: Picture }) {
  return (
    <svg className="pointer-events-none absolute inset-0 size-full" aria-hidden>
      {picture.lines.map(([from, to], index) => {
        const bend = (to.y - from.y) / 2;
        return <path key={index} d={`M ${from.x} ${from.y} C ${from.x} ${from.y + bend}, ${to.x} ${to.y - bend}, ${to.x} ${to.y}`} fill="none" className="stroke-line-strong" strokeWidth="1.5" />;
      })}
    </svg>
  );
}

const LINE: Record<string, string> = { failed: "border-failed", running: "border-working", waiting: "border-waiting" };

function FrameBox({ frame, onClose }: { frame: Frame; onClose: () => void }) {
  const { title, group, steps } = frame;
  const status = statusOf(steps);
  const facts = [status === "succeeded" ? "" : statusWord(status), cost(steps)].filter(Boolean).join(" · ");
  const words = (
    <>
      <span className="min-w-0 truncate font-medium">{title}</span>
      {facts && <span className="tnum shrink-0 text-ink-3">{facts}</span>}
    </>
  );
  return (
    <li className={`absolute rounded-lg border ${group ? "border-line-strong bg-raised" : "border-dashed border-line-strong"}`} style={{ left: frame.x, top: frame.y, width: frame.width, height: frame.height }}>
      {group ? (
        <button type="button" aria-expanded onClick={onClose} className="flex h-[30px] w-full items-center gap-1.5 rounded-t-lg px-3 text-left text-xs hover:bg-hover">
          <Minus className="size-3 shrink-0 text-ink-3" aria-hidden />
          {words}
        </button>
      ) : (
        <p className="flex h-[30px] items-center gap-1.5 px-3 text-xs">{words}</p>
      )}
      <Where inside={frame.inside} />
    </li>
  );
}

function StepBox({ box, tools, open, onOpen }: { box: Box; tools: ToolUse[]; open: boolean; onOpen: () => void }) {
  const { steps, group } = box;
  const status = statusOf(steps);
  const seconds = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0);
  const reused = steps.every((step) => step.reused);
  const facts = [status === "succeeded" ? "" : statusWord(status), group ? plural(steps.length, "step") : "", tools.length > 0 ? plural(tools.length, "tool call") : "", seconds > 0 ? duration(seconds) : "", cost(steps), reused ? "taken over" : ""].filter(Boolean);
  const kind = kindOf(steps[0] as Step);
  return (
    <li className="absolute" style={{ left: box.x, top: box.y, ...BOX }}>
      <button type="button" aria-expanded={group ? false : open} onClick={onOpen} className={`flex size-full items-center gap-2 rounded-lg border bg-surface px-3 text-left shadow-card hover:bg-hover ${open ? "border-accent" : (LINE[status] ?? "border-line-strong")} ${reused ? "border-dashed" : ""}`}>
        <StatusIcon status={status} />
        <span className="min-w-0 flex-1">
          <span className="block truncate text-sm font-medium">{group?.title ?? labelOf(steps)}</span>
          {facts.length > 0 && <span className="tnum block truncate text-xs text-ink-3">{facts.join(" · ")}</span>}
        </span>
        {group ? <Plus className="size-3.5 shrink-0 text-ink-3" aria-hidden /> : <kind.icon className="size-3.5 shrink-0 text-ink-3" aria-hidden />}
        <Where inside={box.inside} />
      </button>
    </li>
  );
}

/** For those who do not see the frames. */
function Where({ inside }: { inside: string[] }) {
  return inside.length === 0 ? null : <span className="sr-only">, in {inside.join(", ")}</span>;
}

/** What an agent of another framework did inside of a step; of ours, each tool call is a step. */
function usedIn(tools: ToolUse[], steps: Step[]): ToolUse[] {
  return tools.filter((use) => steps.some((step) => step.seq === use.step && step.kind !== "tool"));
}

function cost(steps: Step[]): string {
  const sum = steps.reduce((all, step) => all + (step.cost_usd ?? 0), 0);
  return sum > 0 ? moneyAligned(sum) : "";
}

const SHOWN = 5;

function Opened({ steps, tools }: { steps: Step[]; tools: ToolUse[] }) {
  return (
    <section aria-label={labelOf(steps)} className="mt-4 flex flex-col gap-6 rounded-lg border border-line bg-sunken px-4 py-4">
      {mostTelling(steps, SHOWN).map((step) => (
        <div key={step.seq}>
          <h3 className="mb-3 flex flex-wrap items-center gap-2 font-semibold">
            <StatusIcon status={step.status} /> {step.label || step.name}
            {(step.within ?? []).map((place, index) => (
              <span key={index} className="flex items-center gap-1 text-sm font-normal text-ink-3">
                <ChevronRight className="size-3" aria-hidden /> {place.kind} {place.name || place.group}
              </span>
            ))}
          </h3>
          <StepInside step={step} tools={usedIn(tools, [step])} />
        </div>
      ))}
      {steps.length > SHOWN && <p className="text-sm text-ink-3">{plural(SHOWN, "step")} of {steps.length} are shown, those that failed first. The list has all.</p>}
    </section>
  );
}
