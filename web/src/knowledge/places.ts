// Where characters of a document stand on the page, and back. Knows the spans that carry `data-at`; draws nothing.

/** The spans that show characters `start`..`end` of the text, as one range; null where none of them is on the page. */
export function rangeOn(body: HTMLElement, start: number, end: number): Range | null {
  let first: [Text, number] | null = null;
  let last: [Text, number] | null = null;
  for (const span of body.querySelectorAll<HTMLElement>("[data-at]")) {
    const at = Number(span.dataset["at"]);
    const text = span.firstChild;
    if (!(text instanceof Text) || at + text.length <= start || at >= end) continue;
    first ??= [text, Math.max(0, start - at)];
    last = [text, Math.min(text.length, end - at)];
  }
  if (!first || !last) return null;
  const range = new Range();
  range.setStart(...first);
  range.setEnd(...last);
  return range;
}

/** Which character of the text the caret or the selection's begin is at, null where it is elsewhere. */
export function placeOfSelection(body: HTMLElement): number | null {
  const selection = document.getSelection();
  const node = selection?.anchorNode;
  if (!selection || !node || !body.contains(node)) return null;
  const span = (node instanceof Element ? node : node.parentElement)?.closest<HTMLElement>("[data-at]");
  return span ? Number(span.dataset["at"]) + selection.anchorOffset : null;
}

/** Lights one range under a name of tokens.css, or none. Where a browser can't, the page stays readable without. */
export function light(name: string, range: Range | null): void {
  if (!("highlights" in CSS)) return;
  if (range) CSS.highlights.set(name, new Highlight(range));
  else CSS.highlights.delete(name);
}
