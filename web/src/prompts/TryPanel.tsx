import { Play, Search } from "lucide-react";
import { useMemo, useState } from "react";
import { asProblem } from "../api/client";
import { useRenderPrompt, useTryPrompt, useWorstCase } from "../api/queries";
import type { Json, PromptAnswer, PromptDetail, PromptModel } from "../api/types";
import { FieldProblems } from "../form/FieldProblems";
import { fieldOf, initialOf, isObject, withAt } from "../form/fields";
import { SchemaForm } from "../form/SchemaForm";
import { StateMark } from "../models/StateMark";
import { dollars } from "../models/words";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Section } from "../parts/Screen";
import { shortModel } from "../run/AnswerFacts";
import { FieldsView } from "../run/FieldsView";
import { count, duration } from "../text/numbers";
import { useSettled } from "./useSettled";
import { worstWords } from "./words";

/** A form from the prompt's types; one or several models answer side by side. */
export function TryPanel({ prompt, draft }: { prompt: PromptDetail; draft: string | null }) {
  const field = useMemo(() => fieldOf(prompt.input_schema, prompt.input_schema), [prompt.input_schema]);
  const [value, setValue] = useState<Json | undefined>(() => prompt.case_list[0]?.input ?? initialOf({ ...field, optional: false, required: true }) ?? {});
  const usable = prompt.models.filter((one) => !one.problem);
  const [models, setModels] = useState(() => usable.slice(0, 1).map((one) => one.model));
  const [useDraft, setUseDraft] = useState(draft !== null);
  const render = useRenderPrompt(prompt.name);
  const attempt = useTryPrompt(prompt.name);
  const text = useDraft ? draft : null;
  const given = isObject(value) ? value : {};
  const worst = useWorstCase(prompt.name, useSettled(given), text);
  const error = attempt.error ?? render.error;
  const problem = error ? asProblem(error) : null;
  const change = (next: Json | undefined) => {
    setValue(next);
    render.reset();
  };
  return (
    <div className="grid gap-x-8 gap-y-6 lg:grid-cols-[minmax(320px,5fr)_7fr]">
      <form
        id="try-prompt"
        noValidate
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          render.reset();
          attempt.mutate({ input: given, models, text });
        }}
      >
        {prompt.case_list.length > 0 && (
          <label className="flex flex-col gap-1 text-sm text-ink-2">
            Begin with a case
            <select className="field-input" defaultValue={prompt.case_list[0]?.name} onChange={(event) => change(prompt.case_list.find((one) => one.name === event.target.value)?.input)}>
              {prompt.case_list.map((one) => (
                <option key={one.name}>{one.name}</option>
              ))}
            </select>
          </label>
        )}
        {problem && ((problem.fields ?? []).length > 0 ? <FieldProblems form="try-prompt" problems={problem.fields ?? []} says={problem.reader || problem.title} /> : <ProblemNote problem={problem}>{problem.line && <p>{problem.detail}</p>}</ProblemNote>)}
        <SchemaForm seat={{ form: "try-prompt", problems: problem?.fields ?? [], disabled: false, change: (path, next) => change(withAt(value, path, next)) }} field={field} value={value} />
        <fieldset className="flex flex-col gap-1.5">
          <legend className="mb-1 text-sm font-medium">Ask</legend>
          {prompt.models.map((one) => (
            <label key={one.model} className={`flex items-start gap-2.5 ${one.problem ? "text-ink-3" : ""}`}>
              <input type="checkbox" className="mt-1 size-4 accent-accent" checked={models.includes(one.model)} disabled={one.problem !== ""} onChange={(event) => setModels(event.target.checked ? [...models, one.model] : models.filter((model) => model !== one.model))} />
              <span className="min-w-0 break-words">
                {one.model}
                {one.problem && <span className="block text-sm">{one.problem}</span>}
              </span>
            </label>
          ))}
        </fieldset>
        {draft !== null && (
          <label className="flex items-center gap-2.5">
            <input type="checkbox" className="size-4 accent-accent" checked={useDraft} onChange={(event) => { setUseDraft(event.target.checked); render.reset(); }} /> With my draft
          </label>
        )}
        <div className="flex flex-wrap items-center gap-3">
          <Button type="button" onClick={() => { attempt.reset(); render.mutate({ input: given, text }); }} aria-disabled={render.isPending}>
            <Search className="size-4" aria-hidden /> What would be sent
          </Button>
          <Button look="primary" type="submit" disabled={models.length === 0 || attempt.isPending}>
            <Play className="size-4 fill-current" aria-hidden /> {attempt.isPending ? "Asking …" : models.length > 1 ? `Ask ${models.length} models` : "Ask"}
          </Button>
        </div>
        <p className="tnum text-sm text-ink-3">{worst.data ? allWorst(worst.data.models.filter((one) => models.includes(one.model))) : "Each answer is paid for like any other."}</p>
      </form>
      <div className="min-w-0" aria-live="polite">
        {render.data && <Previews models={render.data.models} />}
        {attempt.isPending && <p className="text-ink-2">Asking {models.map(shortModel).join(" and ")} …</p>}
        {attempt.data && <Answers answers={attempt.data.results} prompt={prompt} />}
        {!render.data && !attempt.data && !attempt.isPending && <p className="rounded-lg border border-dashed border-line-strong px-4 py-8 text-center text-ink-2">The answers stand here side by side, with time, cost and tokens.</p>}
      </div>
    </div>
  );
}

/** What all the chosen models cost together, before they are asked. */
function allWorst(models: PromptModel[]): string {
  const costs = models.map((one) => (one.worst_nano === null ? null : one.worst_nano * one.calls_at_most));
  const total = costs.reduce<number | null>((sum, one) => (sum === null || one === null ? null : sum + one), 0);
  if (models.length === 0) return "No model is chosen.";
  return total === null ? "The price of a model here is unknown." : total === 0 ? "These models are free." : `At most ${dollars(total)} for this question.`;
}

function Answers({ answers, prompt }: { answers: PromptAnswer[]; prompt: PromptDetail }) {
  return (
    <Section title="Answers">
      <div className={`grid gap-4 ${answers.length > 1 ? "md:grid-cols-2" : ""}`}>
        {answers.map((answer) => (
          <article key={answer.model} aria-label={answer.model} className="flex min-w-0 flex-col gap-3 rounded-lg border border-line p-4">
            <h3 className="font-medium break-words">{answer.model}</h3>
            {answer.error ? (
              <>
                <StateMark wraps said={{ tone: "bad", word: answer.output === null ? "It did not answer" : "Its answer can’t be used", more: answer.error.detail ?? answer.error.title }} />
                {typeof answer.output === "string" && <pre className="overflow-x-auto rounded-md bg-sunken px-3 py-2 font-mono text-sm whitespace-pre-wrap">{answer.output}</pre>}
              </>
            ) : (
              <FieldsView value={answer.output} schema={prompt.output_schema} />
            )}
            <p className="tnum mt-auto border-t border-line pt-2 text-sm text-ink-3">
              {[duration(answer.seconds), answer.cost_nano !== null ? dollars(answer.cost_nano) : !answer.error && "price unknown", `${count(answer.input_tokens)} tokens in, ${count(answer.output_tokens)} out`, answer.how && (HOW[answer.how] ?? answer.how), answer.cached && "cached"].filter(Boolean).join(" · ")}
            </p>
          </article>
        ))}
      </div>
    </Section>
  );
}

const HOW: Record<string, string> = { native: "held to its type by the model", strict: "right as written", unwrapped: "taken out of its wrapping", repaired: "repaired", coerced: "brought to its type", reasked: "asked again", text: "text" };

function Previews({ models }: { models: PromptModel[] }) {
  return (
    <Section title="What would be sent">
      <div className="flex flex-col gap-4">
        {models.map((one) => (
          <article key={one.model} aria-label={one.model} className="rounded-lg border border-line p-4">
            <h3 className="font-medium break-words">{one.model}</h3>
            <p className="tnum text-sm text-ink-3">
              about {count(one.input_tokens)} tokens in, at most {count(one.max_tokens)} out, {worstWords(one.worst_nano, one.calls_at_most)}
              {one.refused && <span className="text-failed">: over this prompt’s own limit, so it would not be asked</span>}
            </p>
            {one.messages.map((message, index) => (
              <div key={index} className="mt-3">
                <p className="text-xs font-semibold text-ink-3">{message.role}</p>
                <pre className="mt-1 overflow-x-auto rounded-md bg-sunken px-3 py-2 font-mono text-sm whitespace-pre-wrap">{message.parts.map(part).join("\n")}</pre>
              </div>
            ))}
          </article>
        ))}
      </div>
    </Section>
  );
}

function part(one: Record<string, Json>): string {
  return typeof one["text"] === "string" ? one["text"] : Object.entries(one).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
}
