import { Check, CircleAlert, LoaderCircle, Upload } from "lucide-react";
import { useRef, useState } from "react";
import type { DragEvent } from "react";
import { asProblem, documentPath, sendFile } from "../api/client";
import { useForgetKnowledge } from "../api/queries";
import type { DocumentInfo, Problem } from "../api/types";
import { Button } from "../parts/Button";
import { plural } from "../text/numbers";

interface Sent {
  file: File;
  state: "waiting" | "sending" | "reading" | "added" | "refused";
  share: number;
  problem?: Problem;
}

/** Documents put into the knowledge base, one after the other; each says how far it is, or why it was not taken. */
export function Uploads({ kb }: { kb: string }) {
  const forget = useForgetKnowledge(kb);
  const [sent, setSent] = useState<Sent[]>([]);
  const [over, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const line = useRef<Promise<void>>(Promise.resolve());
  const change = (file: File, to: Partial<Sent>) => setSent((all) => all.map((one) => (one.file === file ? { ...one, ...to } : one)));

  const send = async (file: File, replace: boolean) => {
    change(file, { state: "sending", share: 0 });
    try {
      const path = `/api/knowledge/${encodeURIComponent(kb)}/files/${documentPath(file.name)}`;
      await sendFile<DocumentInfo>(path, file, replace ? {} : { "If-None-Match": "*" }, (share) => change(file, share < 1 ? { share } : { share, state: "reading" }));
      change(file, { state: "added" });
      forget();
    } catch (error) {
      change(file, { state: "refused", problem: asProblem(error) });
    }
  };
  const enqueue = (file: File, replace = false) => {
    change(file, { state: "waiting" });
    line.current = line.current.then(() => send(file, replace));
  };
  const take = (files: FileList | null) => {
    const chosen = [...(files ?? [])];
    setSent((all) => [...all.filter((one) => one.state !== "added"), ...chosen.map((file) => ({ file, state: "waiting" as const, share: 0 }))]);
    for (const file of chosen) enqueue(file);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  const going = sent.filter((one) => one.state !== "added" && one.state !== "refused").length;
  const refused = sent.filter((one) => one.state === "refused").length;
  return (
    <section
      aria-label="Add documents"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      className={`mb-8 rounded-lg border border-dashed px-4 py-3 ${over ? "border-accent bg-accent-soft" : "border-line-strong"}`}
    >
      <div className="flex flex-wrap items-center gap-3">
        <Button small onClick={() => chooser.current?.click()}>
          <Upload className="size-3.5" aria-hidden /> Add documents
        </Button>
        <span className="text-sm text-ink-3 max-sm:hidden">or drop them here: Markdown, PDF, Office, HTML, mail, text</span>
        <input ref={chooser} type="file" multiple hidden data-testid="choose" onChange={(event) => {
          take(event.target.files);
          event.target.value = "";
        }} />
      </div>
      <p role="status" className="sr-only">
        {sent.length === 0 ? "" : going > 0 ? `${plural(going, "document")} on the way` : `${plural(sent.length - refused, "document")} added${refused ? `, ${refused} not taken` : ""}`}
      </p>
      {sent.length > 0 && (
        <ul aria-label="Documents sent" className="mt-3 flex flex-col gap-1.5 text-sm">
          {sent.map((one, index) => (
            <SentRow key={`${one.file.name} ${index}`} sent={one} replace={() => enqueue(one.file, true)} />
          ))}
        </ul>
      )}
    </section>
  );
}

function SentRow({ sent: { file, state, share, problem }, replace }: { sent: Sent; replace: () => void }) {
  const says = { waiting: "waiting in line", sending: `sending, ${Math.round(share * 100)} %`, reading: "being read and indexed", added: "added, and found from now on", refused: problem?.code === "conflict" ? "there already is a document of this name" : "not taken" }[state];
  return (
    <li className="flex items-start gap-2">
      <span className="mt-0.5" aria-hidden>
        {state === "added" ? <Check className="size-4 text-done" /> : state === "refused" ? <CircleAlert className="size-4 text-failed" /> : <LoaderCircle className={`size-4 text-working ${state === "waiting" ? "" : "turning"}`} />}
      </span>
      <span className="min-w-0 flex-1">
        <span className="font-mono text-xs font-medium break-all">{file.name}</span> <span className="text-ink-2">{says}</span>
        {state === "refused" && problem && problem.code !== "conflict" && <span className="block text-ink-2">{problem.detail || problem.reader}</span>}
        {(state === "sending" || state === "reading") && <progress aria-label={`${file.name} sent`} value={share} className="mt-1 block h-1 w-full max-w-xs" />}
      </span>
      {state === "refused" && problem?.code === "conflict" && (
        <Button small onClick={replace}>
          Replace it
        </Button>
      )}
    </li>
  );
}
