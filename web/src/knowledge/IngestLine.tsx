import { ListChecks, RefreshCw } from "lucide-react";
import { useState } from "react";
import { asProblem } from "../api/client";
import { useIngest, usePlan, useStartIngest, useStartPlan } from "../api/queries";
import type { IngestState } from "../api/types";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { When } from "../parts/When";
import { count, duration, plural } from "../text/numbers";
import { IngestPlanView } from "./IngestPlanView";

/** Reads the folder anew, and says how far that is, whoever does it: waiting, working and stuck look and read differently. */
export function IngestLine({ kb }: { kb: string }) {
  const now = useIngest(kb).data;
  const start = useStartIngest(kb);
  const [asked, setAsked] = useState(false);
  const startPlan = useStartPlan(kb);
  const plan = usePlan(kb, asked).data;
  const going = now?.state === "waiting" || now?.state === "working";
  const look = () => {
    setAsked(true);
    startPlan.mutate();
  };
  return (
    <div className="mb-6">
      <div className="flex flex-wrap items-center gap-3 text-sm text-ink-2">
        <Button
          small
          look="quiet"
          className="-ml-2.5"
          disabled={going || start.isPending}
          onClick={() => {
            setAsked(false);
            start.mutate();
          }}
        >
          <RefreshCw className={`size-3.5 ${now?.state === "working" ? "turning" : ""}`} aria-hidden /> Read the folder again
        </Button>
        <Button small look="quiet" disabled={going || startPlan.isPending || plan?.state === "working"} onClick={look}>
          <ListChecks className="size-3.5" aria-hidden /> What would change?
        </Button>
        <span role="status">{now ? words(now) : ""}</span>
        {now?.state === "stuck" && now.moved_at && (
          <span className="text-waiting">
            last moved <When iso={now.moved_at} />
          </span>
        )}
      </div>
      {(going || now?.state === "stuck") && now.found > 0 && <progress aria-label="Documents read" max={now.found} value={now.read} className="mt-1 block h-1 w-full max-w-md" />}
      {now && now.workers.length > 0 && <Workers state={now} />}
      {now?.state === "failed" && now.problem && <ProblemNote problem={now.problem} retry={() => start.mutate()} />}
      {start.error && <ProblemNote problem={asProblem(start.error)} />}
      {startPlan.error && <ProblemNote problem={asProblem(startPlan.error)} />}
      {asked && plan && plan.state !== "none" && <IngestPlanView plan={plan} again={look} close={() => setAsked(false)} />}
    </div>
  );
}

/** What each process is at; one that gives no sign of life looks different from one that works. */
function Workers({ state }: { state: IngestState }) {
  return (
    <ul aria-label="Processes at work" className="mt-1.5 flex flex-col gap-0.5 text-xs text-ink-3">
      {state.workers.map((one) => (
        <li key={`${one.host} ${one.pid}`} className={one.stuck ? "text-waiting" : ""}>
          Process {one.pid} on {one.host}: {one.stuck ? "no sign of life, at " : ""}
          {one.phase} <span className="font-mono break-all">{one.current}</span>
        </li>
      ))}
    </ul>
  );
}

function words(now: IngestState): string {
  const failed = now.failed ? `, ${count(now.failed)} could not be read` : "";
  switch (now.state) {
    case "waiting":
      return "Waiting: other processes read this folder by other settings.";
    case "working":
    case "stuck": {
      const speed = now.documents_a_second ? `, ${count(Math.round(now.documents_a_second * 10) / 10)} a second` : "";
      const left = now.seconds_left ? `, about ${duration(now.seconds_left)} left` : "";
      const alone = now.workers.every((one) => one.stuck) ? "Nobody works on it any more: read the folder again to go on. " : "It does not move. ";
      return `${now.state === "stuck" ? alone : ""}${count(now.read)} of ${plural(now.found, "document")} read, ${plural(now.embedded, "passage")} embedded${failed}${speed}${left}`;
    }
    case "stopped":
      return `Stopped before its end: ${count(now.read)} of ${plural(now.found, "document")} read. Read the folder again to go on.`;
    case "done":
      return `Done: ${plural(now.found, "document")} looked at, ${plural(now.embedded, "passage")} embedded${failed}.`;
    default:
      return "";
  }
}
