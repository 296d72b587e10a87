// What the page asks about batches, as hooks with one key each. Knows the paths; does not know the screens.

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { call, withQuery } from "./client";
import { keys, randomKey } from "./queries";
import type { Batch, BatchRow, BatchRows, Estimate, Paged } from "./types";

const LOOK = 1_500; // milliseconds between two looks at a batch that moves
const ROWS = 100;

const pathOf = (id: string, what = "") => `/api/batches/${encodeURIComponent(id)}${what}`;
const tablePath = (pipeline: string) => `/api/pipelines/${encodeURIComponent(pipeline)}/batches`;

export const templatePath = (pipeline: string) => `${tablePath(pipeline)}/template.csv`;
export const resultsPath = (id: string, kind: "csv" | "xlsx" | "jsonl") => pathOf(id, `/results.${kind}`);

/** Some of its rows can still change by themselves, as those of a paused batch that are at work. */
export function moves(batch: Batch): boolean {
  return batch.status === "running" || batch.counts.running + batch.counts.waiting > 0;
}

export function useBatches() {
  return useInfiniteQuery({
    queryKey: ["batches"],
    queryFn: ({ pageParam, signal }) => call<Paged<Batch>>(withQuery("/api/batches", { limit: 50, cursor: pageParam }), { signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor || undefined,
    refetchInterval: (query) => (query.state.data?.pages.some((page) => page.items.some(moves)) ? 2 * LOOK : 20_000),
  });
}

export function useBatch(id: string) {
  return useQuery({
    queryKey: ["batch", id],
    queryFn: ({ signal }) => call<Batch>(pathOf(id), { signal }),
    refetchInterval: (query) => (query.state.data && moves(query.state.data) ? LOOK : false),
  });
}

/** Rows as far as they were scrolled to. Each page is asked again in its turn, so a long table costs what a short one does. */
export function useBatchRows(batch: Batch | undefined, status: string) {
  const client = useQueryClient();
  const id = batch?.id ?? "";
  const moving = batch !== undefined && moves(batch);
  const before = useRef(moving);
  useEffect(() => {
    if (before.current && !moving) void client.invalidateQueries({ queryKey: ["batch-rows", id] });
    before.current = moving;
  }, [client, id, moving]);
  return useInfiniteQuery({
    queryKey: ["batch-rows", id, status],
    queryFn: ({ pageParam, signal }) => call<BatchRows>(withQuery(pathOf(id, "/rows"), { after: pageParam, limit: ROWS, status }), { signal }),
    initialPageParam: 0,
    getNextPageParam: (last) => last.next_after ?? undefined,
    refetchInterval: (query) => (moving ? LOOK * Math.max(query.state.data?.pages.length ?? 1, 1) : false),
    placeholderData: (previous) => previous,
    enabled: id !== "",
  });
}

export function useBatchRow(batch: Batch, row: number) {
  return useQuery({
    queryKey: ["batch-rows", batch.id, "row", row],
    queryFn: async ({ signal }) => (await call<BatchRows>(withQuery(pathOf(batch.id, "/rows"), { after: row - 1, limit: 1 }), { signal })).items.find((one): one is BatchRow => one.row === row) ?? null,
    refetchInterval: moves(batch) ? LOOK : false,
  });
}

export type BatchAct = { act: "pause" } | { act: "cancel" } | { act: "resume"; cap_usd?: number } | { act: "retry"; rows?: number[]; cap_usd?: number };

export function useActOnBatch(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ act, ...body }: BatchAct) => call<Batch>(pathOf(id, `/${act}`), { body }),
    onSuccess: (batch) => client.setQueryData(["batch", id], batch),
    onSettled: () => {
      for (const queryKey of [["batch", id], ["batch-rows", id], ["batches"], keys.runs]) void client.invalidateQueries({ queryKey });
    },
  });
}

function formOf(file: File): FormData {
  const form = new FormData();
  form.set("file", file);
  return form;
}

/** Reads the table and tells what it would give and cost; starts nothing. */
export function useEstimate(pipeline: string) {
  return useMutation({ mutationFn: (file: File) => call<Estimate>(withQuery(tablePath(pipeline), { dry_run: "true" }), { body: formOf(file) }) });
}

/** The same table sent again after a lost answer carries the same key, so nothing runs and is paid twice. */
export function useStartBatch(pipeline: string) {
  const client = useQueryClient();
  const sent = useRef<{ file: File | null; cap: number | null; key: string }>({ file: null, cap: null, key: "" });
  return useMutation({
    mutationFn: ({ file, cap }: { file: File; cap: number | null }) => {
      if (sent.current.file !== file || sent.current.cap !== cap) sent.current = { file, cap, key: randomKey() };
      return call<Batch>(withQuery(tablePath(pipeline), { cap_usd: cap }), { body: formOf(file), headers: { "Idempotency-Key": sent.current.key } });
    },
    onSuccess: (batch) => {
      client.setQueryData(["batch", batch.id], batch);
      for (const queryKey of [["batches"], keys.runs]) void client.invalidateQueries({ queryKey });
    },
  });
}
