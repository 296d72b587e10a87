// What the page asks the server, as hooks with one key each. Knows the paths; does not know the screens.

import { QueryClient, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { ApiProblem, call, callNothing, callText, documentPath, withQuery } from "./client";
import { hasEnded } from "./types";
import type { AppInfo, Approval, Budget, Checked, DocumentInfo, DocumentText, Explanation, Feedback, IngestPlan, IngestState, Json, JsonObject, KnowledgeInfo, Outline, Paged, PagePicture, PassageWeighed, PromptAnswer, PromptAnswers, PromptDetail, PromptInfo, PromptModel, PromptSide, RouteInfo, Run, RunPage, RunSummary, Spend, SpendBy } from "./types";

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (count, error) => count < 2 && error instanceof ApiProblem && (error.problem.status === 0 || (error.problem.status ?? 0) >= 500),
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
}

export const keys = {
  app: ["app"] as const,
  run: (id: string) => ["run", id] as const,
  runs: ["runs"] as const,
  approvals: ["approvals"] as const,
  approval: (id: string) => ["approval", id] as const,
  documents: (kb: string) => ["documents", kb] as const,
  models: ["models"] as const,
  budgets: ["budgets"] as const,
  spend: ["spend"] as const,
  prompts: ["prompts"] as const,
  prompt: (name: string) => ["prompt", name] as const,
};

export function useApp() {
  return useQuery({ queryKey: keys.app, queryFn: ({ signal }) => call<AppInfo>("/api/app", { signal }), staleTime: 60_000 });
}

export function useOutline(pipeline: string, asked: boolean) {
  return useQuery({ queryKey: ["outline", pipeline], queryFn: ({ signal }) => call<Outline>(`/api/pipelines/${encodeURIComponent(pipeline)}/outline`, { signal }), enabled: asked, staleTime: 60_000 });
}

export function useRun(id: string | undefined) {
  return useQuery({
    queryKey: keys.run(id ?? ""),
    queryFn: ({ signal }) => call<Run>(`/api/runs/${encodeURIComponent(id ?? "")}`, { signal }),
    enabled: Boolean(id),
    staleTime: (query) => (query.state.data && hasEnded(query.state.data.status) ? 60_000 : 0),
    // the stream tells at once; this is the net under it
    refetchInterval: (query) => (query.state.data && !hasEnded(query.state.data.status) ? 5_000 : false),
  });
}

export interface RunFilter {
  status?: string | undefined;
  pipeline?: string | undefined;
  q?: string | undefined;
}

export function useRunPages(filter: RunFilter) {
  return useInfiniteQuery({
    queryKey: [...keys.runs, "pages", filter],
    queryFn: ({ pageParam, signal }) => call<RunPage>(withQuery("/api/runs", { ...filter, limit: 100, cursor: pageParam }), { signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor || undefined,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : anyMoving(query.state.data?.pages[0]?.items) ? 3_000 : 20_000),
    placeholderData: (previous) => previous,
  });
}

export function useRecentRuns(limit: number, pipeline?: string) {
  return useQuery({
    queryKey: [...keys.runs, "recent", limit, pipeline ?? ""],
    queryFn: ({ signal }) => call<RunPage>(withQuery("/api/runs", { limit, pipeline }), { signal }),
    refetchInterval: (query) => (anyMoving(query.state.data?.items) ? 3_000 : 30_000),
  });
}

function anyMoving(items: RunSummary[] | undefined): boolean {
  return Boolean(items?.some((run) => run.status === "queued" || run.status === "running"));
}

/** The same input sent again after a lost answer carries the same key, so nothing runs and is paid twice. */
export function useStartRun(pipeline: string) {
  const sent = useRef({ text: "", key: "" });
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: JsonObject) => {
      const text = JSON.stringify(input);
      if (sent.current.text !== text) sent.current = { text, key: randomKey() };
      return call<Run>(`/api/pipelines/${encodeURIComponent(pipeline)}/runs`, { body: { input }, headers: { "Idempotency-Key": sent.current.key } });
    },
    onSuccess: () => {
      sent.current = { text: "", key: "" };
      void client.invalidateQueries({ queryKey: keys.runs });
    },
  });
}

/** `crypto.randomUUID` is there only over https and on localhost; this works everywhere. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function useCancelRun() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call<Run>(`/api/runs/${encodeURIComponent(id)}/cancel`, { method: "POST" }),
    onSettled: (_data, _error, id) => {
      void client.invalidateQueries({ queryKey: keys.run(id) });
      void client.invalidateQueries({ queryKey: keys.runs });
      void client.invalidateQueries({ queryKey: keys.approvals });
    },
  });
}

export function useSendFeedback(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (feedback: Feedback) => call<unknown>(`/api/runs/${encodeURIComponent(id)}/feedback`, { body: feedback }),
    onSuccess: (_answer, feedback) => client.setQueryData<Run>(keys.run(id), (run) => run && { ...run, feedback }),
  });
}

export function useApprovals(status: string) {
  return useInfiniteQuery({
    queryKey: [...keys.approvals, status],
    queryFn: ({ pageParam, signal }) => call<Paged<Approval>>(withQuery("/api/approvals", { status, limit: 100, cursor: pageParam }), { signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor || undefined,
    refetchInterval: 10_000,
  });
}

export function useApproval(id: string | undefined) {
  return useQuery({
    queryKey: keys.approval(id ?? ""),
    queryFn: ({ signal }) => call<Approval>(`/api/approvals/${encodeURIComponent(id ?? "")}`, { signal }),
    enabled: Boolean(id),
    refetchInterval: (query) => (query.state.data?.status === "pending" ? 10_000 : false),
  });
}

export interface ApprovalAnswer {
  decision: "accept" | "edit" | "reject";
  value?: Json;
  comment: string;
  /** Who decides, where only some may: what they say, until there is a login. */
  by?: string;
}

export function useAnswerApproval(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (answer: ApprovalAnswer) => call<Approval>(`/api/approvals/${encodeURIComponent(id)}/answer`, { body: answer }),
    onSuccess: (approval) => client.setQueryData(keys.approval(id), approval),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: keys.approvals });
      void client.invalidateQueries({ queryKey: keys.approval(id) });
      void client.invalidateQueries({ queryKey: keys.runs });
    },
  });
}

export function useKnowledge() {
  return useQuery({ queryKey: ["knowledge"], queryFn: ({ signal }) => call<Paged<KnowledgeInfo>>("/api/knowledge", { signal }), staleTime: 30_000 });
}

export function useDocuments(kb: string) {
  return useQuery({
    queryKey: keys.documents(kb),
    queryFn: ({ signal }) => call<Paged<DocumentInfo>>(`/api/knowledge/${encodeURIComponent(kb)}/documents`, { signal }),
    staleTime: 30_000,
    enabled: kb !== "",
  });
}

export function useDocument(kb: string, id: string) {
  return useQuery({
    queryKey: ["document", kb, id],
    queryFn: ({ signal }) => call<DocumentText>(`/api/knowledge/${encodeURIComponent(kb)}/documents/${documentPath(id)}`, { signal }),
    staleTime: 60_000,
  });
}

const kbPath = (kb: string) => `/api/knowledge/${encodeURIComponent(kb)}`;

/** What a question finds and what became of each candidate; nothing is asked while there is no question. */
export function useExplanation(kb: string, asked: { query: string; top_k: number; where: JsonObject }) {
  return useQuery({
    queryKey: ["explain", kb, asked],
    queryFn: ({ signal }) => call<Explanation>(`${kbPath(kb)}/explain`, { body: asked, signal }),
    enabled: asked.query !== "",
    staleTime: 30_000,
  });
}

/** A page of a PDF as it is printed, with the places of the quoted words. */
export function usePdfPage(kb: string, id: string, page: number, quote: { start: number; end: number } | null) {
  return useQuery({
    queryKey: ["document", kb, id, "page", page, quote],
    queryFn: ({ signal }) => call<PagePicture>(withQuery(`${kbPath(kb)}/pages/${page}/${documentPath(id)}`, { start: quote?.start, end: quote?.end }), { signal }),
    staleTime: 60_000,
  });
}

export function usePassages(kb: string, id: string, wanted: boolean) {
  return useQuery({
    queryKey: ["passages", kb, id],
    queryFn: ({ signal }) => call<Paged<PassageWeighed>>(`${kbPath(kb)}/passages/${documentPath(id)}`, { signal }),
    staleTime: 30_000,
    enabled: wanted,
  });
}

export interface Weighing {
  digest: string;
  hidden: boolean;
  boost: number;
}

/** Hides a passage from every search, shows it again, or makes it count more or less. */
export function useWeigh(kb: string, id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (weighing: Weighing) => call<Paged<PassageWeighed>>(`${kbPath(kb)}/passages/${documentPath(id)}`, { method: "PUT", body: weighing }),
    onSuccess: (passages) => {
      client.setQueryData(["passages", kb, id], passages);
      void client.invalidateQueries({ queryKey: ["explain", kb] });
    },
  });
}

/** Everything shown of a knowledge base is asked anew: its documents came, went or changed. */
export function useForgetKnowledge(kb: string) {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: keys.documents(kb) });
    for (const key of ["app", "knowledge", "document", "passages", "explain"]) void client.invalidateQueries({ queryKey: [key] });
  };
}

export function useDeleteDocument(kb: string) {
  const forget = useForgetKnowledge(kb);
  return useMutation({ mutationFn: (id: string) => callNothing(`${kbPath(kb)}/files/${documentPath(id)}`, "DELETE"), onSettled: forget });
}

const UNDER_WAY = new Set(["waiting", "working", "stuck"]);

/** How far the ingest is, whatever process works on it; asked again every second while it goes on, else now and then. */
export function useIngest(kb: string) {
  const forget = useForgetKnowledge(kb);
  const before = useRef<string>(undefined);
  const query = useQuery({
    queryKey: ["ingest", kb],
    queryFn: ({ signal }) => call<IngestState>(`${kbPath(kb)}/ingest`, { signal }),
    refetchInterval: (one) => (UNDER_WAY.has(one.state.data?.state ?? "") ? 1000 : 10_000),
  });
  const state = query.data?.state;
  useEffect(() => {
    if (UNDER_WAY.has(before.current ?? "") && !UNDER_WAY.has(state ?? "")) forget();
    before.current = state;
  });
  return query;
}

/** The dry run that was begun here, while it goes on. */
export function usePlan(kb: string, asked: boolean) {
  return useQuery({
    queryKey: ["plan", kb],
    queryFn: ({ signal }) => call<IngestPlan>(`${kbPath(kb)}/plan`, { signal }),
    enabled: asked,
    refetchInterval: (one) => (one.state.data?.state === "working" ? 500 : false),
  });
}

export function useStartPlan(kb: string) {
  const client = useQueryClient();
  return useMutation({ mutationFn: () => call<IngestPlan>(`${kbPath(kb)}/plan`, { method: "POST" }), onSuccess: (plan) => client.setQueryData(["plan", kb], plan) });
}

export function useStartIngest(kb: string) {
  const client = useQueryClient();
  return useMutation({ mutationFn: () => call<IngestState>(`${kbPath(kb)}/ingest`, { method: "POST" }), onSuccess: (state) => client.setQueryData(["ingest", kb], state) });
}

export function useRoutes() {
  return useQuery({ queryKey: keys.models, queryFn: ({ signal }) => call<Paged<RouteInfo>>("/api/models", { signal }), refetchInterval: 10_000 });
}

export function useBudgets() {
  return useQuery({ queryKey: keys.budgets, queryFn: ({ signal }) => call<Paged<Budget>>("/api/budgets", { signal }), refetchInterval: 10_000 });
}

export function useSpend(by: SpendBy, from: string) {
  return useQuery({
    queryKey: [...keys.spend, by, from],
    queryFn: ({ signal }) => call<Spend>(withQuery("/api/spend", { by, from }), { signal }),
    refetchInterval: 30_000,
    placeholderData: (previous) => previous,
  });
}

/** Asks a model one tiny question. It is paid like any other call. */
export function useCheckModel(model: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => call<Checked>("/api/models/check", { body: { model } }),
    onSettled: () => {
      for (const queryKey of [keys.models, keys.budgets, keys.spend]) void client.invalidateQueries({ queryKey });
    },
  });
}

export function usePrompts() {
  return useQuery({ queryKey: keys.prompts, queryFn: ({ signal }) => call<Paged<PromptInfo>>("/api/prompts", { signal }) });
}

export function usePrompt(name: string) {
  return useQuery({ queryKey: keys.prompt(name), queryFn: ({ signal }) => call<PromptDetail>(promptPath(name), { signal }) });
}

/** How a prompt's answers in runs were won, by model, beside the time before. */
export function usePromptAnswers(name: string) {
  return useQuery({ queryKey: ["prompt-answers", name], queryFn: ({ signal }) => call<PromptAnswers>(promptPath(name, "/answers"), { signal }) });
}

const promptPath = (name: string, what = "") => `/api/prompts/${encodeURIComponent(name)}${what}`;

/** Whether a draft is sound; asked again with every change of it. */
export function usePromptCheck(name: string, text: string | null) {
  return useQuery({ queryKey: ["prompt-check", name, text], queryFn: ({ signal }) => call<{ version: string }>(promptPath(name, "/check"), { body: { text }, signal }), enabled: text !== null, retry: false, staleTime: 60_000 });
}

/** What each model would receive, and the worst case; nothing is sent to a model. */
export function useRenderPrompt(name: string) {
  return useMutation({ mutationFn: (asked: { input: JsonObject; text: string | null }) => call<{ version: string; models: PromptModel[] }>(promptPath(name, "/render"), { body: asked }) });
}

/** The same, told by itself while the form is filled in; nothing where the input does not fit yet. */
export function useWorstCase(name: string, input: JsonObject, text: string | null) {
  return useQuery({ queryKey: ["prompt-worst", name, input, text], queryFn: ({ signal }) => call<{ models: PromptModel[] }>(promptPath(name, "/render"), { body: { input, text }, signal }), retry: false, staleTime: 60_000 });
}

export function useTryPrompt(name: string) {
  return useMutation({ mutationFn: (asked: { input: JsonObject; models: string[]; text: string | null }) => call<{ version: string; results: PromptAnswer[] }>(promptPath(name, "/try"), { body: asked }) });
}

/** What running the cases costs at most, told before they are run. */
export function useCasesCost(name: string, text: string | null, repeats: number, enabled: boolean) {
  return useQuery({ queryKey: ["prompt-cost", name, text, repeats], queryFn: ({ signal }) => call<{ calls: number; worst_nano: number | null }>(promptPath(name, "/cases/cost"), { body: { text, repeats }, signal }), enabled, retry: false, staleTime: 60_000 });
}

export function useRunCases(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (asked: { text: string | null; repeats: number }) => call<{ sides: PromptSide[] }>(promptPath(name, "/cases"), { body: asked }),
    onSettled: () => {
      for (const queryKey of [keys.prompts, keys.prompt(name), keys.spend, keys.budgets]) void client.invalidateQueries({ queryKey });
    },
  });
}

export function useSavePrompt(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (draft: { text: string; based_on: string }) => call<PromptDetail>(promptPath(name), { method: "PUT", body: draft }),
    onSuccess: (saved) => {
      client.setQueryData(keys.prompt(name), saved);
      void client.invalidateQueries({ queryKey: keys.prompts });
    },
    onError: () => void client.invalidateQueries({ queryKey: keys.prompt(name) }),
  });
}

export function usePromptPatch(name: string) {
  return useMutation({ mutationFn: (text: string) => callText(promptPath(name, "/patch"), { text }) });
}
