import { Search } from "lucide-react";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { asProblem, withQuery } from "../api/client";
import { useExplanation } from "../api/queries";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { Section } from "../parts/Screen";
import { Skeleton } from "../parts/Skeleton";
import { duration, plural } from "../text/numbers";
import { CandidateRow } from "./CandidateRow";
import { readFilter } from "./filter";

const BESIDE = 6; // candidates that were not handed on, shown at first

/** What a question would find, with the scores of each stage and why. The question stands in the address; no model answers it. */
export function TryQuestion({ kb, fields }: { kb: string; fields: string[] }) {
  const search = new URLSearchParams(useSearch());
  const asked = search.get("q") ?? "";
  const filtered = search.get("where") ?? "";
  const most = Math.min(50, Math.max(1, Number(search.get("top")) || 6));
  const [, navigate] = useLocation();
  const [typed, setTyped] = useState(asked);
  const [filter, setFilter] = useState(filtered);
  const [top, setTop] = useState(String(most));
  const [all, setAll] = useState(false);
  const read = readFilter(filtered);
  const query = useExplanation(kb, { query: "wrong" in read ? "" : asked, top_k: most, where: "wrong" in read ? {} : read.where });
  const found = query.data?.candidates;
  const kept = found?.filter((one) => one.fate === "kept") ?? [];
  const others = found?.filter((one) => one.fate !== "kept") ?? [];
  return (
    <Section title="Try a question">
      <form
        className="flex flex-wrap gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          setAll(false);
          navigate(withQuery(`/knowledge/${kb}`, { q: typed.trim(), where: filter.trim(), top: top === "6" ? "" : top }));
        }}
      >
        <input type="search" aria-label="Question" placeholder="What would a reader ask?" maxLength={4000} value={typed} onChange={(event) => setTyped(event.target.value)} className="field-input min-w-0 flex-1 basis-64" />
        <input type="text" aria-label="Filter" aria-describedby="filter-says" placeholder={fields[0] ? `Filter: ${fields[0]} = …` : "Filter: field = value"} maxLength={500} value={filter} onChange={(event) => setFilter(event.target.value)} className="field-input w-52 max-sm:flex-1" />
        <select aria-label="How many passages" value={top} onChange={(event) => setTop(event.target.value)} className="field-input w-28">
          {[...new Set(["3", "6", "12", "25", top])].map((number) => (
            <option key={number} value={number}>
              {number} best
            </option>
          ))}
        </select>
        <Button type="submit">
          <Search className="size-4" aria-hidden /> Find passages
        </Button>
      </form>
      <p id="filter-says" className="sr-only">
        Conditions separated by commas, such as product = e-bike, year &gt;= 2024. {fields.length > 0 && `Fields of these documents: ${fields.join(", ")}.`}
      </p>
      {"wrong" in read && <p role="alert" className="mt-1.5 text-sm text-failed">“{read.wrong}” is no condition. Write field = value, field &gt;= value or field &lt;= value, separated by commas.</p>}
      <p role="status" className="mt-1.5 text-sm text-ink-3">
        {asked === "" || "wrong" in read ? "Shows the passages an answer would be written from, and why. No model is asked for an answer." : query.data ? summary(kept.length, others.length, query.data.seconds) : ""}
      </p>
      {asked !== "" && query.isPending && !("wrong" in read) && <Skeleton lines={4} label="Searching" />}
      {query.error && <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      {kept.length > 0 && (
        <ol aria-label="Passages found" className="mt-3 overflow-hidden rounded-lg border border-line">
          {kept.map((one) => (
            <CandidateRow key={one.passage.digest + one.passage.document} kb={kb} candidate={one} />
          ))}
        </ol>
      )}
      {others.length > 0 && (
        <>
          <h3 className="mt-4 mb-2 text-sm font-semibold text-ink-2">Looked at and not handed on</h3>
          <ol aria-label="Passages not handed on" className="overflow-hidden rounded-lg border border-line">
            {(all ? others : others.slice(0, BESIDE)).map((one) => (
              <CandidateRow key={one.passage.digest + one.passage.document} kb={kb} candidate={one} />
            ))}
          </ol>
          {!all && others.length > BESIDE && (
            <Button small look="quiet" className="mt-1.5" onClick={() => setAll(true)}>
              Show all {others.length}
            </Button>
          )}
        </>
      )}
    </Section>
  );
}

function summary(kept: number, others: number, seconds: Record<string, number>): string {
  const spent = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  if (kept + others === 0) return "Nothing found.";
  return `${plural(kept, "passage")} found, best first, in ${duration(spent)}${others ? `; ${others} more looked at` : ""}.`;
}
