import { asProblem } from "../api/client";
import { usePromptAnswers } from "../api/queries";
import type { AnswerCount } from "../api/types";
import { ProblemNote } from "../parts/ProblemNote";
import { Skeleton } from "../parts/Skeleton";
import { shortModel } from "../run/AnswerFacts";
import { count, shareWords } from "../text/numbers";
import { mostFirst } from "./words";

/** How the prompt's answers in runs were won, by model: a model that drifts shows here first. */
export function AnswersPanel({ name }: { name: string }) {
  const query = usePromptAnswers(name);
  if (query.isPending) return <Skeleton lines={3} label="Loading how its answers were won" />;
  if (query.isError) return <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />;
  const { days, items } = query.data;
  if (items.length === 0) return <p className="text-ink-2">No run asked this prompt in the last {2 * days} days.</p>;
  return (
    <div className="prose-table" tabIndex={0} role="region" aria-label="How its answers were won">
      <table>
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" data-align="right">
              Asked
            </th>
            <th scope="col" data-align="right">
              Right as it came
            </th>
            <th scope="col" data-align="right">{`${days} days before`}</th>
            <th scope="col">How</th>
            <th scope="col">Failed</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.model}>
              <td>{one.model ? shortModel(one.model) : <span className="text-ink-3">none answered</span>}</td>
              <td data-align="right">{count(one.asked)}</td>
              <td data-align="right">{shareWords(one.at_once)}</td>
              <td data-align="right">{shareWords(one.before.at_once)}</td>
              <td>{listed(one.how)}</td>
              <td>{listed(one.failed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function listed(counts: AnswerCount["how"]) {
  return mostFirst(counts) || <span className="text-ink-3">–</span>;
}
