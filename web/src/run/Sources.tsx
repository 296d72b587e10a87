import { FileText } from "lucide-react";
import { Link } from "wouter";
import type { Citation } from "../api/types";
import { addressOf, placeOf } from "./answer";

/** Every place the answer stands on, in the order of its numbers. */
export function Sources({ citations }: { citations: Citation[] }) {
  if (citations.length === 0) return null;
  const ordered = [...citations].sort((a, b) => a.marker - b.marker || a.start - b.start);
  return (
    <section aria-label="Sources">
      <h3 className="mb-1.5 text-sm font-semibold text-ink-2">Sources</h3>
      <ol className="overflow-hidden rounded-lg border border-line bg-surface">
        {ordered.map((citation, index) => (
          <li key={index} className="border-b border-line last:border-b-0">
            <Link href={addressOf(citation)} className="group flex gap-3 px-3 py-2.5 hover:bg-hover">
              <span className="tnum mt-0.5 inline-flex h-[18px] min-w-[18px] shrink-0 items-center justify-center rounded bg-accent-soft px-1 text-[11px] font-semibold text-accent-text">{citation.marker}</span>
              <span className="min-w-0 flex-1">
                <span className="flex items-center gap-1.5 text-sm">
                  <FileText className="size-3.5 shrink-0 text-ink-3" aria-hidden />
                  <span className="truncate font-medium group-hover:underline">{citation.title}</span>
                  {placeOf(citation) && <span className="truncate text-ink-3">{placeOf(citation)}</span>}
                </span>
                <span className="mt-0.5 line-clamp-2 text-sm text-ink-2">“{citation.quote}”</span>
              </span>
            </Link>
          </li>
        ))}
      </ol>
    </section>
  );
}
