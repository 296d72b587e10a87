// MOCK of the Coachwork HTTP API, development only: serves believable data and the built page, keeps nothing.
// node mock/server.mjs [port]   then open http://127.0.0.1:<port>
import { createServer } from "node:http";
import { createReadStream, existsSync, statSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { app, outline } from "./app.mjs";
import { answerBatches, comparison } from "./batches.mjs";
import { daysAgo, documents, failedDocuments, opened } from "./documents.mjs";
import { LiveRun } from "./live.mjs";
import { budgets, check, emptyRoutes, routes, spend } from "./models.mjs";
import { answerKnowledge } from "./knowledge.mjs";
import { answerPrompts, newFiles } from "./prompts.mjs";
import { fixedApprovals, fixedRuns, manyRuns } from "./runs.mjs";

const STATIC = fileURLToPath(new URL("../../src/coachwork/server/static/", import.meta.url));
const CSP = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png" };

export function startMock(port, { empty = false } = {}) {
  const state = newState(empty);
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://mock");
    if (!url.pathname.startsWith("/api/")) return sendFile(url.pathname, response);
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      try {
        answer(state, request, url, request.headers["content-type"]?.startsWith("application/json") && body ? JSON.parse(body) : {}, response);
      } catch (error) {
        console.error(error);
        problem(response, 500, "bug", "The mock has a bug.");
      }
    });
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", () => resolve({ url: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), server.close()) }));
  });
}

function newState(empty) {
  const runs = empty ? [] : [...fixedRuns(), ...manyRuns(10_000)].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  const state = { empty, runs, byId: new Map(runs.map((run) => [run.id, run])), approvals: empty ? [] : fixedApprovals(), live: new Map(), promptFiles: newFiles() };
  for (const run of runs) if (run.approvals) run.approvals = state.approvals.filter((one) => one.run_id === run.id && one.id.endsWith("1"));
  for (const run of runs.slice(0, 20)) {
    if (run.status !== "running" && run.status !== "queued") continue;
    const live = new LiveRun(run, state);
    state.live.set(run.id, live);
    live.play({ hold: run.status === "running", queue: run.status === "queued", speed: 1.6 });
  }
  return state;
}

const json = (response, value, status = 200) => {
  response.writeHead(status, { "content-type": status >= 400 ? "application/problem+json" : "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(value));
};
const problem = (response, status, code, reader, more = {}) => json(response, { type: `https://coachwork.dev/problems/${code}`, title: code, status, detail: reader, code, reader, hint: "", retryable: status >= 500, ...more }, status);
const brief = ({ input, output, error, steps, approvals, feedback, ...rest }) => rest;

function answer(state, request, url, body, response) {
  const path = url.pathname.slice(4);
  const get = request.method === "GET";
  let match;
  if (path === "/app") return json(response, state.empty ? { ...app, knowledge: [] } : app);
  const drawn = /^\/pipelines\/(\w+)\/outline$/.exec(path);
  if (drawn) return json(response, outline(app.pipelines.find((one) => one.name === drawn[1]) ?? app.pipelines[0]));
  if (path === "/health") return json(response, { status: "ok", version: app.version });
  const batch = answerBatches(state, path, request.method, url.searchParams);
  if (batch) return json(response, batch[1], batch[0]);
  if ((match = path.match(/^\/runs\/([^/]+)\/compare\/([^/]+)$/))) {
    const [a, b] = [state.byId.get(match[1]), state.byId.get(match[2])];
    return a && b ? json(response, comparison(a, b, brief)) : problem(response, 404, "not-found", "There is no such run.");
  }
  if (path === "/runs" && get) return json(response, listRuns(state, url.searchParams));
  if ((match = path.match(/^\/pipelines\/([^/]+)\/runs$/)) && !get) return startRun(state, match[1], body, response);
  if ((match = path.match(/^\/runs\/([^/]+)$/))) {
    const run = state.byId.get(match[1]);
    return run ? json(response, { input: {}, output: null, error: null, steps: [], approvals: [], feedback: null, ...run }) : problem(response, 404, "not-found", "There is no such run.");
  }
  if ((match = path.match(/^\/runs\/([^/]+)\/events$/))) return events(state, match[1], request, url, response);
  if ((match = path.match(/^\/runs\/([^/]+)\/cancel$/))) {
    const run = state.byId.get(match[1]);
    if (["succeeded", "failed", "cancelled"].includes(run.status)) return problem(response, 409, "conflict", "This run has already ended.");
    const live = state.live.get(run.id);
    if (live) live.finish("cancelled", [{ type: "abort" }]);
    run.status = "cancelled";
    return json(response, run);
  }
  if ((match = path.match(/^\/runs\/([^/]+)\/feedback$/))) {
    state.byId.get(match[1]).feedback = body;
    return json(response, body);
  }
  if (path === "/approvals") {
    const wanted = url.searchParams.get("status");
    return json(response, { items: state.approvals.filter((one) => !wanted || wanted.split(",").includes(one.status)), next_cursor: null, counts: { pending: state.approvals.filter((one) => one.status === "pending").length } });
  }
  if ((match = path.match(/^\/approvals\/([^/]+)$/))) {
    const approval = state.approvals.find((one) => one.id === match[1]);
    return approval ? json(response, approval) : problem(response, 404, "not-found", "There is no such approval.");
  }
  if ((match = path.match(/^\/approvals\/([^/]+)\/answer$/))) return decide(state, match[1], body, response);
  if (path === "/knowledge") return json(response, { items: state.empty ? [] : app.knowledge });
  if (path === "/knowledge/handbook/documents") {
    const indexed = documents.map((one) => ({ id: one.id, title: one.title, format: one.format, size: one.text.length * (one.format === "md" ? 1 : 40), status: "indexed", reason: null, passages: Math.ceil(one.text.length / 180), updated_at: daysAgo(one.days) }));
    return json(response, { items: [...indexed, ...failedDocuments.map((one) => ({ ...one, status: "failed", passages: 0, updated_at: daysAgo(8) }))] });
  }
  if ((match = path.match(/^\/knowledge\/handbook\/documents\/(.+)$/))) {
    const document = opened(decodeURIComponent(match[1]));
    return document ? json(response, document) : problem(response, 404, "not-found", "There is no such document.");
  }
  if (path.startsWith("/knowledge/handbook/")) {
    const told = answerKnowledge(state, decodeURIComponent(path.slice("/knowledge/handbook".length)), request.method, body, url.searchParams);
    if (told) return json(response, told[1], told[0]);
  }
  if (path.startsWith("/prompts")) {
    const [status, told] = answerPrompts(state, decodeURIComponent(path), request.method, body) ?? [404, { title: "Not found", status: 404, code: "not-found", detail: "", reader: "There is no such prompt.", hint: "" }];
    return setTimeout(() => json(response, told, status), path.endsWith("/try") || path.endsWith("/cases") ? 300 : 0);
  }
  if (path === "/models") return json(response, { items: state.empty ? emptyRoutes : routes });
  if (path === "/models/check") return setTimeout(() => json(response, check(body.model)), 400);
  if (path === "/budgets") return json(response, { items: state.empty ? [] : budgets });
  if (path === "/spend") return json(response, spend(url.searchParams, state.empty));
  return problem(response, 404, "not-found", "There is nothing at this address.");
}

function listRuns(state, query) {
  const q = (query.get("q") ?? "").toLowerCase();
  const fits = state.runs.filter((run) => (!query.get("pipeline") || run.pipeline === query.get("pipeline")) && (!q || run.title.toLowerCase().includes(q) || run.id.toLowerCase().includes(q)));
  const counts = {};
  for (const run of fits) counts[run.status] = (counts[run.status] ?? 0) + 1;
  const wanted = query.get("status") ? fits.filter((run) => run.status === query.get("status")) : fits;
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return { items: wanted.slice(from, from + limit).map(brief), next_cursor: from + limit < wanted.length ? String(from + limit) : null, counts };
}

function startRun(state, pipeline, body, response) {
  const input = body.input ?? {};
  if (pipeline === "answer_ticket") {
    const fields = ["subject", "body"].filter((name) => !input.ticket?.[name]).map((name) => ({ path: ["ticket", name], message: name === "body" ? "The message is missing. Paste what the customer wrote." : "A subject is required.", value: input.ticket?.[name] ?? null }));
    if (fields.length) return problem(response, 422, "input", fields.length === 1 ? "One field needs another look." : `${fields.length} fields need another look.`, { fields });
  }
  const turns = input.conversation?.messages;
  const id = `01KB${Date.now().toString(36).toUpperCase()}${Math.random().toString(36).slice(2, 12).toUpperCase()}`;
  const run = { id, pipeline, title: turns?.at(-1)?.content ?? input.ticket?.subject ?? "A run", status: "queued", created_at: new Date().toISOString(), started_at: null, finished_at: null, seconds: null, cost_usd: null, user: "you", position: null, input, output: null, error: null, steps: [], approvals: [], feedback: null };
  state.runs.unshift(run);
  state.byId.set(id, run);
  const live = new LiveRun(run, state);
  state.live.set(id, live);
  live.play();
  json(response, run, 202);
}

function events(state, id, request, url, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-vercel-ai-ui-message-stream": "v1" });
  const live = state.live.get(id);
  const after = Number(request.headers["last-event-id"] ?? url.searchParams.get("after") ?? 0);
  const write = ({ seq, part }) => {
    if (seq <= after) return;
    response.write(`id: ${seq}\ndata: ${part === null ? "[DONE]" : JSON.stringify(part)}\n\n`);
    if (part === null) response.end();
  };
  if (!live) {
    const run = state.byId.get(id);
    response.write(`id: 1\ndata: ${JSON.stringify({ type: "data-run", data: { status: run?.status } })}\n\n`);
  }
  live?.events.forEach(write);
  live?.listeners.add(write);
  const beat = setInterval(() => response.write(": still here\n\n"), 15_000);
  response.on("close", () => (clearInterval(beat), live?.listeners.delete(write)));
}

function decide(state, id, body, response) {
  const approval = state.approvals.find((one) => one.id === id);
  if (approval.status !== "pending" || body.comment === "409") {
    if (approval.status === "pending") Object.assign(approval, { status: "accepted", decided_by: "tomas", decided_at: new Date().toISOString() });
    return problem(response, 409, "conflict", "This was already decided.");
  }
  if (body.decision === "edit" && !body.value?.text) return problem(response, 422, "input", "One field needs another look.", { fields: [{ path: ["text"], message: "The reply is empty.", value: "" }] });
  Object.assign(approval, { status: { accept: "accepted", edit: "edited", reject: "rejected" }[body.decision], decision: body.decision === "edit" ? body.value : null, comment: body.comment, decided_by: "you", decided_at: new Date().toISOString() });
  json(response, approval);
}

function sendFile(path, response) {
  let file = normalize(join(STATIC, path));
  if (!file.startsWith(STATIC) || !existsSync(file) || !statSync(file).isFile()) file = join(STATIC, "index.html");
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": CSP, "cache-control": "no-cache" });
  createReadStream(file).pipe(response);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock(Number(process.argv[2] ?? 8010), { empty: process.argv.includes("--empty") });
  console.log(`Mock of the API (made-up data) with the built page: ${mock.url}`);
}
