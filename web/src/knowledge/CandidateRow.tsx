import { Link } from "wouter";
import { documentPath, withQuery } from "../api/client";
import type { Candidate, Passage, Scores } from "../api/types";
import { ordinal } from "../text/numbers";

const FATES: Record<Candidate["fate"], string> = {
  kept: "",
  below: "below the number asked for",
  alike: "too like one before it",
  "too long": "too long for what was left",
  hidden: "hidden by a person",
};

/** A passage that a search looked at: where it stands, what each stage gave it, and which words of the question it has. */
export function CandidateRow({ kb, candidate }: { kb: string; candidate: Candidate }) {
  const { passage, fate, rank, matched } = candidate;
  const place = placeOf(passage);
  return (
    <li className="border-b border-line px-4 py-3 last:border-b-0">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-0.5">
        <span className="min-w-0">
          {rank !== null && <span className="tnum mr-2 text-ink-3">{rank}.</span>}
          <Link href={passageAddress(kb, passage)} className="font-medium hover:underline">
            {passage.title}
            {place && <span className="font-normal text-ink-2"> › {place}</span>}
          </Link>
        </span>
        <span className="tnum text-sm text-ink-2">{fate === "kept" ? `score ${passage.score.toFixed(2)}` : FATES[fate]}</span>
      </div>
      <p className="mt-1 line-clamp-4 max-w-[72ch] whitespace-pre-line text-ink-2">{readable(passage.text)}</p>
      <p className="tnum mt-1.5 flex flex-wrap gap-x-4 text-xs text-ink-3">
        {passage.scores && stagesOf(passage.scores).map((stage) => <span key={stage}>{stage}</span>)}
        {matched.length > 0 && (
          <span>
            words in it: <span className="text-ink-2">{matched.join(", ")}</span>
          </span>
        )}
      </p>
    </li>
  );
}

/** Each stage in words: "by meaning 2nd (0.61)". */
function stagesOf(scores: Scores): string[] {
  if (scores.neighbour) return ["beside a passage that was found"];
  const stages = [
    scores.dense_rank === null ? "not found by meaning" : `by meaning ${ordinal(scores.dense_rank)} (${(scores.dense ?? 0).toFixed(2)})`,
    scores.words_rank === null ? "not found by words" : `by words ${ordinal(scores.words_rank)} (${(scores.words ?? 0).toFixed(1)})`,
  ];
  if (scores.fused_rank !== null) stages.push(`together ${ordinal(scores.fused_rank)} (${(scores.fused ?? 0).toFixed(2)})`);
  if (scores.boost !== 1) stages.push(`counted × ${scores.boost}`);
  if (scores.rerank !== null) stages.push(`read again ${scores.rerank.toFixed(2)}`);
  return stages;
}

export function passageAddress(kb: string, passage: Passage): string {
  return withQuery(`/knowledge/${kb}/documents/${documentPath(passage.document)}`, { start: passage.start, end: passage.end });
}

/** The headings above a passage, without the document's own title, and its page. */
export function placeOf(passage: Passage): string {
  return [...(passage.title_path ?? []).filter((part) => part !== passage.title), ...(passage.page ? [`page ${passage.page}`] : [])].join(" › ");
}

/** A passage's words to be skimmed: without its headings, which stand in its place, and on as few lines as there are. */
export function readable(text: string): string {
  const words = text.replace(/^#{1,6} .*$/gm, "").trim() || text;
  return words.replace(/\n\s*\n+/g, "\n");
}
