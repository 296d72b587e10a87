import { Plus } from "lucide-react";
import { useEffect, useRef } from "react";
import { useLocation, useSearch } from "wouter";
import { useQueryClient } from "@tanstack/react-query";
import { asProblem } from "../api/client";
import { keys, useRun, useStartRun } from "../api/queries";
import { hasEnded } from "../api/types";
import type { ChatMessage, Example, Json, JsonObject, KnowledgeInfo, PipelineInfo, Run } from "../api/types";
import { answerOf } from "../run/answer";
import { isObject } from "../form/fields";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Trail, useTitle } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { ChatBox } from "../run/ChatBox";
import { EarlierAnswer, Question } from "../run/ChatTurns";
import { Examples } from "../run/Examples";
import { HowItWorks } from "../run/HowItWorks";
import { KnowsLine } from "../run/KnowsLine";
import { RunResult } from "../run/RunResult";
import { useRunView } from "../run/useRunView";

interface ChatAppProps {
  pipeline: PipelineInfo;
  knowledge: KnowledgeInfo[];
  runId?: string | undefined;
}

/** A conversation. Each question is a run of its own; the address names the newest. */
export function ChatApp({ pipeline, knowledge, runId }: ChatAppProps) {
  useTitle(pipeline.title);
  const [, go] = useLocation();
  const client = useQueryClient();
  const start = useStartRun(pipeline.name);
  const { run, view, error, retry, broken } = useRunView(runId);
  const from = new URLSearchParams(useSearch()).get("from") ?? undefined;
  const again = useRun(from).data;
  const messages = messagesOf(run?.input);
  const working = view !== undefined && !hasEnded(view.status);
  const key = conversationKey(pipeline);
  const bottom = useRef<HTMLDivElement>(null);
  const toEnd = useStayingAtEnd(bottom, `${view?.text.length} ${view?.status} ${messages.length}`);

  const ask = (turns: ChatMessage[]) => {
    toEnd();
    start.mutate(
      key === null ? { messages: turns as unknown as Json } : { [key]: { messages: turns as unknown as Json } },
      {
        onSuccess: (started) => {
          client.setQueryData<Run>(keys.run(started.id), started);
          go(`/apps/${pipeline.name}/runs/${started.id}`);
        },
      },
    );
  };
  const soFar = run && view ? withAnswer(messages, run) : [];
  const earlier = messages.slice(0, -1);
  const question = messages.at(-1);
  return (
    <div className="flex h-full flex-col">
      <header className="border-b border-line px-8 pt-4 pb-3 max-md:px-4">
        <div className="mx-auto max-w-[860px]">
          <Trail trail={[{ label: "Apps", to: "/" }]} />
          <div className="flex items-start justify-between gap-3">
            <div className="min-w-0">
              <h1 className="text-lg font-semibold tracking-tight">{pipeline.title}</h1>
              <div className={runId ? "max-md:hidden" : ""}>
                <KnowsLine knowledge={knowledge} />
              </div>
            </div>
            {runId && (
              <Button small onClick={() => go(`/apps/${pipeline.name}`)}>
                <Plus className="size-4" aria-hidden /> New conversation
              </Button>
            )}
          </div>
        </div>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto px-8 max-md:px-4" data-thread>
        <div role="log" aria-label="Conversation" aria-live="off" className="mx-auto flex max-w-[860px] flex-col gap-6 py-7 outline-offset-4" tabIndex={0}>
          <h2 className="sr-only">Conversation</h2>
          {!runId && <BeforeTheFirstQuestion pipeline={pipeline} onPick={(example) => ask(messagesOf(example.input))} />}
          {error && !run ? <ProblemNote problem={asProblem(error)} retry={retry} runId={runId} /> : null}
          {runId && !run && !error && <Skeleton lines={5} />}
          {earlier.map((turn, index) =>
            turn.role === "user" ? (
              <Question key={index} text={turn.content} busy={start.isPending} onAskAgain={(text) => ask([...messages.slice(0, index), { role: "user", content: text }])} />
            ) : (
              <EarlierAnswer key={index} turn={turn} />
            ),
          )}
          {question && <Question text={question.content} busy={start.isPending} onAskAgain={(text) => ask([...earlier, { role: "user", content: text }])} />}
          {run && view && <RunResult key={run.id} view={view} feedback={run.feedback} outputSchema={pipeline.output_schema} broken={broken} onRetry={() => ask(messages)} compact />}
          {start.isError && <ProblemNote problem={asProblem(start.error)} retry={() => start.variables && ask(messagesOf(start.variables))} />}
          <div ref={bottom} aria-hidden />
        </div>
      </div>
      <ChatBox
        key={again?.id ?? "box"}
        initial={again ? (messagesOf(again.input).findLast((turn) => turn.role === "user")?.content ?? "") : ""}
        working={working}
        busy={start.isPending}
        placeholder={runId ? "Ask a follow-up" : "Ask a question"}
        stopId={working ? runId : undefined}
        onSend={(text) => ask([...soFar, { role: "user", content: text }])}
      />
    </div>
  );
}

function BeforeTheFirstQuestion({ pipeline, onPick }: { pipeline: PipelineInfo; onPick: (example: Example) => void }) {
  return (
    <div className="flex flex-col gap-6 pt-[6vh]">
      <p className="max-w-[60ch] text-lg text-ink-2">{pipeline.about}</p>
      <Examples examples={pipeline.examples} onPick={onPick} title="Ask one of these, or your own" />
      <HowItWorks pipeline={pipeline.name} />
    </div>
  );
}

/** A chat's input is a conversation, or one parameter that holds it. */
function conversationKey(pipeline: PipelineInfo): string | null {
  const properties = pipeline.input_schema.properties ?? {};
  return "messages" in properties ? null : (Object.keys(properties)[0] ?? null);
}

export function messagesOf(input: JsonObject | undefined): ChatMessage[] {
  if (!input) return [];
  const holder = Array.isArray(input["messages"]) ? input : Object.values(input).find((value) => isObject(value) && Array.isArray(value["messages"]));
  return isObject(holder) ? (holder["messages"] as unknown as ChatMessage[]) : [];
}

function withAnswer(messages: ChatMessage[], run: Run): ChatMessage[] {
  const text = answerOf(run.output)?.text;
  return text ? [...messages, { role: "assistant", content: text, run_id: run.id }] : messages.slice(0, -1);
}

/** Stays at the end while text comes in, unless the reader scrolled up. */
function useStayingAtEnd(bottom: React.RefObject<HTMLDivElement | null>, change: string): () => void {
  const near = useRef(true);
  useEffect(() => {
    const thread = bottom.current?.closest("[data-thread]");
    if (!thread) return;
    const look = () => {
      near.current = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 120;
    };
    thread.addEventListener("scroll", look, { passive: true });
    return () => thread.removeEventListener("scroll", look);
  }, [bottom]);
  useEffect(() => {
    if (near.current) bottom.current?.scrollIntoView({ block: "end" });
  }, [bottom, change]);
  return () => {
    near.current = true;
  };
}
