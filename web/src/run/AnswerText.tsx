import { CircleX, TriangleAlert } from "lucide-react";
import { useCallback } from "react";
import type { Leaf } from "../text/markdown";
import { MarkdownText } from "../text/MarkdownText";
import { cut } from "../text/offsets";
import { Tip } from "../parts/Tip";
import { CitationMark, ContradictedMark } from "./CitationMark";
import { citationAt } from "./answer";
import type { Answer } from "./answer";

const WHY = "No passage was found that says this. Check it before you rely on it.";

/** The answer with its citations as small numbers; unsupported and contradicted sentences are marked, each in its own way. */
export function AnswerText({ answer, writing = false }: { answer: Answer; writing?: boolean }) {
  const showCite = useCallback(
    (marker: number, start: number) => {
      const citation = citationAt(answer, marker, start);
      if (citation) return <CitationMark citation={citation} />;
      return writing ? (
        <span className="tnum relative -top-[3px] mr-px ml-[3px] rounded bg-hover px-[5px] py-[1.5px] text-[11px] leading-none font-semibold text-ink-2">{marker}</span>
      ) : (
        <span className="text-ink-3">[{marker}]</span>
      );
    },
    [answer, writing],
  );
  const showLeaf = useCallback(
    (leaf: Leaf) =>
      answer.unsupported.length === 0
        ? leaf.text
        : cut(leaf.start, leaf.end, answer.unsupported).map((piece) => {
            const text = leaf.text.slice(piece.start - leaf.start, piece.end - leaf.start);
            if (piece.value === null) return text;
            const against = piece.value.contradicted_by;
            return (
              <span key={piece.start}>
                <span className={against ? "contradicted" : "unsupported"}>{text}</span>
                {piece.last && (against ? <ContradictedMark citation={against} /> : <UnsupportedMark />)}
              </span>
            );
          }),
    [answer.unsupported],
  );
  return <MarkdownText source={answer.text} showLeaf={showLeaf} showCite={showCite} />;
}

function UnsupportedMark() {
  return (
    <Tip text={WHY} side="top">
      <button type="button" aria-label={`Not supported by a source. ${WHY}`} className="mx-1 inline-flex size-[18px] -translate-y-px items-center justify-center rounded bg-waiting-soft align-middle text-waiting">
        <TriangleAlert className="size-3" aria-hidden />
      </button>
    </Tip>
  );
}

/** What of an answer is not to be relied on, below it. */
export function UnsupportedNote({ answer }: { answer: Answer }) {
  const contradicted = answer.unsupported.filter(({ value }) => value.contradicted_by).length;
  const count = answer.unsupported.length - contradicted;
  return (
    <>
      {contradicted > 0 && (
        <p className="flex items-start gap-2 rounded-md border border-failed-line bg-failed-soft px-3 py-2 text-sm text-ink">
          <CircleX className="mt-0.5 size-4 shrink-0 text-failed" aria-hidden />
          <span>
            The documents contradict {contradicted === 1 ? "one sentence, which is" : `${contradicted} sentences, which are`} <span className="contradicted">underlined with a wave</span>. Each shows what they say instead.
          </span>
        </p>
      )}
      {count > 0 && (
        <p className="flex items-start gap-2 rounded-md border border-waiting-line bg-waiting-soft px-3 py-2 text-sm text-ink">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-waiting" aria-hidden />
          <span>
            {count === 1 ? "One sentence has" : `${count} sentences have`} no support in the documents and {count === 1 ? "is" : "are"} <span className="unsupported">underlined with dots</span>. Check before you rely on it.
          </span>
        </p>
      )}
      {answer.judges.length > 0 && <p className="text-xs text-ink-3">Checked sentence by sentence, some by the model {answer.judges.join(", ")}.</p>}
      {answer.checkFailed && (
        <p className="flex items-start gap-2 rounded-md border border-waiting-line bg-waiting-soft px-3 py-2 text-sm text-ink">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-waiting" aria-hidden />
          <span>{answer.checkFailed}</span>
        </p>
      )}
    </>
  );
}
