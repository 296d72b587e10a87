import { expect, test } from "vitest";
import { waitsFor } from "./waits";

test("a run waits for a person wherever one is asked, and for a time where it only sleeps", () => {
  expect(waitsFor([{ status: "succeeded", kind: "step" }, { status: "waiting", kind: "sleep" }])).toBe("time");
  expect(waitsFor([{ status: "waiting", kind: "approval" }, { status: "waiting", kind: "sleep" }])).toBe("person");
  expect(waitsFor([])).toBe("person");
});
