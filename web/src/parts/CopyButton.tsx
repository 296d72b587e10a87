import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { IconButton } from "./Button";
import { copyText } from "./copyText";

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <IconButton
      label={copied ? "Copied" : label}
      icon={copied ? <Check className="size-4 text-done" /> : <Copy className="size-4" />}
      onClick={() => {
        void copyText(text).then((done) => {
          if (!done) return;
          setCopied(true);
          setTimeout(() => setCopied(false), 1500);
        });
      }}
    />
  );
}

/** A run's id, in monospace, copied with one click. */
export function CopyableId({ id }: { id: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      title="Copy the run id"
      aria-label={copied ? "Copied" : `Copy the run id ${id}`}
      className="inline-flex max-w-full items-center gap-1.5 rounded px-1 py-0.5 font-mono text-xs text-ink-3 hover:bg-hover hover:text-ink"
      onClick={() => {
        void copyText(id).then((done) => {
          if (!done) return;
          setCopied(true);
          setTimeout(() => setCopied(false), 1500);
        });
      }}
    >
      <span className="truncate">{id}</span>
      {copied ? <Check className="size-3 shrink-0 text-done" aria-hidden /> : <Copy className="size-3 shrink-0" aria-hidden />}
    </button>
  );
}
