import { Component, lazy, Suspense, useEffect, useRef } from "react";
import type { ReactNode } from "react";
import { Route, Switch, useLocation } from "wouter";
import { Button } from "./parts/Button";
import { ProblemNote } from "./parts/ProblemNote";
import { Skeleton } from "./parts/Skeleton";
import { AppScreen } from "./screens/AppScreen";
import { AppsScreen } from "./screens/AppsScreen";
import { NotFoundScreen } from "./screens/NotFoundScreen";
import { Shell } from "./shell/Shell";

const InboxScreen = lazy(() => import("./screens/InboxScreen").then((module) => ({ default: module.InboxScreen })));
const RunsScreen = lazy(() => import("./screens/RunsScreen").then((module) => ({ default: module.RunsScreen })));
const RunScreen = lazy(() => import("./screens/RunScreen").then((module) => ({ default: module.RunScreen })));
const ForkScreen = lazy(() => import("./screens/ForkScreen").then((module) => ({ default: module.ForkScreen })));
const CompareScreen = lazy(() => import("./screens/CompareScreen").then((module) => ({ default: module.CompareScreen })));
const BatchesScreen = lazy(() => import("./screens/BatchesScreen").then((module) => ({ default: module.BatchesScreen })));
const BatchScreen = lazy(() => import("./screens/BatchScreen").then((module) => ({ default: module.BatchScreen })));
const BatchStartScreen = lazy(() => import("./screens/BatchStartScreen").then((module) => ({ default: module.BatchStartScreen })));
const KnowledgeScreen = lazy(() => import("./screens/KnowledgeScreen").then((module) => ({ default: module.KnowledgeScreen })));
const KnowledgeBaseScreen = lazy(() => import("./screens/KnowledgeBaseScreen").then((module) => ({ default: module.KnowledgeBaseScreen })));
const DocumentScreen = lazy(() => import("./screens/DocumentScreen").then((module) => ({ default: module.DocumentScreen })));
const PromptsScreen = lazy(() => import("./screens/PromptsScreen").then((module) => ({ default: module.PromptsScreen })));
const PromptScreen = lazy(() => import("./screens/PromptScreen").then((module) => ({ default: module.PromptScreen })));
const ModelsScreen = lazy(() => import("./screens/ModelsScreen").then((module) => ({ default: module.ModelsScreen })));

/** Every address of the page. */
export function Page() {
  return (
    <Shell>
      <Stumble>
        <Suspense fallback={<Waiting />}>
          <Switch>
            <Route path="/">{() => <AppsScreen />}</Route>
            <Route path="/apps/:name">{({ name }) => <AppScreen name={name} />}</Route>
            <Route path="/apps/:name/runs/:id">{({ name, id }) => <AppScreen name={name} runId={id} />}</Route>
            <Route path="/apps/:name/batch">{({ name }) => <BatchStartScreen key={name} name={name} />}</Route>
            <Route path="/batches">{() => <BatchesScreen />}</Route>
            <Route path="/batches/:id">{({ id }) => <BatchScreen key={id} id={id} />}</Route>
            <Route path="/inbox">{() => <InboxScreen />}</Route>
            <Route path="/inbox/:id">{({ id }) => <InboxScreen id={id} />}</Route>
            <Route path="/runs">{() => <RunsScreen />}</Route>
            <Route path="/runs/:id/fork">{({ id }) => <ForkScreen key={id} id={id} />}</Route>
            <Route path="/runs/:a/compare/:b">{({ a, b }) => <CompareScreen a={a} b={b} />}</Route>
            <Route path="/runs/:id">{({ id }) => <RunScreen id={id} />}</Route>
            <Route path="/knowledge">{() => <KnowledgeScreen />}</Route>
            <Route path="/knowledge/:kb">{({ kb }) => <KnowledgeBaseScreen name={kb} />}</Route>
            <Route path="/knowledge/:kb/documents/*">{(parameters) => <DocumentScreen kb={parameters.kb} id={parameters["*"] ?? ""} />}</Route>
            <Route path="/prompts">{() => <PromptsScreen />}</Route>
            <Route path="/prompts/:name">{({ name }) => <PromptScreen key={name} name={name} />}</Route>
            <Route path="/models">{() => <ModelsScreen />}</Route>
            <Route>{() => <NotFoundScreen />}</Route>
          </Switch>
        </Suspense>
      </Stumble>
      <TopOfNewScreen />
    </Shell>
  );
}

function Waiting() {
  return (
    <div className="mx-auto max-w-[1080px] px-8 pt-9">
      <Skeleton lines={5} />
    </div>
  );
}

/** A new place begins at its top; a run that gets its address on the same place does not move. */
function TopOfNewScreen() {
  const [location] = useLocation();
  const place = location.replace(/^(\/apps\/[^/]+)\/.*/, "$1").replace(/^\/inbox\/.*/, "/inbox");
  const last = useRef(place);
  useEffect(() => {
    if (last.current === place) return;
    last.current = place;
    const main = document.getElementById("main");
    main?.scrollTo(0, 0);
    if (!main?.contains(document.activeElement)) main?.focus({ preventScroll: true });
  }, [place]);
  return null;
}

/** A fault of this page itself is told in words and the rest of the page stays. */
class Stumble extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <div className="mx-auto max-w-2xl px-6 py-16">
        <ProblemNote problem={{ title: "page", code: "page", reader: "This page stumbled over its own code. Nothing on the server was touched, and runs go on." }}>
          <p className="text-ink-2">{String((this.state.error as Error)?.message ?? "")}</p>
          <div>
            <Button small onClick={() => location.reload()}>
              Reload the page
            </Button>
          </div>
        </ProblemNote>
      </div>
    );
  }
}
