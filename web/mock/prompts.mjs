// MOCK DATA, development only: prompts as /api/prompts tells them. A draft with "{{oops" in it has a mistake.

const daysAgo = (days) => new Date(Date.now() - days * 86_400_000).toISOString();
const trial = (passed, tries, cost) => ({ at: daysAgo(1), passed, tries, repeats: 1, seconds: tries * 1.4, cost_nano: cost });
const TEXT = `---
about: Sorts a ticket, and says how urgent it is.
route: careful
label: "Sorting the ticket"
max_cost: 0.02
---
You sort the letters of a bicycle shop. Decide by the cause, not by the tone.

{{> house_rules}}

## user
Subject: {{ticket.subject}}

{{ticket.body}}
`;
const CASES = `cases:
  - name: A parcel that never came
    inputs: {ticket: {subject: Where is my parcel?, body: Ordered two weeks ago.}}
    expected_output: {team: shipping, urgent: false}
`;
const list = (given) => ({ about: "", file: `prompts/${given.name}.md`, route: "careful", version: "9f31c07ab2d4", labels: [], cases: 0, trial: null, last_used: null, problem: "", ...given });
const triage = list({ name: "triage", about: "Sorts a ticket, and says how urgent it is.", labels: ["production"], cases: 3, trial: trial(2, 3, 4_120_000), last_used: daysAgo(0.01) });
const inputs = [["A parcel that never came", "Where is my parcel?", "Ordered two weeks ago, nothing has come."], ["A swollen battery", "Battery is warm", "It is swollen. What now?"], ["An invoice twice", "Paid twice", "You took the money two times."]];

export const prompts = [
  triage,
  list({ name: "answer", about: "Writes the reply from passages of the handbook, with a marker for each.", version: "41d2a8890e7c", last_used: daysAgo(0.02), cases: 12, trial: trial(12, 12, 31_500_000) }),
  list({ name: "check", about: "Judges whether a reply is supported.", route: "quick", version: "c05e77f1b390", problem: "prompts/check.md:9: unknown variable 'repley' (version c05e77f1b390, from before, is serving)" }),
];

const models = [
  { model: "anthropic:claude-sonnet-4-5", problem: "", hint: "" },
  { model: "openai:gpt-5-mini", problem: "", hint: "" },
  { model: "google:gemini-2.5-flash", problem: "'google:gemini-2.5-flash' needs an API key, and GEMINI_API_KEY is not set.", hint: "Set it: export GEMINI_API_KEY=…" },
];
const ticket = { type: "object", title: "Ticket", properties: { subject: { type: "string", title: "Subject", maxLength: 200 }, body: { type: "string", title: "Body", default: "" } }, required: ["subject"] };

export const newFiles = () => ({ triage: { text: TEXT, revision: "r1" } });

function detail(info, file) {
  return {
    ...info,
    source: { ...file, locked: info.name === "answer" ? "the file is read-only" : "" },
    others: [{ path: "prompts/_house_rules.md", text: "Be polite. Never promise money.\n" }, { path: "prompts/triage.cases.yaml", text: CASES }],
    serves_file: true,
    settings: { route: "careful", label: "Sorting the ticket", max_cost: 0.02 },
    variants: ["google:*"],
    tools: [],
    examples: 0,
    inputs: { ticket: "Ticket" },
    gives: "Triage",
    input_schema: { type: "object", title: "triage", properties: { ticket: { $ref: "#/$defs/Ticket" } }, required: ["ticket"], $defs: { Ticket: ticket } },
    output_schema: { type: "object", properties: { team: { type: "string" }, urgent: { type: "boolean" } } },
    case_list: info.cases === 0 ? [] : inputs.map(([name, subject, body], index) => ({ name, input: { ticket: { subject, body } }, expected: { team: "shipping", urgent: false }, checks: ["EqualsExpected"], line: 2 + 3 * index })),
    versions: [
      { version: info.version, labels: info.labels, serves: true, first_seen: daysAgo(2), trial: info.trial },
      { version: "77aa01bc9d13", labels: ["candidate"], serves: false, first_seen: daysAgo(9), trial: trial(1, 3, 3_980_000) },
      { version: "0b6d4f22c8ee", labels: [], serves: false, first_seen: daysAgo(30), trial: null },
    ],
    models,
    calls_at_most: 2,
  };
}

/** The answer to a request below /api/prompts: [status, body], or null where there is nothing. */
export function answerPrompts(state, path, method, body) {
  if (path === "/prompts") return [200, { items: state.empty ? [] : prompts }];
  const [, name, what] = path.match(/^\/prompts\/([^/]+)(\/.*)?$/) ?? [];
  const info = prompts.find((one) => one.name === name);
  if (!info) return null;
  const file = (state.promptFiles[name] ??= { text: TEXT, revision: "r1" });
  const oops = (body.text ?? "").split("\n").findIndex((line) => line.includes("{{oops"));
  if (oops >= 0) return [422, { title: "The input does not fit", status: 422, code: "input", detail: `prompts/${name}.md:${oops + 1}: unknown variable 'oops'`, reader: "The draft has a mistake, so it can't be used yet.", hint: "Did you mean 'ticket'?", file: info.file, line: oops + 1 }];
  if (what === undefined && method === "GET") return [200, detail(info, file)];
  if (what === undefined && method === "PUT") {
    if (body.based_on !== file.revision) return [409, { title: "Changed", status: 409, code: "changed", detail: "changed", reader: "The file was changed meanwhile. Your draft is kept: look at both, then save again.", hint: "", current: file }];
    state.promptFiles[name] = { text: body.text, revision: `${file.revision}+` };
    return [200, detail({ ...info, version: "e81b55c0d1f2" }, state.promptFiles[name])];
  }
  if (what === "/check") return [200, { version: "e81b55c0d1f2" }];
  if (what === "/cases/cost") return [200, { calls: info.cases * body.repeats * (body.text ? 4 : 2), worst_nano: info.cases * body.repeats * (body.text ? 4 : 2) * 9_300_000 }];
  if (what === "/render") return [200, { version: info.version, models: models.slice(0, 2).map((one, index) => ({ ...one, messages: [{ role: "system", parts: [{ text: "You sort the letters of a bicycle shop. Decide by the cause, not by the tone.\n\nBe polite. Never promise money." }] }, { role: "user", parts: [{ text: `Subject: ${body.input.ticket?.subject ?? ""}\n\n${body.input.ticket?.body ?? ""}` }] }], input_tokens: 96, most_input_tokens: 310, max_tokens: 600, worst_nano: index ? 1_280_000 : 9_930_000, calls_at_most: 2, refused: false, counted: "estimated" })) }];
  if (what === "/try") return [200, { version: info.version, results: body.models.map((model, index) => ({ model, answered_by: model, output: { team: "shipping", urgent: index > 0 }, how: index ? "repaired" : "native", mended: [], seconds: 1.2 + index, input_tokens: 101, output_tokens: 14, cost_nano: index ? 53_000 : 513_000, cached: false, reasoning: "", error: null, ...(body.input.ticket?.subject === "fail" && index > 0 ? { output: null, how: "", cost_nano: null, error: { title: "Overloaded", code: "overloaded", detail: "openai:gpt-5-mini is overloaded (529).", reader: "The model could not answer. What you sent is kept; please try again." } } : {}) })) }];
  if (what === "/cases") return [200, { sides: ["current", ...(body.text ? ["draft"] : [])].map((side) => ({ what: side, version: side === "draft" ? "e81b55c0d1f2" : info.version, trial: trial(side === "draft" ? 3 : 2, 3, 4_120_000), cases: inputs.map(([title], index) => ({ name: title, passed: side === "draft" || index !== 1 ? 1 : 0, tries: [{ number: 1, passed: side === "draft" || index !== 1, wrong: side === "draft" || index !== 1 ? [] : ["EqualsExpected: urgent is False, expected True"], model: models[0].model, seconds: 1.3, cost_nano: 1_370_000 }] })) })) }];
  if (what === "/patch") return [200, `--- a/${info.file}\n+++ b/${info.file}\n`];
  return null;
}
