// One door to the HTTP API. Knows fetch and problem+json; does not know what is asked.

import type { Problem } from "./types";

/** What the server refused, in its own words. */
export class ApiProblem extends Error {
  constructor(readonly problem: Problem) {
    super(problem.reader || problem.detail || problem.title);
    this.name = "ApiProblem";
  }
}

const UNREACHABLE: Problem = {
  title: "The server can't be reached",
  status: 0,
  code: "unreachable",
  reader: "The server can't be reached. What you typed is kept here.",
  hint: "Check your connection, then try again.",
  retryable: true,
};

interface Options {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export async function call<T>(path: string, options: Options = {}): Promise<T> {
  return (await (await answered(path, options)).json()) as T;
}

/** An answer that is plain text. */
export async function callText(path: string, body: unknown): Promise<string> {
  return (await answered(path, { body })).text();
}

/** A request whose answer says nothing but that it was done. */
export async function callNothing(path: string, method: string): Promise<void> {
  await answered(path, { method });
}

/** Sends a file as it is; `told` hears the share that has gone, from 0 to 1. `fetch` can't tell that, so it is XHR. */
export function sendFile<T>(path: string, file: Blob, headers: Record<string, string>, told: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", path);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => told(event.lengthComputable ? event.loaded / event.total : 0);
    request.upload.onload = () => told(1);
    request.onerror = () => reject(new ApiProblem(UNREACHABLE));
    request.onload = async () => {
      const response = new Response(request.responseText, { status: request.status });
      if (response.ok) resolve((await response.json()) as T);
      else reject(new ApiProblem(await readProblem(response)));
    };
    request.send(file);
  });
}

async function answered(path: string, options: Options): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  const form = options.body instanceof FormData ? options.body : null; // the browser names the type of a form itself
  if (options.body !== undefined && !form) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? (options.body === undefined ? "GET" : "POST"),
      headers,
      ...(options.body === undefined ? {} : { body: form ?? JSON.stringify(options.body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiProblem(UNREACHABLE);
  }
  if (!response.ok) throw new ApiProblem(await readProblem(response));
  return response;
}

export async function readProblem(response: Response): Promise<Problem> {
  const fallback: Problem = {
    title: `The server answered with ${response.status}`,
    status: response.status,
    code: `http-${response.status}`,
    reader: response.status >= 500 ? "Something went wrong on the server. Nothing was lost." : "The server did not accept this.",
    retryable: response.status >= 500,
  };
  try {
    const body = (await response.json()) as Partial<Problem>;
    return { ...fallback, ...body };
  } catch {
    return fallback;
  }
}

/** Any thrown thing as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ApiProblem) return error.problem;
  return { title: "Something went wrong on this page", code: "page", reader: "Something went wrong on this page. Reload it and try again." };
}

/** A path whose parts are encoded, slashes inside a document's id kept. */
export function documentPath(id: string): string {
  return id.split("/").map(encodeURIComponent).join("/");
}

export function withQuery(path: string, query: Record<string, string | number | undefined | null>): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== "") parameters.set(key, String(value));
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}
