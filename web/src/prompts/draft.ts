// A draft of a prompt's file: kept in this browser, compared with the file. Pure but for the browser's storage.

export interface Draft {
  text: string;
  /** The revision of the file that it was made from. */
  basedOn: string;
}

const key = (name: string) => `coachwork.prompt-draft.${name}`;

export function keptDraft(name: string): Draft | null {
  try {
    const found = JSON.parse(localStorage.getItem(key(name)) ?? "null") as Partial<Draft> | null;
    return typeof found?.text === "string" && typeof found.basedOn === "string" ? { text: found.text, basedOn: found.basedOn } : null;
  } catch {
    return null;
  }
}

export function keepDraft(name: string, draft: Draft | null): void {
  try {
    if (draft === null) localStorage.removeItem(key(name));
    else localStorage.setItem(key(name), JSON.stringify(draft));
  } catch {
    // storage is switched off or full: the draft lasts as long as the page
  }
}

export interface DiffLine {
  kind: "same" | "gone" | "new" | "skipped";
  text: string;
}

/** Line by line, what became of `before`; long equal stretches are left out but for `around` lines. */
export function diffLines(before: string, after: string, around = 3): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const same = (text: string): DiffLine => ({ kind: "same", text });
  return folded([...a.slice(0, head).map(same), ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)), ...a.slice(a.length - tail).map(same)], around);
}

function middle(a: string[], b: string[]): DiffLine[] {
  // the longest common lines, from the end: rows of lengths
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) for (let j = b.length - 1; j >= 0; j -= 1) (lengths[i] as Uint32Array)[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const found: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ kind: "same", text: a[i] as string });
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      found.push({ kind: "gone", text: a[i] as string });
      i += 1;
    } else {
      found.push({ kind: "new", text: b[j] as string });
      j += 1;
    }
  }
  return found;
}

function folded(lines: DiffLine[], around: number): DiffLine[] {
  const near = lines.map((_, index) => lines.slice(Math.max(0, index - around), index + around + 1).some((line) => line.kind !== "same"));
  return lines.flatMap((line, index) => (near[index] ? [line] : near[index - 1] || index === 0 ? [{ kind: "skipped" as const, text: "" }] : []));
}

/** A line of a template in pieces: what is written, and what is filled in. */
export function pieces(line: string): { text: string; filled: boolean }[] {
  return line
    .split(/(\{\{[^}]*\}\}\}?)/)
    .map((text, index) => ({ text, filled: index % 2 === 1 }))
    .filter((piece) => piece.text !== "");
}
