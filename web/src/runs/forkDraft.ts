// What somebody had begun to change about a run, kept in this browser until it is started. Knows no screen.

import type { Json } from "../api/types";

export interface ForkDraft {
  from: number;
  model: string;
  versions: Record<string, string>;
  input: Json;
}

const nameOf = (run: string) => `coachwork-fork-${run}`;

/** Null where nothing is kept, or the browser keeps nothing. */
export function readDraft(run: string): ForkDraft | null {
  try {
    const text = localStorage.getItem(nameOf(run));
    return text === null ? null : (JSON.parse(text) as ForkDraft);
  } catch {
    return null;
  }
}

/** Keep it, or with null forget it. Files in an input may be too much for the browser: then it is not kept. */
export function keepDraft(run: string, draft: ForkDraft | null): void {
  try {
    if (draft === null) localStorage.removeItem(nameOf(run));
    else localStorage.setItem(nameOf(run), JSON.stringify(draft));
  } catch {
    return;
  }
}
