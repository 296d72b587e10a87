import { ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect, useRef } from "react";
import { asProblem } from "../api/client";
import { usePdfPage } from "../api/queries";
import type { DocumentText } from "../api/types";
import { IconButton } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Skeleton } from "../parts/Skeleton";

interface PdfPageProps {
  kb: string;
  document: DocumentText;
  page: number;
  /** In characters of the stored text, as the server counts them. */
  quote: { start: number; end: number } | null;
  turn: (page: number) => void;
}

/** A page of a PDF as it is printed, drawn on the server; the quoted words are lit at their place on it. */
export function PdfPage({ kb, document, page, quote, turn }: PdfPageProps) {
  const query = usePdfPage(kb, document.id, page, quote);
  const first = useRef<SVGRectElement>(null);
  const shown = query.data;
  useEffect(() => {
    first.current?.scrollIntoView({ block: "center" }); // gives a promise in newer browsers: not to be returned
  }, [shown]);
  const last = document.pages?.length ?? 1;
  const place = document.pages?.find((one) => one.page === page);
  return (
    <section aria-label={`Page ${page} as printed`}>
      <div className="mb-2 flex items-center justify-center gap-1 text-sm text-ink-2">
        <IconButton label="Page before" icon={<ChevronLeft className="size-4" />} disabled={page <= 1} onClick={() => turn(page - 1)} />
        <span className="tnum min-w-28 text-center">
          Page {page} of {last}
        </span>
        <IconButton label="Next page" icon={<ChevronRight className="size-4" />} disabled={page >= last} onClick={() => turn(page + 1)} />
      </div>
      {query.error && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {query.isPending && <Skeleton lines={12} label="Drawing the page" />}
      {shown && (
        <svg viewBox={`0 0 ${shown.width} ${shown.height}`} role="img" aria-label={`${document.title}, page ${page}${shown.places.length ? ", the quoted words lit" : ""}`} className="block h-auto w-full rounded-md border border-line bg-white">
          <image href={shown.image} width={shown.width} height={shown.height} />
          {shown.places.map(([left, top, right, bottom], index) => (
            <rect key={index} ref={index === 0 ? first : undefined} data-quoted x={left - 3} y={top - 3} width={right - left + 6} height={bottom - top + 6} rx={4} className="fill-[#ffe14d] mix-blend-multiply" />
          ))}
        </svg>
      )}
      {place && <p className="sr-only">{[...document.text].slice(place.start, place.end).join("")}</p>}
    </section>
  );
}
