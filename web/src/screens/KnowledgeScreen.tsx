import { Library } from "lucide-react";
import { asProblem } from "../api/client";
import { useKnowledge } from "../api/queries";
import { Empty } from "../parts/Empty";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { KnowledgeLine } from "./AppsScreen";

/** What the apps know. */
export function KnowledgeScreen() {
  const query = useKnowledge();
  return (
    <Screen title="Knowledge" about="The documents that answers are drawn from. Every citation opens one of them at the quoted words.">
      {query.isPending && <Skeleton lines={4} />}
      {query.error && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {query.data?.items.length === 0 && (
        <Empty icon={<Library />} title="No knowledge base yet">
          <p>
            Put documents into a folder <code className="font-mono text-sm">knowledge/handbook</code>, declare it with <code className="font-mono text-sm">KnowledgeBase("handbook")</code>, and run <code className="font-mono text-sm">coachwork ingest</code>.
          </p>
        </Empty>
      )}
      {query.data && query.data.items.length > 0 && (
        <ul className="overflow-hidden rounded-lg border border-line">
          {query.data.items.map((knowledge) => (
            <li key={knowledge.name} className="border-b border-line last:border-b-0">
              <KnowledgeLine knowledge={knowledge} />
            </li>
          ))}
        </ul>
      )}
    </Screen>
  );
}
