import type { PromptDetail } from "../api/types";
import { dollars } from "../models/words";
import { Section } from "../parts/Screen";
import { When } from "../parts/When";
import { AnswersPanel } from "./AnswersPanel";

/** Every version that was seen, how each did on the cases, and how answers were won in runs. */
export function VersionsPanel({ prompt }: { prompt: PromptDetail }) {
  return (
    <>
      <Section title="Versions">
        <Versions prompt={prompt} />
      </Section>
      <Section title="Its answers in runs">
        <AnswersPanel name={prompt.name} />
      </Section>
    </>
  );
}

function Versions({ prompt }: { prompt: PromptDetail }) {
  return (
    <div className="prose-table" tabIndex={0} role="region" aria-label="Table of versions">
      <table>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Labels</th>
            <th scope="col">First seen</th>
            <th scope="col">On its cases</th>
          </tr>
        </thead>
        <tbody>
          {prompt.versions.map((one) => (
            <tr key={one.version}>
              <td>
                <code className="font-mono text-sm">{one.version}</code>
                {one.serves && <span className="ml-2 text-sm text-done">serves now</span>}
              </td>
              <td>{one.labels.join(", ") || <span className="text-ink-3">–</span>}</td>
              <td>{one.first_seen && <When iso={one.first_seen} />}</td>
              <td>
                {one.trial ? (
                  <>
                    {one.trial.passed} of {one.trial.tries} passed <span className="text-sm text-ink-3">{one.trial.cost_nano === null ? "price unknown" : dollars(one.trial.cost_nano)}</span>
                  </>
                ) : (
                  <span className="text-ink-3">not tried</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
