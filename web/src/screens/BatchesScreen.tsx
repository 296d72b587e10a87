import { Table2 } from "lucide-react";
import { Link } from "wouter";
import { asProblem } from "../api/client";
import { useBatches } from "../api/batches";
import type { Batch } from "../api/types";
import { BatchBar, BatchMark } from "../batches/BatchMark";
import { progressWords } from "../batches/words";
import { Button } from "../parts/Button";
import { Empty } from "../parts/Empty";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen } from "../parts/Screen";
import { SkeletonRows } from "../parts/Skeleton";
import { When } from "../parts/When";
import { money } from "../text/numbers";

/** Every table that was run, the newest first. */
export function BatchesScreen() {
  const query = useBatches();
  const batches = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Screen title="Batches" trail={[{ label: "Runs", to: "/runs" }]} about="Tables that were run row by row. They go on by themselves; this page may be closed.">
      {query.isPending && <SkeletonRows rows={6} />}
      {query.error && batches.length === 0 && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {query.data && batches.length === 0 && (
        <Empty icon={<Table2 />} title="No table has been run yet">
          Open <Link href="/" className="text-accent-text underline">an app</Link> with a form and choose “Run a whole table”.
        </Empty>
      )}
      {batches.length > 0 && (
        <ul className="overflow-hidden rounded-lg border border-line">
          {batches.map((batch) => (
            <BatchLine key={batch.id} batch={batch} />
          ))}
        </ul>
      )}
      {query.hasNextPage && (
        <Button className="mt-4 self-center" onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage}>
          {query.isFetchingNextPage ? "Loading …" : "Show older ones"}
        </Button>
      )}
    </Screen>
  );
}

function BatchLine({ batch }: { batch: Batch }) {
  return (
    <li className="border-b border-line last:border-b-0">
      <Link href={`/batches/${batch.id}`} className="grid grid-cols-[minmax(0,1fr)] items-center gap-x-5 gap-y-1.5 px-4 py-3 hover:bg-hover md:grid-cols-[minmax(0,1fr)_260px_120px]">
        <span className="min-w-0">
          <span className="block truncate font-medium">{batch.name}</span>
          <span className="block truncate text-sm text-ink-3">
            {batch.pipeline_title} · <When iso={batch.created_at} />
            {batch.user && ` · ${batch.user}`} · {money(batch.spent_usd)}
          </span>
        </span>
        <span>
          <BatchBar batch={batch} />
          <span className="mt-1 block truncate text-sm text-ink-2">{progressWords(batch)}</span>
        </span>
        <BatchMark status={batch.status} />
      </Link>
    </li>
  );
}
