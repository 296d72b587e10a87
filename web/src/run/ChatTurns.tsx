import { Pencil } from "lucide-react";
import { useState } from "react";
import { useRun } from "../api/queries";
import type { ChatMessage } from "../api/types";
import { Button, IconButton } from "../parts/Button";
import { CopyButton } from "../parts/CopyButton";
import { answerOf, unchecked } from "./answer";
import { AnswerText, UnsupportedNote } from "./AnswerText";
import { Sources } from "./Sources";

/** What the person asked; it can be changed and asked again. */
export function Question({ text, busy, onAskAgain }: { text: string; busy: boolean; onAskAgain: (text: string) => void }) {
  const [draft, setDraft] = useState<string | null>(null);
  if (draft !== null) {
    return (
      <form
        className="flex flex-col gap-2 self-stretch rounded-xl border border-line-strong bg-sunken p-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (!draft.trim()) return;
          setDraft(null);
          onAskAgain(draft.trim());
        }}
      >
        <textarea
          aria-label="Your question"
          autoFocus
          rows={Math.min(8, draft.split("\n").length + 1)}
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => event.key === "Escape" && setDraft(null)}
          className="field-input resize-y"
        />
        <div className="flex items-center gap-2">
          <Button look="primary" small type="submit" disabled={busy || !draft.trim()}>
            Ask again
          </Button>
          <Button look="quiet" small onClick={() => setDraft(null)}>
            Keep as it was
          </Button>
          <span className="text-sm text-ink-3 max-sm:hidden">What came after it is left in Runs.</span>
        </div>
      </form>
    );
  }
  return (
    <div className="group flex items-start justify-end gap-1">
      <IconButton label="Edit and ask again" icon={<Pencil className="size-4" />} onClick={() => setDraft(text)} className="opacity-0 group-hover:opacity-100 focus-visible:opacity-100 max-md:opacity-100" />
      <div className="max-w-[min(72ch,85%)] rounded-2xl rounded-br-md bg-accent-soft px-4 py-2.5 text-read leading-[1.55] break-words whitespace-pre-wrap text-ink">
        <span className="sr-only">You: </span>
        {text}
      </div>
    </div>
  );
}

/** An answer of an earlier turn; its sources come from the run that gave it. */
export function EarlierAnswer({ turn }: { turn: ChatMessage }) {
  const run = useRun(turn.run_id || undefined).data;
  const [open, setOpen] = useState(false);
  const recorded = answerOf(run?.output);
  const answer = recorded && recorded.text === turn.content ? recorded : unchecked(turn.content);
  return (
    <div className="flex flex-col gap-3">
      <AnswerText answer={answer} />
      <UnsupportedNote answer={answer} />
      <div className="-ml-2 flex items-center gap-1">
        <CopyButton text={turn.content} label="Copy the answer" />
        {answer.citations.length > 0 && (
          <Button look="quiet" small aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Hide sources" : `${answer.citations.length} ${answer.citations.length === 1 ? "source" : "sources"}`}
          </Button>
        )}
      </div>
      {open && <Sources answer={answer} />}
    </div>
  );
}
