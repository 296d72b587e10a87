// Reads Markdown into blocks that remember where each character stood in the source. No raw HTML, ever.

export interface Leaf {
  kind: "text";
  text: string;
  /** Offsets in the source; `text.length === end - start`. */
  start: number;
  end: number;
}
export interface Mark {
  kind: "strong" | "em" | "del";
  children: Inline[];
}
export interface Code {
  kind: "code";
  leaf: Leaf;
}
export interface Link {
  kind: "link";
  href: string;
  children: Inline[];
}
export interface Cite {
  kind: "cite";
  marker: number;
  start: number;
  end: number;
}
export interface Break {
  kind: "break";
  /** A plain line end: a space in a document, a new line in a letter. */
  soft: boolean;
}
export type Inline = Leaf | Mark | Code | Link | Cite | Break;

export type Block =
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "heading"; level: number; children: Inline[]; start: number }
  | { kind: "list"; ordered: boolean; first: number; items: Block[][] }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "code"; leaf: Leaf; language: string }
  | { kind: "table"; align: ("left" | "right" | "center" | null)[]; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

interface Line {
  text: string;
  start: number;
}

export function readMarkdown(source: string): Block[] {
  const lines: Line[] = [];
  let start = 0;
  for (const text of source.split("\n")) {
    lines.push({ text: text.endsWith("\r") ? text.slice(0, -1) : text, start });
    start += text.length + 1;
  }
  return readBlocks(lines);
}

const FENCE = /^ {0,3}(```+|~~~+)\s*([\w+-]*)/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*$/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])([ \t]+|$)/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_RULE = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function readBlocks(lines: Line[]): Block[] {
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] as Line;
    if (line.text.trim() === "") {
      at += 1;
      continue;
    }
    const [block, next] = fence(lines, at) ?? heading(line, at) ?? rule(line, at) ?? quote(lines, at) ?? list(lines, at) ?? table(lines, at) ?? paragraph(lines, at);
    blocks.push(block);
    at = next;
  }
  return blocks;
}

type Read = [Block, number] | null;

function fence(lines: Line[], at: number): Read {
  const open = FENCE.exec((lines[at] as Line).text);
  if (!open) return null;
  const mark = open[1] as string;
  let end = at + 1;
  while (end < lines.length && !(lines[end] as Line).text.trim().startsWith(mark)) end += 1;
  const body = lines.slice(at + 1, end);
  const start = body[0]?.start ?? (lines[at] as Line).start;
  const text = body.map((line) => line.text).join("\n");
  return [{ kind: "code", language: open[2] ?? "", leaf: { kind: "text", text, start, end: start + text.length } }, end + 1];
}

function heading(line: Line, at: number): Read {
  const match = HEADING.exec(line.text);
  if (!match) return null;
  const text = match[2] as string;
  const from = line.start + line.text.indexOf(text, (match[1] as string).length);
  return [{ kind: "heading", level: (match[1] as string).length, children: readInline([{ text, start: from }]), start: line.start }, at + 1];
}

function rule(line: Line, at: number): Read {
  return RULE.test(line.text) ? [{ kind: "rule" }, at + 1] : null;
}

function quote(lines: Line[], at: number): Read {
  const inner: Line[] = [];
  let next = at;
  for (; next < lines.length; next += 1) {
    const line = lines[next] as Line;
    const mark = QUOTE.exec(line.text);
    if (!mark) break;
    inner.push({ text: line.text.slice(mark[0].length), start: line.start + mark[0].length });
  }
  return inner.length === 0 ? null : [{ kind: "quote", blocks: readBlocks(inner) }, next];
}

function list(lines: Line[], at: number): Read {
  const first = ITEM.exec((lines[at] as Line).text);
  if (!first) return null;
  const ordered = /\d/.test(first[2] as string);
  const items: Line[][] = [];
  let next = at;
  let indent = 0;
  for (; next < lines.length; next += 1) {
    const line = lines[next] as Line;
    const item = ITEM.exec(line.text);
    const depth = line.text.length - line.text.trimStart().length;
    if (item && (items.length === 0 || depth < indent) && /\d/.test(item[2] as string) === ordered && !RULE.test(line.text)) {
      indent = item[0].trimEnd().length + 1;
      items.push([{ text: line.text.slice(item[0].length), start: line.start + item[0].length }]);
      continue;
    }
    const current = items.at(-1) as Line[];
    if (line.text.trim() === "") {
      const after = lines[next + 1];
      if (!after || after.text.trim() === "" || (after.text.length - after.text.trimStart().length < indent && !ITEM.test(after.text))) break;
      current.push({ text: "", start: line.start });
      continue;
    }
    if (depth >= Math.min(indent, 2)) {
      const strip = Math.min(depth, indent);
      current.push({ text: line.text.slice(strip), start: line.start + strip });
      continue;
    }
    if (item || startsBlock(lines, next) || (lines[next - 1] as Line).text.trim() === "") break;
    current.push(line); // a lazy line goes on with the item's paragraph
  }
  return [{ kind: "list", ordered, first: Number.parseInt(first[2] as string, 10) || 1, items: items.map(readBlocks) }, next];
}

function table(lines: Line[], at: number): Read {
  const head = lines[at] as Line;
  const under = lines[at + 1];
  if (!head.text.includes("|") || !under || !TABLE_RULE.test(under.text) || !under.text.includes("-")) return null;
  const align = cells(under).map(({ text }) => {
    const left = text.startsWith(":");
    const right = text.endsWith(":");
    return left && right ? "center" : right ? "right" : left ? "left" : null;
  });
  const rows: Inline[][][] = [];
  let next = at + 2;
  for (; next < lines.length && (lines[next] as Line).text.includes("|"); next += 1) rows.push(cells(lines[next] as Line).map((cell) => readInline([cell])));
  return [{ kind: "table", align, head: cells(head).map((cell) => readInline([cell])), rows }, next];
}

function cells(line: Line): Line[] {
  const found: Line[] = [];
  let from = 0;
  const push = (to: number) => {
    const raw = line.text.slice(from, to);
    const lead = raw.length - raw.trimStart().length;
    found.push({ text: raw.trim(), start: line.start + from + lead });
  };
  for (let at = 0; at < line.text.length; at += 1) {
    if (line.text[at] !== "|" || line.text[at - 1] === "\\") continue;
    if (line.text.slice(0, at).trim() !== "") push(at);
    from = at + 1;
  }
  if (line.text.slice(from).trim() !== "") push(line.text.length);
  return found;
}

function startsBlock(lines: Line[], at: number): boolean {
  const text = (lines[at] as Line).text;
  return FENCE.test(text) || HEADING.test(text) || RULE.test(text) || QUOTE.test(text) || ITEM.test(text) || table(lines, at) !== null;
}

function paragraph(lines: Line[], at: number): [Block, number] {
  let next = at + 1;
  while (next < lines.length && (lines[next] as Line).text.trim() !== "" && !startsBlock(lines, next)) next += 1;
  const body = lines.slice(at, next).map((line) => {
    const lead = line.text.length - line.text.trimStart().length;
    return { text: line.text.slice(lead), start: line.start + lead };
  });
  return [{ kind: "paragraph", children: readInline(body) }, next];
}

/** Lines of one paragraph into inline parts; the line end between two of them is one space of the source. */
function readInline(lines: Line[]): Inline[] {
  const parts: Inline[] = [];
  lines.forEach((line, index) => {
    const hard = / {2,}$|\\$/.test(line.text) && index < lines.length - 1;
    const text = hard ? line.text.replace(/ {2,}$|\\$/, "") : line.text.trimEnd();
    parts.push(...spans(text, line.start));
    if (index === lines.length - 1) return;
    parts.push({ kind: "break", soft: !hard });
  });
  return parts;
}

const SPAN =
  /(?<escape>\\[!-/:-@[-`{-~])|(?<code>`+)(?<inside>.+?)\k<code>(?!`)|(?<cite>\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\](?!\())|!?\[(?<label>[^\]]*)\]\((?<href>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+"[^"]*")?\)|<?(?<url>https?:\/\/[^\s<>()[\]"']*[^\s<>()[\]"'.,;:!?])>?|(?<strong>\*\*|__)(?=\S)(?<bold>.+?)(?<=\S)\k<strong>|(?<em>\*)(?=[^\s*])(?<star>[^*]+?)(?<=\S)\*(?!\*)|(?<![\p{L}\p{N}_])_(?=[^\s_])(?<line>[^_]+?)(?<=\S)_(?![\p{L}\p{N}_])|~~(?=\S)(?<gone>.+?)(?<=\S)~~/gu;

function spans(text: string, start: number): Inline[] {
  const parts: Inline[] = [];
  let at = 0;
  const leaf = (from: number, to: number) => {
    if (to > from) parts.push({ kind: "text", text: text.slice(from, to), start: start + from, end: start + to });
  };
  for (const match of text.matchAll(SPAN)) {
    const from = match.index;
    const whole = match[0];
    const group = match.groups as Record<string, string | undefined>;
    leaf(at, from);
    at = from + whole.length;
    if (group["escape"]) leaf(from + 1, from + 2);
    else if (group["code"] && group["inside"] !== undefined) {
      const offset = from + group["code"].length;
      parts.push({ kind: "code", leaf: { kind: "text", text: group["inside"], start: start + offset, end: start + offset + group["inside"].length } });
    } else if (group["cite"]) {
      for (const number of group["cite"].matchAll(/\d+/g)) parts.push({ kind: "cite", marker: Number(number[0]), start: start + from, end: start + at });
    } else if (group["href"] !== undefined) {
      const label = group["label"] || group["href"];
      const children = spans(label, start + from + whole.indexOf(label));
      if (/^(https?:|mailto:)/i.test(group["href"])) parts.push({ kind: "link", href: group["href"], children });
      else parts.push(...children);
    } else if (group["url"]) {
      const offset = from + whole.indexOf(group["url"]);
      parts.push({ kind: "link", href: group["url"], children: [{ kind: "text", text: group["url"], start: start + offset, end: start + offset + group["url"].length }] });
    } else {
      const kind = group["bold"] !== undefined ? "strong" : group["gone"] !== undefined ? "del" : "em";
      const value = group["bold"] ?? group["gone"] ?? group["star"] ?? group["line"] ?? "";
      parts.push({ kind, children: spans(value, start + from + (kind === "em" ? 1 : 2)) });
    }
  }
  leaf(at, text.length);
  return parts;
}
