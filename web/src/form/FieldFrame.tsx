import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import type { Field } from "./fields";

/** Label, help and the server's words around one control. */
export function FieldFrame({ id, field, problem, children, group = false }: { id: string; field: Field; problem: string; children: ReactNode; group?: boolean }) {
  const label = <LabelText field={field} />;
  return (
    <div className="flex flex-col gap-1" role={group ? "group" : undefined} aria-labelledby={group ? `${id}-label` : undefined}>
      {group ? (
        <span id={`${id}-label`} className="text-sm font-medium">
          {label}
        </span>
      ) : (
        <label htmlFor={id} className="text-sm font-medium">
          {label}
        </label>
      )}
      {children}
      <Below id={id} help={field.help} problem={problem} />
    </div>
  );
}

export function LabelText({ field }: { field: Field }) {
  return (
    <>
      {field.label}
      {field.required && (
        <span className="text-failed" title="Required">
          {" "}
          <span aria-hidden>*</span>
          <span className="sr-only">(required)</span>
        </span>
      )}
      {!field.required && field.initial === undefined && field.kind !== "yesno" && <span className="font-normal text-ink-3"> (optional)</span>}
    </>
  );
}

export function Below({ id, help, problem }: { id: string; help: string; problem: string }) {
  return (
    <>
      {help && (
        <p id={`${id}-help`} className="text-sm text-ink-3">
          {help}
        </p>
      )}
      {problem && (
        <p id={`${id}-problem`} className="flex items-start gap-1.5 text-sm text-failed">
          <CircleAlert className="mt-[3px] size-3.5 shrink-0" aria-hidden />
          {problem}
        </p>
      )}
    </>
  );
}
