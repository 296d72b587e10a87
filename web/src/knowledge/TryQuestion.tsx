import { Search } from "lucide-react";
import { useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { asProblem, documentPath, withQuery } from "../api/client";
import { useKnowledgeSearch } from "../api/queries";
import type { Passage } from "../api/types";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Section } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { plural } from "../text/numbers";

/** What a question would find, best first. The question stands in the address; no model answers it. */
export function TryQuestion({ kb }: { kb: string }) {
  const asked = new URLSearchParams(useSearch()).get("q") ?? "";
  const [, navigate] = useLocation();
  const [typed, setTyped] = useState(asked);
  const query = useKnowledgeSearch(kb, asked);
  const found = query.data?.items;
  return (
    <Section title="Try a question">
      <form
        className="flex gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          navigate(withQuery(`/knowledge/${kb}`, { q: typed.trim() }));
        }}
      >
        <input type="search" aria-label="Question" placeholder="What would a reader ask?" maxLength={4000} value={typed} onChange={(event) => setTyped(event.target.value)} className="field-input min-w-0 flex-1" />
        <Button type="submit">
          <Search className="size-4" aria-hidden /> Find passages
        </Button>
      </form>
      <p role="status" className="mt-1.5 text-sm text-ink-3">
        {asked === "" ? "Shows the passages an answer would be written from. No model is asked for an answer." : found ? (found.length === 0 ? "Nothing found." : `${plural(found.length, "passage")} found, best first`) : ""}
      </p>
      {asked !== "" && query.isPending && <Skeleton lines={4} label="Searching" />}
      {query.error && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {found && found.length > 0 && (
        <ol aria-label="Passages found" className="mt-3 overflow-hidden rounded-lg border border-line">
          {found.map((passage) => (
            <Found key={`${passage.document} ${passage.start}`} kb={kb} passage={passage} />
          ))}
        </ol>
      )}
    </Section>
  );
}

function Found({ kb, passage }: { kb: string; passage: Passage }) {
  const place = [...passage.title_path.filter((part) => part !== passage.title), ...(passage.page ? [`page ${passage.page}`] : [])].join(" › ");
  return (
    <li className="border-b border-line px-4 py-3 last:border-b-0">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <Link href={withQuery(`/knowledge/${kb}/documents/${documentPath(passage.document)}`, { start: passage.start, end: passage.end })} className="font-medium hover:underline">
          {passage.title}
          {place && <span className="font-normal text-ink-2"> › {place}</span>}
        </Link>
        <span className="tnum text-sm text-ink-2">score {passage.score.toFixed(2)}</span>
      </div>
      <p className="mt-1 line-clamp-4 max-w-[72ch] whitespace-pre-line text-ink-2">{passage.text}</p>
    </li>
  );
}
