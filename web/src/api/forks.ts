// Forking a run and comparing two, as hooks. Knows the paths; does not know the screens.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { call } from "./client";
import { keys, randomKey } from "./queries";
import type { Comparison, ForkChanges, Run } from "./types";
import { hasEnded } from "./types";

/** The same fork sent again after a lost answer carries the same key, so nothing runs and is paid twice. */
export function useForkRun(id: string) {
  const client = useQueryClient();
  const sent = useRef({ text: "", key: "" });
  return useMutation({
    mutationFn: (changes: ForkChanges) => {
      const text = JSON.stringify(changes);
      if (sent.current.text !== text) sent.current = { text, key: randomKey() };
      return call<Run>(`/api/runs/${encodeURIComponent(id)}/fork`, { body: changes, headers: { "Idempotency-Key": sent.current.key } });
    },
    onSuccess: () => {
      sent.current = { text: "", key: "" };
      void client.invalidateQueries({ queryKey: keys.runs });
    },
  });
}

export function useComparison(a: string, b: string) {
  return useQuery({
    queryKey: ["compare", a, b],
    queryFn: ({ signal }) => call<Comparison>(`/api/runs/${encodeURIComponent(a)}/compare/${encodeURIComponent(b)}`, { signal }),
    refetchInterval: (query) => (query.state.data && hasEnded(query.state.data.a.status) && hasEnded(query.state.data.b.status) ? false : 2_000),
  });
}
