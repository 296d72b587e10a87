// MOCK DATA, development only: batches at work, paused, finished; a table that is looked at; two runs compared.
import { app } from "./app.mjs";

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const title = app.pipelines[0].title;
const pipeline = app.pipelines[0].name;
const counted = (counts) => ({ queued: 0, running: 0, waiting: 0, succeeded: 0, failed: 0, cancelled: 0, refused: 0, ...counts });
const batch = (id, name, status, counts, more) => ({
  id, pipeline, pipeline_title: title, name, sha256: "", user: "ines", status, reason: "", counts: counted(counts), rows: Object.values(counts).reduce((sum, each) => sum + each, 0),
  spent_usd: 0.81, cap_usd: null, at_once: 8, created_at: ago(600), finished_at: null, seconds: null, ...more,
});

export const batches = [
  batch("batch_working", "tickets-november.csv", "running", { queued: 1200, running: 8, waiting: 2, succeeded: 720, failed: 31, refused: 39 }, { cap_usd: 5 }),
  batch("batch_paused", "returns.xlsx", "paused", { queued: 96, succeeded: 140, failed: 4 }, { cap_usd: 2, spent_usd: 1.97, reason: "the cap of $2.00 might be passed", created_at: ago(7200) }),
  batch("batch_done", "tickets-october.csv", "finished", { succeeded: 236, failed: 3, refused: 1 }, { finished_at: ago(80_000), seconds: 412, created_at: ago(90_000) }),
];

const SUBJECTS = ["Tent pole split", "Where is my parcel?", "Wrong size of boots", "Refund has not arrived", "Stove does not light", "Change of address"];

/** Row `number`: the same one always, of the statuses that its batch has. */
function rowOf(number, { counts }) {
  const place = number % 10;
  const left = ["running", "waiting", "queued"].filter((status) => counts[status] > 0);
  const status = number > 60 && left.length > 0 ? left[number % left.length] : place === 9 ? "failed" : place === 0 && counts.refused > 0 ? "refused" : "succeeded";
  const subject = SUBJECTS[number % SUBJECTS.length];
  const ended = status === "succeeded" || status === "failed";
  const error = { failed: { title: "Timeout", code: "model-timeout", reader: "The model did not answer in 60 s. The row is kept." }, refused: { title: "Input", code: "input", reader: "It does not fit.", fields: [{ path: ["ticket", "body"], message: "The message is missing." }] } }[status] ?? null;
  return {
    row: number, status, title: status === "refused" ? "" : subject, given: { subject, body: status === "refused" ? null : `${subject}, order ${4100 + number}. What can I do?` }, tries: status === "queued" || status === "refused" ? 0 : 1,
    run_id: ended ? `run_of_${number}` : null, output: status === "succeeded" ? { text: `Hello, thank you for writing about order ${4100 + number}. We send a spare part today.`, urgent: number % 3 === 0 } : null, error, seconds: ended ? 2 + (number % 7) / 3 : null, cost_usd: ended ? 0.0031 : 0,
  };
}

function rowsOf(of, query) {
  const [after, limit] = [Number(query.get("after") ?? 0), Number(query.get("limit") ?? 50)];
  const wanted = query.get("status");
  const items = [];
  let number = after + 1;
  for (; number <= of.rows && items.length < limit; number++) {
    const row = rowOf(number, of);
    if (!wanted || wanted.split(",").includes(row.status)) items.push(row);
  }
  return { items, next_after: number <= of.rows ? number - 1 : null };
}

const estimate = {
  rows: 240, valid: 238, refused: 2, columns: ["subject", "body"], from_runs: 100, likely_usd: 0.74, highest_usd: 2.11, bound_usd: 12, seconds: 310,
  problems: [{ row: 17, column: "body", message: "The message is missing.", value: null }, { row: 112, column: "subject", message: "At most 100 characters.", value: "A very long subject about many things at once" }],
};

/** Status and body, or nothing where the path is no batch's. */
export function answerBatches(state, path, method, query) {
  let match;
  if (path === "/batches") return [200, { items: state.empty ? [] : batches, next_cursor: null }];
  if ((match = path.match(/^\/pipelines\/[^/]+\/batches$/)) && method === "POST") return query.get("dry_run") ? [200, estimate] : [202, batches[0]];
  if (!(match = path.match(/^\/batches\/([^/]+)(?:\/(rows|pause|resume|cancel|retry))?$/))) return undefined;
  const found = batches.find((one) => one.id === match[1]);
  if (!found) return [404, { title: "Not found", status: 404, code: "not-found", detail: "", reader: "There is no such batch.", hint: "" }];
  return [200, match[2] === "rows" ? rowsOf(found, query) : found];
}

/** Two runs side by side: the second with another model in its last prompt. */
export function comparison(a, b, brief) {
  const steps = (a.steps ?? []).map((step, index) => {
    const differs = index === (a.steps?.length ?? 0) - 2 ? ["output", "model"] : [];
    return { a: step, b: { ...step, reused: differs.length === 0, ...(differs.length > 0 ? { model: "openai:gpt-5-mini", output: "Another answer." } : {}) }, differs };
  });
  return { a: brief(a), b: brief(b), same_input: true, same_output: false, steps, first_difference: steps.findIndex((pair) => pair.differs.length > 0), cost_usd: -0.004, seconds: 1.2 };
}
