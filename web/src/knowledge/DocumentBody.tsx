import { memo, useCallback, useMemo } from "react";
import type { ReactNode } from "react";
import type { DocumentText } from "../api/types";
import { MarkdownText } from "../text/MarkdownText";
import type { Leaf } from "../text/markdown";
import { stepwise } from "../text/headings";
import { cut } from "../text/offsets";
import type { Quoted } from "../screens/DocumentScreen";
import { piecesOf } from "./plain";

const MARKDOWN = new Set(["md", "markdown", "mdx"]);

/** The stored text, readable, every character still at its offset: so the quoted words are exactly those that are lit. `placed` writes the offsets beside the letters (`places.ts`). */
export const DocumentBody = memo(function DocumentBody({ document, quoted, placed = false }: { document: DocumentText; quoted: Quoted | null; placed?: boolean }) {
  const lit = useCallback(
    (start: number, end: number): ReactNode => {
      const text = document.text;
      if (!quoted && !placed) return text.slice(start, end);
      return cut(start, end, quoted ? [{ start: quoted.start, end: quoted.end, value: true }] : []).map((piece) =>
        piece.value ? (
          <mark key={piece.start} className="quoted" tabIndex={-1} data-at={piece.start}>
            {text.slice(piece.start, piece.end)}
          </mark>
        ) : placed ? (
          <span key={piece.start} data-at={piece.start}>
            {text.slice(piece.start, piece.end)}
          </span>
        ) : (
          text.slice(piece.start, piece.end)
        ),
      );
    },
    [document.text, quoted, placed],
  );
  const showLeaf = useCallback((leaf: Leaf) => lit(leaf.start, leaf.end), [lit]);
  if (MARKDOWN.has(document.format.toLowerCase())) return <MarkdownText source={document.text} showLeaf={showLeaf} topLevel={2} lines="flow" titled={document.title} />;
  return <PlainBody document={document} lit={lit} />;
});

function PlainBody({ document, lit }: { document: DocumentText; lit: (start: number, end: number) => ReactNode }) {
  const pieces = useMemo(() => {
    const all = piecesOf(document);
    const first = all.findIndex((piece) => piece.kind !== "page");
    const piece = all[first];
    const repeats = piece?.kind === "heading" && document.text.slice(piece.start, piece.end).replace(/^#+\s*/, "").trim() === document.title.trim();
    return repeats ? all.filter((_, index) => index !== first) : all;
  }, [document]);
  const headings = pieces.filter((piece) => piece.kind === "heading");
  const levels = stepwise(headings.map((heading) => heading.level), 2);
  return (
    <div className="prose-text">
      {pieces.map((piece) => {
        if (piece.kind === "page")
          return (
            <div key={`page-${piece.page}`} className="flex items-center gap-3 pt-5 text-xs text-ink-3 first:pt-0">
              Page {piece.page}
              <span className="h-px flex-1 bg-line" />
            </div>
          );
        if (piece.kind === "heading") {
          const Tag = `h${levels[headings.indexOf(piece)] ?? 6}` as "h2";
          return (
            <Tag key={piece.start} id={`at-${piece.anchor}`} data-level={piece.level}>
              {lit(piece.start + hashes(document.text, piece.start), piece.end)}
            </Tag>
          );
        }
        return (
          <p key={piece.start} className="whitespace-pre-line">
            {lit(piece.start, piece.end)}
          </p>
        );
      })}
    </div>
  );
}

/** The parsers write headings as Markdown does; the signs themselves are not for reading. */
function hashes(text: string, start: number): number {
  return /^#{1,6} /.exec(text.slice(start, start + 8))?.[0].length ?? 0;
}
