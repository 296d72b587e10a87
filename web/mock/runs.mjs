// MOCK DATA, development only: runs of every kind, and ten thousand more.
import { examples } from "./app.mjs";
import { place } from "./documents.mjs";

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const cite = (marker, id, title, path, quote, page = null) => ({ marker, knowledge: "handbook", document: id, title, title_path: path, page, ...place(id, quote), quote });

export const ANSWER = `Hello Maren,

I am sorry that the Ridgeway 2 reached you with a split pole. You do not have to send the tent back: **a spare pole section is free of charge during the first two years** and leaves us within two working days [1]. With express delivery it arrives the next working day after that. Our driver will ring you before he comes.

If you would rather return the tent, you have 45 days from the delivery [2]:

- We pay the postage for tents.
- The refund arrives 5 to 7 working days after the parcel reaches Leeds [3].

Tell me which you prefer and I will set it going today.

Kind regards,
Fernhill Outdoor`;

export const CITATIONS = [
  cite(1, "products/tents.md", "Tents: care and questions", ["Tents: care and questions", "Spare poles"], "Spare pole sections are sent within two working days, free of charge during the first two years."),
  cite(2, "returns/returns-policy.md", "Returns policy", ["Returns policy", "How long a customer has"], "A customer may return any item within 45 days of delivery for a full refund, provided it is unused and its tags are on."),
  cite(3, "returns/returns-policy.md", "Returns policy", ["Returns policy", "Refunds"], "They arrive 5 to 7 working days after the parcel reaches the warehouse in Leeds."),
];

function sentences(text, unsupported, contradicted = {}) {
  return [...unsupported, ...Object.keys(contradicted)].map((sentence) => {
    const start = [...text.slice(0, text.indexOf(sentence))].length;
    return { text: sentence, start, end: start + [...sentence].length, supported: false, markers: [], contradicted_by: contradicted[sentence] ?? null };
  });
}

export const OUTPUT = { text: ANSWER, citations: CITATIONS, sentences: sentences(ANSWER, ["Our driver will ring you before he comes."]), urgent: true, topic: "fault_on_arrival" };

export const PASSAGES = CITATIONS.map((one) => ({ document: one.document, heading: one.title_path.at(-1), score: 0.71 - one.marker / 20 }));

/** The steps of an answered ticket; seconds are from the run's start. */
export function ticketSteps(began, until = Infinity) {
  const at = (seconds) => new Date(Date.parse(began) + seconds * 1000).toISOString();
  const all = [
    [0.1, 1.4, { kind: "prompt", name: "triage", label: "Reading the ticket", detail: "urgent, fault on arrival", route: "small", model: "local:qwen2.5-coder-1.5b", prompt_version: "triage@4f21c9a", how: "native schema", cost_usd: 0, input_tokens: 412, output_tokens: 38, input: examples.tent, output: { topic: "fault_on_arrival", urgent: true, language: "en" } }],
    [1.4, 1.9, { kind: "search", name: "handbook", label: "Searching the handbook", detail: "6 passages", cost_usd: 0, input: { query: "broken pole, replacement or return, refund time" }, output: PASSAGES }],
    [1.5, 2.2, { kind: "search", name: "orders", label: "Looking up order FH-20418", detail: "delivered on Tuesday", cost_usd: 0, input: { order: "FH-20418" }, output: { article: "Ridgeway 2", delivered: "2026-11-17", price_paid: "£289.00" } }],
    [2.2, 8.1, { kind: "prompt", name: "answer", label: "Writing the reply", detail: "", route: "smart", model: "anthropic:claude-sonnet-4-5", prompt_version: "answer@b07d21e", how: "free text", cost_usd: 0.01164, input_tokens: 2210, output_tokens: 336, input: { ticket: examples.tent.ticket, passages: PASSAGES }, output: ANSWER, attempts: [{ model: "openai:gpt-5-mini", code: "overloaded", message: "The provider was overloaded (529).", seconds: 0.8 }] }],
    [8.1, 8.3, { kind: "verify", name: "handbook", label: "Checking every sentence against the handbook", detail: "3 citations, 1 sentence without support", cost_usd: 0, input: { text: ANSWER }, output: { citations: 3, unsupported: ["Our driver will ring you before he comes."] } }],
  ];
  return all
    .filter(([start]) => start < until)
    .map(([start, end, step], index) => {
      const done = end <= until;
      return { seq: index + 1, detail: "", route: null, model: null, prompt_version: null, how: null, cached: false, cost_usd: null, input_tokens: null, output_tokens: null, input: null, output: null, error: null, attempts: [], ...step, ...(done ? {} : { output: null, detail: "" }), status: done ? "succeeded" : "running", started_at: at(start), finished_at: done ? at(end) : null, seconds: done ? end - start : null };
    });
}

const run = (given) => ({ position: null, user: "ines", output: null, error: null, steps: [], approvals: [], feedback: null, seconds: null, cost_usd: null, started_at: given.created_at, finished_at: null, ...given });

function chatStep(began, text) {
  const at = (seconds) => new Date(Date.parse(began) + seconds * 1000).toISOString();
  const shape = { detail: "", route: null, model: null, prompt_version: null, how: null, cached: false, cost_usd: 0, input_tokens: null, output_tokens: null, input: null, output: null, error: null, attempts: [], status: "succeeded" };
  return [
    { ...shape, seq: 1, kind: "search", name: "handbook", label: "Searching the handbook", detail: "6 passages", started_at: at(0), finished_at: at(0.3), seconds: 0.3 },
    { ...shape, seq: 2, kind: "prompt", name: "chat_answer", label: "Writing the answer", model: "local:qwen2.5-coder-1.5b", route: "smart", input_tokens: 1480, output_tokens: 92, output: text, started_at: at(0.3), finished_at: at(4.4), seconds: 4.1, cached: true },
  ];
}

const FIRST = "A customer may return a tent within **45 days** of delivery, if it is unused and its tags are on [1]. Fernhill pays the postage [2].";
const FIRST_CITATIONS = [
  cite(1, "returns/returns-policy.md", "Returns policy", ["Returns policy", "How long a customer has"], "A customer may return any item within 45 days of delivery for a full refund, provided it is unused and its tags are on."),
  cite(2, "returns/returns-policy.md", "Returns policy", ["Returns policy", "How long a customer has"], "Tents and tarps | 45 | Fernhill"),
];
const SECOND = "Yes. For orders placed **before 1 March 2026** the older policy holds, and it gives 30 days [1]. The day of the order decides, not the day of the return. A customer may return any item within 14 days of delivery.";
const OLDER = cite(1, "returns/returns-policy-2025.md", "Returns policy 2025", ["Returns policy 2025", "How long a customer has"], "A customer may return any item within 30 days of delivery.");

export function fixedRuns() {
  const began = ago(1260);
  const conversation = [{ role: "user", content: "How long may a customer keep a tent before sending it back?" }];
  const runs = [
    run({ id: "01KB2Q7M4X9T3CHAT0000FIRST", pipeline: "ask_handbook", title: conversation[0].content, status: "succeeded", created_at: ago(900), finished_at: ago(895), seconds: 4.4, cost_usd: 0, input: { conversation: { messages: conversation } }, output: { text: FIRST, citations: FIRST_CITATIONS }, steps: chatStep(ago(900), FIRST) }),
    run({
      id: "01KB2Q7ZC6M8VCHAT000SECOND", pipeline: "ask_handbook", title: "Was it different for older orders?", status: "succeeded", created_at: ago(840), finished_at: ago(835), seconds: 4.4, cost_usd: 0,
      input: { conversation: { messages: [...conversation, { role: "assistant", content: FIRST, run_id: "01KB2Q7M4X9T3CHAT0000FIRST" }, { role: "user", content: "Was it different for older orders?" }] } },
      output: { text: SECOND, citations: [OLDER], sentences: sentences(SECOND, ["The day of the order decides, not the day of the return."], { "A customer may return any item within 14 days of delivery.": OLDER }) },
      steps: chatStep(ago(840), SECOND),
    }),
    run({ id: "01KB2QANSWERED0TICKET00001", pipeline: "answer_ticket", title: "Tent came with a broken pole", status: "succeeded", created_at: began, finished_at: new Date(Date.parse(began) + 8400).toISOString(), seconds: 8.4, cost_usd: 0.01164, input: examples.tent, output: OUTPUT, steps: ticketSteps(began) }),
    run({ id: "01KB2QWAITING00TICKET00002", pipeline: "answer_ticket", title: "Second late parcel, I want my money back", status: "waiting", user: "tomas", created_at: ago(420), input: { ticket: { subject: "Second late parcel, I want my money back", body: "This is the second time. I have waited three weeks and nobody answers. I want my money back today or I will go to the press.", customer: "R. Adeyemi", channel: "email", order: "FH-19877" } }, steps: [...ticketSteps(ago(420)), { seq: 6, kind: "approval", name: "approval", label: "Waiting for a person", detail: "", status: "waiting", started_at: ago(410), finished_at: null, seconds: null, cost_usd: null, attempts: [], input: null, output: null, error: null }] }),
    run({ id: "01KB2QFAILED000TICKET00003", pipeline: "answer_ticket", title: "Invoice for the shop in Keswick", status: "failed", user: "ines", created_at: ago(3900), finished_at: ago(3718), seconds: 182.1, cost_usd: 0.0004, input: { ticket: { subject: "Invoice for the shop in Keswick", body: "Please send the invoice again, to accounts.", channel: "email" } },
      error: { type: "https://coachwork.dev/problems/route-exhausted", title: "Every model of the route failed", status: 503, detail: "Route 'smart': openai:gpt-5-mini was overloaded (529) after 1.2 s; anthropic:claude-sonnet-4-5 gave no first token in 60 s.", code: "route-exhausted", reader: "No model answered in time. Your ticket is kept. Try again in a few minutes.", hint: "If this stays so, ask the person who looks after this app to look at the route 'smart'.", retryable: true, run_id: "01KB2QFAILED000TICKET00003" },
      steps: ticketSteps(ago(3900), 5).map((step) => (step.status === "running" ? { ...step, status: "failed", finished_at: ago(3718), seconds: 179.9, model: null, cost_usd: null, input_tokens: null, output_tokens: null, error: { title: "Every model failed", code: "route-exhausted", reader: "No model answered in time.", detail: "openai:gpt-5-mini: overloaded (529); anthropic:claude-sonnet-4-5: no first token in 60 s" }, attempts: [...step.attempts, { model: "anthropic:claude-sonnet-4-5", code: "timeout", message: "No first token in 60 s.", seconds: 60 }] } : step)) }),
    run({ id: "01KB2QQUEUED000TICKET00004", pipeline: "answer_ticket", title: "Can I change the delivery address?", status: "queued", position: 4, created_at: ago(12), started_at: null, input: { ticket: { subject: "Can I change the delivery address?", body: "I moved last week.", channel: "chat" } } }),
    run({ id: "01KB2QWORKING00TICKET00005", pipeline: "answer_ticket", title: "Mould on a tent after one season", status: "running", created_at: ago(4), input: { ticket: { subject: "Mould on a tent after one season", body: "There is mould on the inner tent. Is that covered?", channel: "email", customer: "Jo" } } }),
    run({ id: "01KB2QSTOPPED00TICKET00006", pipeline: "answer_ticket", title: "Voucher from 2022", status: "cancelled", created_at: ago(7300), finished_at: ago(7297), seconds: 2.8, cost_usd: 0, input: { ticket: { subject: "Voucher from 2022", body: "Is it still valid?", channel: "shop" } }, steps: ticketSteps(ago(7300), 2.8).map((step) => (step.status === "running" ? { ...step, status: "cancelled" } : step)) }),
    run({ id: "01KB2QGENERIC00ORDER000007", pipeline: "read_order", title: "1st Otley Scouts, 2 lines", status: "succeeded", user: "tomas", created_at: ago(5400), finished_at: ago(5397), seconds: 2.6, cost_usd: 0.00031, input: { order: { customer: "1st Otley Scouts", needed_by: "2026-12-04", lines: [{ article: "Ridgeway 2", quantity: 2 }, { article: "Brisk stove", quantity: 1 }], tags: ["gift_wrap"], delivery: { shop: "leeds" } } }, output: { customer: { name: "1st Otley Scouts", known: true, account: "C-00318" }, lines: [{ article: "FH-RW2", name: "Ridgeway 2", quantity: 2, price: 289, in_stock: true }, { article: "FH-BST", name: "Brisk stove", quantity: 1, price: 64.5, in_stock: false }], total: 642.5, needed_by: "2026-12-04", missing: ["A telephone number for the collection"], notes: "The stove goes by road because of its canister." }, steps: [{ ...ticketSteps(ago(5400))[0], label: "Reading the order", name: "read_order", detail: "2 lines", input: null, output: null, cost_usd: 0.00031, model: "openai:gpt-5-mini" }] }),
  ];
  return runs;
}

export function fixedApprovals() {
  const base = { pipeline: "answer_ticket", pipeline_title: "Answer a ticket", decision: null, comment: null, decided_by: null, decided_at: null, deciders: [], default: null };
  const schema = { type: "object", required: ["text"], properties: { text: { type: "string", format: "textarea", title: "Reply" }, urgent: { type: "boolean", title: "Urgent" }, topic: { type: "string", title: "Topic" } } };
  const draft = "Hello R. Adeyemi,\n\nI am sorry that your second parcel is late as well. It counts as lost after 10 working days, and it is now past that. You may choose: we send a new parcel by express today, or we refund the full amount.\n\nA refund arrives 5 to 7 working days after we start it.\n\nKind regards,\nFernhill Outdoor";
  return [
    { ...base, id: "01KB2QAPPROVAL000000000001", run_id: "01KB2QWAITING00TICKET00002", title: "Send this reply to an angry customer?", value: { text: draft, urgent: true, topic: "late_parcel" }, schema, context: [{ label: "What will happen", value: "The reply is sent to R. Adeyemi by e-mail." }, { label: "The customer wrote", value: "This is the second time. I have waited three weeks and nobody answers. I want my money back today or I will go to the press." }, { label: "Why a person is asked", value: "The ticket is urgent, and the customer asks for a refund today, which the handbook does not allow." }], status: "pending", created_at: ago(410), expires_at: ago(-2 * 86_400 + 410) },
    { ...base, id: "01KB2QAPPROVAL000000000002", run_id: "01KB2QANSWERED0TICKET00001", title: "One sentence has no support", value: { text: "Hello Wim,\n\nvouchers are valid for three years from the day of purchase, so yours is still good until May. You can use it in both shops and online.", urgent: false, topic: "voucher" }, schema, context: [{ label: "What will happen", value: "The reply is sent to Wim by e-mail." }, { label: "Not in the handbook", value: "You can use it in both shops and online." }], status: "pending", created_at: ago(5200), expires_at: ago(-9 * 3600) },
    { ...base, id: "01KB2QAPPROVAL000000000003", run_id: "01KB2QGENERIC00ORDER000007", pipeline: "read_order", pipeline_title: "Read an order form", title: "Order over £500: book it?", value: { customer: "1st Otley Scouts", total: 642.5, lines: [{ article: "FH-RW2", quantity: 2 }, { article: "FH-BST", quantity: 1 }] }, schema: null, context: [{ label: "What will happen", value: "Two lines are written into the stock system and the customer gets a confirmation." }], status: "pending", created_at: ago(26_000), expires_at: null },
    { ...base, id: "01KB2QAPPROVAL000000000004", run_id: "01KB2QANSWERED0TICKET00001", title: "Send this reply to an angry customer?", value: { text: "Hello Pat,\n\nwe are sorry." }, schema, context: null, status: "edited", decision: { text: "Hello Pat,\n\nwe are sorry. A new pole left us this morning." }, comment: "Said what we already did.", decided_by: "tomas", created_at: ago(90_000), expires_at: null, decided_at: ago(88_000) },
    { ...base, id: "01KB2QAPPROVAL000000000005", run_id: "01KB2QANSWERED0TICKET00001", title: "A refund beyond the rules", value: { text: "Hello Lee,\n\nwe refund the worn boots." }, schema, context: null, status: "rejected", comment: "Offer a repair first.", decided_by: "ines", created_at: ago(180_000), expires_at: null, decided_at: ago(176_000) },
    { ...base, id: "01KB2QAPPROVAL000000000006", run_id: "01KB2QANSWERED0TICKET00001", title: "Send this reply?", value: { text: "Hello Sam." }, schema, context: null, status: "expired", created_at: ago(500_000), expires_at: ago(300_000), decided_at: ago(300_000) },
  ];
}

const SUBJECTS = ["Parcel has not arrived", "Refund for a jacket", "Which size of boots?", "Zip of the pack is broken", "Change of address", "Voucher does not work", "Invoice for 2025", "Tent leaks at the seam", "Delivery to Switzerland", "Stove makes a noise", "Order was charged twice", "Sleeping bag smells", "Question about duties", "Cancel my order", "Lost the tent pegs"];
const NAMES = ["ines", "tomas", "maya", "api", "nils"];

/** Ten thousand runs, the same at every start. */
export function manyRuns(count) {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const steps = ["answer_ticket", "answer_ticket", "answer_ticket", "ask_handbook", "ask_handbook", "read_order"];
  return Array.from({ length: count }, (_, index) => {
    const dice = random();
    const status = dice < 0.94 ? "succeeded" : dice < 0.98 ? "failed" : "cancelled";
    const seconds = 2 + random() * random() * 26;
    const created = ago(9000 + index * 340 + random() * 300);
    const pipeline = steps[Math.floor(random() * steps.length)];
    return { id: `01KB1${String(10_000 + index)}GENERATED00${String(index).padStart(5, "0")}`, pipeline, title: SUBJECTS[Math.floor(random() * SUBJECTS.length)], status, created_at: created, started_at: created, finished_at: new Date(Date.parse(created) + seconds * 1000).toISOString(), seconds, cost_usd: dice < 0.1 ? null : pipeline === "ask_handbook" ? 0 : random() * 0.03, user: NAMES[Math.floor(random() * NAMES.length)], position: null };
  });
}
