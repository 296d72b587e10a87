import { Equal } from "lucide-react";
import { Link } from "wouter";
import { asProblem } from "../api/client";
import { useComparison } from "../api/forks";
import { useRun } from "../api/queries";
import type { ComparedStep, Comparison, Run, RunSummary, Step } from "../api/types";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen, Section } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { When } from "../parts/When";
import { shortModel } from "../run/AnswerFacts";
import { FieldsView } from "../run/FieldsView";
import { StatusChip, StatusIcon } from "../run/StatusMark";
import { DifferenceView } from "../runs/DifferenceView";
import { whereTheyDiffer } from "../runs/differences";
import { duration, money } from "../text/numbers";
import { NotFoundScreen } from "./NotFoundScreen";

const WORDS: Record<ComparedStep["differs"][number], string> = { input: "what went in", output: "what came out", status: "how it ended", model: "the model", prompt_version: "the prompt's version" };

/** Two runs side by side, step by step. */
export function CompareScreen({ a, b }: { a: string; b: string }) {
  const query = useComparison(a, b);
  const left = useRun(a).data;
  const right = useRun(b).data;
  const found = query.data;
  if (query.error && !found) {
    const problem = asProblem(query.error);
    if (problem.status === 404) return <NotFoundScreen title="One of these runs is not there" says="An id may be mistyped, or a run was deleted." />;
    return (
      <Screen title="Two runs side by side" trail={[{ label: "Runs", to: "/runs" }]}>
        <ProblemNote problem={problem} retry={() => void query.refetch()} />
      </Screen>
    );
  }
  return (
    <Screen title="Two runs side by side" wide trail={[{ label: "Runs", to: "/runs" }]} about={found && differenceWords(found)}>
      {!found && <Skeleton lines={6} />}
      {found && (
        <>
          <div className="mb-8 grid gap-x-8 gap-y-4 md:grid-cols-2">
            <Side run={found.a} what="First" />
            <Side run={found.b} what="Second" />
          </div>
          {left && right && (
            <Section title={found.same_output ? "Output: the same" : "Output"}>
              <div className="grid gap-x-8 gap-y-4 md:grid-cols-2">
                <Output run={left} />
                <Output run={right} />
                {!found.same_output && !left.error && !right.error && <DifferenceView title="What is other in it" a={left.output} b={right.output} />}
              </div>
            </Section>
          )}
          <Section title="Steps">
            <ol className="overflow-hidden rounded-lg border border-line">
              {found.steps.map((pair, index) => (
                <Pair key={index} pair={pair} />
              ))}
            </ol>
            {found.steps.length === 0 && <p className="text-ink-2">Neither of them has a step yet.</p>}
          </Section>
        </>
      )}
    </Screen>
  );
}

function differenceWords(found: Comparison): string {
  const { same_input, cost_usd, seconds } = found;
  const cost = cost_usd === null || cost_usd === 0 ? "" : `, the second cost ${money(Math.abs(cost_usd))} ${cost_usd > 0 ? "more" : "less"}`;
  const time = seconds === null || Math.abs(seconds) < 0.05 ? "" : `, the second took ${duration(Math.abs(seconds))} ${seconds > 0 ? "longer" : "less"}`;
  return `${whereTheyDiffer(found)}${cost}${time}. The input is ${same_input ? "the same" : "another"}.`;
}

function Side({ run, what }: { run: RunSummary; what: string }) {
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1 rounded-lg border border-line bg-sunken px-4 py-3">
      <span className="min-w-0 flex-1">
        <Link href={`/runs/${run.id}`} className="block truncate font-medium hover:underline">
          {run.title || run.id}
        </Link>
        <span className="text-sm text-ink-3">
          {what} · <When iso={run.created_at} />
          {run.seconds !== null && ` · ${duration(run.seconds)}`}
          {run.cost_usd !== null && ` · ${money(run.cost_usd)}`}
        </span>
      </span>
      <StatusChip status={run.status} position={run.position} waitsFor={run.waits_for} />
    </div>
  );
}

function Output({ run }: { run: Run }) {
  return (
    <div className="max-h-[420px] min-w-0 overflow-y-auto rounded-lg border border-line px-4 py-3" tabIndex={0}>
      {run.error ? <p className="text-failed">{run.error.reader || run.error.title}</p> : run.output === null ? <p className="text-ink-3">Nothing.</p> : <FieldsView value={run.output} />}
    </div>
  );
}

/** Time and cost of both, where both have them: "1.2 s → 0.8 s · $0.01 → $0.002". */
function besideWords(a: Step | null, b: Step | null): string {
  if (a === null || b === null || b.reused) return "";
  const times = typeof a.seconds === "number" && typeof b.seconds === "number" && Math.max(a.seconds, b.seconds) >= 0.05 ? `${duration(a.seconds)} → ${duration(b.seconds)}` : "";
  const costs = a.cost_usd || b.cost_usd ? `${money(a.cost_usd ?? 0)} → ${money(b.cost_usd ?? 0)}` : "";
  return [times, costs].filter(Boolean).join(" · ");
}

function Pair({ pair: { a, b, differs } }: { pair: ComparedStep }) {
  const step = (a ?? b) as Step;
  const says = a === null ? "only in the second" : b === null ? "only in the first" : differs.length > 0 ? `differs: ${differs.map((one) => WORDS[one]).join(", ")}` : "";
  return (
    <li className="border-b border-line last:border-b-0">
      <details>
        <summary className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 hover:bg-hover">
          <StatusIcon status={step.status} />
          <span className="min-w-0 flex-1 font-medium">{step.label || step.name}</span>
          <span className="tnum text-sm text-ink-3">{besideWords(a, b)}</span>
          {says ? (
            <span className="text-sm text-waiting">{says}</span>
          ) : (
            <span className="inline-flex items-center gap-1 text-sm text-ink-3">
              <Equal className="size-3.5" aria-hidden /> {b?.reused ? "taken over" : "the same"}
            </span>
          )}
        </summary>
        <div className="grid gap-x-8 gap-y-4 border-t border-line bg-sunken px-4 py-4 md:grid-cols-2">
          <Half step={a} alone={b === null} />
          <Half step={b} alone={a === null} />
          {a && b && differs.includes("input") && <DifferenceView title="What went in" a={a.input} b={b.input} />}
          {a && b && differs.includes("output") && !a.error && !b.error && <DifferenceView title="What came out" a={a.output} b={b.output} />}
          {a && b && !differs.includes("output") && !a.error && hasValue(a) && <Value title="What came out of both" value={a.output ?? null} />}
        </div>
      </details>
    </li>
  );
}

const hasValue = (step: Step) => step.output !== undefined && step.output !== null;

/** What the step took and cost in one of the runs; its values too where it stands alone or failed. */
function Half({ step, alone }: { step: Step | null; alone: boolean }) {
  if (step === null) return <p className="text-ink-3">This run has no such step.</p>;
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <p className="text-sm text-ink-3">{[step.model ? shortModel(step.model) : "", step.prompt_version ?? "", typeof step.seconds === "number" ? duration(step.seconds) : "", step.cost_usd ? money(step.cost_usd) : ""].filter(Boolean).join(" · ")}</p>
      {alone && step.input !== undefined && <Value title="What went in" value={step.input} />}
      {step.error ? <p className="text-failed">{step.error.reader || step.error.title}</p> : alone && hasValue(step) && <Value title="What came out" value={step.output ?? null} />}
    </div>
  );
}

function Value({ title, value }: { title: string; value: NonNullable<Step["output"]> | null }) {
  return (
    <div>
      <h3 className="mb-1 text-sm font-semibold text-ink-2">{title}</h3>
      <div className="max-h-[320px] overflow-y-auto rounded-md border border-line bg-surface px-4 py-3" tabIndex={0}>
        <FieldsView value={value} />
      </div>
    </div>
  );
}
