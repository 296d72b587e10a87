import { AppWindow, Columns2, GitFork, List, RotateCcw, Square, UserRound, Workflow } from "lucide-react";
import { lazy, Suspense } from "react";
import type { ReactNode } from "react";
import { Link, useSearch } from "wouter";
import { asProblem } from "../api/client";
import { useApp, useCancelRun } from "../api/queries";
import { hasEnded } from "../api/types";
import type { Run } from "../api/types";
import { Button, buttonClass } from "../parts/Button";
import { CopyableId } from "../parts/CopyButton";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen, Section } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { When } from "../parts/When";
import { ApprovalWord } from "../inbox/ApprovalWord";
import { answerOf, unchecked } from "../run/answer";
import { AnswerText, UnsupportedNote } from "../run/AnswerText";
import { FieldsView } from "../run/FieldsView";
import { Sources } from "../run/Sources";
import { StatusChip } from "../run/StatusMark";
import { waitsFor } from "../run/waits";
import { useRunView } from "../run/useRunView";
import type { RunView } from "../run/progress";
import { StepTable } from "../runs/StepTable";
import { duration, money } from "../text/numbers";
import { NotFoundScreen } from "./NotFoundScreen";

const StepGraph = lazy(() => import("../runs/StepGraph").then((module) => ({ default: module.StepGraph })));

/** Everything that is recorded about one run. */
export function RunScreen({ id }: { id: string }) {
  const { run, view, error, retry } = useRunView(id);
  const app = useApp().data;
  if (error && !run) {
    const problem = asProblem(error);
    if (problem.status === 404) return <NotFoundScreen title="There is no such run" says="The id may be mistyped, or the run was deleted." />;
    return (
      <Screen title="Run" trail={[{ label: "Runs", to: "/runs" }]}>
        <ProblemNote problem={problem} retry={retry} runId={id} />
      </Screen>
    );
  }
  if (!run || !view)
    return (
      <Screen title="Run" trail={[{ label: "Runs", to: "/runs" }]}>
        <Skeleton lines={8} />
      </Screen>
    );
  const pipeline = app?.pipelines.find((one) => one.name === run.pipeline);
  return (
    <Screen
      title={run.title || "Run"}
      wide
      trail={[{ label: "Runs", to: "/runs" }]}
      about={
        <span className="inline-flex flex-wrap items-center gap-x-2 text-sm">
          <CopyableId id={run.id} />
        </span>
      }
      actions={<Actions run={run} view={view} />}
    >
      <Facts run={run} view={view} appTitle={pipeline?.title ?? run.pipeline} />
      {view.status === "failed" && (
        <div className="mb-8">
          <ProblemNote problem={view.problem ?? { title: "failed", code: "failed", reader: "This run failed." }} runId={run.id}>
            {view.problem?.detail && view.problem.detail !== view.problem.reader && <p className="text-sm text-ink-2">{view.problem.detail}</p>}
            <FailedStepLink view={view} />
          </ProblemNote>
        </div>
      )}
      {view.approvals.length > 0 && <Approvals view={view} />}
      <div className="grid grid-cols-[minmax(0,1fr)] gap-x-8 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
        <Section title="Input">
          <div className="max-h-[520px] overflow-y-auto rounded-lg border border-line px-5 py-4 max-sm:px-4" tabIndex={0}>
            <FieldsView value={lone(run.input)} schema={pipeline?.input_schema} />
          </div>
        </Section>
        <Section title="Output">
          <div className="max-h-[520px] overflow-y-auto rounded-lg border border-line px-5 py-4 max-sm:px-4" tabIndex={0}>
            <Output view={view} run={run} schema={pipeline?.output_schema} />
          </div>
        </Section>
      </div>
      <Steps view={view} />
      {run.feedback && (
        <Section title="Feedback">
          <p className="text-ink-2">
            {run.feedback.helpful ? "Helpful" : "Not helpful"}
            {run.feedback.reasons && run.feedback.reasons.length > 0 && `: ${run.feedback.reasons.join(", ").toLocaleLowerCase()}`}
            {run.feedback.comment && ` — “${run.feedback.comment}”`}
          </p>
        </Section>
      )}
    </Screen>
  );
}

/** Leads to the step that failed, which may stand hundreds of rows below; in the list only, the graph shows it by itself. */
function FailedStepLink({ view }: { view: RunView }) {
  const drawn = new URLSearchParams(useSearch()).get("steps") === "graph";
  const failed = view.steps.findLast((step) => step.status === "failed");
  if (drawn || !failed || view.steps.length < 2) return null;
  return (
    <a href={`#step-${failed.seq}`} className="text-sm underline">
      Step {failed.seq} failed: {failed.label || failed.name}
    </a>
  );
}

/** The steps as a list or as a graph; which one stands in the address. */
function Steps({ view }: { view: RunView }) {
  const search = new URLSearchParams(useSearch());
  const drawn = search.get("steps") === "graph" && view.steps.length > 0;
  const look = (to: string, here: boolean, label: string, icon: ReactNode) => (
    <Link href={to} replace aria-current={here ? "true" : undefined} className={`${buttonClass(here ? "plain" : "quiet", true)} ${here ? "font-medium" : ""}`}>
      {icon} {label}
    </Link>
  );
  return (
    <Section
      title="Steps"
      actions={
        (view.steps.length > 1 || view.tools.length > 0) && (
          <nav aria-label="Steps as" className="flex gap-1">
            {look(`/runs/${view.id}`, !drawn, "List", <List className="size-3.5" aria-hidden />)}
            {look(`/runs/${view.id}?steps=graph`, drawn, "Graph", <Workflow className="size-3.5" aria-hidden />)}
          </nav>
        )
      }
    >
      {drawn ? (
        <Suspense fallback={<Skeleton lines={5} label="Drawing" />}>
          <StepGraph steps={view.steps} tools={view.tools} />
        </Suspense>
      ) : (
        <StepTable steps={view.steps} tools={view.tools} ended={hasEnded(view.status)} />
      )}
    </Section>
  );
}

/** One parameter's value speaks for itself. */
function lone(input: Run["input"]) {
  const values = Object.values(input);
  return values.length === 1 && typeof values[0] === "object" && values[0] !== null ? values[0] : input;
}

function Output({ view, run, schema }: { view: RunView; run: Run; schema: React.ComponentProps<typeof FieldsView>["schema"] | null }) {
  const answer = answerOf(view.output);
  if (answer)
    return (
      <div className="flex flex-col gap-4">
        <AnswerText answer={answer} />
        <UnsupportedNote answer={answer} />
        {Object.keys(answer.rest).length > 0 && <FieldsView value={answer.rest} schema={schema ?? undefined} />}
        <Sources answer={answer} />
      </div>
    );
  if (view.output !== undefined && view.output !== null) return <FieldsView value={view.output} schema={schema ?? undefined} />;
  if (view.text) return <AnswerText answer={unchecked(view.text)} writing />;
  if (view.partial !== undefined)
    return (
      <div aria-busy="true">
        <p className="mb-2 text-sm font-medium text-ink-3">Being written: this is not the result yet</p>
        <FieldsView value={view.partial} />
      </div>
    );
  return <p className="text-ink-3">{hasEnded(run.status) ? "This run gave nothing out." : "Nothing yet."}</p>;
}

function Actions({ run, view }: { run: Run; view: RunView }) {
  const cancel = useCancelRun();
  const ended = hasEnded(view.status);
  return (
    <>
      {!ended && (
        <Button small onClick={() => cancel.mutate(run.id)} disabled={cancel.isPending}>
          <Square className="size-3 fill-current" aria-hidden /> Stop
        </Button>
      )}
      <Link href={`/apps/${run.pipeline}/runs/${run.id}`} className={buttonClass("plain", true)}>
        <AppWindow className="size-3.5" aria-hidden /> Open in the app
      </Link>
      <Link href={`/apps/${run.pipeline}?from=${run.id}`} className={buttonClass("plain", true)}>
        <RotateCcw className="size-3.5" aria-hidden /> Run again
      </Link>
      {ended && (
        <Link href={`/runs/${run.id}/fork`} className={buttonClass("plain", true)}>
          <GitFork className="size-3.5" aria-hidden /> Fork
        </Link>
      )}
      {run.forked_from && (
        <Link href={`/runs/${run.forked_from}/compare/${run.id}`} className={buttonClass("plain", true)}>
          <Columns2 className="size-3.5" aria-hidden /> Compare
        </Link>
      )}
    </>
  );
}

function Facts({ run, view, appTitle }: { run: Run; view: RunView; appTitle: string }) {
  return (
    <dl className="mb-8 flex flex-wrap gap-x-10 gap-y-4 rounded-lg border border-line bg-sunken px-5 py-4">
      <FactItem label="Status">
        <StatusChip status={view.status} position={view.position} waitsFor={waitsFor(view.steps)} />
      </FactItem>
      <FactItem label="App">
        <Link href={`/apps/${run.pipeline}`} className="hover:underline">
          {appTitle}
        </Link>
      </FactItem>
      <FactItem label="Started">{run.started_at ? <When iso={run.started_at} /> : "not yet"}</FactItem>
      <FactItem label="Time">{view.seconds === null ? "–" : duration(view.seconds)}</FactItem>
      <FactItem label="Cost">{view.cost_usd === null ? (hasEnded(view.status) ? "price unknown" : "–") : money(view.cost_usd)}</FactItem>
      {run.user && <FactItem label="By">{run.user}</FactItem>}
      {run.forked_from && (
        <FactItem label="Forked">
          <Link href={`/runs/${run.forked_from}`} className="hover:underline">
            {(run.forked_at ?? 1) > 1 ? `from another run, at its step ${run.forked_at}` : "from another run, at its beginning"}
          </Link>
        </FactItem>
      )}
    </dl>
  );
}

function FactItem({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt className="mb-0.5 text-xs text-ink-3">{label}</dt>
      <dd className="tnum flex min-h-6 items-center">{children}</dd>
    </div>
  );
}

function Approvals({ view }: { view: RunView }) {
  return (
    <Section title="People">
      <ul className="overflow-hidden rounded-lg border border-line">
        {view.approvals.map((approval) => (
          <li key={approval.id} className="border-b border-line last:border-b-0">
            <Link href={`/inbox/${approval.id}`} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 hover:bg-hover">
              <UserRound className="size-4 text-ink-3" aria-hidden />
              <span className="min-w-0 flex-1 truncate">{approval.title}</span>
              <ApprovalWord status={approval.status} />
              <span className="text-sm text-ink-3">
                {approval.decided_by && <>{approval.decided_by}, </>}
                <When iso={approval.decided_at ?? approval.created_at} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}
