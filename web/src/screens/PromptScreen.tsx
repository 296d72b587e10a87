import { lazy, Suspense, useState } from "react";
import { Link, useSearch } from "wouter";
import { asProblem } from "../api/client";
import { usePrompt } from "../api/queries";
import type { PromptDetail } from "../api/types";
import { StateMark } from "../models/StateMark";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { keepDraft, keptDraft } from "../prompts/draft";
import type { Draft } from "../prompts/draft";
import { ReadPanel } from "../prompts/ReadPanel";
import { VersionsPanel } from "../prompts/VersionsPanel";

const TryPanel = lazy(() => import("../prompts/TryPanel").then((module) => ({ default: module.TryPanel })));
const DraftPanel = lazy(() => import("../prompts/DraftPanel").then((module) => ({ default: module.DraftPanel })));

const TABS = [
  { show: "", label: "Read" },
  { show: "try", label: "Try" },
  { show: "draft", label: "Draft" },
  { show: "versions", label: "Versions" },
];

/** One prompt. What is shown of it stands in the address. */
export function PromptScreen({ name }: { name: string }) {
  const query = usePrompt(name);
  const trail = [{ label: "Prompts", to: "/prompts" }];
  if (!query.data)
    return (
      <Screen title={name} trail={trail}>
        {query.isPending ? <Skeleton lines={6} label="Loading the prompt" /> : <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      </Screen>
    );
  return (
    <Screen title={name} trail={trail} about={query.data.about}>
      <Panels prompt={query.data} />
    </Screen>
  );
}

function Panels({ prompt }: { prompt: PromptDetail }) {
  const show = new URLSearchParams(useSearch()).get("show") ?? "";
  const [draft, setDraft] = useState<Draft | null>(() => keptDraft(prompt.name));
  const change = (next: Draft | null) => {
    setDraft(next);
    keepDraft(prompt.name, next);
  };
  return (
    <>
      {prompt.problem && (
        <div className="-mt-2 mb-4">
          <StateMark wraps said={{ tone: "bad", word: "Its file has a mistake, so an earlier version serves", more: prompt.problem }} />
        </div>
      )}
      {!prompt.serves_file && <p className="-mt-2 mb-4 text-ink-2">Version {prompt.version} serves by its label, not the file. A saved draft serves once the label points at it.</p>}
      <nav aria-label="Of this prompt" className="mb-6 flex gap-1 overflow-x-auto border-b border-line">
        {TABS.map((tab) => (
          <Link key={tab.show} href={`/prompts/${prompt.name}${tab.show && `?show=${tab.show}`}`} aria-current={show === tab.show ? "page" : undefined} className={`-mb-px border-b-2 px-3 py-2 ${show === tab.show ? "border-accent font-medium text-accent-text" : "border-transparent text-ink-2 hover:text-ink"}`}>
            {tab.label}
            {tab.show === "draft" && draft !== null && <span className="ml-1.5 text-sm text-waiting">(kept)</span>}
          </Link>
        ))}
      </nav>
      <Suspense fallback={<Skeleton lines={5} />}>
        {show === "try" ? <TryPanel prompt={prompt} draft={draft?.text ?? null} /> : show === "draft" ? <DraftPanel prompt={prompt} draft={draft} onDraft={change} /> : show === "versions" ? <VersionsPanel prompt={prompt} /> : <ReadPanel prompt={prompt} />}
      </Suspense>
    </>
  );
}
