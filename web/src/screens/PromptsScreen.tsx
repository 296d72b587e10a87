import { FileText } from "lucide-react";
import { Link } from "wouter";
import { asProblem } from "../api/client";
import { usePrompts } from "../api/queries";
import type { PromptInfo } from "../api/types";
import { Empty } from "../parts/Empty";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { When } from "../parts/When";
import { StateMark } from "../models/StateMark";
import { plural } from "../text/numbers";

/** The prompts of the project. */
export function PromptsScreen() {
  const query = usePrompts();
  return (
    <Screen title="Prompts" about="What the models are told. Read a prompt, try it on models side by side, change it as a draft. The file in the project stays the truth.">
      {query.isPending && <Skeleton lines={4} label="Loading the prompts" />}
      {query.error && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {query.data?.items.length === 0 && (
        <Empty icon={<FileText />} title="No prompt yet">
          <p>
            Write <code className="font-mono text-sm">prompts/triage.md</code>, and in app.py <code className="font-mono text-sm">@prompt async def triage(ticket: Ticket) -&gt; Triage: ...</code>
          </p>
        </Empty>
      )}
      {query.data && query.data.items.length > 0 && (
        <ul className="overflow-hidden rounded-lg border border-line">
          {query.data.items.map((prompt) => (
            <li key={prompt.name} className="border-b border-line last:border-b-0">
              <PromptLine prompt={prompt} />
            </li>
          ))}
        </ul>
      )}
    </Screen>
  );
}

function PromptLine({ prompt }: { prompt: PromptInfo }) {
  return (
    <Link href={`/prompts/${prompt.name}`} className="flex flex-col gap-1 px-4 py-3 hover:bg-hover">
      <span className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-medium">{prompt.name}</span>
        <span className="text-ink-2">{prompt.about}</span>
      </span>
      <span className="flex flex-wrap gap-x-4 text-sm text-ink-3">
        <span>route {prompt.route}</span>
        <span className="font-mono text-xs leading-5">{prompt.version}</span>
        {prompt.labels.length > 0 && <span>{prompt.labels.join(", ")}</span>}
        <span>{prompt.cases === 0 ? "no cases" : prompt.trial ? `${prompt.trial.passed} of ${prompt.trial.tries} passed` : `${plural(prompt.cases, "case")}, not run`}</span>
        {prompt.last_used && (
          <span>
            used <When iso={prompt.last_used} />
          </span>
        )}
      </span>
      {prompt.problem && <StateMark wraps said={{ tone: "bad", word: "Its file has a mistake", more: prompt.problem }} />}
    </Link>
  );
}
