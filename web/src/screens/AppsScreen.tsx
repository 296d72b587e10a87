import { ArrowRight, FileText, MessagesSquare, SquarePen, TriangleAlert } from "lucide-react";
import { Link } from "wouter";
import { asProblem } from "../api/client";
import { useApp, useRecentRuns } from "../api/queries";
import type { KnowledgeInfo, PipelineInfo } from "../api/types";
import { Empty } from "../parts/Empty";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen, Section } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { When } from "../parts/When";
import { RunList } from "../run/RunList";
import { plural } from "../text/numbers";

/** What can be done here. */
export function AppsScreen() {
  const query = useApp();
  const app = query.data;
  if (query.error)
    return (
      <Screen title="Apps">
        <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />
      </Screen>
    );
  if (!app)
    return (
      <Screen title="Apps">
        <Skeleton lines={6} />
      </Screen>
    );
  return (
    <Screen title={app.title} about={app.about}>
      {app.pipelines.length === 0 ? (
        <Empty icon={<SquarePen />} title="No pipeline yet">
          <p>
            Write an async function with <code className="font-mono text-sm">@app.pipeline</code> in app.py: its types become a form here.
          </p>
        </Empty>
      ) : (
        <ul className={`mb-9 grid gap-4 sm:grid-cols-2 ${app.pipelines.length % 3 === 0 || app.pipelines.length > 4 ? "xl:grid-cols-3" : ""}`} aria-label="Apps">
          {app.pipelines.map((pipeline) => (
            <li key={pipeline.name}>
              <PipelineCard pipeline={pipeline} />
            </li>
          ))}
        </ul>
      )}
      {app.knowledge.length > 0 && (
        <Section title="What it knows">
          <ul className="overflow-hidden rounded-lg border border-line">
            {app.knowledge.map((knowledge) => (
              <li key={knowledge.name} className="border-b border-line last:border-b-0">
                <KnowledgeLine knowledge={knowledge} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      <RecentRuns />
    </Screen>
  );
}

function PipelineCard({ pipeline }: { pipeline: PipelineInfo }) {
  const Icon = pipeline.kind === "chat" ? MessagesSquare : SquarePen;
  return (
    <Link href={`/apps/${pipeline.name}`} className="group flex h-full flex-col rounded-xl border border-line bg-surface p-5 shadow-card transition-colors hover:border-line-strong hover:bg-sunken">
      <span className="mb-3 flex size-9 items-center justify-center rounded-lg bg-accent-soft text-accent-text">
        <Icon className="size-[18px]" aria-hidden />
      </span>
      <h2 className="text-lg font-semibold tracking-tight">{pipeline.title}</h2>
      <p className="mt-1 line-clamp-3 text-ink-2">{pipeline.about}</p>
      <span className="mt-auto flex items-center justify-between pt-4 text-sm text-ink-3">
        <span>
          {pipeline.kind === "chat" ? "Chat" : "Form"}
          {pipeline.examples.length > 0 && ` · ${plural(pipeline.examples.length, "example")}`}
        </span>
        <ArrowRight className="size-4 text-ink-3 transition-transform group-hover:translate-x-0.5 group-hover:text-accent-text" aria-hidden />
      </span>
    </Link>
  );
}

export function KnowledgeLine({ knowledge }: { knowledge: KnowledgeInfo }) {
  return (
    <Link href={`/knowledge/${knowledge.name}`} className="flex flex-wrap items-center gap-x-3 gap-y-0.5 px-4 py-3 hover:bg-hover">
      <FileText className="size-4 shrink-0 text-ink-3" aria-hidden />
      <span className="font-medium">{knowledge.title}</span>
      <span className="tnum text-ink-2">{plural(knowledge.documents, "document")}</span>
      {knowledge.failed > 0 && (
        <span className="inline-flex items-center gap-1 text-sm text-waiting">
          <TriangleAlert className="size-3.5" aria-hidden /> {knowledge.failed} could not be read
        </span>
      )}
      <span className="text-sm text-ink-3 sm:ml-auto">{knowledge.updated_at ? <>updated <When iso={knowledge.updated_at} /></> : "not indexed yet"}</span>
    </Link>
  );
}

function RecentRuns() {
  const runs = useRecentRuns(6);
  if (!runs.data) return null;
  return (
    <Section
      title="Recent runs"
      actions={
        runs.data.items.length > 0 ? (
          <Link href="/runs" className="text-sm text-accent-text hover:underline">
            All runs
          </Link>
        ) : null
      }
    >
      {runs.data.items.length === 0 ? (
        <p className="rounded-lg border border-dashed border-line-strong px-4 py-6 text-center text-ink-2">Nothing has run yet. Open an app above and click one of its examples.</p>
      ) : (
        <RunList runs={runs.data.items} />
      )}
    </Section>
  );
}
