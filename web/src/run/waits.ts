import type { Step } from "../api/types";

/** What a run that waits waits for: a person where one is asked, else a time (`sleep`). */
export function waitsFor(steps: readonly Pick<Step, "status" | "kind">[]): "person" | "time" {
  const waiting = steps.filter((step) => step.status === "waiting");
  return waiting.length > 0 && waiting.every((step) => step.kind === "sleep") ? "time" : "person";
}
