import { Columns2, Download, FileText, Highlighter } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { useLocation, useSearch } from "wouter";
import { asProblem } from "../api/client";
import { useDocument, useKnowledge } from "../api/queries";
import type { DocumentText } from "../api/types";
import { outlineOf } from "../knowledge/outline";
import { DocumentBody } from "../knowledge/DocumentBody";
import { PassageList } from "../knowledge/PassageList";
import { PdfPage } from "../knowledge/PdfPage";
import { Button, buttonClass } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Trail, useTitle } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { When } from "../parts/When";
import { unitOffsets } from "../text/offsets";
import { NotFoundScreen } from "./NotFoundScreen";

/** A document as it is stored, at the quoted words if there are any. */
export function DocumentScreen({ kb, id }: { kb: string; id: string }) {
  const search = new URLSearchParams(useSearch());
  const query = useDocument(kb, id);
  const knowledge = useKnowledge().data?.items.find((one) => one.name === kb);
  const document = query.data;
  const passages = search.get("beside") === "passages";
  useTitle(document?.title ?? "Document");
  const quoted = document ? rangeOf(document, search.get("start"), search.get("end")) : null;
  const isPdf = document?.format.toLowerCase() === "pdf" && (document.pages?.length ?? 0) > 0 && !passages && search.get("view") !== "text";
  const page = isPdf ? Number(search.get("page")) || quoted?.page || 1 : null;
  const trail = [
    { label: "Knowledge", to: "/knowledge" },
    { label: knowledge?.title ?? kb, to: `/knowledge/${kb}` },
  ];
  if (query.error && !document) {
    const problem = asProblem(query.error);
    return problem.status === 404 ? (
      <NotFoundScreen title="This document is not here any more" says="It may have been renamed or taken out of the folder since it was cited." />
    ) : (
      <div className="mx-auto max-w-[860px] px-8 pt-7 max-md:px-4">
        <Trail trail={trail} />
        <ProblemNote problem={problem} retry={() => void query.refetch()} />
      </div>
    );
  }
  return (
    <div className={`mx-auto grid grid-cols-[minmax(0,1fr)] gap-x-12 px-8 pt-7 pb-24 max-md:px-4 ${passages ? "max-w-[1360px]" : page !== null ? "max-w-[960px]" : "max-w-[1120px] lg:grid-cols-[minmax(0,1fr)_220px]"}`}>
      <div className="min-w-0">
        <Trail trail={trail} />
        {document ? <Opened kb={kb} document={document} quoted={quoted} passages={passages} page={page} /> : <Skeleton lines={10} />}
      </div>
      {document && !passages && page === null && <Outline document={document} />}
    </div>
  );
}

export interface Quoted {
  start: number;
  end: number;
  page: number | null;
  /** The same place as the server counts characters. */
  points: { start: number; end: number };
}

function rangeOf(document: DocumentText, start: string | null, end: string | null): Quoted | null {
  if (start === null || end === null) return null;
  const from = Number(start);
  const to = Number(end);
  if (!Number.isInteger(from) || !Number.isInteger(to) || to <= from) return null;
  const units = unitOffsets(document.text);
  const page = document.pages?.find((one) => one.start <= from && from < one.end)?.page ?? null;
  return { start: units(from), end: units(to), page, points: { start: from, end: to } };
}

interface OpenedProps {
  kb: string;
  document: DocumentText;
  quoted: Quoted | null;
  passages: boolean;
  /** The page that is shown as printed, null where the text is. */
  page: number | null;
}

function Opened({ kb, document, quoted, passages, page }: OpenedProps) {
  const body = useRef<HTMLDivElement>(null);
  const [path, navigate] = useLocation();
  const search = new URLSearchParams(useSearch());
  const go = (change: Record<string, string | null>) => {
    for (const [key, value] of Object.entries(change)) {
      if (value === null) search.delete(key);
      else search.set(key, value);
    }
    navigate(search.size ? `${path}?${search}` : path, { replace: true });
  };
  const show = () => {
    const mark = body.current?.querySelector("mark");
    mark?.scrollIntoView({ block: "center" });
    mark?.focus({ preventScroll: true });
  };
  useEffect(show, [document, quoted?.start, quoted?.end]);
  const missing = quoted !== null && quoted.start >= document.text.length;
  return (
    <>
      <header className="mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-3 border-b border-line pb-5">
        <div className="min-w-0">
          <h1 className="text-xl font-semibold tracking-tight">{document.title}</h1>
          <p className="mt-0.5 text-sm text-ink-3">
            <span className="font-mono text-xs">{document.id}</span> · {document.format.toUpperCase()}
            {document.updated_at && (
              <>
                {" "}
                · updated <When iso={document.updated_at} />
              </>
            )}
          </p>
        </div>
        <div className="flex flex-wrap gap-2">
          {document.format.toLowerCase() === "pdf" && !passages && (document.pages?.length ?? 0) > 0 && (
            <Button small onClick={() => go(page === null ? { view: null } : { view: "text", page: null })}>
              <FileText className="size-3.5" aria-hidden /> {page === null ? "As printed" : "As text"}
            </Button>
          )}
          {quoted && !missing && (
            <Button small onClick={page === null ? show : () => go({ page: null })}>
              <Highlighter className="size-3.5" aria-hidden /> To the quoted words
            </Button>
          )}
          <Button small aria-pressed={passages} className="aria-pressed:bg-accent-soft aria-pressed:text-accent-text" onClick={() => go({ beside: passages ? null : "passages" })}>
            <Columns2 className="size-3.5" aria-hidden /> Passages
          </Button>
          {document.file_url && (
            <a href={document.file_url} target="_blank" rel="noreferrer" className={buttonClass("plain", true)}>
              <Download className="size-3.5" aria-hidden /> Original file
            </a>
          )}
        </div>
      </header>
      <p role="status" className="sr-only">
        {quoted && !missing ? `Opened at the quoted words${quoted.page ? ` on page ${quoted.page}` : ""}: ${document.text.slice(quoted.start, quoted.end).slice(0, 200)}` : ""}
      </p>
      {missing && <p className="mb-5 rounded-lg border border-waiting-line bg-waiting-soft px-4 py-2.5">The document changed since it was cited: the quoted place is no longer in it.</p>}
      <div className={passages ? "grid grid-cols-[minmax(0,1fr)] gap-x-12 lg:grid-cols-[minmax(0,1fr)_380px]" : ""}>
        {page === null ? (
          <div ref={body}>
            <DocumentBody document={document} quoted={quoted} placed={passages} />
          </div>
        ) : (
          <PdfPage kb={kb} document={document} page={page} quote={quoted?.points ?? null} turn={(to) => go({ page: String(to) })} />
        )}
        {passages && (
          <aside aria-label="Passages of this document" className="self-start overflow-y-auto max-lg:order-first max-lg:mb-6 max-lg:max-h-[45dvh] max-lg:border-b max-lg:border-line max-lg:pb-4 lg:sticky lg:top-4 lg:max-h-[calc(100dvh-2rem)] lg:px-1 lg:pb-4">
            <PassageList kb={kb} document={document} body={body} />
          </aside>
        )}
      </div>
    </>
  );
}

function Outline({ document }: { document: DocumentText }) {
  const entries = useMemo(() => outlineOf(document), [document]);
  if (entries.length < 3) return null;
  return (
    <nav aria-label="In this document" className="sticky top-7 max-h-[calc(100dvh-5rem)] self-start overflow-y-auto pt-9 text-sm max-lg:hidden">
      <p className="mb-1.5 font-semibold text-ink-2">In this document</p>
      <ul className="border-l border-line">
        {entries.map((entry) => (
          <li key={entry.anchor}>
            <a
              href={`#${entry.anchor}`}
              className={`block truncate py-1 text-ink-2 hover:text-ink hover:underline ${entry.depth === 0 ? "pl-3" : entry.depth === 1 ? "pl-6" : "pl-9"}`}
              onClick={(event) => {
                event.preventDefault();
                window.document.getElementById(entry.anchor)?.scrollIntoView({ block: "start" });
              }}
            >
              {entry.title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
