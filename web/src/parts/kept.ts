// What somebody had begun and not sent, kept in this browser: leaving the page loses nothing. Knows no screen.

import type { Json } from "../api/types";

/** Null where nothing is kept, or the browser keeps nothing. */
export function readKept<T extends Json | object>(name: string): T | null {
  try {
    const text = localStorage.getItem(`coachwork-${name}`);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

/** Keep it, or with null forget it. Files in it may be too much for the browser: then it is not kept. */
export function keep(name: string, value: Json | object): void {
  try {
    if (value === null) localStorage.removeItem(`coachwork-${name}`);
    else localStorage.setItem(`coachwork-${name}`, JSON.stringify(value));
  } catch {
    return;
  }
}
