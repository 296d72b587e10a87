import { Workflow } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { asProblem } from "../api/client";
import { useOutline } from "../api/queries";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Skeleton } from "../parts/Skeleton";

const OutlineGraph = lazy(() => import("../runs/OutlineGraph").then((module) => ({ default: module.OutlineGraph })));

/** What an app will do, drawn from its code, for those who want to know before they run it. */
export function HowItWorks({ pipeline }: { pipeline: string }) {
  const [open, setOpen] = useState(false);
  const { data, error, refetch } = useOutline(pipeline, open);
  return (
    <section aria-label="How it works">
      <Button look="quiet" small aria-expanded={open} onClick={() => setOpen(!open)}>
        <Workflow className="size-3.5" aria-hidden /> How it works
      </Button>
      {open && (
        <div className="mt-2">
          {error ? (
            <ProblemNote problem={asProblem(error)} retry={() => void refetch()} />
          ) : data ? (
            <Suspense fallback={<Skeleton lines={5} label="Drawing" />}>
              <OutlineGraph outline={data} />
            </Suspense>
          ) : (
            <Skeleton lines={5} />
          )}
        </div>
      )}
    </section>
  );
}
