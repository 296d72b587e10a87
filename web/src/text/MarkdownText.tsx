import { Fragment, memo, useMemo } from "react";
import type { ReactNode } from "react";
import { readMarkdown } from "./markdown";
import type { Block, Inline, Leaf } from "./markdown";

interface MarkdownTextProps {
  source: string;
  /** How a piece of the source is shown, where that is more than its letters (a highlight, a mark). */
  showLeaf?: ((leaf: Leaf) => ReactNode) | undefined;
  showCite?: ((marker: number, start: number) => ReactNode) | undefined;
  /** Heading levels begin here: 2 inside a screen. */
  topLevel?: number;
}

/** Markdown as elements. No HTML of the text's own ever reaches the page. */
export const MarkdownText = memo(function MarkdownText({ source, showLeaf, showCite, topLevel = 3 }: MarkdownTextProps) {
  const blocks = useMemo(() => readMarkdown(source), [source]);
  const show: Show = { leaf: showLeaf ?? ((leaf) => leaf.text), cite: showCite ?? ((marker) => `[${marker}]`), topLevel };
  return <div className="prose-text">{blocks.map((block, index) => blockElement(block, index, show))}</div>;
});

interface Show {
  leaf: (leaf: Leaf) => ReactNode;
  cite: (marker: number, start: number) => ReactNode;
  topLevel: number;
}

function blockElement(block: Block, key: number, show: Show): ReactNode {
  switch (block.kind) {
    case "paragraph":
      return <p key={key}>{inlineElements(block.children, show)}</p>;
    case "heading": {
      const level = Math.min(6, block.level + show.topLevel - 1);
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
        <div key={key} className="prose-table" tabIndex={0} role="region" aria-label="Table">
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
    switch (part.kind) {
      case "text":
        return <Fragment key={key}>{show.leaf(part)}</Fragment>;
      case "cite":
        return <Fragment key={key}>{show.cite(part.marker, part.start)}</Fragment>;
      case "code":
        return <code key={key}>{show.leaf(part.leaf)}</code>;
      case "break":
        return <br key={key} />;
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
