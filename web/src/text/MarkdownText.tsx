import { Fragment, memo, useMemo } from "react";
import type { ReactNode } from "react";
import { stepwise } from "./headings";
import { readMarkdown } from "./markdown";
import type { Block, Inline, Leaf } from "./markdown";

interface MarkdownTextProps {
  source: string;
  /** How a piece of the source is shown, where that is more than its letters (a highlight, a mark). */
  showLeaf?: ((leaf: Leaf) => ReactNode) | undefined;
  showCite?: ((marker: number, start: number) => ReactNode) | undefined;
  /** Heading levels begin here: 2 inside a screen. */
  topLevel?: number;
  /** Line ends inside a paragraph: kept in what somebody wrote to somebody, flowed in documents. */
  lines?: "keep" | "flow";
  /** A first heading that says only this is left out: it stands above already. */
  titled?: string;
}

/** Markdown as elements. No HTML of the text's own ever reaches the page. */
export const MarkdownText = memo(function MarkdownText({ source, showLeaf, showCite, topLevel = 3, lines = "keep", titled }: MarkdownTextProps) {
  const blocks = useMemo(() => readMarkdown(source), [source]);
  const show: Show = { leaf: showLeaf ?? ((leaf) => leaf.text), cite: showCite ?? ((marker) => `[${marker}]`), levels: new Map(), keep: lines === "keep" };
  const shown = titled !== undefined && isHeading(blocks[0], titled) ? blocks.slice(1) : blocks;
  const headings = shown.filter((block) => block.kind === "heading");
  stepwise(headings.map((heading) => heading.level), topLevel).forEach((level, index) => show.levels.set(headings[index] as Block, level));
  return <div className="prose-text">{shown.map((block, index) => blockElement(block, index, show))}</div>;
});

function isHeading(block: Block | undefined, text: string): boolean {
  return block?.kind === "heading" && block.children.length === 1 && block.children[0]?.kind === "text" && block.children[0].text.trim() === text.trim();
}

interface Show {
  leaf: (leaf: Leaf) => ReactNode;
  cite: (marker: number, start: number) => ReactNode;
  levels: Map<Block, number>;
  keep: boolean;
}

function blockElement(block: Block, key: number, show: Show): ReactNode {
  switch (block.kind) {
    case "paragraph":
      return <p key={key}>{inlineElements(block.children, show)}</p>;
    case "heading": {
      const level = show.levels.get(block) ?? 6;
      const Tag = `h${level}` as "h2";
      return (
        <Tag key={key} id={`at-${block.start}`} data-level={block.level}>
          {inlineElements(block.children, show)}
        </Tag>
      );
    }
    case "list": {
      const items = block.items.map((item, index) => (
        <li key={index}>{item.length === 1 && item[0]?.kind === "paragraph" ? inlineElements(item[0].children, show) : item.map((inner, at) => (at === 0 && inner.kind === "paragraph" ? <Fragment key={at}>{inlineElements(inner.children, show)}</Fragment> : blockElement(inner, at, show)))}</li>
      ));
      return block.ordered ? (
        <ol key={key} start={block.first}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
    case "quote":
      return <blockquote key={key}>{block.blocks.map((inner, index) => blockElement(inner, index, show))}</blockquote>;
    case "code":
      return (
        <pre key={key} tabIndex={0}>
          <code>{show.leaf(block.leaf)}</code>
        </pre>
      );
    case "table":
      return (
        <div key={key} className="prose-table" tabIndex={0} role="group" aria-label="Table">
          <table>
            <thead>
              <tr>
                {block.head.map((cell, index) => (
                  <th key={index} scope="col" data-align={block.align[index]}>
                    {inlineElements(cell, show)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, at) => (
                <tr key={at}>
                  {row.map((cell, index) => (
                    <td key={index} data-align={block.align[index]}>
                      {inlineElements(cell, show)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "rule":
      return <hr key={key} />;
  }
}

function inlineElements(parts: Inline[], show: Show): ReactNode[] {
  return parts.map((part, key) => {
    const next = parts[key + 1];
    switch (part.kind) {
      case "text":
        // the number of a source stays on the line of the word it belongs to
        return <Fragment key={key}>{show.leaf(next?.kind === "cite" && part.text.endsWith(" ") ? { ...part, text: part.text.slice(0, -1), end: part.end - 1 } : part)}</Fragment>;
      case "cite":
        return <Fragment key={key}>{show.cite(part.marker, part.start)}</Fragment>;
      case "code":
        return <code key={key}>{show.leaf(part.leaf)}</code>;
      case "break":
        return part.soft && !show.keep ? " " : <br key={key} />;
      case "link":
        return (
          <a key={key} href={part.href} target="_blank" rel="noreferrer noopener">
            {inlineElements(part.children, show)}
          </a>
        );
      default: {
        const Tag = part.kind;
        return <Tag key={key}>{inlineElements(part.children, show)}</Tag>;
      }
    }
  });
}
