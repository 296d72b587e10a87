import type { ReactNode } from "react";
import type { Json, PromptDetail } from "../api/types";
import { words } from "../form/fields";
import { Section } from "../parts/Screen";
import { shortModel } from "../run/AnswerFacts";
import { plural } from "../text/numbers";
import { SourceText } from "./SourceText";

/** What the prompt says, in words, and its file. */
export function ReadPanel({ prompt }: { prompt: PromptDetail }) {
  const takes = Object.entries(prompt.inputs).map(([name, type]) => `${name} (${type})`);
  const settings = Object.entries(prompt.settings).filter(([name]) => !["route", "tools", "on"].includes(name));
  return (
    <>
      <Section title="In words">
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-2 max-sm:grid-cols-1 max-sm:gap-y-0.5">
          <Fact word="Takes">{takes.join(", ") || "nothing"}</Fact>
          <Fact word="Gives">{prompt.gives === "str" ? "text" : prompt.gives}</Fact>
          <Fact word="Asks the route">
            {prompt.route}: {prompt.models.map((one) => shortModel(one.model)).join(", then ")}
          </Fact>
          {prompt.tools.length > 0 && <Fact word="May use">{prompt.tools.join(", ")}</Fact>}
          {prompt.examples > 0 && <Fact word="Learns from">{plural(prompt.examples, "example")}</Fact>}
          {prompt.variants.length > 0 && <Fact word="Is other for">{prompt.variants.join(", ")}</Fact>}
          {settings.map(([name, value]) => (
            <Fact key={name} word={SETTINGS[name] ?? words(name)}>
              {setting(name, value)}
            </Fact>
          ))}
          <Fact word="A question takes">at most {plural(prompt.calls_at_most, "call")}</Fact>
        </dl>
      </Section>
      <Section title={prompt.file}>
        <SourceText text={prompt.source.text} label={prompt.file} />
      </Section>
      {prompt.others.map((other) => (
        <Section key={other.path} title={other.path}>
          <SourceText text={other.text} label={other.path} />
        </Section>
      ))}
    </>
  );
}

const SETTINGS: Record<string, string> = { label: "While it works, says", reask: "A refused answer", alternatives: "Where the route fails", max_cost: "Costs at most", seconds: "Takes at most", show: "Shown as it comes", max_tokens: "Longest answer" };

function setting(name: string, value: Json): string {
  if (name === "reask") return value === 0 ? "is not asked again" : `is asked again up to ${plural(Number(value), "time")}`;
  if (name === "max_cost") return `$${String(value)}`;
  if (name === "seconds") return `${String(value)} s`;
  if (name === "max_tokens") return plural(Number(value), "token");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.map(String).join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function Fact({ word, children }: { word: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-3">{word}</dt>
      <dd className="break-words max-sm:mb-2">{children}</dd>
    </>
  );
}
