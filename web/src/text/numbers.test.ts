import { describe, expect, it } from "vitest";
import { ago, duration, money, ordinal, shareWords } from "./numbers";

describe("numbers as people read them", () => {
  it.each([
    [0.003, "< 0.1 s"],
    [0.42, "0.4 s"],
    [8.24, "8.2 s"],
    [59.97, "1 min"],
    [185, "3 min 5 s"],
    [7800, "2 h 10 min"],
  ])("%f seconds are %s", (seconds, expected) => expect(duration(seconds)).toBe(expected));

  it.each([
    [0, "0.00"],
    [12.4, "12.40"],
    [0.0117, "0.012"],
    [0.00031, "0.00031"],
  ])("%f dollars are $%s", (usd, expected) => expect(money(usd)).toBe(`$${expected}`));

  it.each([
    [1, "1st"],
    [2, "2nd"],
    [3, "3rd"],
    [4, "4th"],
    [11, "11th"],
    [22, "22nd"],
  ])("%i in line is the %s", (value, expected) => expect(ordinal(value)).toBe(expected));

  const now = Date.parse("2026-11-24T12:00:00Z");
  it.each([
    ["2026-11-24T11:59:50Z", "just now"],
    ["2026-11-24T11:57:00Z", "3 min. ago"],
    ["2026-11-26T12:00:00Z", "in 2 days"],
  ])("%s is %s", (iso, expected) => expect(ago(iso, now).replace("min ", "min. ")).toBe(expected));

  it("calls a share neither all nor nothing where it is not", () => {
    expect([null, 0, 0.001, 0.5, 0.996, 1].map(shareWords)).toEqual(["–", "0 %", "1 %", "50 %", "99 %", "100 %"]);
  });
});
