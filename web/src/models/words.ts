// What the API tells of models and budgets, in the reader's words. Pure; knows no components.

import type { Budget, RouteInfo, RouteModel } from "../api/types";
import { ago, bytes, count, duration, money, plural } from "../text/numbers";

export type Tone = "good" | "quiet" | "warn" | "bad";

/** A state in a word or two, and what more there is to say. */
export interface Said {
  tone: Tone;
  word: string;
  more: string;
}

const PROVIDERS: Record<string, string> = {
  anthropic: "Anthropic",
  azure: "Azure",
  bedrock: "Amazon Bedrock",
  cohere: "Cohere",
  deepseek: "DeepSeek",
  fake: "a fake, for tests",
  google: "Google",
  groq: "Groq",
  local: "on this machine",
  mistral: "Mistral",
  ollama: "Ollama",
  openai: "OpenAI",
  openrouter: "OpenRouter",
  vllm: "vLLM",
  xai: "xAI",
};

export function providerWord(model: string): string {
  const provider = model.slice(0, Math.max(0, model.indexOf(":")));
  return PROVIDERS[provider] ?? provider;
}

/** How a model fares. `waited` is how many seconds ago the server said so. */
export function healthWords(model: RouteModel, waited = 0): Said {
  const health = model.health;
  switch (model.state) {
    case "no-key":
      return { tone: "quiet", word: "No key", more: "passed over until its key is set" };
    case "not-here":
      return { tone: "warn", word: "Not on this machine", more: model.file?.size ? `${bytes(model.file.size)} to fetch` : model.problem };
    case "wrong":
      return { tone: "bad", word: "Can't be asked", more: model.problem };
    case "resting": {
      const left = Math.ceil((health?.retry_in_seconds ?? 0) - waited);
      return { tone: "warn", word: left > 0 ? `Left alone for ${left < 60 ? `${left} s` : duration(left)}` : "About to be tried again", more: `after ${plural(health?.failures ?? 0, "failure")} in a row` };
    }
    case "trying":
      return { tone: "warn", word: "Being tried again", more: `after ${plural(health?.failures ?? 0, "failure")} in a row, with one call` };
  }
  if (!health || health.calls === 0) return { tone: "quiet", word: "Ready", more: "not asked since the server started" };
  if (health.failures > 0) return { tone: "warn", word: health.failures === 1 ? "Failed last time" : `Failed ${count(health.failures)} times in a row`, more: "still asked" };
  return { tone: "good", word: "Answering", more: health.first_token_seconds === null ? "" : firstWord(health.first_token_seconds) };
}

export function firstWord(seconds: number): string {
  return seconds < 0.05 ? "first word at once" : `first word after ${duration(seconds)}`;
}

export function lastFailure(model: RouteModel, now: number): string {
  const health = model.health;
  if (!health?.last_error || !health.last_error_at) return "";
  return `Last failure ${ago(health.last_error_at, now)}: ${health.last_error}`;
}

export function dollars(nano: number): string {
  return nano === 0 ? "free" : money(nano / 1e9);
}

/** What a model costs, as its provider sells it. */
export function priceWords({ price }: RouteModel): string {
  if (price.free) return "free";
  const { input_nano_per_million: into, output_nano_per_million: out, minute_nano: minute, image_nano: image, search_nano: search } = price;
  const parts = [into !== null && `${dollars(into)} in`, out !== null && `${dollars(out)} out`, minute !== null && `${dollars(minute)} a minute`, image !== null && image > 0 && `${dollars(image)} an image`, search !== null && search > 0 && `${dollars(search)} a search`].filter(Boolean);
  return parts.length ? parts.join(", ") : "price unknown";
}

/** What the price is of, where that is not said already. */
export function priceUnit({ price }: RouteModel): string {
  return !price.free && (price.input_nano_per_million !== null || price.output_nano_per_million !== null) ? "per million tokens" : "";
}

export function limitWords({ limits }: RouteModel): string {
  const parts = [limits.at_once !== null && `${count(limits.at_once)} at a time`, limits.requests_per_minute !== null && `${count(limits.requests_per_minute)} a minute`, limits.tokens_per_minute !== null && `${count(limits.tokens_per_minute)} tokens a minute`];
  return parts.filter(Boolean).join(", ");
}

const MEDIA: [string, string][] = [
  ["image/", "images"],
  ["application/pdf", "PDFs"],
  ["audio/", "sound"],
  ["video/", "films"],
];

/** What a chat model can do besides writing. */
export function abilityWords(model: RouteModel): string[] {
  if (!model.kinds.includes("chat")) return [];
  const { can } = model;
  const reads = MEDIA.filter(([prefix]) => can.media.some((one) => one.startsWith(prefix))).map(([, word]) => word);
  return [can.schema !== "prompted" && "exact fields", can.tools === "native" && "tools", reads.length > 0 && `reads ${reads.join(", ")}`, can.thinking && "thinks first", !can.streams && "answers in one piece", can.context !== null && `${count(can.context)} tokens at once`].filter((word) => word !== false);
}

const KINDS: Record<string, string> = { chat: "Writes answers", embed: "Finds passages", transcribe: "Listens to recordings", moderate: "Judges texts", rerank: "Ranks passages" };

export function routeWord(route: RouteInfo): string {
  const first = route.models.find((one) => one.model === route.answers) ?? route.models[0];
  const kinds = first?.kinds ?? [];
  const kind = kinds.includes("chat") && route.name !== "embed" && route.name !== "transcribe" ? "chat" : kinds.includes(route.name) ? route.name : kinds[0];
  return KINDS[kind ?? ""] ?? "";
}

/** A limit as it was set: 8 s, 3 min, 1 day. */
function limitTime(seconds: number): string {
  if (seconds % 86_400 === 0) return plural(seconds / 86_400, "day");
  if (seconds % 3600 === 0) return plural(seconds / 3600, "hour");
  return Number.isInteger(seconds) && seconds < 60 ? `${seconds} s` : duration(seconds);
}

/** The model that should answer and is left alone, so that another stands in for it; undefined where all is well. */
export function stoodInFor(route: RouteInfo): RouteModel | undefined {
  const at = route.models.findIndex((model) => model.model === route.answers);
  return route.models.slice(0, Math.max(0, at)).find((model) => model.state === "resting" || model.state === "trying");
}

export function routeLimitWords({ limits }: RouteInfo, chat: boolean): string[] {
  const again = limits.retries === 0 ? "never asked again after a failure" : limits.retries === 1 ? "asked again once after a failure" : `asked again up to ${count(limits.retries)} times after a failure`;
  const words = chat ? [`first word within ${limitTime(limits.first_token_seconds)}`, `whole answer within ${limitTime(limits.total_seconds)}`, `at most ${count(limits.max_tokens)} tokens`] : [`done within ${limitTime(limits.total_seconds)}`];
  words.push(again);
  if (limits.hedge_seconds !== null) words.push(`a second model is asked beside it after ${limitTime(limits.hedge_seconds)}`);
  if (limits.cache !== "off") words.push(`${limits.cache === "exact" ? "equal" : "equal and similar"} questions are answered from memory for ${limitTime(limits.cache_seconds)}`);
  return words;
}

// ── Budgets ──

const WHOSE: Record<Budget["scope"], string> = { run: "run", user: "user", key: "API key", team: "team", app: "app", installation: "" };
const PERIOD: Record<Budget["per"], string> = { day: "today", week: "this week", month: "this month", total: "in all" };
const EACH: Record<Budget["per"], string> = { day: "a day", week: "a week", month: "a month", total: "in all" };

/** A budget of each, of which nobody has spent anything yet. */
export function isTemplate(budget: Budget): boolean {
  return budget.scope !== "installation" && budget.name === "";
}

export function budgetTitle(budget: Budget): string {
  if (budget.scope === "installation") return "Everything together";
  return isTemplate(budget) ? `Each ${WHOSE[budget.scope]}` : budget.name;
}

/** "user, today": whose it is where its name does not say, and of what time. */
export function budgetPeriod(budget: Budget): string {
  const whose = budget.scope === "installation" || isTemplate(budget) ? "" : `${WHOSE[budget.scope]}, `;
  return isTemplate(budget) ? EACH[budget.per] : whose + PERIOD[budget.per];
}

export function budgetSaid(budget: Budget): Said {
  if (isTemplate(budget)) return { tone: "quiet", word: "Nothing spent yet", more: "" };
  if (budget.left_nano <= 0) return budget.held_nano > 0 && budget.spent_nano < budget.limit_nano ? { tone: "warn", word: "All of it spent or held", more: "new calls wait for what is held" } : { tone: "bad", word: "Used up", more: "no model that costs money is asked" };
  if (budget.spent_nano + budget.held_nano >= budget.warn_at_nano) return { tone: "warn", word: "Nearly used up", more: `past ${Math.round((100 * budget.warn_at_nano) / budget.limit_nano)} %` };
  return { tone: "good", word: "Within its limit", more: "" };
}

export function resetWords(budget: Budget, now: number): string {
  if (budget.resets_at === null) return "does not reset";
  const seconds = Math.max(0, (Date.parse(budget.resets_at) - now) / 1000);
  return seconds < 60 ? "resets within a minute" : `resets in ${roughly(seconds)}`;
}

function roughly(seconds: number): string {
  if (seconds < 3600) return plural(Math.round(seconds / 60), "minute");
  if (seconds < 48 * 3600) return plural(Math.round(seconds / 3600), "hour");
  return plural(Math.round(seconds / 86_400), "day");
}
