import { ThumbsDown, ThumbsUp } from "lucide-react";
import { useId, useState } from "react";
import { asProblem } from "../api/client";
import { useSendFeedback } from "../api/queries";
import type { Feedback } from "../api/types";
import { Button, IconButton } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";

const REASONS = ["Not correct", "Not what I asked", "The source does not say this", "Something is missing", "Too long", "Wrong tone"];

/** Helpful or not; for the latter why, as chips and one sentence if wanted. */
export function FeedbackButtons({ runId, feedback, open, onOpen }: { runId: string; feedback: Feedback | null; open: boolean; onOpen: (open: boolean) => void }) {
  const send = useSendFeedback(runId);
  const given = send.isPending ? send.variables : feedback;
  return (
    <>
      <IconButton
        label="Helpful"
        aria-pressed={given?.helpful === true}
        icon={<ThumbsUp className="size-4" />}
        onClick={() => {
          onOpen(false);
          send.mutate({ helpful: true, reasons: [], comment: "" });
        }}
      />
      <IconButton
        label="Not helpful"
        aria-pressed={given?.helpful === false}
        aria-expanded={open}
        icon={<ThumbsDown className="size-4" />}
        onClick={() => {
          onOpen(!open);
          if (feedback?.helpful !== false) send.mutate({ helpful: false, reasons: [], comment: "" });
        }}
      />
      <span role="status" className="sr-only">
        {send.isSuccess ? "Thank you, your feedback is saved." : ""}
      </span>
    </>
  );
}

export function FeedbackForm({ runId, feedback, onClose }: { runId: string; feedback: Feedback | null; onClose: () => void }) {
  const send = useSendFeedback(runId);
  const [reasons, setReasons] = useState<string[]>(feedback?.reasons ?? []);
  const [comment, setComment] = useState(feedback?.comment ?? "");
  const id = useId();
  return (
    <form
      aria-label="What was wrong"
      className="flex flex-col gap-3 rounded-lg border border-line bg-sunken p-3.5"
      onSubmit={(event) => {
        event.preventDefault();
        send.mutate({ helpful: false, reasons, comment: comment.trim() }, { onSuccess: onClose });
      }}
    >
      <fieldset>
        <legend className="mb-2 text-sm font-medium">What was wrong?</legend>
        <div className="flex flex-wrap gap-1.5">
          {REASONS.map((reason) => {
            const on = reasons.includes(reason);
            return (
              <button
                key={reason}
                type="button"
                aria-pressed={on}
                onClick={() => setReasons(on ? reasons.filter((other) => other !== reason) : [...reasons, reason])}
                className={`h-7 rounded-full border px-3 text-sm transition-colors max-sm:h-9 ${on ? "border-accent bg-accent-soft text-accent-text" : "border-line-strong bg-surface text-ink-2 hover:text-ink"}`}
              >
                {reason}
              </button>
            );
          })}
        </div>
      </fieldset>
      <div>
        <label htmlFor={id} className="mb-1 block text-sm text-ink-2">
          In your own words (optional)
        </label>
        <input id={id} value={comment} onChange={(event) => setComment(event.target.value)} maxLength={500} className="field-input" />
      </div>
      {send.isError && <ProblemNote problem={asProblem(send.error)} />}
      <div className="flex gap-2">
        <Button look="primary" small type="submit" disabled={send.isPending}>
          Send
        </Button>
        <Button look="quiet" small onClick={onClose}>
          Not now
        </Button>
      </div>
    </form>
  );
}
