import { useSyncExternalStore } from "react";
import { ago, exactly } from "../text/numbers";

let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function listen(listener: () => void): () => void {
  listeners.add(listener);
  now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const tell of listeners) tell();
  }, 20_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time, to about 20 seconds, shared by everything on the page that tells one. */
export function useNow(): number {
  return useSyncExternalStore(listen, () => now);
}

/** "3 minutes ago", the exact time on hover. */
export function When({ iso, className }: { iso: string; className?: string }) {
  const at = useNow();
  return (
    <time dateTime={iso} title={exactly(iso)} className={className}>
      {ago(iso, at)}
    </time>
  );
}
