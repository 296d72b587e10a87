import { BookOpen } from "lucide-react";
import { Link } from "wouter";
import { useIngest } from "../api/queries";
import type { KnowledgeInfo } from "../api/types";
import { When } from "../parts/When";
import { count, plural } from "../text/numbers";

/** What an app knows: how many documents, and how fresh. */
export function KnowsLine({ knowledge }: { knowledge: KnowledgeInfo[] }) {
  if (knowledge.length === 0) return null;
  return (
    <p className="mt-1.5 text-sm text-ink-3">
      <BookOpen className="mr-1.5 inline size-3.5 align-[-2px]" aria-hidden />
      Knows{" "}
      {knowledge.map((one, index) => (
        <span key={one.name}>
          <Link href={`/knowledge/${one.name}`} className="text-ink-2 underline decoration-line-strong underline-offset-2 hover:text-ink hover:decoration-current">
            {one.title}
          </Link>
          , {plural(one.documents, "document")}
          {one.updated_at && (
            <>
              , updated <When iso={one.updated_at} />
            </>
          )}
          <StillReading kb={one.name} />
          {index < knowledge.length - 1 && "; "}
        </span>
      ))}
    </p>
  );
}

/** Says that documents are being read, as after the start of a server with a large folder: answers may lack some until then. */
function StillReading({ kb }: { kb: string }) {
  const now = useIngest(kb).data;
  if (now?.state !== "working" && now?.state !== "stuck") return null;
  return (
    <span role="status" className="text-waiting">
      {" "}
      (reading documents{now.found > 0 && `, ${count(now.read)} of ${count(now.found)}`}: until that is done, answers may lack some)
    </span>
  );
}
