// The shapes of the HTTP API, as /api/openapi.json tells them. Knows no behaviour.

export type * from "./knowledge.types";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** A JSON Schema (2020-12), as far as forms need it. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  examples?: Json[];
  format?: string;
  contentMediaType?: string;
  enum?: Json[];
  const?: Json;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  discriminator?: { propertyName: string };
  $ref?: string;
  $defs?: Record<string, Schema>;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
}

export interface FieldProblem {
  path: (string | number)[];
  message: string;
  value?: Json;
}

/** What an agent that was stopped had achieved by then; long results are cut. */
export interface AgentOutcome {
  status: string;
  why: string;
  text: string;
  uses: { tool: string; result: string; failed: boolean }[];
}

/** An error as RFC 9457 tells it, with a sentence for the person reading. */
export interface Problem {
  type?: string;
  title: string;
  status?: number;
  detail?: string;
  code: string;
  reader?: string;
  hint?: string;
  retryable?: boolean;
  run_id?: string | null;
  fields?: FieldProblem[];
  /** Where in the project it is, as in a draft that has a mistake. */
  file?: string;
  line?: number;
  outcome?: AgentOutcome;
}

export interface Example {
  title: string;
  input: JsonObject;
}

export interface PipelineInfo {
  name: string;
  title: string;
  about: string;
  kind: "form" | "chat";
  input_schema: Schema;
  output_schema: Schema | null;
  examples: Example[];
  knowledge: string[];
}

export interface KnowledgeInfo {
  name: string;
  title: string;
  documents: number;
  passages: number;
  failed: number;
  updated_at: string | null;
  writable?: boolean;
}

export interface AppInfo {
  title: string;
  about: string;
  version: string;
  pipelines: PipelineInfo[];
  knowledge: KnowledgeInfo[];
}

export type RunStatus = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";
export type StepStatus = "running" | "waiting" | "succeeded" | "failed" | "cancelled";

export interface RunSummary {
  id: string;
  pipeline: string;
  title: string;
  status: RunStatus;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  seconds: number | null;
  cost_usd: number | null;
  user: string | null;
  position: number | null;
  waits_for?: "person" | "time" | null;
}

export type BatchStatus = "running" | "paused" | "finished" | "cancelled";
/** `refused` is a row that can't be an input of a run. */
export type RowStatus = RunStatus | "refused";

export interface Batch {
  id: string;
  pipeline: string;
  pipeline_title: string;
  name: string;
  user: string;
  status: BatchStatus;
  /** Why it is paused. */
  reason: string;
  rows: number;
  counts: Record<RowStatus, number>;
  spent_usd: number;
  cap_usd: number | null;
  at_once: number;
  created_at: string;
  finished_at: string | null;
  seconds: number | null;
}

export interface BatchRow {
  row: number;
  status: RowStatus;
  title: string;
  given: Json;
  tries: number;
  run_id: string | null;
  output: Json;
  error: Problem | null;
  seconds: number | null;
  cost_usd: number;
}

export interface BatchRows {
  items: BatchRow[];
  next_after: number | null;
}

/** What a table would give and cost; null where nothing is known yet. */
export interface Estimate {
  rows: number;
  valid: number;
  refused: number;
  columns: string[];
  problems: { row: number; column: string; message: string; value: Json }[];
  from_runs: number;
  likely_usd: number | null;
  highest_usd: number | null;
  bound_usd: number | null;
  seconds: number | null;
}

export interface Attempt {
  model: string;
  code: string;
  message: string;
  seconds: number;
}

/** Something around a step in the code of its run; those of one `group` were opened together. Of a step, `group` is its number. */
export interface Place {
  kind: "branch" | "item" | "pipeline" | "agent" | "step";
  group: number;
  name: string;
}

/** Something that a run may do, as its pipeline's code says. What is in it: in order, of an agent what it may use. */
export interface Part {
  kind: string;
  label: string;
  name: string;
  where: string;
  ends: "" | "return" | "raise" | "break" | "continue";
  parts: Part[];
  arrows: { to: string; maybe: boolean }[];
}

export interface Outline {
  pipeline: string;
  title: string;
  where: string;
  whole: boolean;
  parts: Part[];
}

export interface Step {
  seq: number;
  kind: string;
  name: string;
  label: string;
  detail?: string | null;
  status: StepStatus;
  started_at: string | null;
  finished_at: string | null;
  seconds?: number | null;
  route?: string | null;
  model?: string | null;
  prompt_version?: string | null;
  how?: string | null;
  cached?: boolean;
  cost_usd?: number | null;
  input_tokens?: number | null;
  output_tokens?: number | null;
  /** Of the input tokens: those that the provider read from its own cache. */
  cached_tokens?: number | null;
  input?: Json;
  output?: Json;
  error?: Problem | null;
  attempts?: Attempt[] | null;
  /** What the model thought before it answered; told with the record of a run, not in its stream. */
  reasoning?: string;
  /** Taken over from the run it was forked from: not done again, not paid again. */
  reused?: boolean;
  /** The branches, items, pipelines and agents around it, outermost first. */
  within?: Place[];
}

export interface Feedback {
  helpful: boolean;
  reasons?: string[];
  comment?: string;
}

export interface Run extends RunSummary {
  input: JsonObject;
  output: Json;
  error: Problem | null;
  steps: Step[];
  approvals: Approval[];
  feedback: Feedback | null;
  /** Of a fork: the run it began as, the step it left it at, and what is other about its prompts. */
  forked_from?: string | null;
  forked_at?: number | null;
  changes?: { model?: string | null; prompts?: Record<string, { version?: string | null; model?: string | null; draft?: string | null }> } | null;
}

/** What is other in a fork; what is left out stays as it was. */
export interface ForkChanges {
  from_step?: number;
  input?: JsonObject;
  model?: string;
  prompts?: Record<string, { version?: string; model?: string }>;
}

export interface ComparedStep {
  a: Step | null;
  b: Step | null;
  differs: ("input" | "output" | "status" | "model" | "prompt_version")[];
}

/** Two runs side by side; money and time are b's less a's. */
export interface Comparison {
  a: RunSummary;
  b: RunSummary;
  same_input: boolean;
  same_output: boolean;
  steps: ComparedStep[];
  first_difference: number | null;
  cost_usd: number | null;
  seconds: number | null;
}

export type ApprovalStatus = "pending" | "accepted" | "edited" | "rejected" | "expired" | "cancelled";

export interface Approval {
  id: string;
  run_id: string;
  pipeline: string;
  pipeline_title?: string | null;
  title: string;
  value: Json;
  schema: Schema | null;
  context: { label: string; value: Json }[] | null;
  status: ApprovalStatus;
  /** The value as a person changed it; null where it was taken as it was, or not at all. */
  decision?: Json;
  comment?: string | null;
  decided_by?: string | null;
  created_at: string;
  expires_at: string | null;
  decided_at?: string | null;
  /** Names and `role:NAME`s of those who may decide; empty for anybody. */
  deciders: string[];
  /** What holds where nobody decides; null for the value as it is. */
  default?: Json;
}

export interface Citation {
  marker: number;
  knowledge: string;
  document: string;
  title: string;
  title_path?: string[];
  page?: number | null;
  start: number;
  end: number;
  quote: string;
}

export interface Sentence {
  text: string;
  start: number;
  end: number;
  supported: boolean;
  markers?: number[];
  /** The place that says otherwise, where one does. */
  contradicted_by?: Citation | null;
  /** The model whose judgement it is, where the words alone did not decide. */
  judged_by?: string;
}

export interface ChatMessage {
  role: "user" | "assistant";
  content: string;
  run_id?: string;
}

export interface Paged<T> {
  items: T[];
  next_cursor?: string | null;
  /** By status, over all pages. */
  counts?: Record<string, number>;
}

export type RunPage = Paged<RunSummary>;

// ── Models & spend: money is whole 1e-9 US dollars ──

export type ModelState = "ready" | "resting" | "trying" | "no-key" | "not-here" | "wrong";

export interface ModelHealth {
  failures: number;
  retry_in_seconds: number;
  calls: number;
  failed: number;
  last_error: string;
  last_error_at: string | null;
  first_token_seconds: number | null;
}

export interface RouteModel {
  model: string;
  state: ModelState;
  problem: string;
  hint: string;
  kinds: string[];
  can: { schema: string; tools: string; thinking: boolean; streams: boolean; media: string[]; context: number | null };
  price: { free: boolean; input_nano_per_million: number | null; output_nano_per_million: number | null; minute_nano: number | null; image_nano: number | null; search_nano: number | null };
  limits: { at_once: number | null; requests_per_minute: number | null; tokens_per_minute: number | null };
  file: { size: number | null; licence: string } | null;
  health: ModelHealth | null;
}

export interface RouteInfo {
  name: string;
  declared: boolean;
  answers: string;
  models: RouteModel[];
  limits: { first_token_seconds: number; total_seconds: number; max_tokens: number; retries: number; hedge_seconds: number | null; cache: "off" | "exact" | "semantic"; cache_seconds: number };
}

export interface ModelCheck {
  kind: string;
  ok: boolean;
  answer: string;
  seconds: number;
  first_token_seconds: number | null;
  cost_nano: number | null;
  problem: string;
  hint: string;
}

export interface Checked {
  model: string;
  checks: ModelCheck[];
}

export type SpendBy = "day" | "model" | "pipeline" | "user" | "route";

export interface Spent {
  calls: number;
  failed: number;
  cached: number;
  unpriced: number;
  cost_nano: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  thinking_tokens: number;
}

export interface Spend {
  from: string;
  to: string;
  by: SpendBy;
  total: Spent;
  items: (Spent & { name: string })[];
  /** What is beyond the first items, added up. */
  others: Spent | null;
  others_count: number;
}

export interface Budget {
  scope: "run" | "user" | "key" | "team" | "app" | "installation";
  name: string;
  per: "day" | "week" | "month" | "total";
  limit_nano: number;
  spent_nano: number;
  held_nano: number;
  left_nano: number;
  warn_at_nano: number;
  resets_at: string | null;
}

// ── Prompts: money is whole 1e-9 US dollars ──

export interface PromptTrial {
  at: string;
  passed: number;
  tries: number;
  repeats: number;
  seconds: number;
  cost_nano: number | null;
}

export interface PromptInfo {
  name: string;
  about: string;
  file: string;
  route: string;
  version: string;
  labels: string[];
  cases: number;
  trial: PromptTrial | null;
  last_used: string | null;
  problem: string;
}

export interface PromptCase {
  name: string;
  input: JsonObject;
  expected: Json;
  checks: string[];
  line: number;
}

export interface PromptVersion {
  version: string;
  labels: string[];
  serves: boolean;
  first_seen: string | null;
  trial: PromptTrial | null;
}

/** Answers in runs, by the way they were won and by the code of what went wrong. */
export interface AnswerCount {
  asked: number;
  at_once: number | null;
  how: Record<string, number>;
  failed: Record<string, number>;
}

export interface PromptAnswers {
  days: number;
  items: (AnswerCount & { model: string; before: AnswerCount })[];
}

export interface PromptDetail extends PromptInfo {
  source: { text: string; revision: string; locked: string };
  others: { path: string; text: string }[];
  serves_file: boolean;
  settings: JsonObject;
  variants: string[];
  tools: string[];
  examples: number;
  inputs: Record<string, string>;
  gives: string;
  input_schema: Schema;
  output_schema: Schema;
  case_list: PromptCase[];
  versions: PromptVersion[];
  models: { model: string; problem: string; hint: string }[];
  calls_at_most: number;
}

export interface PromptModel {
  model: string;
  problem: string;
  messages: { role: string; parts: JsonObject[] }[];
  input_tokens: number;
  most_input_tokens: number;
  max_tokens: number;
  worst_nano: number | null;
  calls_at_most: number;
  refused: boolean;
  counted: string;
}

export interface PromptAnswer {
  model: string;
  answered_by: string;
  output: Json;
  how: string;
  mended: string[];
  seconds: number;
  input_tokens: number;
  output_tokens: number;
  cost_nano: number | null;
  cached: boolean;
  reasoning: string;
  error: Problem | null;
}

export interface PromptSide {
  what: "current" | "draft";
  version: string;
  trial: PromptTrial;
  cases: { name: string; passed: number; tries: { number: number; passed: boolean; wrong: string[]; model: string; seconds: number; cost_nano: number | null }[] }[];
}

export function hasEnded(status: RunStatus): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}
