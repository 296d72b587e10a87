import { describe, expect, it } from "vitest";
import { mostFirst } from "./words";

describe("how answers were won, in words", () => {
  it("names the ways by how many there were", () => {
    expect(mostFirst({ strict: 3, native: 1200, "output-refused": 3, "": 1 })).toBe("native 1,200, output refused 3, strict 3, a bug 1");
  });
});
