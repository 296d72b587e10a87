/** Keys as they stand on the keyboard: "Ctrl K". */
export function Key({ keys, inverted = false }: { keys: string; inverted?: boolean }) {
  return (
    <span className="inline-flex gap-1">
      {keys.split(" ").map((key) => (
        <kbd key={key} className={`inline-flex h-[18px] min-w-[18px] items-center justify-center rounded border px-1 font-sans text-[11px] leading-none ${inverted ? "border-canvas/40" : "border-line-strong bg-surface text-ink-2"}`}>
          {key}
        </kbd>
      ))}
    </span>
  );
}

export const COMMAND = typeof navigator !== "undefined" && /mac|iphone|ipad/i.test(navigator.platform) ? "⌘" : "Ctrl";
