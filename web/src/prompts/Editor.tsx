/** A plain text editor with line numbers. It grows with its text, so the numbers need no scrolling of their own. */
export function Editor({ text, label, onText, line }: { text: string; label: string; onText: (text: string) => void; line: number | null }) {
  const lines = text.split("\n");
  return (
    <div className="flex rounded-md border border-line-strong bg-surface py-2 font-mono text-sm leading-6 shadow-card">
      <ol aria-hidden className="tnum w-11 shrink-0 text-right text-ink-3 select-none">
        {lines.map((_, index) => (
          <li key={index} className={`pr-2 ${line === index + 1 ? "bg-failed-soft font-semibold text-failed" : ""}`}>
            {index + 1}
          </li>
        ))}
      </ol>
      <textarea aria-label={label} aria-invalid={line !== null} value={text} onChange={(event) => onText(event.target.value)} rows={Math.max(lines.length, 6)} wrap="off" spellCheck={false} autoCapitalize="off" autoCorrect="off" className="min-w-0 flex-1 resize-none overflow-x-auto overflow-y-hidden bg-transparent px-2 pb-1 text-ink" />
    </div>
  );
}
