import { pieces } from "./draft";

/** A prompt's file as it is, its line numbers beside it, what is filled in marked. */
export function SourceText({ text, label }: { text: string; label: string }) {
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    <div role="region" aria-label={`Text of ${label}`} tabIndex={0} className="overflow-x-auto rounded-lg border border-line bg-sunken py-2.5">
      <ol className="w-fit min-w-full font-mono text-sm leading-6">
        {lines.map((line, index) => (
          <li key={index} className="flex">
            <span aria-hidden className="tnum w-11 shrink-0 pr-3 text-right text-ink-3 select-none">
              {index + 1}
            </span>
            <span className={`pr-4 whitespace-pre ${/^## (system|user|assistant|example)\s*$/.test(line) ? "font-semibold text-accent-text" : ""}`}>
              {pieces(line).map((piece, at) => (piece.filled ? <mark key={at} className="rounded-sm bg-accent-soft text-accent-text">{piece.text}</mark> : <span key={at}>{piece.text}</span>))}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}
