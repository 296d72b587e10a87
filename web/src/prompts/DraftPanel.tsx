import { Download, Save, Trash2 } from "lucide-react";
import { useState } from "react";
import { asProblem } from "../api/client";
import { usePromptCheck, usePromptPatch, useSavePrompt } from "../api/queries";
import type { Problem, PromptDetail } from "../api/types";
import { StateMark } from "../models/StateMark";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Section } from "../parts/Screen";
import { CasesPanel } from "./CasesPanel";
import type { Draft } from "./draft";
import { diffLines } from "./draft";
import { Editor } from "./Editor";
import { useSettled } from "./useSettled";

/** The file as a draft: edited, checked as it is typed, compared, tried on the cases, saved. */
export function DraftPanel({ prompt, draft, onDraft }: { prompt: PromptDetail; draft: Draft | null; onDraft: (draft: Draft | null) => void }) {
  const file = prompt.source;
  const text = draft?.text ?? file.text;
  const settled = useSettled(draft === null ? null : text);
  const check = usePromptCheck(prompt.name, settled);
  const save = useSavePrompt(prompt.name);
  const patch = usePromptPatch(prompt.name);
  const [said, setSaid] = useState("");
  const wrong = check.isError && settled === draft?.text ? asProblem(check.error) : null;
  const changedMeanwhile = draft !== null && draft.basedOn !== file.revision;
  const refused = save.error ? asProblem(save.error) : null;

  const edit = (next: string) => {
    setSaid("");
    save.reset();
    onDraft(next === file.text ? null : { text: next, basedOn: draft?.basedOn ?? file.revision });
  };
  const download = () =>
    patch.mutate(text, {
      onSuccess: (made) => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([made], { type: "text/x-diff" }));
        link.download = `${prompt.name}.patch`;
        link.click();
        URL.revokeObjectURL(link.href);
      },
    });
  const put = () =>
    draft &&
    save.mutate(
      { text, based_on: draft.basedOn },
      {
        onSuccess: (saved) => {
          onDraft(null);
          setSaid(saved.serves_file ? `Saved. Version ${saved.version} serves from the next call.` : `Saved to the file. Version ${saved.version} of a label goes on serving.`);
        },
      },
    );

  return (
    <>
      <Section title={prompt.file}>
        {file.locked && <p className="mb-2 text-ink-2">It can’t be saved from here: {file.locked}. Edit it as a draft and download a patch.</p>}
        <Editor text={text} label={`Draft of ${prompt.file}`} onText={edit} line={wrong?.line ?? null} />
        <div role="status" className="mt-2 min-h-6">
          {wrong ? <Mistake problem={wrong} /> : draft === null ? <span className="text-ink-3">{said || "As the file is. What you type is kept in this browser until you save or drop it."}</span> : <StateMark said={{ tone: check.isSuccess ? "good" : "quiet", word: check.isSuccess ? `Sound, as version ${check.data.version}` : "A draft", more: "kept in this browser" }} />}
        </div>
        {changedMeanwhile && (
          <div className="mt-3 rounded-lg border border-waiting-line bg-waiting-soft px-4 py-3">
            <p className="font-medium">The file was changed since this draft was begun</p>
            <p className="mt-1 text-ink-2">Your draft is kept. What it changes of the file as it is now stands below; take over what you need, then say that you looked.</p>
            <Button small className="mt-2" onClick={() => { save.reset(); onDraft({ text, basedOn: file.revision }); }}>
              I looked: my draft replaces it
            </Button>
          </div>
        )}
        {refused && !changedMeanwhile && <ProblemNote problem={refused} />}
        {patch.error && <ProblemNote problem={asProblem(patch.error)} />}
        <div className="mt-3 flex flex-wrap gap-2">
          {!file.locked && (
            <Button look="primary" disabled={draft === null || wrong !== null || changedMeanwhile || save.isPending} onClick={put}>
              <Save className="size-4" aria-hidden /> {save.isPending ? "Saving …" : "Save to the file"}
            </Button>
          )}
          <Button disabled={draft === null} onClick={download}>
            <Download className="size-4" aria-hidden /> Download patch
          </Button>
          <Button look="quiet" disabled={draft === null} onClick={() => edit(file.text)}>
            <Trash2 className="size-4" aria-hidden /> Drop the draft
          </Button>
        </div>
      </Section>
      {draft !== null && (
        <Section title="What it changes">
          <Changes before={file.text} after={text} />
        </Section>
      )}
      <CasesPanel prompt={prompt} draft={draft === null ? null : text} broken={wrong !== null} />
    </>
  );
}

function Mistake({ problem }: { problem: Problem }) {
  return (
    <div>
      <StateMark wraps said={{ tone: "bad", word: problem.line ? `Line ${problem.line}` : "A mistake", more: problem.detail ?? problem.title }} />
      {problem.hint && <p className="pl-6 text-sm text-ink-2">{problem.hint}</p>}
    </div>
  );
}

const SIGN = { same: " ", gone: "−", new: "+", skipped: "…" };
const SPOKEN = { same: "", gone: "removed: ", new: "added: ", skipped: "" };
const TINT = { same: "text-ink-2", gone: "bg-failed-soft", new: "bg-done-soft", skipped: "text-ink-3" };

function Changes({ before, after }: { before: string; after: string }) {
  return (
    <div role="region" aria-label="Changed lines" tabIndex={0} className="overflow-x-auto rounded-lg border border-line py-1.5">
      <ul className="w-fit min-w-full font-mono text-sm leading-6">
        {diffLines(before, after).map((line, index) => (
          <li key={index} className={`px-3 whitespace-pre ${TINT[line.kind]}`}>
            <span aria-hidden className="mr-3 inline-block w-3 select-none">
              {SIGN[line.kind]}
            </span>
            <span className="sr-only">{SPOKEN[line.kind]}</span>
            {line.text}
          </li>
        ))}
      </ul>
    </div>
  );
}
