import { asProblem } from "../api/client";
import { useApp } from "../api/queries";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { ChatApp } from "./ChatApp";
import { FormApp } from "./FormApp";
import { NotFoundScreen } from "./NotFoundScreen";

/** One app: its form and result, or its chat. */
export function AppScreen({ name, runId }: { name: string; runId?: string }) {
  const query = useApp();
  if (query.error)
    return (
      <Screen title="App">
        <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />
      </Screen>
    );
  if (!query.data)
    return (
      <Screen title="App">
        <Skeleton lines={6} />
      </Screen>
    );
  const pipeline = query.data.pipelines.find((one) => one.name === name);
  if (!pipeline) return <NotFoundScreen title={`There is no app called ${name}`} says="It may have been renamed. Your earlier runs are still under Runs." />;
  const knowledge = query.data.knowledge.filter((one) => pipeline.knowledge.includes(one.name));
  return pipeline.kind === "chat" ? <ChatApp key={name} pipeline={pipeline} knowledge={knowledge} runId={runId} /> : <FormApp key={name} pipeline={pipeline} knowledge={knowledge} runId={runId} />;
}
