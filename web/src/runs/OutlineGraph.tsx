import { Bot, Columns3, CornerDownRight, EyeOff, MoveRight, Plug, Repeat, RotateCcw, Split, Square, Waypoints, Workflow } from "lucide-react";
import type { ReactNode } from "react";
import type { Outline, Part } from "../api/types";
import { kindOf } from "./StepTable";

const KINDS: Record<string, { icon: typeof Bot; word: string }> = {
  agent: { icon: Bot, word: "Agent" },
  pipeline: { icon: Workflow, word: "Pipeline" },
  function: { icon: CornerDownRight, word: "Function" },
  branches: { icon: Columns3, word: "Side by side" },
  items: { icon: Columns3, word: "Side by side" },
  choice: { icon: Split, word: "One of these" },
  loop: { icon: Repeat, word: "Again and again" },
  again: { icon: RotateCcw, word: "Again" },
  graph: { icon: Waypoints, word: "Graph" },
  node: { icon: Square, word: "Part" },
  server: { icon: Plug, word: "Tools over MCP" },
  unknown: { icon: EyeOff, word: "Seen when it runs" },
};
const ENDS = { "": "goes on", return: "ends here", raise: "fails", break: "leaves the loop", continue: "goes to the next round" };
const kind = (part: Part) => KINDS[part.kind] ?? kindOf(part);

/** What the code says that a run will do, from above: lists in lists, so that it reads the same without the picture. */
export function OutlineGraph({ outline }: { outline: Outline }) {
  return (
    <div>
      <div className="max-h-[640px] overflow-auto rounded-lg border border-line bg-sunken p-5" tabIndex={0} role="region" aria-label="What it will do">
        <div className="mx-auto w-max min-w-full">{outline.parts.length > 0 ? <Parts parts={outline.parts} /> : <p className="text-center text-ink-2">Nothing in its code is a step: it answers at once.</p>}</div>
      </div>
      <p className="mt-1.5 text-sm text-ink-3">
        Read from its code{outline.where && <span className="font-mono text-xs"> {outline.where}</span>}. {outline.whole ? "A run shows which way it went." : "What the code does not tell is dashed; a run shows it."}
      </p>
    </div>
  );
}

/** One below the other, in the order of the code. */
function Parts({ parts }: { parts: Part[] }) {
  return (
    <ol className="flex flex-col items-center">
      {parts.map((part, index) => (
        <li key={index} className="flex flex-col items-center">
          {index > 0 && <span className="h-5 w-px bg-line-strong" aria-hidden />}
          <PartBox part={part} />
        </li>
      ))}
    </ol>
  );
}

function PartBox({ part }: { part: Part }) {
  if (part.kind === "choice" || part.kind === "branches") return <Ways part={part} />;
  if (part.parts.length === 0) return <Single part={part} />;
  if (part.kind === "graph") return <Nodes part={part} />;
  const tools = part.kind === "agent" || (part.kind === "node" && part.parts.every((each) => each.kind === "tool"));
  return (
    <Frame part={part} title={part.label} word={part.kind === "loop" || part.kind === "items" ? "" : tools ? `${kind(part).word}, which may use` : kind(part).word}>
      {tools ? (
        <ul className="flex flex-wrap items-start justify-center gap-3">
          {part.parts.map((tool, index) => (
            <li key={index}>
              <PartBox part={tool} />
            </li>
          ))}
        </ul>
      ) : (
        <Parts parts={part.parts} />
      )}
    </Frame>
  );
}

function Single({ part }: { part: Part }) {
  const { icon: Icon, word } = kind(part);
  const unknown = part.kind === "unknown";
  return (
    <div className={`flex min-h-12 w-52 items-center gap-2.5 rounded-lg border px-3 py-1.5 ${unknown ? "border-dashed border-line-strong" : "border-line-strong bg-surface shadow-card"}`} title={part.where}>
      <Icon className="size-4 shrink-0 text-ink-3" aria-hidden />
      <span className="min-w-0 flex-1">
        <span className={`line-clamp-2 block text-sm font-medium break-words ${unknown ? "text-ink-2" : ""}`}>{unknown ? `… ${part.label === "…" ? "" : part.label}` : part.label}</span>
        <span className="block truncate text-xs text-ink-3">
          {word}
          {unknown && part.where && <span className="font-mono">, {part.where}</span>}
        </span>
      </span>
    </div>
  );
}

/** The nodes of a graph that another framework drew, each with where it leads: one of these where it has ways. */
function Nodes({ part }: { part: Part }) {
  const labels = new Map(part.parts.map((node) => [node.name, node.label]));
  return (
    <Frame part={part} title={part.label} word="">
      <ol className="flex flex-col items-center gap-4">
        {part.parts.map((node) => (
          <li key={node.name} className="flex flex-col items-center gap-1">
            <PartBox part={node} />
            {node.arrows.length > 0 && (
              <p className="flex max-w-72 items-center gap-1 text-center text-xs text-ink-2">
                <MoveRight className="size-3.5 shrink-0 text-ink-3" aria-hidden />
                <span>
                  <span className="sr-only">leads to </span>
                  {[...node.arrows.filter((arrow) => arrow.to), ...node.arrows.filter((arrow) => !arrow.to)].map((arrow) => labels.get(arrow.to) ?? "the end").join(node.arrows.some((arrow) => arrow.maybe) ? " or " : " and ")}
                </span>
              </p>
            )}
          </li>
        ))}
      </ol>
    </Frame>
  );
}

/** The ways of a choice, or branches, beside each other. */
function Ways({ part }: { part: Part }) {
  const choice = part.kind === "choice";
  const [only, other] = part.parts.filter((way) => way.ends !== "" || way.parts.length > 0 || way.label !== "otherwise");
  if (choice && only && !other) return <Maybe part={part} way={only} />;
  const [first, second, third] = part.parts;
  if (choice && first && second?.label === "otherwise" && !third && first.ends === "" && first.parts.length === 0) return <Maybe part={part} way={{ ...second, label: first.label }} unless />;
  return (
    <Frame part={part} title={part.label} word="">
      <ul className="flex items-stretch justify-center gap-3">
        {part.parts.map((way, index) => (
          <li key={index} className={`flex min-w-28 flex-col items-center rounded-lg border border-line bg-sunken px-3 pt-1.5 pb-3 ${choice ? "" : "border-dashed"}`}>
            <p className={`mb-2 max-w-60 text-center text-xs break-words text-ink-2 ${way.label === "otherwise" ? "" : "font-mono"}`}>{way.label}</p>
            {way.parts.length > 0 && <Parts parts={way.parts} />}
            {choice && (way.ends !== "" || way.parts.length === 0) && <p className="mt-2 text-xs text-ink-3">{ENDS[way.ends]}</p>}
          </li>
        ))}
      </ul>
    </Frame>
  );
}

/** One way, and otherwise nothing. */
function Maybe({ part, way, unless = false }: { part: Part; way: Part; unless?: boolean }) {
  const condition = <span className="font-mono text-xs break-words">{way.label}</span>;
  if (way.parts.length === 0)
    return (
      <p className="max-w-72 rounded-full border border-line-strong px-3 py-1 text-center text-xs text-ink-2" title={part.where}>
        {unless ? "Unless" : "If"} {condition}, it {ENDS[way.ends]}
      </p>
    );
  return (
    <Frame part={part} title={unless ? "Unless" : "Only if"} word={condition}>
      <Parts parts={way.parts} />
      {way.ends !== "" && <p className="mt-2 text-center text-xs text-ink-3">then it {ENDS[way.ends]}</p>}
    </Frame>
  );
}

function Frame({ part, title, word, children }: { part: Part; title: string; word: ReactNode; children: ReactNode }) {
  const { icon: Icon } = kind(part);
  return (
    <div className="rounded-lg border border-line-strong bg-raised p-3" title={part.where}>
      <p className="mb-2.5 flex items-center justify-center gap-1.5 text-xs text-ink-3">
        <Icon className="size-3.5 shrink-0" aria-hidden />
        <span className="font-medium text-ink-2">{title}</span>
        {word && <span className="max-w-60">{word}</span>}
      </p>
      {children}
    </div>
  );
}
