import { RefreshCw } from "lucide-react";
import { asProblem } from "../api/client";
import { useIngest, useStartIngest } from "../api/queries";
import type { IngestState } from "../api/types";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { When } from "../parts/When";
import { count, duration, plural } from "../text/numbers";

/** Reads the folder anew, and says how far that is: waiting, working and stuck look and read differently. */
export function IngestLine({ kb }: { kb: string }) {
  const now = useIngest(kb).data;
  const start = useStartIngest(kb);
  const going = now !== undefined && ["waiting", "working", "stuck"].includes(now.state);
  return (
    <div className="mb-6">
      <div className="flex flex-wrap items-center gap-3 text-sm text-ink-2">
        <Button small look="quiet" className="-ml-2.5" disabled={going || start.isPending} onClick={() => start.mutate()}>
          <RefreshCw className={`size-3.5 ${now?.state === "working" ? "turning" : ""}`} aria-hidden /> Read the folder again
        </Button>
        <span role="status">{now ? words(now) : ""}</span>
        {now?.state === "stuck" && now.moved_at && (
          <span className="text-waiting">
            last moved <When iso={now.moved_at} />
          </span>
        )}
      </div>
      {going && now.found > 0 && <progress aria-label="Documents read" max={now.found} value={now.read} className="mt-1 block h-1 w-full max-w-md" />}
      {now?.state === "failed" && now.problem && <ProblemNote problem={now.problem} retry={() => start.mutate()} />}
      {start.error && <ProblemNote problem={asProblem(start.error)} />}
    </div>
  );
}

function words(now: IngestState): string {
  const failed = now.failed ? `, ${count(now.failed)} could not be read` : "";
  switch (now.state) {
    case "waiting":
      return "Waiting: another process reads this folder now.";
    case "working":
    case "stuck": {
      const speed = now.documents_a_second ? `, ${count(Math.round(now.documents_a_second * 10) / 10)} a second` : "";
      const left = now.seconds_left ? `, about ${duration(now.seconds_left)} left` : "";
      return `${now.state === "stuck" ? "It does not move. " : ""}${count(now.read)} of ${plural(now.found, "document")} read, ${plural(now.embedded, "passage")} embedded${failed}${speed}${left}`;
    }
    case "done":
      return `Done: ${plural(now.found, "document")} looked at, ${plural(now.embedded, "passage")} embedded${failed}.`;
    default:
      return "";
  }
}
