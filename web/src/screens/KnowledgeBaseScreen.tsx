import { FileText, FolderOpen, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { asProblem, documentPath } from "../api/client";
import { useDocuments, useKnowledge } from "../api/queries";
import type { DocumentInfo } from "../api/types";
import { DeleteDocument } from "../knowledge/DeleteDocument";
import { IngestLine } from "../knowledge/IngestLine";
import { TryQuestion } from "../knowledge/TryQuestion";
import { Uploads } from "../knowledge/Uploads";
import { Empty } from "../parts/Empty";
import { ProblemNote } from "../parts/ProblemNote";
import { Screen } from "../parts/Screen";
import { SkeletonRows } from "../parts/Skeleton";
import { When } from "../parts/When";
import { bytes, count, plural } from "../text/numbers";

/** The documents of one knowledge base; those that could not be read come first, with why. */
export function KnowledgeBaseScreen({ name }: { name: string }) {
  const query = useDocuments(name);
  const knowledge = useKnowledge().data?.items.find((one) => one.name === name);
  const [wanted, setWanted] = useState("");
  const all = query.data?.items ?? [];
  const found = all.filter((one) => `${one.title} ${one.id}`.toLocaleLowerCase().includes(wanted.trim().toLocaleLowerCase()));
  const failed = found.filter((one) => one.status === "failed");
  const indexed = found.filter((one) => one.status === "indexed");
  return (
    <Screen
      title={knowledge?.title ?? name}
      trail={[{ label: "Knowledge", to: "/knowledge" }]}
      about={
        knowledge && (
          <>
            {plural(knowledge.documents, "document")}, {plural(knowledge.passages, "passage")}
            {knowledge.updated_at && (
              <>
                , updated <When iso={knowledge.updated_at} />
              </>
            )}
          </>
        )
      }
      actions={all.length > 8 ? <input type="search" aria-label="Find a document" placeholder="Find a document" value={wanted} onChange={(event) => setWanted(event.target.value)} className="field-input h-8 w-56 text-sm" /> : null}
    >
      {query.isPending && <SkeletonRows rows={8} />}
      {query.error && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {query.data && all.length === 0 && (
        <Empty icon={<FolderOpen />} title="No documents yet">
          <p>
            {knowledge?.writable ? "Add Markdown, PDF, Office or HTML files below, or put" : "Put"} them into the folder of this knowledge base and run <code className="font-mono text-sm">coachwork ingest</code>.
          </p>
        </Empty>
      )}
      {query.data && all.length > 0 && found.length === 0 && <Empty icon={<FileText />} title={`No document is called “${wanted.trim()}”`} />}
      {knowledge?.writable && <Uploads kb={name} />}
      {all.some((one) => one.status === "indexed") && <TryQuestion kb={name} fields={fieldsOf(all)} />}
      {query.data && <IngestLine kb={name} />}
      {failed.length > 0 && <FailedDocuments kb={name} documents={failed} writable={knowledge?.writable ?? false} />}
      {indexed.length > 0 && <DocumentTable kb={name} documents={indexed} writable={knowledge?.writable ?? false} />}
    </Screen>
  );
}

/** The metadata that these documents have, by which a question may be filtered. */
function fieldsOf(documents: DocumentInfo[]): string[] {
  return [...new Set(documents.flatMap((one) => Object.keys(one.metadata ?? {})))].sort();
}

function FailedDocuments({ kb, documents, writable }: { kb: string; documents: DocumentInfo[]; writable: boolean }) {
  return (
    <section aria-label="Documents that could not be read" className="mb-6 rounded-lg border border-waiting-line bg-waiting-soft px-4 py-3">
      <h2 className="flex items-center gap-2 font-medium">
        <TriangleAlert className="size-4 text-waiting" aria-hidden />
        {documents.length === 1 ? "One document could not be read" : `${count(documents.length)} documents could not be read`}
      </h2>
      <p className="mt-0.5 text-sm text-ink-2">The others are indexed. Nothing in these files can be found or cited until they are mended.</p>
      <ul className="mt-2 flex flex-col gap-1.5">
        {documents.map((document) => (
          <li key={document.id} className="flex items-start justify-between gap-3 text-sm">
            <span>
              <span className="font-mono text-xs font-medium">{document.id}</span>
              <span className="block text-ink-2">{document.reason ?? "The reason was not recorded."}</span>
            </span>
            {writable && <DeleteDocument kb={kb} id={document.id} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function DocumentTable({ kb, documents, writable }: { kb: string; documents: DocumentInfo[]; writable: boolean }) {
  const cell = "border-b border-line px-3 py-2.5 group-last:border-b-0 first:pl-4 last:pr-4";
  return (
    <div className="overflow-hidden rounded-lg border border-line">
      <table className="w-full border-separate border-spacing-0">
        <thead className="bg-sunken text-left text-sm text-ink-3">
          <tr>
            <th scope="col" className="border-b border-line py-2 pr-3 pl-4 font-medium">Document</th>
            <th scope="col" className="border-b border-line px-3 py-2 font-medium max-sm:hidden">Format</th>
            <th scope="col" className="border-b border-line px-3 py-2 text-right font-medium max-md:hidden">Size</th>
            <th scope="col" className="border-b border-line px-3 py-2 text-right font-medium max-md:hidden">Passages</th>
            <th scope="col" className="border-b border-line py-2 pr-4 pl-3 text-right font-medium">Updated</th>
            {writable && (
              <th scope="col" className="border-b border-line py-2 pr-2">
                <span className="sr-only">Delete</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {documents.map((document) => (
            <tr key={document.id} className="group hover:bg-hover">
              <td className={cell}>
                <Link href={`/knowledge/${kb}/documents/${documentPath(document.id)}`} className="font-medium group-hover:underline">
                  {document.title}
                </Link>
                <span className="block truncate font-mono text-xs text-ink-3">{document.id}</span>
              </td>
              <td className={`${cell} text-ink-2 uppercase max-sm:hidden`}>{document.format}</td>
              <td className={`${cell} tnum text-right whitespace-nowrap text-ink-2 max-md:hidden`}>{document.size === null ? "–" : bytes(document.size)}</td>
              <td className={`${cell} tnum text-right text-ink-2 max-md:hidden`}>{count(document.passages)}</td>
              <td className={`${cell} text-right whitespace-nowrap text-ink-2`}>{document.updated_at ? <When iso={document.updated_at} /> : "–"}</td>
              {writable && (
                <td className="border-b border-line pr-2 text-right group-last:border-b-0">
                  <DeleteDocument kb={kb} id={document.id} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
