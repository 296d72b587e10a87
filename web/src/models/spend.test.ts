import { describe, expect, it } from "vitest";
import type { Spend, Spent } from "../api/types";
import { basisOf, columnMoney, costWord, everyDay, firstDay, shareWord, totalWord } from "./spend";

const NOON = Date.parse("2026-11-25T12:00:00Z");
const spent = (given: Partial<Spent> = {}): Spent => ({ calls: 1, failed: 0, cached: 0, unpriced: 0, cost_nano: 0, input_tokens: 0, output_tokens: 0, cached_tokens: 0, thinking_tokens: 0, ...given });

describe("days", () => {
  it("are counted back from today, in UTC as the budgets are", () => {
    expect(firstDay(1, NOON)).toBe("2026-11-25");
    expect(firstDay(30, NOON)).toBe("2026-10-27");
    expect(firstDay(1, Date.parse("2026-11-25T23:59:59Z"))).toBe("2026-11-25");
  });

  it("without a call are there too", () => {
    const spend: Spend = { from: "", to: "", by: "day", total: spent(), items: [{ name: "2026-11-24", ...spent({ cost_nano: 5, calls: 2 }) }], others: null, others_count: 0 };
    expect(everyDay(spend, 3, NOON)).toEqual([
      { name: "2026-11-23", cost_nano: 0, calls: 0 },
      { name: "2026-11-24", cost_nano: 5, calls: 2 },
      { name: "2026-11-25", cost_nano: 0, calls: 0 },
    ]);
  });
});

describe("money in a column", () => {
  it("has one number of digits, as many as its smallest amount needs", () => {
    const dear = columnMoney([42_390_000_000, 6_800_000_000, 0]);
    expect([42_390_000_000, 6_800_000_000, 0].map(dear)).toEqual(["$42.39", "$6.80", "free"]);
    const cheap = columnMoney([1_164_000_000, 11_640_000]);
    expect([1_164_000_000, 11_640_000].map(cheap)).toEqual(["$1.1640", "$0.0116"]);
  });

  it("never shows something as nothing", () => {
    expect(columnMoney([120])(120)).toBe("<$0.000001");
  });

  it("says that a price is unknown only where it is so for all calls", () => {
    const format = columnMoney([1e9]);
    expect(costWord(spent({ calls: 3, unpriced: 3 }), format)).toBe("price unknown");
    expect(costWord(spent({ calls: 3, unpriced: 2, cost_nano: 1e9 }), format)).toBe("$1.00");
    expect(costWord(spent({ calls: 3 }), format)).toBe("free");
  });
});

describe("a time in which all was free", () => {
  it("compares calls instead of nothing with nothing", () => {
    expect(basisOf(spent({ calls: 7 }))).toMatchObject({ word: "calls" });
    expect(basisOf(spent({ calls: 7 })).of({ calls: 3, cost_nano: 0 })).toBe(3);
    expect(basisOf(spent({ cost_nano: 5 })).of({ calls: 3, cost_nano: 4 })).toBe(4);
  });

  it("cost nothing; one without known prices cost nobody knows what", () => {
    expect(totalWord(spent({ calls: 7 }))).toBe("nothing");
    expect(totalWord(spent({ calls: 7, unpriced: 2 }))).toBe("unknown");
    expect(totalWord(spent({ calls: 7, unpriced: 2, cost_nano: 12_400_000_000 }))).toBe("$12.40");
  });
});

describe("parts of a whole", () => {
  it.each([
    [0, 10, "none"],
    [0, 0, "none"],
    [1, 8, "12.5%"],
    [1, 100_000, "<0.1%"],
    [8, 8, "100%"],
  ])("%i of %i is %s", (part, whole, expected) => expect(shareWord(part, whole)).toBe(expected));
});
