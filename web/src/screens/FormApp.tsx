import { PencilLine, Play, Plus, Table2 } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { asProblem } from "../api/client";
import { useRecentRuns, useRun, useStartRun } from "../api/queries";
import type { Example, Json, JsonObject, KnowledgeInfo, PipelineInfo, RunSummary } from "../api/types";
import { FieldProblems } from "../form/FieldProblems";
import { fieldOf, initialOf, isObject, withAt } from "../form/fields";
import { SchemaForm } from "../form/SchemaForm";
import { Button, buttonClass } from "../parts/Button";
import { COMMAND, Key } from "../parts/Key";
import { ProblemNote } from "../parts/ProblemNote";
import { Trail, useTitle } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { Examples } from "../run/Examples";
import { HowItWorks } from "../run/HowItWorks";
import { KnowsLine } from "../run/KnowsLine";
import { RunList } from "../run/RunList";
import { RunResult } from "../run/RunResult";
import { useRunView } from "../run/useRunView";

interface FormAppProps {
  pipeline: PipelineInfo;
  knowledge: KnowledgeInfo[];
  runId?: string | undefined;
}

/** A form on the left, its result on the right; below it on a phone. */
export function FormApp({ pipeline, knowledge, runId }: FormAppProps) {
  useTitle(pipeline.title);
  const [, go] = useLocation();
  const from = new URLSearchParams(useSearch()).get("from") ?? undefined;
  const field = useMemo(() => fieldOf(pipeline.input_schema, pipeline.input_schema), [pipeline.input_schema]);
  const fresh = useMemo(() => initialOf({ ...field, optional: false, required: true }) ?? {}, [field]);
  const [draft, setDraft] = useState<{ of: string; value: Json | undefined }>(() => ({ of: "", value: keptDraft(pipeline.name) ?? fresh }));
  const source = useRun(runId ?? from).data;
  const start = useStartRun(pipeline.name);
  const result = useRef<HTMLDivElement>(null);
  const [asked, setAsked] = useState(""); // on a phone: the run whose input is unfolded above its result
  const form = `form-${pipeline.name}`;

  // The form shows what the run on screen was given, until somebody types.
  const shownOf = runId ?? from ?? "";
  const value = draft.of === shownOf ? draft.value : (source?.input ?? (shownOf === "" ? fresh : draft.value));
  const set = (next: Json | undefined) => {
    setDraft({ of: shownOf, value: next });
    if (shownOf === "") keepDraft(pipeline.name, next);
  };

  const send = (input: Json | undefined) => {
    start.mutate(
      isObject(input) ? input : {},
      {
        onSuccess: (run) => {
          setDraft({ of: run.id, value: input });
          keepDraft(pipeline.name, undefined);
          go(`/apps/${pipeline.name}/runs/${run.id}`);
          if (matchMedia("(max-width: 1023px)").matches) requestAnimationFrame(() => result.current?.scrollIntoView({ behavior: "smooth", block: "start" }));
        },
      },
    );
  };
  const problem = start.isError ? asProblem(start.error) : null;
  const problems = problem?.fields ?? [];
  const pick = (example: Example) => {
    start.reset();
    set(example.input);
    document.getElementById(form)?.querySelector<HTMLElement>("input, textarea, select")?.focus({ preventScroll: false });
  };

  return (
    <div className="flex min-h-full flex-col lg:grid lg:h-full lg:grid-cols-[minmax(360px,5fr)_7fr]">
      <section aria-label="Input" className="flex flex-col lg:overflow-y-auto lg:border-r lg:border-line">
        <div className="flex flex-1 flex-col px-8 pt-7 pb-6 max-md:px-4 max-md:pt-4">
          <Trail trail={[{ label: "Apps", to: "/" }]} />
          <div className="flex items-start justify-between gap-3">
            <h1 className="text-xl font-semibold tracking-tight">{pipeline.title}</h1>
            {runId && (
              <Link href={`/apps/${pipeline.name}`} className={buttonClass("quiet", true)} onClick={() => start.reset()}>
                <Plus className="size-4" aria-hidden /> New
              </Link>
            )}
          </div>
          <div className={runId ? "max-lg:hidden" : ""}>
            <p className="mt-1 text-ink-2">{pipeline.about}</p>
            <KnowsLine knowledge={knowledge} />
          </div>
          {runId && (
            <button type="button" aria-expanded={asked === runId} onClick={() => setAsked(asked === runId ? "" : runId)} className="mt-3 flex h-11 items-center gap-2 rounded-lg border border-line px-3.5 text-left lg:hidden">
              <PencilLine className="size-4 text-ink-3" aria-hidden />
              <span className="min-w-0 flex-1 truncate">{source?.title || "What was asked"}</span>
              <span className="text-sm text-ink-3">{asked === runId ? "Fold" : "Show"}</span>
            </button>
          )}
          <form
            id={form}
            className={`mt-6 flex flex-col gap-5 ${runId && asked !== runId ? "max-lg:hidden" : ""}`}
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              send(value);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                send(value);
              }
            }}
          >
            {problem && problems.length > 0 && <FieldProblems form={form} problems={problems} says={problem.reader || problem.title} />}
            {problem && problems.length === 0 && <ProblemNote problem={problem} retry={problem.retryable ? () => send(value) : undefined} />}
            <SchemaForm seat={{ form, problems, disabled: false, change: (path, next) => set(withAt(value, path, next)) }} field={field} value={value} />
            <div className="flex items-center gap-3">
              <Button look="primary" type="submit" disabled={start.isPending}>
                <Play className="size-4 fill-current" aria-hidden /> {start.isPending ? "Starting …" : "Run"}
              </Button>
              <span className="text-sm text-ink-3 max-md:hidden">
                <Key keys={`${COMMAND} Enter`} />
              </span>
              <Link href={`/apps/${pipeline.name}/batch`} className={`${buttonClass("quiet")} ml-auto`}>
                <Table2 className="size-4" aria-hidden /> Run a whole table
              </Link>
            </div>
          </form>
        </div>
      </section>
      <section ref={result} aria-label="Result" className="scroll-mt-2 bg-sunken max-lg:border-t max-lg:border-line lg:overflow-y-auto">
        <div className="mx-auto flex max-w-[820px] flex-col gap-6 px-8 pt-7 pb-16 max-md:px-4">
          {runId ? <FormResult key={runId} runId={runId} pipeline={pipeline} onRetry={(input) => send(input)} /> : <BeforeTheFirstRun pipeline={pipeline} onPick={pick} />}
        </div>
      </section>
    </div>
  );
}

const LARGEST_DRAFT = 200_000; // characters; a recording is not kept

/** What was typed and not sent outlives a reload of this tab. */
function keepDraft(pipeline: string, value: Json | undefined): void {
  const text = value === undefined ? "" : JSON.stringify(value);
  try {
    if (text === "" || text.length > LARGEST_DRAFT) sessionStorage.removeItem(`coachwork.draft.${pipeline}`);
    else sessionStorage.setItem(`coachwork.draft.${pipeline}`, text);
  } catch {
    // storage is switched off or full: the draft lasts as long as the page
  }
}

function keptDraft(pipeline: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(`coachwork.draft.${pipeline}`) ?? "null");
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function FormResult({ runId, pipeline, onRetry }: { runId: string; pipeline: PipelineInfo; onRetry: (input: JsonObject) => void }) {
  const { run, view, error, retry, broken } = useRunView(runId);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  if (error && !run) return <ProblemNote problem={asProblem(error)} retry={retry} runId={runId} />;
  if (!run || !view) return <Skeleton lines={4} />;
  return (
    <div>
      <div className="mb-3 flex items-center justify-between gap-3">
        <h2 ref={heading} tabIndex={-1} className="text-sm font-semibold text-ink-2 outline-none">
          Result
        </h2>
        <Link href={`/runs/${runId}`} className="text-sm text-accent-text hover:underline">
          Details of this run
        </Link>
      </div>
      <RunResult view={view} feedback={run.feedback} outputSchema={pipeline.output_schema} broken={broken} onRetry={() => onRetry(run.input)} />
    </div>
  );
}

function BeforeTheFirstRun({ pipeline, onPick }: { pipeline: PipelineInfo; onPick: (example: Example) => void }) {
  const recent = useRecentRuns(5, pipeline.name).data?.items ?? [];
  return (
    <>
      {pipeline.examples.length > 0 ? (
        <Examples examples={pipeline.examples} onPick={onPick} title="Try one of these" />
      ) : (
        <p className="rounded-lg border border-dashed border-line-strong px-4 py-8 text-center text-ink-2">Fill in the form and run it. The result stands here, with its sources and what it cost.</p>
      )}
      <HowItWorks pipeline={pipeline.name} />
      {recent.length > 0 && (
        <section aria-label="Earlier">
          <h2 className="mb-2 text-sm font-semibold text-ink-2">Earlier</h2>
          <div className="rounded-lg bg-surface">
            <RunList runs={recent} openIn={(run: RunSummary) => `/apps/${pipeline.name}/runs/${run.id}`} />
          </div>
        </section>
      )}
    </>
  );
}
