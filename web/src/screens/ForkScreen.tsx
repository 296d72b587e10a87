import { GitFork } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { asProblem } from "../api/client";
import { useForkRun } from "../api/forks";
import { useApp, usePrompt, useRoutes, useRun } from "../api/queries";
import type { ForkChanges, Json, PipelineInfo, Run } from "../api/types";
import { FieldProblems } from "../form/FieldProblems";
import { fieldOf, isObject, withAt } from "../form/fields";
import { SchemaForm } from "../form/SchemaForm";
import { Button } from "../parts/Button";
import { keep, readKept } from "../parts/kept";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { plural } from "../text/numbers";
import { NotFoundScreen } from "./NotFoundScreen";

/** An old run once more, with something changed. The old one stays as it was. */
export function ForkScreen({ id }: { id: string }) {
  const query = useRun(id);
  const app = useApp().data;
  const run = query.data;
  const trail = [
    { label: "Runs", to: "/runs" },
    { label: run?.title || "Run", to: `/runs/${id}` },
  ];
  if (query.error && !run) {
    const problem = asProblem(query.error);
    return problem.status === 404 ? <NotFoundScreen title="There is no such run" says="The id may be mistyped, or the run was deleted." /> : <ProblemNote problem={problem} retry={() => void query.refetch()} runId={id} />;
  }
  return (
    <Screen title="Run it with something changed" trail={trail} about="A new run that begins at a step of this one; the steps before it are taken over, neither done nor paid again. This run stays as it was.">
      {run && app ? <Choices run={run} pipeline={app.pipelines.find((one) => one.name === run.pipeline)} /> : <Skeleton lines={5} />}
    </Screen>
  );
}

interface Draft {
  from: number;
  model: string;
  versions: Record<string, string>;
  input: Json;
}

function Choices({ run, pipeline }: { run: Run; pipeline: PipelineInfo | undefined }) {
  const [, go] = useLocation();
  const fork = useForkRun(run.id);
  const form = `fork-${run.id}`;
  const [kept] = useState(() => readKept<Draft>(form));
  const [from, setFrom] = useState(kept?.from ?? 1);
  const [model, setModel] = useState(kept?.model ?? "");
  const [versions, setVersions] = useState<Record<string, string>>(kept?.versions ?? {});
  const [input, setInput] = useState<Json>(kept?.input ?? run.input);
  const changed = from !== 1 || model !== "" || Object.values(versions).some(Boolean) || JSON.stringify(input) !== JSON.stringify(run.input);
  useEffect(() => keep(form, changed ? { from, model, versions, input } : null), [form, changed, from, model, versions, input]);
  const startOver = () => {
    setFrom(1);
    setModel("");
    setVersions({});
    setInput(run.input);
  };
  const field = useMemo(() => pipeline && fieldOf(pipeline.input_schema, pipeline.input_schema), [pipeline]);
  const prompts = [...new Set(run.steps.filter((step) => step.kind === "prompt").map((step) => step.name))];
  const problem = fork.error ? asProblem(fork.error) : null;
  const problems = problem?.fields ?? [];
  const send = () => {
    const chosen = Object.entries(versions).filter(([, version]) => version !== "");
    const changes: ForkChanges = { from_step: from };
    if (model) changes.model = model;
    if (chosen.length > 0) changes.prompts = Object.fromEntries(chosen.map(([name, version]) => [name, { version }]));
    if (isObject(input) && JSON.stringify(input) !== JSON.stringify(run.input)) changes.input = input;
    fork.mutate(changes, {
      onSuccess: (begun) => {
        keep(form, null);
        go(`/runs/${begun.id}`);
      },
    });
  };
  return (
    <form
      id={form}
      noValidate
      className="flex max-w-2xl flex-col gap-6"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Choice id="from" label="Begin at" help={from === 1 ? "Everything is done anew." : `${plural(from - 1, "step")} before it ${from === 2 ? "is" : "are"} taken over as recorded, whatever is changed below.`} value={String(from)} onChange={(value) => setFrom(Number(value))}>
        {run.steps.map((step) => (
          <option key={step.seq} value={step.seq}>
            {step.seq}. {step.label || step.name}
          </option>
        ))}
        {run.steps.length === 0 && <option value="1">the beginning</option>}
      </Choice>
      {prompts.length > 0 && <ModelChoice value={model} onChange={setModel} />}
      {prompts.map((name) => (
        <VersionChoice key={name} name={name} value={versions[name] ?? ""} onChange={(version) => setVersions({ ...versions, [name]: version })} />
      ))}
      {problem && problems.length > 0 && <FieldProblems form={form} problems={problems} says={problem.reader || problem.title} />}
      {problem && problems.length === 0 && (
        <ProblemNote problem={problem}>
          {problem.detail && problem.detail !== problem.reader && <p className="text-sm text-ink-2">{problem.detail}</p>}
        </ProblemNote>
      )}
      {field && pipeline?.kind === "form" && (
        <fieldset className="flex flex-col gap-5 rounded-lg border border-line px-5 pt-3 pb-5">
          <legend className="px-1.5 text-sm font-semibold text-ink-2">Input</legend>
          <SchemaForm seat={{ form, problems, disabled: false, change: (path, next) => setInput(withAt(input, path, next) ?? {}) }} field={field} value={input} />
        </fieldset>
      )}
      {kept && changed && <p className="text-sm text-ink-3">Your changes of last time are kept in this browser.</p>}
      <div className="flex flex-wrap gap-2">
        <Button look="primary" type="submit" disabled={fork.isPending}>
          <GitFork className="size-4" aria-hidden /> {fork.isPending ? "Starting …" : "Run it beside the old one"}
        </Button>
        {changed && (
          <Button look="quiet" type="button" onClick={startOver}>
            Undo the changes
          </Button>
        )}
      </div>
    </form>
  );
}

interface ChoiceProps {
  id: string;
  label: string;
  help?: string;
  value: string;
  onChange: (value: string) => void;
  children: React.ReactNode;
}

function Choice({ id, label, help, value, onChange, children }: ChoiceProps) {
  return (
    <div>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)} aria-describedby={help ? `${id}-help` : undefined} className="field-input">
        {children}
      </select>
      {help && (
        <p id={`${id}-help`} className="mt-1 text-sm text-ink-3">
          {help}
        </p>
      )}
    </div>
  );
}

function ModelChoice({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const routes = useRoutes().data?.items ?? [];
  const models = [...new Set(routes.flatMap((route) => route.models.map((one) => one.model)))].sort();
  return (
    <Choice id="model" label="Model for all prompts" value={value} onChange={onChange}>
      <option value="">As the prompts say</option>
      <optgroup label="Routes">
        {routes.map((route) => (
          <option key={route.name}>{route.name}</option>
        ))}
      </optgroup>
      <optgroup label="Models">
        {models.map((model) => (
          <option key={model}>{model}</option>
        ))}
      </optgroup>
    </Choice>
  );
}

function VersionChoice({ name, value, onChange }: { name: string; value: string; onChange: (value: string) => void }) {
  const prompt = usePrompt(name).data;
  return (
    <Choice id={`version-${name}`} label={`Version of the prompt ${name}`} value={value} onChange={onChange}>
      <option value="">The one that serves now</option>
      {prompt?.versions.map((one) => (
        <option key={one.version} value={one.version}>
          {one.version}
          {one.labels.length > 0 && ` (${one.labels.join(", ")})`}
        </option>
      ))}
    </Choice>
  );
}
