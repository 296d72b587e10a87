import { describe, expect, it } from "vitest";
import { readMarkdown } from "./markdown";
import type { Block, Inline, Leaf } from "./markdown";

function leaves(value: unknown): Leaf[] {
  if (Array.isArray(value)) return value.flatMap(leaves);
  if (typeof value !== "object" || value === null) return [];
  if ((value as Leaf).kind === "text") return [value as Leaf];
  return Object.values(value).flatMap(leaves);
}
const inline = (source: string) => (readMarkdown(source)[0] as { children: Inline[] }).children;
const kinds = (source: string) => readMarkdown(source).map((block) => block.kind);

const LONG = `# Title with **bold**

A paragraph with *stress*, \`code\`, a [link](https://example.org/a_(b)) and [1], [2, 3].
Its second line ends here.

- one
- two with **bold** [4]
  - nested \`x\`

  more of two
1. first
2. second

> quoted **words**

| a | b |
| --- | ---: |
| x *y* | [1] 2 |

\`\`\`python
print("[1]")
\`\`\`

---
Last __line__ with grüß 🚗 \\* escaped.`;

describe("every letter keeps its place", () => {
  it.each([LONG, LONG.replaceAll("\n", "\r\n"), "*a* **b** _c_ ~~d~~ **a *b* c**"])("leaves are slices of the source", (source) => {
    const found = leaves(readMarkdown(source));
    expect(found.length).toBeGreaterThan(3);
    for (const leaf of found.filter((one) => !one.text.includes("\n"))) expect(source.slice(leaf.start, leaf.end)).toBe(leaf.text);
  });
});

describe("blocks", () => {
  it("are told apart", () => {
    expect(kinds(LONG)).toEqual(["heading", "paragraph", "list", "list", "quote", "table", "code", "rule", "paragraph"]);
  });
  it.each<[string, string[]]>([
    ["", []],
    ["Hello\nthere", ["paragraph"]],
    ["Text\n- item", ["paragraph", "list"]],
    ["```\nnever closed", ["code"]],
    ["a | b", ["paragraph"]],
    ["#hash is no heading", ["paragraph"]],
  ])("%j", (source, expected) => expect(kinds(source)).toEqual(expected));

  it("nest lists", () => {
    const list = readMarkdown("- a\n  - b\n- c")[0] as Extract<Block, { kind: "list" }>;
    expect(list.items.map((item) => item.map((block) => block.kind))).toEqual([["paragraph", "list"], ["paragraph"]]);
  });
});

describe("citations in the text", () => {
  it.each<[string, number[]]>([
    ["It says so [1].", [1]],
    ["Both [1][2] and [3, 4].", [1, 2, 3, 4]],
    ["An [index](https://example.org) is none, nor `[1]`, nor [a].", []],
    ["**bold [5]**", [5]],
  ])("%s", (source, expected) => {
    const found: number[] = [];
    const walk = (parts: Inline[]) => parts.forEach((part) => (part.kind === "cite" ? found.push(part.marker) : "children" in part && walk(part.children)));
    walk(inline(source));
    expect(found).toEqual(expected);
  });
});

describe("what could do harm", () => {
  it.each(["[x](javascript:alert(1))", "[x](data:text/html,<script>)", "<script>alert(1)</script>", "![x](https://evil.example/pixel.png)"])("%s is text, or a link that is clicked", (source) => {
    const parts = inline(source);
    expect(parts.every((part) => part.kind !== "link" || part.href.startsWith("https://"))).toBe(true);
  });

  it("reads a long hostile line in a moment", () => {
    const source = "[".repeat(3000) + "*".repeat(3000) + "`".repeat(3000) + "_a".repeat(3000);
    expect(readMarkdown(source)).toHaveLength(1);
  });
});
