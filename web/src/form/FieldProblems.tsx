import { CircleAlert } from "lucide-react";
import type { FieldProblem } from "../api/types";
import { fieldId, words } from "./fields";

/** What the server would not take, as links to the fields. */
export function FieldProblems({ form, problems, says }: { form: string; problems: readonly FieldProblem[]; says: string }) {
  if (problems.length === 0) return null;
  return (
    <div role="alert" className="flex gap-2.5 rounded-lg border border-failed-line bg-failed-soft px-3.5 py-2.5">
      <CircleAlert className="mt-0.5 size-4 shrink-0 text-failed" aria-hidden />
      <div>
        <p className="font-medium">{says}</p>
        <ul className="mt-0.5 text-sm">
          {problems.map((problem) => {
            const path = problem.path[0] === "input" || problem.path[0] === "value" ? problem.path.slice(1) : problem.path;
            const id = fieldId(form, path);
            const number = path.findLast((part) => typeof part === "number");
            const name = `${words(String(path.findLast((part) => typeof part === "string") ?? "The form"))}${typeof number === "number" ? ` (no. ${number + 1})` : ""}`;
            return (
              <li key={path.join(".")}>
                <a
                  href={`#${id}`}
                  className="underline underline-offset-2"
                  onClick={(event) => {
                    event.preventDefault();
                    document.getElementById(id)?.focus();
                  }}
                >
                  {name}
                </a>
                : {problem.message}
              </li>
            );
          })}
        </ul>
      </div>
    </div>
  );
}
