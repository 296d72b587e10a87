// Heading levels for the page from a document's own: none is skipped on the way down, so a screen reader can follow.

/** Levels from `top`, each at most one deeper than the one before. */
export function stepwise(levels: number[], top: number): number[] {
  const open: number[] = [];
  return levels.map((level) => {
    while (open.length > 0 && (open.at(-1) as number) >= level) open.pop();
    open.push(level);
    return Math.min(6, top + open.length - 1);
  });
}
