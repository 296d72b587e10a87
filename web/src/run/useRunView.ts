// Follows a run wherever the reader is: the record first, then the live stream until it ends.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { keys, useRun } from "../api/queries";
import { follow } from "../api/stream";
import { hasEnded } from "../api/types";
import type { Run } from "../api/types";
import { NOTHING, viewOf, withPart } from "./progress";
import type { Progress, RunView } from "./progress";

/** How often text that streams in is painted, in milliseconds: smooth to read, cheap to draw. */
const PAINT = 40;

/** Steps in which a hosted framework used tools: what they were is in the stream alone. */
const USED_TOOLS = /\b[1-9]\d* tool calls?$/;
const OF_TOOLS = /^(tool-|data-step$)/;

export interface Followed {
  run: Run | undefined;
  view: RunView | undefined;
  error: unknown;
  retry: () => void;
  /** The connection is broken and being mended. */
  broken: boolean;
}

export function useRunView(id: string | undefined): Followed {
  const client = useQueryClient();
  const query = useRun(id);
  const run = query.data;
  const [followed, setFollowed] = useState<{ id: string; progress: Progress }>({ id: "", progress: NOTHING });
  const [broken, setBroken] = useState(false);
  const live = run !== undefined && !hasEnded(run.status);
  const told = live || (run?.steps.some((step) => USED_TOOLS.test(step.detail ?? "")) ?? false);

  useEffect(() => {
    if (!id || !told) return;
    const stop = new AbortController();
    let progress = NOTHING;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const paint = () => {
      timer = undefined;
      setFollowed({ id, progress });
    };
    const refresh = () => {
      void client.invalidateQueries({ queryKey: keys.run(id) });
      void client.invalidateQueries({ queryKey: keys.runs });
      void client.invalidateQueries({ queryKey: keys.approvals });
    };
    follow(`/api/runs/${encodeURIComponent(id)}/events`, {
      signal: stop.signal,
      onBreak: setBroken,
      onPart: (part) => {
        if (!live && !OF_TOOLS.test(part.type)) return; // the record says the rest
        progress = withPart(progress, part);
        timer ??= setTimeout(paint, PAINT);
        if (part.type === "data-approval") void client.invalidateQueries({ queryKey: keys.approvals });
      },
    }).then(live ? refresh : undefined, live ? refresh : () => undefined);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [id, live, told, client]);

  const progress = followed.id === id ? followed.progress : NOTHING;
  return {
    run,
    view: run && viewOf(run, progress),
    error: query.error,
    retry: () => void query.refetch(),
    broken: live && broken,
  };
}
