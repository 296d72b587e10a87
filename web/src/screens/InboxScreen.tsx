import { ChevronLeft, Inbox, MailOpen } from "lucide-react";
import { useEffect } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { asProblem } from "../api/client";
import { useApprovals } from "../api/queries";
import type { Approval } from "../api/types";
import { ApprovalView } from "../inbox/ApprovalView";
import { ApprovalWord } from "../inbox/ApprovalWord";
import { Empty } from "../parts/Empty";
import { ProblemNote } from "../parts/ProblemNote";
import { useTitle } from "../parts/Screen";
import { SkeletonRows } from "../parts/Skeleton";
import { useNow, When } from "../parts/When";

const DECIDED = "accepted,edited,rejected,expired,cancelled";

/** What waits for a person: the list beside the letter. */
export function InboxScreen({ id }: { id?: string }) {
  useTitle("Inbox");
  const [, go] = useLocation();
  const decided = new URLSearchParams(useSearch()).get("show") === "decided";
  const query = useApprovals(decided ? DECIDED : "pending");
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const suffix = decided ? "?show=decided" : "";
  useNextAndBefore(items, id, (to) => go(`/inbox/${to}${suffix}`));
  return (
    <div className="flex h-full">
      <section aria-label="Approvals" className={`flex h-full w-[340px] shrink-0 flex-col border-r border-line bg-surface max-lg:w-[300px] max-md:w-full ${id ? "max-md:hidden" : ""}`}>
        <header className="flex flex-col gap-3 border-b border-line px-4 pt-5 pb-3">
          <h1 className="text-xl font-semibold tracking-tight">Inbox</h1>
          <nav aria-label="Show" className="flex gap-1">
            <FilterLink to="/inbox" here={!decided}>
              Waiting
            </FilterLink>
            <FilterLink to="/inbox?show=decided" here={decided}>
              Decided
            </FilterLink>
          </nav>
        </header>
        <div className="min-h-0 flex-1 overflow-y-auto">
          {query.isPending && <SkeletonRows rows={4} />}
          {query.error && (
            <div className="p-4">
              <ProblemNote problem={asProblem(query.error)} retry={() => void query.refetch()} />
            </div>
          )}
          {query.data && items.length === 0 && (
            <Empty icon={<Inbox />} title={decided ? "Nothing decided yet" : "Nothing waits for you"}>
              {decided ? "Decisions stay here with who made them and when." : "When an app wants a person to look at something before it goes on, it stands here."}
            </Empty>
          )}
          <ul>
            {items.map((approval) => (
              <li key={approval.id}>
                <ApprovalLine approval={approval} chosen={approval.id === id} suffix={suffix} />
              </li>
            ))}
          </ul>
          {query.hasNextPage && (
            <button type="button" className="w-full px-4 py-3 text-center text-sm text-accent-text hover:bg-hover" onClick={() => void query.fetchNextPage()}>
              Show more
            </button>
          )}
        </div>
      </section>
      <section aria-label="The approval" className={`h-full min-w-0 flex-1 overflow-y-auto bg-sunken ${id ? "" : "max-md:hidden"}`}>
        {id ? (
          <div className="mx-auto max-w-[820px] px-8 pt-6 pb-16 max-md:px-4 max-md:pt-3">
            <h1 className="sr-only md:hidden">Inbox</h1>
            <Link href={`/inbox${suffix}`} className="mb-3 -ml-1 inline-flex items-center gap-1 rounded px-1 py-1 text-sm text-ink-2 hover:text-ink md:hidden">
              <ChevronLeft className="size-4" aria-hidden /> Inbox
            </Link>
            <ApprovalView key={id} id={id} next={nextOf(items, id)} />
          </div>
        ) : (
          query.data && items.length > 0 && (
            <div className="pt-[14vh]">
              <Empty icon={<MailOpen />} title="Choose one on the left">
                Everything here waits until somebody decides. The first answer counts; the run then goes on by itself.
              </Empty>
            </div>
          )
        )}
      </section>
    </div>
  );
}

function FilterLink({ to, here, children }: { to: string; here: boolean; children: string }) {
  return (
    <Link href={to} aria-current={here ? "true" : undefined} className={`inline-flex h-7 items-center rounded-full px-3 text-sm max-sm:h-9 ${here ? "bg-accent-soft font-medium text-accent-text" : "text-ink-2 hover:bg-hover"}`}>
      {children}
    </Link>
  );
}

function ApprovalLine({ approval, chosen, suffix }: { approval: Approval; chosen: boolean; suffix: string }) {
  const now = useNow();
  const about = approval.context?.map((row) => (typeof row.value === "string" ? row.value : "")).find((text) => text.length > 3) ?? "";
  return (
    <Link href={`/inbox/${approval.id}${suffix}`} aria-current={chosen ? "true" : undefined} className={`relative block border-b border-line px-4 py-3 ${chosen ? "bg-accent-soft" : "hover:bg-hover"}`}>
      {chosen && <span className="absolute inset-y-0 left-0 w-0.5 bg-accent" aria-hidden />}
      <span className="flex items-baseline justify-between gap-3">
        <span className={`truncate text-sm ${chosen ? "text-ink" : "text-ink-2"}`}>{approval.pipeline_title ?? approval.pipeline}</span>
        <When iso={approval.decided_at ?? approval.created_at} className={`shrink-0 text-xs ${chosen ? "text-ink-2" : "text-ink-3"}`} />
      </span>
      <span className="block truncate font-medium">{approval.title}</span>
      {about && <span className="line-clamp-2 text-sm text-ink-2">{about}</span>}
      {approval.status !== "pending" && (
        <span className="mt-1 block">
          <ApprovalWord status={approval.status} />
        </span>
      )}
      {approval.status === "pending" && approval.expires_at && Date.parse(approval.expires_at) - now < 86_400_000 && (
        <span className="mt-1 block text-xs font-medium text-waiting">
          expires <When iso={approval.expires_at} />
        </span>
      )}
    </Link>
  );
}

function nextOf(items: Approval[], id: string): string | undefined {
  const at = items.findIndex((approval) => approval.id === id);
  return (items[at + 1] ?? items.find((approval) => approval.id !== id))?.id;
}

/** j and k, as in a mail client. */
function useNextAndBefore(items: Approval[], id: string | undefined, open: (id: string) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).closest("input, textarea, select, dialog")) return;
      if (event.key !== "j" && event.key !== "k") return;
      const at = items.findIndex((approval) => approval.id === id);
      const next = items[at < 0 ? 0 : at + (event.key === "j" ? 1 : -1)];
      if (next) open(next.id);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
