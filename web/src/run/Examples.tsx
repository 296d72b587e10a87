import { ArrowUpRight } from "lucide-react";
import type { Example } from "../api/types";

/** Inputs by the author, to click. */
export function Examples({ examples, onPick, title = "Try one" }: { examples: Example[]; onPick: (example: Example) => void; title?: string }) {
  if (examples.length === 0) return null;
  return (
    <section aria-label="Examples">
      <h2 className="mb-2 text-sm font-semibold text-ink-2">{title}</h2>
      <ul className="flex flex-col gap-1.5">
        {examples.map((example) => (
          <li key={example.title}>
            <button type="button" onClick={() => onPick(example)} className="group flex w-full items-center gap-3 rounded-lg border border-line bg-surface px-3.5 py-2.5 text-left shadow-card transition-colors hover:border-line-strong hover:bg-hover">
              <span className="flex-1">{example.title}</span>
              <ArrowUpRight className="size-4 shrink-0 text-ink-3 group-hover:text-accent-text" aria-hidden />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
