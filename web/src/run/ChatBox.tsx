import { ArrowUp, Square } from "lucide-react";
import { useLayoutEffect, useRef, useState } from "react";
import { useCancelRun } from "../api/queries";
import { Tip } from "../parts/Tip";

interface ChatBoxProps {
  initial: string;
  working: boolean;
  busy: boolean;
  placeholder: string;
  stopId?: string | undefined;
  onSend: (text: string) => void;
}

/** Where one types. Enter sends, Shift Enter makes a line; the focus stays. */
export function ChatBox({ initial, working, busy, placeholder, stopId, onSend }: ChatBoxProps) {
  const [text, setText] = useState(initial);
  const cancel = useCancelRun();
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(200, element.scrollHeight)}px`;
  }, [text]);
  const send = () => {
    if (working || busy || !text.trim()) return;
    onSend(text.trim());
    setText("");
  };
  return (
    <div className="shrink-0 px-8 pt-1 pb-5 max-md:px-3 max-md:pb-3">
      <form
        className="mx-auto flex max-w-[860px] items-end gap-2 rounded-xl border border-line-strong bg-surface p-1.5 pl-4 shadow-card focus-within:border-focus"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <textarea
          ref={area}
          aria-label={placeholder}
          rows={1}
          value={text}
          placeholder={placeholder}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
              event.preventDefault();
              send();
            }
          }}
          className="max-h-50 flex-1 resize-none bg-transparent py-1.5 text-read leading-6 outline-none max-sm:text-[16px]"
        />
        {working && stopId ? (
          <Tip text="Stop" side="top">
            <button type="button" aria-label="Stop" disabled={cancel.isPending} onClick={() => cancel.mutate(stopId)} className="inline-flex size-9 items-center justify-center rounded-lg border border-line-strong text-ink hover:bg-hover">
              <Square className="size-3.5 fill-current" aria-hidden />
            </button>
          </Tip>
        ) : (
          <Tip text="Send" keys="Enter" side="top">
            <button type="submit" aria-label="Send" disabled={busy || !text.trim()} className="inline-flex size-9 items-center justify-center rounded-lg bg-accent text-on-accent hover:bg-accent-hover disabled:bg-hover disabled:text-ink-3">
              <ArrowUp className="size-[18px]" aria-hidden />
            </button>
          </Tip>
        )}
      </form>
    </div>
  );
}
