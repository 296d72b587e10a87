import { expect, test } from "vitest";
import { readFilter } from "./filter";

test.each([
  ["", {}],
  ["product = e-bike", { product: "e-bike" }],
  ["product = e-bike | scooter, draft=false", { product: ["e-bike", "scooter"], draft: false }],
  ["year >= 2024, year <= 2026", { year: { least: 2024, most: 2026 } }],
  ["since >= 2024-01-31", { since: { least: "2024-01-31" } }],
  ['code = "007"', { code: "007" }],
])("%s", (text, where) => {
  expect(readFilter(text)).toEqual({ where });
});

test.each(["product", "= x", "year > 3", "two words = x"])("%s is no condition", (text) => {
  expect(readFilter(`a = 1, ${text}`)).toEqual({ wrong: text });
});
