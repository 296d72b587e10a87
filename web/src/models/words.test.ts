import { describe, expect, it } from "vitest";
import type { Budget, ModelHealth, RouteInfo, RouteModel } from "../api/types";
import { abilityWords, budgetPeriod, budgetSaid, budgetTitle, healthWords, limitWords, priceUnit, priceWords, providerWord, resetWords, routeLimitWords, stoodInFor } from "./words";

const model = (given: Partial<RouteModel> = {}): RouteModel => ({
  model: "openai:gpt-5-mini",
  state: "ready",
  problem: "",
  hint: "",
  kinds: ["chat"],
  can: { schema: "native", tools: "native", thinking: false, streams: true, media: [], context: null },
  price: { free: false, input_nano_per_million: 250_000_000, output_nano_per_million: 2_000_000_000, minute_nano: null, image_nano: null, search_nano: null },
  limits: { at_once: null, requests_per_minute: null, tokens_per_minute: null },
  file: null,
  health: null,
  ...given,
});
const health = (given: Partial<ModelHealth> = {}): ModelHealth => ({ failures: 0, retry_in_seconds: 0, calls: 9, failed: 0, last_error: "", last_error_at: null, first_token_seconds: 0.42, ...given });
const said = (given: Partial<RouteModel>, waited = 0) => {
  const { tone, word, more } = healthWords(model(given), waited);
  return `${tone}: ${word}${more ? `, ${more}` : ""}`;
};

describe("how a model fares, in words", () => {
  it.each([
    [{ health: health() }, "good: Answering, first word after 0.4 s"],
    [{ health: health({ first_token_seconds: null }) }, "good: Answering"],
    [{ health: null }, "quiet: Ready, not asked since the server started"],
    [{ health: health({ failures: 1 }) }, "warn: Failed last time, still asked"],
    [{ health: health({ failures: 3 }) }, "warn: Failed 3 times in a row, still asked"],
    [{ state: "trying", health: health({ failures: 5 }) }, "warn: Being tried again, after 5 failures in a row, with one call"],
    [{ state: "no-key" }, "quiet: No key, passed over until its key is set"],
    [{ state: "not-here", file: { size: 1_117_320_768, licence: "Apache-2.0" } }, "warn: Not on this machine, 1.1 GB to fetch"],
    [{ state: "wrong", problem: "There is no provider 'opnai'." }, "bad: Can't be asked, There is no provider 'opnai'."],
  ] as [Partial<RouteModel>, string][])("%#", (given, expected) => expect(said(given)).toBe(expected));

  it("counts down while it is left alone", () => {
    const resting: Partial<RouteModel> = { state: "resting", health: health({ failures: 5, retry_in_seconds: 20 }) };
    expect(said(resting)).toBe("warn: Left alone for 20 s, after 5 failures in a row");
    expect(said(resting, 12.5)).toBe("warn: Left alone for 8 s, after 5 failures in a row");
    expect(said(resting, 20)).toBe("warn: About to be tried again, after 5 failures in a row");
  });
});

describe("what a model costs and can do", () => {
  it("is said by tokens, by minute, free, or unknown; never as nothing where nobody knows", () => {
    const price = (given: Partial<RouteModel["price"]>) => model({ price: { free: false, input_nano_per_million: null, output_nano_per_million: null, minute_nano: null, image_nano: null, search_nano: null, ...given } });
    expect(priceWords(model())).toBe("$0.25 in, $2.00 out");
    expect(priceUnit(model())).toBe("per million tokens");
    expect(priceWords(price({ minute_nano: 6_000_000 }))).toBe("$0.006 a minute");
    expect(priceUnit(price({ minute_nano: 6_000_000 }))).toBe("");
    expect(priceWords(price({ free: true, input_nano_per_million: 0, output_nano_per_million: 0 }))).toBe("free");
    expect(priceWords(price({}))).toBe("price unknown");
  });

  it("tells limits and abilities that are there, and keeps quiet of the others", () => {
    expect(limitWords(model())).toBe("");
    expect(limitWords(model({ limits: { at_once: 1, requests_per_minute: 60, tokens_per_minute: 90_000 } }))).toBe("1 at a time, 60 a minute, 90,000 tokens a minute");
    expect(abilityWords(model({ can: { schema: "tool", tools: "native", thinking: true, streams: false, media: ["image/", "application/pdf"], context: 200_000 } }))).toEqual(["exact fields", "tools", "reads images, PDFs", "thinks first", "answers in one piece", "200,000 tokens at once"]);
    expect(abilityWords(model({ kinds: ["embed"] }))).toEqual([]);
  });

  it("names the provider as people do, an own server by its name", () => {
    expect(providerWord("anthropic:claude-haiku-4-5")).toBe("Anthropic");
    expect(providerWord("local:minilm")).toBe("on this machine");
    expect(providerWord("office-gpu:llama")).toBe("office-gpu");
  });
});

describe("routes", () => {
  const route = (models: RouteModel[], answers: string): RouteInfo => ({ name: "quick", declared: true, answers, models, limits: { first_token_seconds: 60, total_seconds: 90, max_tokens: 800, retries: 1, hedge_seconds: 8, cache: "exact", cache_seconds: 86_400 } });

  it("say for whom a model stands in, but not for one that was never there", () => {
    const first = model({ state: "resting", health: health({ failures: 5 }) });
    const second = model({ model: "local:qwen" });
    expect(stoodInFor(route([first, second], second.model))?.model).toBe("openai:gpt-5-mini");
    expect(stoodInFor(route([model({ state: "no-key" }), second], second.model))).toBeUndefined();
    expect(stoodInFor(route([second, first], second.model))).toBeUndefined();
  });

  it("say their limits in a sentence", () => {
    expect(routeLimitWords(route([model()], ""), true)).toEqual(["first word within 1 min", "whole answer within 1 min 30 s", "at most 800 tokens", "asked again once after a failure", "a second model is asked beside it after 8 s", "equal questions are answered from memory for 1 day"]);
    expect(routeLimitWords(route([model()], ""), false)[0]).toBe("done within 1 min 30 s");
  });
});

describe("budgets", () => {
  const budget = (given: Partial<Budget> = {}): Budget => {
    const whole: Budget = { scope: "user", name: "ines", per: "day", limit_nano: 1e9, spent_nano: 0, held_nano: 0, resets_at: null, warn_at_nano: 0, left_nano: 0, ...given };
    return { ...whole, warn_at_nano: whole.limit_nano * 0.8, left_nano: whole.limit_nano - whole.spent_nano - whole.held_nano };
  };

  it.each([
    [{ spent_nano: 0.7e9 }, "good", "Within its limit"],
    [{ spent_nano: 0.8e9 }, "warn", "Nearly used up"],
    [{ spent_nano: 0.7e9, held_nano: 0.1e9 }, "warn", "Nearly used up"],
    [{ spent_nano: 0.9e9, held_nano: 0.1e9 }, "warn", "All of it spent or held"],
    [{ spent_nano: 1e9 }, "bad", "Used up"],
    [{ limit_nano: 0 }, "bad", "Used up"],
    [{ name: "" }, "quiet", "Nothing spent yet"],
  ] as [Partial<Budget>, string, string][])("%j is %s: %s", (given, tone, word) => expect(budgetSaid(budget(given))).toMatchObject({ tone, word }));

  it("are named after whose they are", () => {
    expect([budgetTitle(budget()), budgetPeriod(budget())]).toEqual(["ines", "user, today"]);
    expect([budgetTitle(budget({ name: "", per: "week" })), budgetPeriod(budget({ name: "", per: "week" }))]).toEqual(["Each user", "a week"]);
    const all = budget({ scope: "installation", name: "", per: "month" });
    expect([budgetTitle(all), budgetPeriod(all)]).toEqual(["Everything together", "this month"]);
  });

  it.each([
    ["2026-11-25T12:00:30Z", "resets within a minute"],
    ["2026-11-25T12:40:00Z", "resets in 40 minutes"],
    ["2026-11-26T00:00:00Z", "resets in 12 hours"],
    ["2026-12-01T00:00:00Z", "resets in 6 days"],
    [null, "does not reset"],
  ])("that begin anew at %s: %s", (resets_at, expected) => expect(resetWords(budget({ resets_at }), Date.parse("2026-11-25T12:00:00Z"))).toBe(expected));
});
