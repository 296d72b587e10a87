import { Eye, EyeOff, Undo2 } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { RefObject } from "react";
import { asProblem } from "../api/client";
import { usePassages, useWeigh } from "../api/queries";
import type { Weighing } from "../api/queries";
import type { DocumentText, PassageWeighed } from "../api/types";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Skeleton } from "../parts/Skeleton";
import { plural } from "../text/numbers";
import { unitOffsets } from "../text/offsets";
import { light, placeOfSelection, rangeOn } from "./places";
import { placeOf, readable } from "./CandidateRow";

const BOOSTS = [0.5, 1, 1.5, 2, 4];

/**
 * The passages that the document was cut into, beside its text: what the pointer or the keyboard is on is lit there, and a
 * click into the text finds its passage here. A passage can be hidden from every search or made to count more, and back.
 */
export function PassageList({ kb, document, body }: { kb: string; document: DocumentText; body: RefObject<HTMLElement | null> }) {
  const query = usePassages(kb, document.id, true);
  const weigh = useWeigh(kb, document.id);
  const [at, setAt] = useState<number | null>(null);
  const [undo, setUndo] = useState<{ says: string; before: Weighing } | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const passages = query.data?.items;
  const places = useMemo(() => {
    const units = unitOffsets(document.text);
    return (passages ?? []).map(({ passage }) => ({ start: units(passage.start), end: units(passage.end) }));
  }, [document.text, passages]);

  useEffect(() => {
    const place = at === null ? undefined : places[at];
    light("passage", body.current && place ? rangeOn(body.current, place.start, place.end) : null);
    return () => light("passage", null);
  }, [at, places, body]);

  useEffect(() => {
    const chosen = () => {
      const place = body.current && placeOfSelection(body.current);
      if (place === null) return;
      const found = places.findIndex((one) => one.start <= place && place < one.end);
      if (found < 0) return;
      setAt(found);
      list.current?.children[found]?.scrollIntoView({ block: "nearest" });
    };
    window.document.addEventListener("selectionchange", chosen);
    return () => window.document.removeEventListener("selectionchange", chosen);
  }, [places, body]);

  const show = (index: number) => {
    const place = places[index];
    const range = body.current && place ? rangeOn(body.current, place.start, place.end) : null;
    range?.startContainer.parentElement?.scrollIntoView({ block: "center" });
  };
  const change = (one: PassageWeighed, to: Partial<Weighing>, says: string) => {
    const before = { digest: one.passage.digest, hidden: one.hidden, boost: one.boost };
    weigh.mutate({ ...before, ...to }, { onSuccess: () => setUndo({ says, before }) });
  };

  if (query.error) return <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />;
  if (!passages) return <Skeleton lines={8} label="Loading the passages" />;
  return (
    <>
      <p className="mb-1 text-sm text-ink-3">{plural(passages.length, "passage")}, as searches find them. What you hide or weigh here holds until its words change.</p>
      <p role="status" className="mb-2 flex min-h-7 items-center gap-2 text-sm">
        {undo && (
          <>
            {undo.says}
            <Button small look="quiet" onClick={() => weigh.mutate(undo.before, { onSuccess: () => setUndo(null) })}>
              <Undo2 className="size-3.5" aria-hidden /> Undo
            </Button>
          </>
        )}
      </p>
      {weigh.error && <ProblemNote problem={asProblem(weigh.error)} />}
      <ol ref={list} aria-label="Passages" className="flex flex-col gap-2">
        {passages.map((one, index) => (
          <li
            key={`${one.passage.start} ${one.passage.digest}`}
            aria-current={at === index ? "true" : undefined}
            onPointerEnter={() => setAt(index)}
            onFocus={() => setAt(index)}
            className={`rounded-lg border px-3 py-2 ${at === index ? "border-accent bg-accent-soft" : "border-line"}`}
          >
            <button type="button" onClick={() => show(index)} className="block w-full text-left">
              <span className="flex items-baseline justify-between gap-2 text-xs text-ink-2">
                <span className="truncate">
                  <span className="tnum font-medium">{index + 1}</span>
                  {placeOf(one.passage) && ` · ${placeOf(one.passage)}`}
                </span>
                {one.hidden ? <span className="shrink-0 font-medium text-waiting">hidden</span> : one.boost !== 1 && <span className="tnum shrink-0 font-medium">counts × {one.boost}</span>}
              </span>
              <span className={`mt-0.5 line-clamp-3 text-sm ${one.hidden ? "text-ink-3 line-through" : "text-ink"}`}>{readable(one.passage.text)}</span>
            </button>
            <span className="mt-1.5 flex items-center gap-2">
              <Button small look="quiet" className="-ml-2.5" disabled={weigh.isPending} onClick={() => change(one, { hidden: !one.hidden }, one.hidden ? `Passage ${index + 1} is found again.` : `Passage ${index + 1} is found by no search now.`)}>
                {one.hidden ? <Eye className="size-3.5" aria-hidden /> : <EyeOff className="size-3.5" aria-hidden />} {one.hidden ? "Show again" : "Hide"}
              </Button>
              {!one.hidden && (
                <label className="flex items-center gap-1.5 text-xs text-ink-2">
                  counts
                  <select value={one.boost} disabled={weigh.isPending} aria-label={`How much passage ${index + 1} counts`} onChange={(event) => change(one, { boost: Number(event.target.value) }, `Passage ${index + 1} counts × ${event.target.value}.`)} className="h-7 rounded-md border border-line-strong bg-surface px-1.5 text-sm text-ink">
                    {[...new Set([...BOOSTS, one.boost])].sort((a, b) => a - b).map((boost) => (
                      <option key={boost} value={boost}>
                        × {boost}
                      </option>
                    ))}
                  </select>
                </label>
              )}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
