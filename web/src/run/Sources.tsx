import { FileText } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Citation, Passage } from "../api/types";
import type { Answer } from "./answer";
import { addressOf, placeOf } from "./answer";

/** Every place the answer stands on, in the order of its numbers; where it stands on none, what came nearest. */
export function Sources({ answer }: { answer: Answer }) {
  const ordered = [...answer.citations].sort((a, b) => a.marker - b.marker || a.start - b.start);
  return (
    <>
      {ordered.length > 0 && (
        <Places title="Sources">
          {ordered.map((citation, index) => (
            <PlaceLine key={index} place={citation} says={`“${citation.quote}”`}>
              <span className="tnum mt-0.5 inline-flex h-[18px] min-w-[18px] shrink-0 items-center justify-center rounded bg-accent-soft px-1 text-[11px] font-semibold text-accent-text">{citation.marker}</span>
            </PlaceLine>
          ))}
        </Places>
      )}
      {answer.nearMisses.length > 0 && (
        <Places title="Nothing of this is proved in the documents. Nearest to the question:">
          {answer.nearMisses.map((passage, index) => (
            <PlaceLine key={index} place={passage} says={passage.text} />
          ))}
        </Places>
      )}
    </>
  );
}

function Places({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h3 className="mb-1.5 text-sm font-semibold text-ink-2">{title}</h3>
      <ol className="overflow-hidden rounded-lg border border-line bg-surface">{children}</ol>
    </section>
  );
}

function PlaceLine({ place, says, children }: { place: Citation | Passage; says: string; children?: ReactNode }) {
  return (
    <li className="border-b border-line last:border-b-0">
      <Link href={addressOf(place)} className="group flex gap-3 px-3 py-2.5 hover:bg-hover">
        {children}
        <span className="min-w-0 flex-1">
          <span className="flex items-center gap-1.5 text-sm">
            <FileText className="size-3.5 shrink-0 text-ink-3" aria-hidden />
            <span className="truncate font-medium group-hover:underline">{place.title}</span>
            {placeOf(place) && <span className="truncate text-ink-3">{placeOf(place)}</span>}
          </span>
          <span className="mt-0.5 line-clamp-2 text-sm text-ink-2">{says}</span>
        </span>
      </Link>
    </li>
  );
}
