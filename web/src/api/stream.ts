// Reads server-sent events and keeps reading after a break. Knows the wire; does not know what the parts mean.

import { ApiProblem, readProblem } from "./client";

export interface WireEvent {
  id: string | null;
  data: string;
}

/** Cuts bytes as they arrive into whole events: any chunking, LF or CRLF, comments and several data lines. */
export class EventCutter {
  private rest = "";
  private data: string[] = [];
  private id: string | null = null;

  push(chunk: string): WireEvent[] {
    const events: WireEvent[] = [];
    const text = this.rest + chunk;
    let from = 0;
    for (;;) {
      const at = text.indexOf("\n", from);
      if (at < 0) break;
      const line = text.slice(from, text[at - 1] === "\r" && at > from ? at - 1 : at);
      from = at + 1;
      const event = this.line(line);
      if (event) events.push(event);
    }
    this.rest = text.slice(from);
    return events;
  }

  private line(line: string): WireEvent | null {
    if (line === "") {
      if (this.data.length === 0) return null;
      const event = { id: this.id, data: this.data.join("\n") };
      this.data = [];
      return event;
    }
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return null;
  }
}

export type Part = { type: string; [key: string]: unknown };

export interface FollowOptions {
  signal: AbortSignal;
  onPart: (part: Part) => void;
  /** Told when the connection breaks (true) and when it is back (false). */
  onBreak?: (broken: boolean) => void;
  fetch?: typeof fetch;
  /** Milliseconds to wait before the nth reconnection, from 1. */
  pause?: (attempt: number) => number;
}

const PAUSE = (attempt: number) => Math.min(8000, 400 * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);

/** Follow a stream to its `[DONE]`, reconnecting with Last-Event-ID. Throws ApiProblem where the server refuses it. */
export async function follow(url: string, options: FollowOptions): Promise<void> {
  const { signal, onPart } = options;
  const ask = options.fetch ?? fetch;
  let lastId: string | null = null;
  let attempt = 0;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (lastId !== null) headers["Last-Event-ID"] = lastId;
      const response: Response = await ask(url, { headers, signal });
      if (!response.ok && response.status < 500 && response.status !== 429) throw new ApiProblem(await readProblem(response));
      if (response.ok && response.body) {
        if (attempt > 0) options.onBreak?.(false);
        const cutter = new EventCutter();
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          for (const event of cutter.push(value)) {
            attempt = 0;
            if (event.id !== null) lastId = event.id;
            if (event.data === "[DONE]") {
              void reader.cancel();
              return;
            }
            const part = parsePart(event.data);
            if (part) onPart(part);
          }
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiProblem) throw error;
    }
    if (signal.aborted) return;
    attempt += 1;
    options.onBreak?.(true);
    await wait((options.pause ?? PAUSE)(attempt), signal);
  }
}

function parsePart(data: string): Part | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null && typeof (value as Part).type === "string" ? (value as Part) : null;
  } catch {
    return null; // a part this page can't read is passed over: the run's record stays the truth
  }
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener("abort", finish, { once: true });
    globalThis.addEventListener?.("online", finish, { once: true });
    function finish() {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      globalThis.removeEventListener?.("online", finish);
      resolve();
    }
  });
}
