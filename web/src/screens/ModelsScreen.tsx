import { asProblem } from "../api/client";
import { useBudgets, useRoutes } from "../api/queries";
import { BudgetList } from "../models/BudgetList";
import { RouteList } from "../models/RouteList";
import { SpendPanel } from "../models/SpendPanel";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen, Section } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";

/** Which models answer, what may be spent, and what was. */
export function ModelsScreen() {
  return (
    <Screen title="Models & spend" about="Which models answer, what they may cost, and what they did cost.">
      <Section title="Routes">
        <Routes />
      </Section>
      <Section title="Budgets">
        <Budgets />
      </Section>
      <Section title="Spend">
        <SpendPanel />
      </Section>
    </Screen>
  );
}

function Routes() {
  const query = useRoutes();
  if (query.isPending) return <Skeleton lines={4} label="Loading the routes" />;
  if (!query.data) return <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />;
  return (
    <>
      <p className="-mt-1 mb-3 text-sm text-ink-2">An app asks a route. Its first model that can be asked answers; where that one fails, the next does.</p>
      <RouteList routes={query.data.items} toldAt={query.dataUpdatedAt} />
    </>
  );
}

function Budgets() {
  const query = useBudgets();
  if (query.isPending) return <Skeleton lines={3} label="Loading the budgets" />;
  if (!query.data) return <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />;
  if (query.data.items.length > 0) return <BudgetList budgets={query.data.items} />;
  return (
    <div className="rounded-lg border border-dashed border-line-strong px-4 py-4">
      <p className="font-medium">No budget is set</p>
      <p className="mt-1 max-w-[72ch] text-ink-2">With a budget, a call that could cost more than is left is refused before it is sent. Five dollars a day for everything together, in coachwork.toml:</p>
      <pre className="mt-2.5 w-fit max-w-full overflow-x-auto rounded-md border border-line bg-sunken px-3 py-2 font-mono text-sm" tabIndex={0}>
        {'[[budgets]]\nscope = "installation"\nusd = 5\nper = "day"'}
      </pre>
    </div>
  );
}
