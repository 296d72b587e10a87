// MOCK DATA, development only: routes, budgets and spend as /api/models, /api/budgets and /api/spend tell them.

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const price = (input, output, more = {}) => ({ free: false, input_nano_per_million: input === null ? null : Math.round(input * 1e9), output_nano_per_million: output === null ? null : Math.round(output * 1e9), minute_nano: null, image_nano: null, ...more });
const FREE = { free: true, input_nano_per_million: 0, output_nano_per_million: 0, minute_nano: 0, image_nano: 0 };
const chat = { schema: "native", tools: "native", thinking: true, streams: true, media: ["image/", "application/pdf"], context: 200_000 };
const model = (name, given = {}) => ({ model: name, state: "ready", problem: "", hint: "", kinds: ["chat"], can: chat, price: FREE, limits: { at_once: null, requests_per_minute: null, tokens_per_minute: null }, file: null, health: null, ...given });
const health = (given) => ({ failures: 0, retry_in_seconds: 0, calls: 412, failed: 3, last_error: "", last_error_at: null, first_token_seconds: 0.62, ...given });
const limits = (given = {}) => ({ first_token_seconds: 60, total_seconds: 180, max_tokens: 800, retries: 2, hedge_seconds: null, cache: "off", cache_seconds: 86_400, ...given });
const plain = { schema: "prompted", tools: "schema", thinking: false, streams: true, media: [], context: null };
const qwen = model("local:qwen2.5-coder-1.5b", { can: { ...plain, schema: "native", context: 32_768 }, limits: { at_once: 1, requests_per_minute: null, tokens_per_minute: null }, file: { size: 1_117_320_768, licence: "Apache-2.0" } });

export const routes = [
  {
    name: "careful",
    declared: true,
    answers: "anthropic:claude-sonnet-4-5",
    limits: limits({ hedge_seconds: 8 }),
    models: [
      model("anthropic:claude-sonnet-4-5", { price: price(3, 15), limits: { at_once: 8, requests_per_minute: 60, tokens_per_minute: 90_000 }, health: health() }),
      model("openai:gpt-5-mini", { price: price(0.25, 2), can: { ...chat, context: 400_000 }, health: health({ calls: 61, failed: 7, failures: 1, last_error: "The provider was overloaded (529).", last_error_at: ago(340), first_token_seconds: 1.1 }) }),
      model("google:gemini-2.5-flash", { state: "no-key", hint: "Set it: export GEMINI_API_KEY=…", problem: "'google:gemini-2.5-flash' needs an API key, and GEMINI_API_KEY is not set.", price: price(0.3, 2.5), can: { ...chat, media: ["image/", "audio/", "application/pdf"], context: 1_048_576 } }),
      { ...qwen },
    ],
  },
  {
    name: "quick",
    declared: true,
    answers: "local:qwen2.5-coder-0.5b",
    limits: limits({ max_tokens: 100, retries: 1, cache: "exact" }),
    models: [
      model("openai:gpt-5-nano", { state: "resting", price: price(0.05, 0.4), health: health({ calls: 97, failed: 9, failures: 5, retry_in_seconds: 20, last_error: "No connection to the provider: it did not answer within 5 s.", last_error_at: ago(11), first_token_seconds: 0.4 }) }),
      model("local:qwen2.5-coder-0.5b", { can: { ...plain, schema: "native", context: 32_768 }, limits: { at_once: 1, requests_per_minute: null, tokens_per_minute: null }, file: { size: 491_400_032, licence: "Apache-2.0" }, health: health({ calls: 14, failed: 0, first_token_seconds: 1.9 }) }),
    ],
  },
  { name: "embed", declared: true, answers: "local:minilm", limits: limits(), models: [model("local:minilm", { kinds: ["embed"], can: plain, file: { size: 23_026_053, licence: "Apache-2.0" }, health: health({ first_token_seconds: null, failed: 0 }) })] },
  {
    name: "transcribe",
    declared: false,
    answers: "",
    limits: limits({ retries: 0 }),
    models: [
      model("openai:whisper-1", { state: "no-key", kinds: ["transcribe"], can: plain, hint: "Set it: export OPENAI_SPEECH_KEY=…", price: price(null, null, { minute_nano: 6_000_000 }) }),
      model("local:whisper-tiny.en", { state: "not-here", kinds: ["transcribe"], can: plain, hint: "coachwork models pull local:whisper-tiny.en", file: { size: 75_538_270, licence: "MIT" } }),
    ],
  },
];

export const emptyRoutes = [{ name: "default", declared: false, answers: "local:qwen2.5-coder-1.5b", limits: limits(), models: [qwen] }];

const inHours = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
const budget = (scope, name, per, limit, spent, held, resets_at) => ({ scope, name, per, limit_nano: limit * 1e9, spent_nano: Math.round(spent * 1e9), held_nano: Math.round(held * 1e9), left_nano: Math.round((limit - spent - held) * 1e9), warn_at_nano: limit * 0.8e9, resets_at });
export const budgets = [
  budget("installation", "", "month", 200, 61.4182, 0.12, inHours(24 * 6)),
  budget("user", "ines", "day", 1, 0.8612, 0.0431, inHours(9)),
  budget("user", "tomas", "day", 1, 0.0921, 0, inHours(9)),
  budget("team", "night-shift", "week", 5, 5, 0, inHours(24 * 4)),
  budget("run", "", "total", 0.5, 0, 0, null),
];

const NAMES = {
  model: [["anthropic:claude-sonnet-4-5", 0.81], ["openai:gpt-5-mini", 0.13], ["openai:gpt-5-nano", 0.06], ["local:qwen2.5-coder-0.5b", 0], ["local:minilm", 0]],
  pipeline: [["answer_ticket", 0.74], ["ask_handbook", 0.2], ["", 0.06]],
  user: [["ines", 0.46], ["tomas", 0.31], ["maren", 0.17], ["", 0.06]],
  route: [["careful", 0.94], ["quick", 0.06], ["embed", 0]],
};
const CALLS = [0.31, 0.12, 0.22, 0.2, 0.15];

function spent(share, calls, cost) {
  const own = Math.max(1, Math.round(calls * share));
  return { calls: own, failed: Math.round(own * 0.011), cached: Math.round(own * 0.124), unpriced: 0, cost_nano: cost, input_tokens: own * 1840, output_tokens: own * 207, cached_tokens: own * 610, thinking_tokens: own * 12 };
}

export function spend(query, empty) {
  const by = query.get("by") ?? "model";
  const from = query.get("from");
  const days = Math.max(1, Math.round((Date.now() - Date.parse(`${from}T00:00:00Z`)) / 86_400_000 + 0.5));
  const daily = Array.from({ length: days }, (_, index) => {
    const weekday = new Date(Date.now() - index * 86_400_000).getUTCDay();
    const busy = (weekday % 6 === 0 ? 0.18 : 1) * (0.6 + ((index * 7919) % 83) / 110) * (index === 11 ? 2.6 : 1);
    return { name: new Date(Date.now() - index * 86_400_000).toISOString().slice(0, 10), cost: Math.round(2.31e9 * busy), calls: Math.round(170 * busy) };
  }).toReversed();
  const calls = daily.reduce((sum, one) => sum + one.calls, 0);
  const cost = daily.reduce((sum, one) => sum + one.cost, 0);
  const items = empty ? [] : by === "day" ? daily.map((one) => ({ name: one.name, ...spent(1, one.calls, one.cost) })) : (NAMES[by] ?? []).map(([name, share], index) => ({ name, ...spent(CALLS[index] ?? 0.05, calls, Math.round(cost * share)) }));
  const total = { calls: 0, failed: 0, cached: 0, unpriced: 0, cost_nano: 0, input_tokens: 0, output_tokens: 0, cached_tokens: 0, thinking_tokens: 0 };
  for (const item of items) for (const key of Object.keys(total)) total[key] += item[key];
  return { from: `${from}T00:00:00Z`, to: new Date().toISOString(), by, total, items, others: null, others_count: 0 };
}

export function check(name) {
  if (name === "openai:gpt-5-nano") return { model: name, checks: [{ kind: "chat", ok: false, answer: "", seconds: 5.1, first_token_seconds: null, cost_nano: null, problem: "No connection to the provider: it did not answer within 5 s.", hint: "" }] };
  const local = name.startsWith("local:");
  return { model: name, checks: [{ kind: "chat", ok: true, answer: "ready", seconds: 1.2, first_token_seconds: 0.7, cost_nano: local ? 0 : 71_000, problem: "", hint: "" }] };
}
