import { ArrowRight, RotateCw, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { asProblem } from "../api/client";
import { useBatchRow } from "../api/batches";
import type { Batch, Schema } from "../api/types";
import { Button, buttonClass, IconButton } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Skeleton } from "../parts/Skeleton";
import { FieldsView } from "../run/FieldsView";
import { StatusChip } from "../run/StatusMark";
import { plural } from "../text/numbers";
import { canRetry, whyOf } from "./words";

interface BatchRowViewProps {
  batch: Batch;
  number: number;
  outputSchema: Schema | null | undefined;
  onClose: () => void;
  onRetry: (row: number) => void;
}

/** One row beside the table: what was given, what came of it, and its run. */
export function BatchRowView({ batch, number, outputSchema, onClose, onRetry }: BatchRowViewProps) {
  const query = useBatchRow(batch, number);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [number]);
  const row = query.data;
  return (
    <section aria-label={`Row ${number}`} className="flex min-h-0 w-full flex-col gap-4 overflow-y-auto border-line bg-sunken px-5 py-4 lg:w-[420px] lg:shrink-0 lg:border-l" tabIndex={0}>
      <div className="flex items-center gap-3">
        <h2 ref={heading} tabIndex={-1} className="font-semibold outline-none">
          Row {number}
        </h2>
        {row && <StatusChip status={row.status} />}
        <span className="ml-auto">
          <IconButton label="Close the row" icon={<X className="size-4" />} onClick={onClose} />
        </span>
      </div>
      {query.isPending && <Skeleton lines={4} />}
      {query.error && !row && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {row === null && <p className="text-ink-2">This table has no such row.</p>}
      {row && (
        <>
          {row.error && row.status !== "succeeded" && <p className="rounded-md border border-failed-line bg-failed-soft px-3 py-2 break-words">{whyOf(row)}</p>}
          <div className="flex flex-wrap gap-2 empty:hidden">
            {row.run_id && (
              <Link href={`/runs/${row.run_id}`} className={buttonClass("plain", true)}>
                Open its run <ArrowRight className="size-3.5" aria-hidden />
              </Link>
            )}
            {canRetry(row) && (
              <Button small onClick={() => onRetry(row.row)}>
                <RotateCw className="size-3.5" aria-hidden /> Try again
              </Button>
            )}
          </div>
          {row.output !== null && (
            <div>
              <h3 className="mb-1.5 text-sm font-semibold text-ink-2">What came of it</h3>
              <div className="rounded-md border border-line bg-surface px-4 py-3">
                <FieldsView value={row.output} schema={outputSchema ?? undefined} />
              </div>
            </div>
          )}
          <div>
            <h3 className="mb-1.5 text-sm font-semibold text-ink-2">What was given</h3>
            <div className="rounded-md border border-line bg-surface px-4 py-3">
              <FieldsView value={row.given} />
            </div>
            {row.tries > 1 && <p className="mt-2 text-sm text-ink-3">{plural(row.tries, "try", "tries")} so far</p>}
          </div>
        </>
      )}
    </section>
  );
}
