import { describe, expect, it } from "vitest";
import { EventCutter, follow } from "./stream";
import type { Part } from "./stream";

describe("cutting bytes into events", () => {
  const wire = ': hello\n\nid: 1\ndata: {"type":"start"}\n\nid: 2\r\ndata: {"type":"text-delta",\r\ndata: "delta":"grüß 🚗"}\r\n\r\ndata: [DONE]\n\n';
  const expected = [
    { id: "1", data: '{"type":"start"}' },
    { id: "2", data: '{"type":"text-delta",\n"delta":"grüß 🚗"}' },
    { id: "2", data: "[DONE]" },
  ];

  it.each([1, 2, 3, 7, 64, 10_000])("gives the same events however the bytes are chunked (%i at a time)", (size) => {
    const cutter = new EventCutter();
    const events = [];
    for (let at = 0; at < wire.length; at += size) events.push(...cutter.push(wire.slice(at, at + size)));
    expect(events).toEqual(expected);
  });

  it("keeps an unfinished event until its blank line comes", () => {
    const cutter = new EventCutter();
    expect(cutter.push("data: a")).toEqual([]);
    expect(cutter.push("\n")).toEqual([]);
    expect(cutter.push("\n")).toEqual([{ id: null, data: "a" }]);
  });
});

/** A server that answers each request with the next of `bodies`, then cuts the line. */
function server(...bodies: (string | Response)[]) {
  const asked: (string | null)[] = [];
  const fetcher = (async (_url: string, init: RequestInit) => {
    asked.push(new Headers(init.headers).get("Last-Event-ID"));
    const body = bodies.shift();
    if (body === undefined) throw new TypeError("connection refused");
    return body instanceof Response ? body : new Response(body);
  }) as unknown as typeof fetch;
  return { asked, fetcher };
}

const event = (id: number, part: Part) => `id: ${id}\ndata: ${JSON.stringify(part)}\n\n`;

async function followed(fetcher: typeof fetch) {
  const parts: Part[] = [];
  const breaks: boolean[] = [];
  await follow("/events", { signal: new AbortController().signal, onPart: (part) => parts.push(part), onBreak: (broken) => breaks.push(broken), fetch: fetcher, pause: () => 0 });
  return { parts: parts.map((part) => part.type), breaks };
}

describe("following a run", () => {
  it("reads to the end", async () => {
    const { fetcher, asked } = server(event(1, { type: "start" }) + event(2, { type: "finish" }) + "data: [DONE]\n\n");
    expect(await followed(fetcher)).toEqual({ parts: ["start", "finish"], breaks: [] });
    expect(asked).toEqual([null]);
  });

  it("comes back where it was when the line is cut", async () => {
    const { fetcher, asked } = server(event(1, { type: "start" }) + event(2, { type: "text-start" }) + "id: 3\ndata: {\"type\":", event(3, { type: "text-delta" }), "data: [DONE]\n\n");
    expect(await followed(fetcher)).toEqual({ parts: ["start", "text-start", "text-delta"], breaks: [true, false, true, false] });
    expect(asked).toEqual([null, "2", "3"]);
  });

  it("waits out a server that restarts", async () => {
    const { fetcher } = server(new Response("", { status: 503 }), event(1, { type: "start" }) + "data: [DONE]\n\n");
    expect((await followed(fetcher)).parts).toEqual(["start"]);
  });

  it("stops where the server refuses, with its words", async () => {
    const { fetcher } = server(new Response(JSON.stringify({ code: "not-found", title: "x", reader: "There is no such run." }), { status: 404 }));
    await expect(followed(fetcher)).rejects.toMatchObject({ name: "ApiProblem", message: "There is no such run.", problem: { code: "not-found", status: 404 } });
  });

  it("passes over a part it can't read", async () => {
    const { fetcher } = server("id: 1\ndata: nonsense\n\n" + event(2, { type: "finish" }) + "data: [DONE]\n\n");
    expect((await followed(fetcher)).parts).toEqual(["finish"]);
  });
});
