import { useQueries } from "@tanstack/react-query";
import { CornerDownLeft, FileText, LayoutGrid, ListChecks, Search } from "lucide-react";
import { useDeferredValue, useId, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { call, documentPath, withQuery } from "../api/client";
import { keys, useApp } from "../api/queries";
import type { DocumentInfo, Paged, RunPage } from "../api/types";
import { statusWord } from "../run/StatusMark";
import { ModalBox } from "./ModalBox";
import { PLACES } from "./places";

interface Found {
  group: string;
  label: string;
  beside: string;
  to: string;
  icon: typeof FileText;
}

export function SearchBox({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const [, go] = useLocation();
  const list = useId();
  const found = useFound(useDeferredValue(typed.trim()));
  const at = Math.min(chosen, found.length - 1);
  const open = (one: Found | undefined) => {
    if (!one) return;
    onClose();
    go(one.to);
  };
  return (
    <ModalBox label="Search" onClose={onClose} className="mt-[12vh] w-[min(620px,calc(100vw-24px))]">
      <div className="flex items-center gap-2.5 border-b border-line px-4">
        <Search className="size-4 shrink-0 text-ink-3" aria-hidden />
        <input
          role="combobox"
          aria-label="Search apps, runs and documents"
          aria-expanded="true"
          aria-controls={list}
          aria-activedescendant={at >= 0 ? `${list}-${at}` : undefined}
          placeholder="Search apps, runs and documents"
          autoFocus
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            setChosen(0);
          }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
              event.preventDefault();
              setChosen((at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % Math.max(found.length, 1));
            } else if (event.key === "Enter") {
              event.preventDefault();
              open(found[at]);
            }
          }}
          className="h-12 flex-1 bg-transparent text-lg outline-none"
        />
      </div>
      <div id={list} role="listbox" aria-label="Found" className="max-h-[52vh] overflow-y-auto p-2">
        {found.map((one, index) => (
          <div key={`${one.to}${one.label}`}>
            {one.group !== found[index - 1]?.group && (
              <div role="presentation" className="px-2 pt-2 pb-1 text-xs font-semibold text-ink-3">
                {one.group}
              </div>
            )}
            <div
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === at}
              ref={index === at ? (element) => element?.scrollIntoView({ block: "nearest" }) : undefined}
              onPointerMove={() => setChosen(index)}
              onClick={() => open(one)}
              className={`flex cursor-pointer items-center gap-2.5 rounded-md px-2 py-1.5 ${index === at ? "bg-accent-soft text-accent-text" : "text-ink"}`}
            >
              <one.icon className="size-4 shrink-0 opacity-75" aria-hidden />
              <span className="truncate">{one.label}</span>
              <span className={`ml-auto shrink-0 pl-3 text-xs ${index === at ? "" : "text-ink-3"}`}>{one.beside}</span>
            </div>
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p role="status" className="px-4 pb-6 text-center text-ink-2">
          Nothing here is called “{typed}”.
        </p>
      )}
      <div className="flex items-center gap-1.5 border-t border-line px-4 py-2 text-xs text-ink-3">
        <CornerDownLeft className="size-3.5" aria-hidden /> opens the chosen one
      </div>
    </ModalBox>
  );
}

function useFound(q: string): Found[] {
  const app = useApp().data;
  const [runs, ...documents] = useQueries({
    queries: [
      { queryKey: [...keys.runs, "search", q], queryFn: () => call<RunPage>(withQuery("/api/runs", { q, limit: 8 })), staleTime: 5_000, placeholderData: (previous: unknown) => previous as RunPage },
      ...(app?.knowledge ?? []).map((kb) => ({
        queryKey: keys.documents(kb.name),
        queryFn: () => call<Paged<DocumentInfo>>(`/api/knowledge/${encodeURIComponent(kb.name)}/documents`),
        staleTime: 60_000,
      })),
    ],
  });
  const documentLists = documents.map((query) => query.data as Paged<DocumentInfo> | undefined);
  return useMemo(() => {
    const wanted = q.toLocaleLowerCase().split(/\s+/);
    const matches = (...texts: string[]) => wanted.every((word) => texts.some((text) => text.toLocaleLowerCase().includes(word)));
    const apps = (app?.pipelines ?? []).filter((one) => matches(one.title, one.about, one.name)).map((one) => ({ group: "Apps", label: one.title, beside: one.kind === "chat" ? "Chat" : "Form", to: `/apps/${one.name}`, icon: LayoutGrid }));
    const places = PLACES.filter((place) => matches(place.label)).map((place) => ({ group: "Go to", label: place.label, beside: place.keys, to: place.to, icon: place.icon }));
    const runsFound = ((runs?.data as RunPage | undefined)?.items ?? []).slice(0, 6).map((run) => ({ group: "Runs", label: run.title || run.id, beside: statusWord(run.status, run.position), to: `/runs/${run.id}`, icon: ListChecks }));
    const documentsFound = (app?.knowledge ?? []).flatMap((kb, index) =>
      (documentLists[index]?.items ?? [])
        .filter((one) => one.status === "indexed" && matches(one.title, one.id))
        .map((one) => ({ group: "Documents", label: one.title, beside: kb.title, to: `/knowledge/${kb.name}/documents/${documentPath(one.id)}`, icon: FileText })),
    );
    return [...apps, ...places, ...documentsFound.slice(0, q ? 8 : 4), ...runsFound];
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the lists are new arrays at each render, their contents are what counts
  }, [q, app, runs?.data, ...documentLists]);
}
