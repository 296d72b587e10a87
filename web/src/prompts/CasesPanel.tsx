import { Play } from "lucide-react";
import { useState } from "react";
import { asProblem } from "../api/client";
import { useCasesCost, useRunCases } from "../api/queries";
import type { PromptDetail, PromptSide } from "../api/types";
import { StateMark } from "../models/StateMark";
import { dollars } from "../models/words";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Section } from "../parts/Screen";
import { duration, plural } from "../text/numbers";

/** The cases on what serves, and on the draft beside it. */
export function CasesPanel({ prompt, draft, broken }: { prompt: PromptDetail; draft: string | null; broken: boolean }) {
  const [repeats, setRepeats] = useState(1);
  const cost = useCasesCost(prompt.name, draft, repeats, prompt.cases > 0 && !broken);
  const run = useRunCases(prompt.name);
  if (prompt.cases === 0)
    return (
      <Section title="Cases">
        <p className="rounded-lg border border-dashed border-line-strong px-4 py-4 text-ink-2">
          No cases yet. Put inputs and what is expected of them into <code className="font-mono text-sm">{prompt.file.replace(/\.md$/, ".cases.yaml")}</code>; then a draft can be held against what serves.
        </p>
      </Section>
    );
  return (
    <Section title="Cases">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button disabled={broken || run.isPending} onClick={() => run.mutate({ text: draft, repeats })}>
          <Play className="size-4 fill-current" aria-hidden /> {run.isPending ? "Running the cases …" : draft === null ? "Run the cases" : "Run the cases on both"}
        </Button>
        <label className="flex items-center gap-2 text-sm text-ink-2">
          Each
          <select className="field-input h-8! w-20! text-sm!" value={repeats} onChange={(event) => setRepeats(Number(event.target.value))}>
            {[1, 3, 5, 10].map((number) => (
              <option key={number} value={number}>
                {number}×
              </option>
            ))}
          </select>
        </label>
        <p className="tnum text-sm text-ink-3">{cost.data && `Up to ${plural(cost.data.calls, "call")}, ${cost.data.worst_nano === null ? "price unknown" : cost.data.worst_nano === 0 ? "free" : `at most ${dollars(cost.data.worst_nano)}`}`}</p>
      </div>
      {run.error && <div className="mt-3"><ProblemNote problem={asProblem(run.error)} /></div>}
      <div aria-live="polite">{run.data && <Results sides={run.data.sides} />}</div>
    </Section>
  );
}

const NAMES = { current: "Serving now", draft: "Draft" };

function Results({ sides }: { sides: PromptSide[] }) {
  return (
    <div className="prose-table mt-3" tabIndex={0} role="region" aria-label="Results of the cases">
      <table>
        <thead>
          <tr>
            <th scope="col">Case</th>
            {sides.map((side) => (
              <th key={side.what} scope="col">
                {NAMES[side.what]} <code className="font-mono text-xs">{side.version}</code>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(sides[0]?.cases ?? []).map((row) => (
            <tr key={row.name}>
              <th scope="row" className="font-normal!">
                {row.name}
              </th>
              {sides.map((side) => (
                <td key={side.what}>
                  <Result found={side.cases.find((one) => one.name === row.name)} />
                </td>
              ))}
            </tr>
          ))}
          <tr>
            <th scope="row">All</th>
            {sides.map((side) => (
              <td key={side.what}>
                <span className="font-medium">
                  {side.trial.passed} of {side.trial.tries} passed
                </span>
                <span className="block text-sm text-ink-3">
                  {duration(side.trial.seconds)}, {side.trial.cost_nano === null ? "price unknown" : dollars(side.trial.cost_nano)}
                </span>
              </td>
            ))}
          </tr>
        </tbody>
      </table>
    </div>
  );
}

function Result({ found }: { found: PromptSide["cases"][number] | undefined }) {
  if (!found) return <span className="text-ink-3">–</span>;
  const all = found.tries.length;
  const wrong = [...new Set(found.tries.flatMap((one) => one.wrong))];
  const word = all === 1 ? (found.passed ? "Passed" : "Failed") : `${found.passed} of ${all} passed`;
  return <StateMark wraps said={{ tone: found.passed === all ? "good" : "bad", word, more: wrong.join("; ") }} />;
}
