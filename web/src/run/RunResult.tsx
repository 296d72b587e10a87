import { Square, UserRound } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { asProblem } from "../api/client";
import { useCancelRun } from "../api/queries";
import { hasEnded } from "../api/types";
import type { Approval, Feedback, Schema } from "../api/types";
import { Button, buttonClass } from "../parts/Button";
import { CopyButton } from "../parts/CopyButton";
import { ProblemNote } from "../parts/ProblemNote";
import { When } from "../parts/When";
import { plural } from "../text/numbers";
import { answerOf, unchecked } from "./answer";
import type { Answer } from "./answer";
import { AnswerFacts } from "./AnswerFacts";
import { AnswerText, UnsupportedNote } from "./AnswerText";
import { FeedbackButtons, FeedbackForm } from "./FeedbackBar";
import { FieldsView } from "./FieldsView";
import type { RunView } from "./progress";
import { Sources } from "./Sources";
import { StepList } from "./StepList";

interface RunResultProps {
  view: RunView;
  feedback: Feedback | null;
  outputSchema?: Schema | null | undefined;
  broken?: boolean;
  onRetry?: (() => void) | undefined;
  /** More buttons beside copy and feedback. */
  actions?: ReactNode;
  compact?: boolean;
}

/** Everything about one run that a reader wants: what it does, its answer, where that comes from, what it cost. */
export function RunResult({ view, feedback, outputSchema, broken = false, onRetry, actions, compact = false }: RunResultProps) {
  const ended = hasEnded(view.status);
  const answer = answerOf(view.output) ?? (view.text && view.output === undefined ? writingAnswer(view.text) : null);
  const pending = view.approvals.filter((approval) => approval.status === "pending");
  const [complaining, setComplaining] = useState(false);
  return (
    <div className="flex flex-col gap-4">
      <Announcement view={view} answer={answer} />
      <StepList view={view} beside={ended ? null : <StopButton id={view.id} />} />
      {broken && <p className="text-sm text-ink-2">The connection was lost. The run goes on; this page is catching up …</p>}
      {!ended && pending.map((approval) => <WaitingForPerson key={approval.id} approval={approval} />)}
      {view.status === "failed" && view.problem && <ProblemNote problem={view.problem} runId={view.id} retry={onRetry} />}
      {view.status === "failed" && !view.problem && <ProblemNote problem={{ title: "failed", code: "failed", reader: "This run failed. What you typed is kept." }} runId={view.id} retry={onRetry} />}
      {view.status === "cancelled" && <Stopped onRetry={onRetry} />}
      {answer && (
        <div className={compact ? "" : "rounded-lg border border-line bg-surface px-5 py-4 max-sm:px-4"}>
          {view.status === "waiting" && <p className="mb-2 text-sm font-medium text-ink-3">Draft: a person may still change it</p>}
          {ended && view.status !== "succeeded" && <p className="mb-2 text-sm font-medium text-waiting">Unfinished: this was written before the run ended.</p>}
          <AnswerText answer={answer} writing={!ended} />
          {Object.keys(answer.rest).length > 0 && (
            <div className="mt-4 border-t border-line pt-4">
              <FieldsView value={answer.rest} schema={outputSchema ?? undefined} />
            </div>
          )}
        </div>
      )}
      {!answer && view.output === undefined && view.partial !== undefined && (
        <div className="rounded-lg border border-dashed border-line-strong bg-surface px-5 py-4 max-sm:px-4" aria-busy="true">
          <p className="mb-2 text-sm font-medium text-ink-3">Being written: this is not the result yet</p>
          <FieldsView value={view.partial} />
        </div>
      )}
      {!answer && view.output !== undefined && view.output !== null && (
        <div className="rounded-lg border border-line bg-surface px-5 py-4 max-sm:px-4">
          <FieldsView value={view.output} schema={outputSchema ?? undefined} />
        </div>
      )}
      {view.status === "succeeded" && !answer && (view.output === null || view.output === undefined) && <p className="rounded-lg border border-line bg-surface px-5 py-4 text-ink-2">Done. This app gives nothing out.</p>}
      {answer && <UnsupportedNote answer={answer} />}
      {answer && <Sources answer={answer} />}
      {ended && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          {view.status === "succeeded" && (
            <div className="-ml-2 flex items-center">
              <CopyButton text={answer?.text ?? JSON.stringify(view.output, null, 2)} label="Copy the answer" />
              <FeedbackButtons runId={view.id} feedback={feedback} open={complaining} onOpen={setComplaining} />
              {actions}
            </div>
          )}
          <div className="sm:ml-auto">
            <AnswerFacts view={view} />
          </div>
        </div>
      )}
      {complaining && <FeedbackForm runId={view.id} feedback={feedback} onClose={() => setComplaining(false)} />}
    </div>
  );
}

function writingAnswer(text: string): Answer {
  return unchecked(text);
}

function StopButton({ id }: { id: string }) {
  const cancel = useCancelRun();
  const failed = cancel.isError && asProblem(cancel.error).status !== 409;
  return (
    <Button small onClick={() => cancel.mutate(id)} disabled={cancel.isPending} title={failed ? asProblem(cancel.error).reader : undefined}>
      <Square className="size-3 fill-current" aria-hidden /> {cancel.isPending ? "Stopping …" : failed ? "Try to stop again" : "Stop"}
    </Button>
  );
}

function Stopped({ onRetry }: { onRetry: (() => void) | undefined }) {
  return (
    <div className="flex flex-wrap items-center gap-3 rounded-lg border border-line bg-sunken px-4 py-3 text-ink-2">
      <span className="flex-1">This was stopped. What you typed is kept, and nothing more was spent.</span>
      {onRetry && (
        <Button small onClick={onRetry}>
          Run again
        </Button>
      )}
    </div>
  );
}

function WaitingForPerson({ approval }: { approval: Approval }) {
  return (
    <div className="flex flex-wrap items-center gap-3 rounded-lg border border-waiting-line bg-waiting-soft px-4 py-3">
      <UserRound className="size-[18px] shrink-0 text-waiting" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{approval.title}</p>
        <p className="text-sm text-ink-2">
          The run goes on by itself after the decision{approval.expires_at && <>; it can be given until <When iso={approval.expires_at} /></>}. You can leave this page.
        </p>
      </div>
      <Link href={`/inbox/${approval.id}`} className={buttonClass("plain", true)}>
        Review it
      </Link>
    </div>
  );
}

/** Tells people who don't see the page, once, when something changed that matters. */
function Announcement({ view, answer }: { view: RunView; answer: Answer | null }) {
  const [said, setSaid] = useState("");
  const before = useRef(view.status);
  const sources = answer?.citations.length ?? 0;
  useEffect(() => {
    if (before.current === view.status) return;
    before.current = view.status;
    const words: Record<RunView["status"], string> = {
      queued: "Waiting in line",
      running: "Working",
      waiting: "Waiting for a person",
      succeeded: sources > 0 ? `Answer ready, ${plural(sources, "source")}` : "Result ready",
      failed: "The run failed",
      cancelled: "Stopped",
    };
    setSaid(words[view.status]);
  }, [view.status, sources]);
  return (
    <p role="status" className="sr-only">
      {said}
    </p>
  );
}
