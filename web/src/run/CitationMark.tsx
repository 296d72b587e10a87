import * as HoverCard from "@radix-ui/react-hover-card";
import { ArrowUpRight, FileText } from "lucide-react";
import { Link } from "wouter";
import type { Citation } from "../api/types";
import { addressOf, placeOf } from "./answer";

/** The small number in the text: hover or focus shows the quote, a click opens the document at those words. */
export function CitationMark({ citation }: { citation: Citation }) {
  return (
    <HoverCard.Root openDelay={120} closeDelay={120}>
      <HoverCard.Trigger asChild>
        <Link
          href={addressOf(citation)}
          aria-label={`Source ${citation.marker}: ${citation.title}: ${citation.quote}`}
          className="tnum relative -top-[3px] mr-px ml-[3px] rounded bg-accent-soft px-[5px] py-[1.5px] text-[11px] leading-none font-semibold text-accent-text! no-underline! hover:bg-accent hover:text-on-accent!"
        >
          {citation.marker}
        </Link>
      </HoverCard.Trigger>
      <HoverCard.Portal container={document.getElementById("main")}>
        <HoverCard.Content side="top" sideOffset={8} collisionPadding={12} className="z-40 w-[min(380px,calc(100vw-24px))] rounded-lg border border-line bg-raised p-3.5 text-base text-ink shadow-high">
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
