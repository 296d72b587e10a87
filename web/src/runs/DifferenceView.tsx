import type { Json } from "../api/types";
import { fieldsThatDiffer, wordsThatDiffer } from "./differences";
import type { Piece } from "./differences";
import { plural } from "../text/numbers";

interface DifferenceViewProps {
  title: string;
  a: Json | undefined;
  b: Json | undefined;
}

/** Two values beside each other: the fields that are other, their other words marked. */
export function DifferenceView({ title, a, b }: DifferenceViewProps) {
  const { pairs, same } = fieldsThatDiffer(a, b);
  if (pairs.length === 0) return null;
  return (
    <section aria-label={title} className="md:col-span-2">
      <h3 className="mb-1 text-sm font-semibold text-ink-2">{title}</h3>
      <div className="max-h-[420px] overflow-y-auto rounded-md border border-line bg-surface" tabIndex={0} role="region" aria-label={`${title}, in both`}>
        {pairs.map((pair) => {
          const words = wordsThatDiffer(pair.a ?? "", pair.b ?? "");
          return (
            <div key={pair.path} className="border-b border-line px-4 py-3 last:border-b-0">
              {pair.path && <p className="mb-1 text-xs text-ink-3">{pair.path}</p>}
              <div className="grid gap-x-8 gap-y-2 md:grid-cols-2">
                <Text pieces={words.a} there={pair.a !== undefined} first />
                <Text pieces={words.b} there={pair.b !== undefined} />
              </div>
            </div>
          );
        })}
      </div>
      {same > 0 && <p className="mt-1 text-sm text-ink-3">{plural(same, "field")} {same === 1 ? "is" : "are"} the same in both.</p>}
    </section>
  );
}

function Text({ pieces, there, first }: { pieces: Piece[]; there: boolean; first?: boolean }) {
  const which = first ? "first" : "second";
  if (!there) return <p className="text-ink-3">The {which} has no such field.</p>;
  const mark = first ? "bg-failed-soft line-through decoration-failed" : "bg-done-soft underline decoration-done";
  return (
    <p className="min-w-0 break-words whitespace-pre-wrap">
      <span className="sr-only">{first ? "First: " : "Second: "}</span>
      {pieces.map((piece, index) =>
        piece.same ? (
          <span key={index}>{piece.text}</span>
        ) : first ? (
          <del key={index} className={`rounded-sm ${mark}`}>
            {piece.text}
          </del>
        ) : (
          <ins key={index} className={`rounded-sm ${mark}`}>
            {piece.text}
          </ins>
        ),
      )}
    </p>
  );
}
