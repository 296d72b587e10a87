import { Download, FileSpreadsheet, Play, Upload } from "lucide-react";
import { useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { asProblem } from "../api/client";
import { templatePath, useEstimate, useStartBatch } from "../api/batches";
import { useApp } from "../api/queries";
import type { PipelineInfo } from "../api/types";
import { EstimateView } from "../batches/EstimateView";
import { Button, buttonClass } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { bytes, plural } from "../text/numbers";
import { NotFoundScreen } from "./NotFoundScreen";

const KINDS = ".csv,.tsv,.xlsx,.jsonl,.ndjson";

/** A table for an app: choose it, see what it would cost and which rows don't fit, then run it. */
export function BatchStartScreen({ name }: { name: string }) {
  const query = useApp();
  const pipeline = query.data?.pipelines.find((one) => one.name === name);
  if (query.error && !query.data)
    return (
      <Screen title="Run a table">
        <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />
      </Screen>
    );
  if (!query.data)
    return (
      <Screen title="Run a table">
        <Skeleton lines={4} />
      </Screen>
    );
  if (!pipeline) return <NotFoundScreen title={`There is no app called ${name}`} says="It may have been renamed." />;
  return (
    <Screen
      title="Run a whole table"
      trail={[
        { label: "Apps", to: "/" },
        { label: pipeline.title, to: `/apps/${name}` },
      ]}
      about="Each row is run on its own. A CSV, Excel or JSON Lines file whose columns are named after the fields of the form; nothing runs before you say so."
      actions={
        <>
          <a href={templatePath(name)} download className={buttonClass("plain", true)}>
            <Download className="size-3.5" aria-hidden /> Template
          </a>
          <Link href="/batches" className={buttonClass("plain", true)}>
            Earlier batches
          </Link>
        </>
      }
    >
      <Begin pipeline={pipeline} />
    </Screen>
  );
}

function Begin({ pipeline }: { pipeline: PipelineInfo }) {
  const [file, setFile] = useState<File | null>(null);
  const [over, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const estimate = useEstimate(pipeline.name);
  const take = (chosen: File | undefined) => {
    if (!chosen) return;
    setFile(chosen);
    estimate.mutate(chosen);
  };
  return (
    <div className="flex flex-col gap-6">
      <button
        type="button"
        onClick={() => chooser.current?.click()}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer.files[0]);
        }}
        className={`flex items-center justify-center gap-2.5 rounded-lg border border-dashed px-4 ${file ? "py-3" : "py-10"} text-ink-2 transition-colors hover:bg-hover ${over ? "border-accent bg-accent-soft" : "border-line-strong"}`}
      >
        {file ? <FileSpreadsheet className="size-4" aria-hidden /> : <Upload className="size-4" aria-hidden />}
        {file ? `${file.name} (${bytes(file.size)}): choose another` : "Choose a table, or drop it here"}
      </button>
      <input
        ref={chooser}
        type="file"
        accept={KINDS}
        hidden
        aria-label="Table"
        onChange={(event) => {
          take(event.target.files?.[0]);
          event.target.value = ""; // the same file, mended, can be chosen again
        }}
      />
      <p role="status" className={estimate.isPending ? "text-ink-2" : "sr-only"}>
        {estimate.isPending ? "Reading the table …" : estimate.data ? `${plural(estimate.data.valid, "row")} can run` : ""}
      </p>
      {estimate.error && file && <ProblemNote problem={asProblem(estimate.error)} retry={() => estimate.mutate(file)} />}
      {estimate.data && file && !estimate.isPending && (
        <>
          <EstimateView estimate={estimate.data} />
          {estimate.data.valid > 0 && <Start pipeline={pipeline.name} file={file} rows={estimate.data.valid} />}
        </>
      )}
    </div>
  );
}

function Start({ pipeline, file, rows }: { pipeline: string; file: File; rows: number }) {
  const [, go] = useLocation();
  const [cap, setCap] = useState("");
  const start = useStartBatch(pipeline);
  const usd = cap === "" ? null : Number(cap);
  const wrong = usd !== null && !(usd > 0);
  return (
    <form
      className="flex flex-col gap-4 border-t border-line pt-5"
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) start.mutate({ file, cap: usd }, { onSuccess: (batch) => go(`/batches/${batch.id}`) });
      }}
    >
      <div className="max-w-sm">
        <label htmlFor="cap" className="mb-1 block font-medium">
          Cap in US dollars <span className="font-normal text-ink-3">(may be left empty)</span>
        </label>
        <input id="cap" type="number" min="0" step="any" inputMode="decimal" value={cap} onChange={(event) => setCap(event.target.value)} aria-invalid={wrong || undefined} aria-describedby="cap-help" className="field-input" />
        <p id="cap-help" className="mt-1 text-sm text-ink-3">
          {wrong ? "A cap is more than 0." : "No new row is started once this might be passed. The batch then pauses and can go on under another cap."}
        </p>
      </div>
      {start.error && <ProblemNote problem={asProblem(start.error)} />}
      <div>
        <Button look="primary" type="submit" disabled={start.isPending || wrong}>
          <Play className="size-4 fill-current" aria-hidden /> {start.isPending ? "Starting …" : `Run ${plural(rows, "row")}`}
        </Button>
      </div>
    </form>
  );
}
