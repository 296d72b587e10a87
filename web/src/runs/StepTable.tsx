import { BookOpenCheck, ChevronRight, FileAudio, GitBranch, Hourglass, MessageSquareText, Search, Send, Settings2, UserRound, Wrench } from "lucide-react";
import { Fragment, useState } from "react";
import type { Json, Step } from "../api/types";
import { FieldsView } from "../run/FieldsView";
import type { ToolUse } from "../run/progress";
import { shortModel } from "../run/AnswerFacts";
import { StatusIcon } from "../run/StatusMark";
import { count, duration, moneyAligned, shareWords } from "../text/numbers";

const KINDS: Record<string, { icon: typeof Search; word: string }> = {
  prompt: { icon: MessageSquareText, word: "Prompt" },
  search: { icon: Search, word: "Search" },
  verify: { icon: BookOpenCheck, word: "Check" },
  transcribe: { icon: FileAudio, word: "Transcribe" },
  webhook: { icon: Send, word: "Webhook" },
  approval: { icon: UserRound, word: "Approval" },
  tool: { icon: Wrench, word: "Tool" },
  sleep: { icon: Hourglass, word: "Wait" },
  patch: { icon: GitBranch, word: "Change" },
  step: { icon: Settings2, word: "Step" },
};

/** Every step with what it cost; a row opens to what went in and came out. */
export function StepTable({ steps, tools, ended }: { steps: Step[]; tools: ToolUse[]; ended: boolean }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  if (steps.length === 0) return <p className="rounded-lg border border-dashed border-line-strong px-4 py-6 text-center text-ink-2">{ended ? "This run ended before its first step." : "No step has begun yet."}</p>;
  const from = Math.min(...steps.map((step) => (step.started_at ? Date.parse(step.started_at) : Infinity)));
  const to = Math.max(...steps.map((step) => Date.parse(step.finished_at ?? step.started_at ?? "") || from));
  const toggle = (seq: number) => {
    const next = new Set(open);
    if (!next.delete(seq)) next.add(seq);
    setOpen(next);
  };
  return (
    <div className="overflow-x-auto rounded-lg border border-line" tabIndex={0}>
      <table className="w-full border-separate md:min-w-[860px] border-spacing-0 text-sm">
        <thead className="bg-sunken text-left text-ink-3">
          <tr>
            {["Step", "Model", "When", "Tokens in", "Tokens out", "Time", "Cost"].map((label, index) => (
              <th key={label} scope="col" className={`border-b border-line px-3 py-2 font-medium first:pl-4 last:pr-4 ${index >= 3 ? "text-right" : ""} ${index >= 1 && index <= 4 ? "max-md:hidden" : ""}`}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <Fragment key={step.seq}>
              <StepRow step={step} open={open.has(step.seq)} onToggle={() => toggle(step.seq)} from={from} span={to - from} />
              {open.has(step.seq) && (
                <tr>
                  <td colSpan={7} className="border-b border-line bg-sunken px-4 py-4">
                    <StepInside step={step} tools={tools.filter((use) => use.step === step.seq)} />
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface StepRowProps {
  step: Step;
  open: boolean;
  onToggle: () => void;
  from: number;
  span: number;
}

function StepRow({ step, open, onToggle, from, span }: StepRowProps) {
  const kind = KINDS[step.kind] ?? { icon: Settings2, word: step.kind };
  const cell = "border-b border-line px-3 py-2 align-middle last:pr-4";
  const tries = step.attempts?.length ?? 0;
  return (
    <tr className="cursor-pointer hover:bg-hover" onClick={(event) => !(event.target as HTMLElement).closest("button") && onToggle()}>
      <td className={`${cell} max-w-[360px] pl-2! max-md:max-w-[200px]`}>
        <button type="button" id={`step-${step.seq}`} aria-expanded={open} onClick={onToggle} className="flex w-full scroll-my-40 items-center gap-2 rounded text-left">
          <ChevronRight className={`size-4 shrink-0 text-ink-3 transition-transform ${open ? "rotate-90" : ""}`} aria-hidden />
          <StatusIcon status={step.status} />
          <span className="min-w-0">
            <span className="block truncate text-base font-medium">{step.label || step.name}</span>
            <span className="flex items-center gap-1.5 text-xs text-ink-3">
              <kind.icon className="size-3" aria-hidden /> {kind.word}
              {step.name && step.name !== step.label && <span className="truncate font-mono">{step.name}</span>}
            </span>
          </span>
        </button>
      </td>
      <td className={`${cell} whitespace-nowrap text-ink-2 max-md:hidden`}>
        {step.model ? shortModel(step.model) : "–"}
        {tries > 0 && <span className="block text-xs text-waiting">after {tries} failed {tries === 1 ? "try" : "tries"}</span>}
        {step.cached && <span className="block text-xs text-ink-3">cached</span>}
        {step.reused && <span className="block text-xs text-ink-3">taken over</span>}
      </td>
      <td className={`${cell} w-[150px] max-md:hidden`}>
        <Bar step={step} from={from} span={span} />
      </td>
      <td className={`${cell} tnum text-right text-ink-2 max-md:hidden`}>{step.input_tokens ? count(step.input_tokens) : "–"}</td>
      <td className={`${cell} tnum text-right text-ink-2 max-md:hidden`}>{step.output_tokens ? count(step.output_tokens) : "–"}</td>
      <td className={`${cell} tnum text-right whitespace-nowrap text-ink-2`}>{step.seconds === null || step.seconds === undefined ? "–" : duration(step.seconds)}</td>
      <td className={`${cell} tnum text-right whitespace-nowrap text-ink-2`}>{step.cost_usd === null || step.cost_usd === undefined ? (step.model ? "unknown" : "–") : step.cost_usd === 0 && !step.model ? "–" : moneyAligned(step.cost_usd)}</td>
    </tr>
  );
}

const BAR: Record<string, string> = { succeeded: "fill-accent", failed: "fill-failed", running: "fill-working", waiting: "fill-waiting", cancelled: "fill-line-strong" };

/** Where in the run's time the step stood. The numbers beside it say the same. */
function Bar({ step, from, span }: { step: Step; from: number; span: number }) {
  if (!step.started_at || span <= 0) return null;
  const start = ((Date.parse(step.started_at) - from) / span) * 120;
  const end = step.finished_at ? ((Date.parse(step.finished_at) - from) / span) * 120 : 120;
  return (
    <svg viewBox="0 0 120 8" className="h-2 w-[120px]" aria-hidden>
      <rect x="0" y="3" width="120" height="2" rx="1" className="fill-line" />
      <rect x={Math.min(start, 117)} y="1" width={Math.max(3, end - start)} height="6" rx="2" className={BAR[step.status]} />
    </svg>
  );
}

export function StepInside({ step, tools = [] }: { step: Step; tools?: ToolUse[] }) {
  const rows: [string, string][] = [];
  if (step.route) rows.push(["Route", step.route]);
  if (step.model) rows.push(["Model", step.model]);
  if (step.prompt_version) rows.push(["Prompt version", step.prompt_version]);
  if (step.how) rows.push(["How the answer was read", step.how]);
  if (step.cached_tokens && step.input_tokens) rows.push(["Read from the provider's cache", `${count(step.cached_tokens)} tokens, ${shareWords(step.cached_tokens / step.input_tokens)} of the input`]);
  if (step.detail) rows.push(["Detail", step.detail]);
  return (
    <div className="flex flex-col gap-4 text-base">
      {step.error && (
        <p className="rounded-md border border-failed-line bg-failed-soft px-3 py-2">
          {step.error.reader || step.error.detail || step.error.title}
          {step.error.detail && step.error.detail !== step.error.reader && <span className="block text-sm text-ink-2">{step.error.detail}</span>}
          {step.error.hint && <span className="block text-sm text-ink-2">{step.error.hint}</span>}
        </p>
      )}
      {(step.attempts?.length ?? 0) > 0 && (
        <div>
          <h3 className="mb-1 text-sm font-semibold text-ink-2">Models that were asked first</h3>
          <ul className="text-sm">
            {step.attempts?.map((attempt, index) => (
              <li key={index} className="py-0.5">
                <span className="font-mono text-xs">{attempt.model}</span> <span className="text-ink-2">{attempt.message}</span> <span className="tnum text-ink-3">({duration(attempt.seconds)})</span>
              </li>
            ))}
          </ul>
        </div>
      )}
      {rows.length > 0 && (
        <dl className="flex flex-wrap gap-x-8 gap-y-2 text-sm">
          {rows.map(([label, value]) => (
            <div key={label}>
              <dt className="text-xs text-ink-3">{label}</dt>
              <dd className={["Detail", "How", "Read"].some((word) => label.startsWith(word)) ? "" : "font-mono text-xs leading-5"}>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {step.reasoning && (
        <details className="text-sm">
          <summary className="cursor-pointer font-semibold text-ink-2">What the model thought before it answered</summary>
          <p className="mt-1.5 max-h-[420px] overflow-y-auto rounded-md border border-line bg-surface px-4 py-3 whitespace-pre-wrap" tabIndex={0}>
            {step.reasoning}
          </p>
        </details>
      )}
      {tools.length > 0 && (
        <div>
          <h3 className="mb-1.5 text-sm font-semibold text-ink-2">Tools it used</h3>
          <ul className="flex flex-col gap-1.5">
            {tools.map((use) => (
              <li key={use.id}>
                <details className="rounded-md border border-line bg-surface">
                  <summary className="flex cursor-pointer items-center gap-2 px-3 py-2">
                    <Wrench className="size-3.5 shrink-0 text-ink-3" aria-hidden />
                    <span className="min-w-0 flex-1 truncate font-mono text-sm">{use.name}</span>
                    <StatusIcon status={use.status} />
                  </summary>
                  <div className="grid gap-4 border-t border-line px-3 py-3 lg:grid-cols-2">
                    <Inside title="Arguments" value={use.input} />
                    <Inside title={use.status === "failed" ? "Why it failed" : "Result"} value={use.output} />
                  </div>
                </details>
              </li>
            ))}
          </ul>
        </div>
      )}
      <div className="grid gap-4 lg:grid-cols-2">
        <Inside title="What went in" value={step.input} />
        <Inside title="What came out" value={step.output} />
      </div>
    </div>
  );
}

function Inside({ title, value }: { title: string; value: Json | undefined }) {
  if (value === undefined || value === null || value === "") return null;
  return (
    <div className="min-w-0">
      <h3 className="mb-1.5 text-sm font-semibold text-ink-2">{title}</h3>
      <div className="max-h-[420px] overflow-y-auto rounded-md border border-line bg-surface px-4 py-3" tabIndex={0}>
        <FieldsView value={value} />
      </div>
    </div>
  );
}

export function kindOf(step: Pick<Step, "kind">): { icon: typeof Search; word: string } {
  return KINDS[step.kind] ?? { icon: Settings2, word: step.kind };
}
