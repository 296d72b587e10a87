import * as HoverCard from "@radix-ui/react-hover-card";
import { ArrowUpRight, CircleX, FileText } from "lucide-react";
import type { ReactElement } from "react";
import { Link } from "wouter";
import type { Citation } from "../api/types";
import { addressOf, placeOf } from "./answer";

/** The small number in the text: hover or focus shows the quote, a click opens the document at those words. */
export function CitationMark({ citation }: { citation: Citation }) {
  return (
    <Quoted citation={citation}>
      <Link
        href={addressOf(citation)}
        aria-label={`Source ${citation.marker}: ${citation.title}: ${citation.quote}`}
        className="tnum relative -top-[3px] mr-px ml-[3px] rounded bg-accent-soft px-[5px] py-[1.5px] text-[11px] leading-none font-semibold text-accent-text! no-underline! hover:bg-accent hover:text-on-accent!"
      >
        {citation.marker}
      </Link>
    </Quoted>
  );
}

/** The mark of a sentence that a document contradicts: it shows and opens what the document says instead. */
export function ContradictedMark({ citation }: { citation: Citation }) {
  return (
    <Quoted citation={citation} lead="The document says otherwise">
      <Link
        href={addressOf(citation)}
        aria-label={`Contradicted by a source. ${citation.title} says: ${citation.quote}`}
        className="mx-1 inline-flex h-[18px] -translate-y-px items-center gap-1 rounded border border-failed-line bg-failed-soft px-1 align-middle text-[11px] leading-none font-semibold text-failed! no-underline!"
      >
        <CircleX className="size-3" aria-hidden /> contradicted
      </Link>
    </Quoted>
  );
}

function Quoted({ citation, lead, children }: { citation: Citation; lead?: string; children: ReactElement }) {
  return (
    <HoverCard.Root openDelay={120} closeDelay={120}>
      <HoverCard.Trigger asChild>{children}</HoverCard.Trigger>
      <HoverCard.Portal container={document.getElementById("main")}>
        <HoverCard.Content side="top" sideOffset={8} collisionPadding={12} className="z-40 w-[min(380px,calc(100vw-24px))] rounded-lg border border-line bg-raised p-3.5 text-base text-ink shadow-high">
          {lead && <p className="mb-2 text-sm font-medium text-failed">{lead}</p>}
          <div className="flex items-start gap-2">
            <FileText className="mt-0.5 size-4 shrink-0 text-ink-3" aria-hidden />
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">{citation.title}</p>
              {placeOf(citation) && <p className="truncate text-sm text-ink-3">{placeOf(citation)}</p>}
            </div>
          </div>
          <blockquote className="mt-2.5 line-clamp-6 border-l-2 border-accent pl-3 text-sm text-ink-2">{citation.quote}</blockquote>
          <p className="mt-2.5 flex items-center gap-1 text-xs text-ink-3">
            <ArrowUpRight className="size-3.5" aria-hidden /> Click opens the document at these words
          </p>
        </HoverCard.Content>
      </HoverCard.Portal>
    </HoverCard.Root>
  );
}
