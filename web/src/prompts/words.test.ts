import { describe, expect, it } from "vitest";
import { mostFirst, shareWords } from "./words";

describe("how answers were won, in words", () => {
  it("calls a share neither all nor nothing where it is not", () => {
    expect([null, 0, 0.001, 0.5, 0.996, 1].map(shareWords)).toEqual(["–", "0 %", "1 %", "50 %", "99 %", "100 %"]);
  });

  it("names the ways by how many there were", () => {
    expect(mostFirst({ strict: 3, native: 1200, "output-refused": 3, "": 1 })).toBe("native 1,200, output refused 3, strict 3, a bug 1");
  });
});
