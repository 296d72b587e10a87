import type { AgentOutcome } from "../api/types";

/** What an assistant that was stopped had done by then: the tools it used, and what it wrote last. */
export function Achieved({ outcome }: { outcome: AgentOutcome }) {
  if (outcome.uses.length === 0 && !outcome.text.trim()) return null;
  return (
    <details className="text-sm text-ink-2">
      <summary className="w-fit cursor-pointer">What was done by then</summary>
      {outcome.uses.length > 0 && (
        <ul className="mt-1 list-disc pl-5">
          {outcome.uses.map((use, at) => (
            <li key={at} className="break-words">
              {use.tool}: {use.failed ? "did not work. " : ""}
              {use.result}
            </li>
          ))}
        </ul>
      )}
      {outcome.text.trim() && <p className="mt-1 break-words whitespace-pre-wrap">{outcome.text}</p>}
    </details>
  );
}
