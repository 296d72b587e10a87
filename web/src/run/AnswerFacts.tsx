import { Clock, Coins, Cpu, Zap } from "lucide-react";
import type { ReactNode } from "react";
import { duration, money } from "../text/numbers";
import { cachedOf, modelsOf } from "./progress";
import type { RunView } from "./progress";

/** Time, cost, model, cached or not: the line under an answer. */
export function AnswerFacts({ view }: { view: RunView }) {
  const models = modelsOf(view.steps);
  const cached = cachedOf(view.steps);
  return (
    <ul className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm text-ink-3" aria-label="About this answer">
      {view.seconds !== null && (
        <Fact icon={<Clock />} title="Time from the start to the end">
          <span className="tnum">{duration(view.seconds)}</span>
        </Fact>
      )}
      <Fact icon={<Coins />} title={view.cost_usd === null ? "The price of a model used here is not known" : "What the model calls cost"}>
        <span className="tnum">{view.cost_usd === null ? "price unknown" : view.cost_usd === 0 ? "no cost" : money(view.cost_usd)}</span>
      </Fact>
      {models.length > 0 && (
        <Fact icon={<Cpu />} title={models.join(", ")}>
          {models.length <= 2 ? models.map(shortModel).join(" + ") : `${shortModel(models[0] as string)} + ${models.length - 1} more`}
        </Fact>
      )}
      {cached !== false && (
        <Fact icon={<Zap />} title="Answers that were kept from an earlier run">
          {cached === true ? "cached" : "partly cached"}
        </Fact>
      )}
    </ul>
  );
}

function Fact({ icon, title, children }: { icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <li title={title} className="inline-flex items-center gap-1.5 [&_svg]:size-3.5">
      <span aria-hidden>{icon}</span>
      {children}
    </li>
  );
}

export function shortModel(model: string): string {
  return model.slice(model.indexOf(":") + 1);
}
