import { ArrowRight, Check, Clock, PencilLine, UserCheck, X } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { asProblem } from "../api/client";
import { useAnswerApproval, useApproval } from "../api/queries";
import type { ApprovalAnswer } from "../api/queries";
import type { Approval, Json, Problem, Schema } from "../api/types";
import { FieldProblems } from "../form/FieldProblems";
import { fieldOf, withAt } from "../form/fields";
import { SchemaForm } from "../form/SchemaForm";
import { Button, buttonClass } from "../parts/Button";
import { keep, readKept } from "../parts/kept";
import { ProblemNote } from "../parts/ProblemNote";
import { Skeleton } from "../parts/Skeleton";
import { When } from "../parts/When";
import { answerOf } from "../run/answer";
import { AnswerText, UnsupportedNote } from "../run/AnswerText";
import { FieldsView } from "../run/FieldsView";
import { Sources } from "../run/Sources";
import { NotFoundScreen } from "../screens/NotFoundScreen";
import { ApprovalWord, approvalWord } from "./ApprovalWord";

/** One approval: what will happen, what it is about, the value, and the decision. */
export function ApprovalView({ id, next }: { id: string; next: string | undefined }) {
  const query = useApproval(id);
  const answer = useAnswerApproval(id);
  const approval = query.data;
  const mine = answer.isSuccess;
  useEffect(() => {
    if (mine) keep(`approval-${id}`, null); // what somebody else decided takes nothing from what was written here
  }, [mine, id]);
  if (query.error && !approval) {
    const problem = asProblem(query.error);
    return problem.status === 404 ? <NotFoundScreen title="There is no such approval" says="It may belong to a run that was deleted." /> : <ProblemNote problem={problem} retry={() => void query.refetch()} />;
  }
  if (!approval) return <Skeleton lines={6} />;
  const problem = answer.isError ? asProblem(answer.error) : null;
  return (
    <article className="flex flex-col gap-5">
      <header>
        <p className="text-sm text-ink-3">
          {approval.pipeline_title ?? approval.pipeline} · <When iso={approval.created_at} /> ·{" "}
          <Link href={`/runs/${approval.run_id}`} className="underline underline-offset-2 hover:text-ink">
            the run
          </Link>
        </p>
        <h2 className="mt-0.5 text-xl font-semibold tracking-tight">{approval.title}</h2>
        {approval.status === "pending" && approval.expires_at && (
          <p className="mt-1 flex items-center gap-1.5 text-sm text-ink-2">
            <Clock className="size-3.5 shrink-0" aria-hidden />
            <span>
              Expires <When iso={approval.expires_at} />. Without a decision the run goes on {approval.default ? "with the value below." : "as its author wrote for that case."}
            </span>
          </p>
        )}
        {approval.status === "pending" && approval.deciders.length > 0 && (
          <p className="mt-1 flex items-center gap-1.5 text-sm text-ink-2">
            <UserCheck className="size-3.5 shrink-0" aria-hidden /> To be decided by {approval.deciders.map(decider).join(" or ")}.
          </p>
        )}
      </header>
      {problem?.status === 409 && <SomebodyWasFaster approval={approval} problem={problem} />}
      {approval.status === "pending" && approval.comment && (
        <p className="rounded-lg border border-waiting-line bg-waiting-soft px-4 py-2.5">It was decided once, but the changed value did not fit, so it waits again: {approval.comment}</p>
      )}
      {approval.context && approval.context.length > 0 && <Context rows={approval.context} />}
      {approval.status === "pending" ? (
        <Decide approval={approval} problem={problem} busy={answer.isPending} onAnswer={(given) => answer.mutate(given)} />
      ) : (
        <>
          {!problem && <Decided approval={approval} next={answer.isSuccess ? next : undefined} fresh={answer.isSuccess} />}
          {!mine && <Unsent approval={approval} />}
          <ValueCard title={approval.status === "edited" ? "What was proposed before" : "What was proposed"} value={approval.value} schema={approval.schema} />
        </>
      )}
    </article>
  );
}

function Context({ rows }: { rows: { label: string; value: Json }[] }) {
  return (
    <section aria-label="Context" className="rounded-lg border border-line bg-surface px-5 py-4 max-sm:px-4">
      <dl className="flex flex-col gap-3">
        {rows.map((row) => (
          <div key={row.label}>
            <dt className="text-sm text-ink-3">{row.label}</dt>
            <dd className="max-w-[72ch] whitespace-pre-line">{typeof row.value === "string" ? row.value : <FieldsView value={row.value} />}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function ValueCard({ title, value, schema }: { title: string; value: Json; schema: Schema | null }) {
  const answer = answerOf(value);
  return (
    <section aria-label={title}>
      <h3 className="mb-2 text-sm font-semibold text-ink-2">{title}</h3>
      <div className="flex flex-col gap-4 rounded-lg border border-line bg-surface px-5 py-4 max-sm:px-4">
        {answer ? (
          <>
            <AnswerText answer={answer} />
            <UnsupportedNote answer={answer} />
            {Object.keys(answer.rest).length > 0 && <FieldsView value={answer.rest} schema={schema ?? undefined} />}
            <Sources answer={answer} />
          </>
        ) : (
          <FieldsView value={value} schema={schema ?? undefined} />
        )}
      </div>
    </section>
  );
}

interface DecideProps {
  approval: Approval;
  problem: Problem | null;
  busy: boolean;
  onAnswer: (answer: ApprovalAnswer) => void;
}

interface Kept {
  draft?: Json;
  comment: string;
}

/** What was written here when it was decided elsewhere. */
function Unsent({ approval }: { approval: Approval }) {
  const name = `approval-${approval.id}`;
  const [kept, setKept] = useState(() => readKept<Kept>(name));
  if (kept === null) return null;
  const forget = () => {
    keep(name, null);
    setKept(null);
  };
  return (
    <section aria-label="What you had written">
      <h3 className="mb-2 text-sm font-semibold text-ink-2">What you had written, not sent</h3>
      <div className="flex flex-col gap-3 rounded-lg border border-dashed border-line-strong bg-surface px-5 py-4 max-sm:px-4">
        {kept.draft !== undefined && <FieldsView value={kept.draft} schema={approval.schema ?? undefined} />}
        {kept.comment && <p className="whitespace-pre-line text-ink-2">{kept.comment}</p>}
        <div>
          <Button small onClick={forget}>
            <X className="size-3.5" aria-hidden /> Throw it away
          </Button>
        </div>
      </div>
    </section>
  );
}

/** `role:lead` as a person says it. */
const decider = (name: string) => (name.startsWith("role:") ? `anybody who is ${name.slice(5)}` : name);

function Decide({ approval, problem, busy, onAnswer: send }: DecideProps) {
  const form = `approval-${approval.id}`;
  const named = approval.deciders.length > 0;
  const [name, setName] = useState(() => readKept<string>("name") ?? "");
  const onAnswer = (given: ApprovalAnswer) => {
    if (named) keep("name", name.trim());
    send(named ? { ...given, by: name.trim() } : given);
  };
  const [kept] = useState(() => readKept<Kept>(form));
  const [draft, setDraft] = useState<Json | undefined>(kept?.draft);
  const [comment, setComment] = useState(kept?.comment ?? "");
  const editing = draft !== undefined;
  useEffect(() => keep(form, editing || comment ? { draft, comment } : null), [form, editing, draft, comment]);
  const schema = approval.schema;
  const field = useMemo(() => schema && fieldOf(schema, schema), [schema]);
  const problems = problem?.fields ?? [];
  const first = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (editing) first.current?.querySelector<HTMLElement>("input, textarea, select")?.focus();
  }, [editing]);
  return (
    <>
      {problem && problem.status !== 409 && (problems.length > 0 ? <FieldProblems form={form} problems={problems} says={problem.reader || problem.title} /> : <ProblemNote problem={problem} />)}
      {editing && field ? (
        <section aria-label="Your version">
          <h3 className="mb-2 text-sm font-semibold text-ink-2">Your version</h3>
          <div ref={first} className="rounded-lg border border-line-strong bg-surface px-5 py-4 max-sm:px-4">
            <SchemaForm seat={{ form, problems, disabled: busy, change: (path, value) => setDraft(withAt(draft, path, value) ?? null) }} field={longTexts(field)} value={draft} />
          </div>
        </section>
      ) : (
        <ValueCard title="What is proposed" value={approval.value} schema={approval.schema} />
      )}
      {approval.default && <ValueCard title="What holds if nobody decides" value={approval.default} schema={approval.schema} />}
      <section aria-label="Your decision" className="flex flex-col gap-3">
        {named && (
          <div>
            <label htmlFor={`${form}-name`} className="mb-1 block text-sm font-medium">
              Your name <span className="font-normal text-ink-3">(kept with the decision)</span>
            </label>
            <input id={`${form}-name`} value={name} autoComplete="username" onChange={(event) => setName(event.target.value)} className="field-input h-9" maxLength={200} />
          </div>
        )}
        <div>
          <label htmlFor={`${form}-comment`} className="mb-1 block text-sm font-medium">
            Comment <span className="font-normal text-ink-3">(optional, kept with the decision)</span>
          </label>
          <input id={`${form}-comment`} value={comment} onChange={(event) => setComment(event.target.value)} className="field-input h-9" maxLength={1000} />
        </div>
        <div className="flex flex-wrap items-center gap-2">
          {editing ? (
            <>
              <Button look="primary" disabled={busy || (named && !name.trim())} onClick={() => onAnswer({ decision: "edit", value: draft ?? null, comment })}>
                <Check className="size-4" aria-hidden /> Accept my version
              </Button>
              <Button disabled={busy} onClick={() => setDraft(undefined)}>
                Drop my changes
              </Button>
            </>
          ) : (
            <>
              <Button look="primary" disabled={busy || (named && !name.trim())} onClick={() => onAnswer({ decision: "accept", comment })}>
                <Check className="size-4" aria-hidden /> Accept
              </Button>
              {field && (
                <Button disabled={busy} onClick={() => setDraft(approval.value)}>
                  <PencilLine className="size-4" aria-hidden /> Edit
                </Button>
              )}
              <Button look="danger" disabled={busy || (named && !name.trim())} onClick={() => onAnswer({ decision: "reject", comment })} className="sm:ml-auto">
                <X className="size-4" aria-hidden /> Reject
              </Button>
            </>
          )}
        </div>
      </section>
    </>
  );
}

type AnyField = ReturnType<typeof fieldOf>;

/** A text to be edited deserves a real text area, whatever its type says. */
function longTexts(field: AnyField): AnyField {
  if (field.kind !== "group") return field;
  return { ...field, fields: field.fields.map(({ name, field: inner }) => ({ name, field: inner.kind === "text" && (name === "text" || name === "body") ? { ...inner, long: true } : inner })) };
}

function Decided({ approval, next, fresh }: { approval: Approval; next: string | undefined; fresh: boolean }) {
  const edited = approval.status === "edited" && approval.decision !== null && approval.decision !== undefined ? approval.decision : undefined;
  return (
    <div role={fresh ? "status" : undefined} className="flex flex-col gap-3 rounded-lg border border-line bg-surface px-5 py-4 max-sm:px-4">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <ApprovalWord status={approval.status} />
        <span className="text-sm text-ink-3">
          {approval.decided_by && <>by {approval.decided_by} </>}
          {approval.decided_at && <When iso={approval.decided_at} />}
        </span>
      </div>
      {approval.comment && <blockquote className="border-l-2 border-line-strong pl-3 text-ink-2">{approval.comment}</blockquote>}
      {edited !== undefined && (
        <div className="border-t border-line pt-3">
          <FieldsView value={edited} schema={approval.schema ?? undefined} />
        </div>
      )}
      <div className="flex flex-wrap gap-2">
        <Link href={`/apps/${approval.pipeline}/runs/${approval.run_id}`} className={buttonClass("plain", true)}>
          See how the run went on
        </Link>
        {fresh && next && (
          <Link href={`/inbox/${next}`} className={buttonClass("primary", true)}>
            Next one <ArrowRight className="size-3.5" aria-hidden />
          </Link>
        )}
      </div>
    </div>
  );
}

function SomebodyWasFaster({ approval, problem }: { approval: Approval; problem: Problem }) {
  const decided = approval.status !== "pending";
  return (
    <div role="alert" className="rounded-lg border border-waiting-line bg-waiting-soft px-4 py-3">
      <p className="font-medium">Somebody was faster.</p>
      <p className="text-ink-2">
        {decided ? (
          <>
            {approvalWord(approval.status)}
            {approval.decided_by && <> by {approval.decided_by}</>}
            {approval.decided_at && (
              <>
                , <When iso={approval.decided_at} />
              </>
            )}
            . The first answer counts; yours was not sent on.
          </>
        ) : (
          problem.reader || problem.detail
        )}
      </p>
    </div>
  );
}
