import { CircleAlert, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import type { Problem } from "../api/types";
import { Achieved } from "./Achieved";
import { Button } from "./Button";
import { CopyableId } from "./CopyButton";

/** What happened, what is kept, what to do next; and the run id for whoever helps. */
export function ProblemNote({ problem, retry, runId, children }: { problem: Problem; retry?: (() => void) | undefined; runId?: string | undefined; children?: ReactNode }) {
  const id = runId ?? problem.run_id ?? undefined;
  const says = problem.reader || problem.detail || problem.title;
  return (
    <div role="alert" className="flex gap-3 rounded-lg border border-failed-line bg-failed-soft px-4 py-3 text-ink">
      <CircleAlert className="mt-0.5 size-[18px] shrink-0 text-failed" aria-hidden />
      <div className="flex min-w-0 flex-1 flex-col gap-1.5">
        <p className="font-medium">{says}</p>
        {problem.hint && problem.hint !== says && (
          <details className="text-sm text-ink-2">
            <summary className="w-fit cursor-pointer">For whoever looks after this application</summary>
            {problem.detail !== says && <p className="mt-1 break-words">{problem.detail}</p>}
            <p className="mt-1 break-words">{problem.hint}</p>
          </details>
        )}
        {problem.outcome && <Achieved outcome={problem.outcome} />}
        {children}
        {(retry || id) && (
          <div className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1">
            {retry && (
              <Button small onClick={retry}>
                <RotateCw className="size-3.5" aria-hidden /> Try again
              </Button>
            )}
            {id && (
              <span className="inline-flex min-w-0 items-center gap-1 text-xs text-ink-2">
                Run <CopyableId id={id} />
              </span>
            )}
          </div>
        )}
      </div>
    </div>
  );
}
