import type { Json } from "../api/types";
import { FieldFrame } from "./FieldFrame";
import type { FieldProps } from "./SchemaForm";
import { useField } from "./SchemaForm";

export function ChoiceField({ field, path, value }: FieldProps<"choice">) {
  const { id, problem, disabled, change, aria } = useField(field, path);
  const at = field.choices.findIndex((one) => one.value === value);
  return (
    <FieldFrame id={id} field={field} problem={problem}>
      <select id={id} value={at} disabled={disabled} onChange={(event) => change(field.choices[Number(event.target.value)]?.value)} className="field-input" {...aria}>
        {(at < 0 || !field.required) && <option value={-1}>{field.required ? "Choose …" : "Not given"}</option>}
        {field.choices.map((one, index) => (
          <option key={index} value={index}>
            {one.label}
          </option>
        ))}
      </select>
    </FieldFrame>
  );
}

export function ManyField({ field, path, value }: FieldProps<"many">) {
  const { id, problem, disabled, change } = useField(field, path);
  const chosen: Json[] = Array.isArray(value) ? value : [];
  return (
    <FieldFrame id={id} field={field} problem={problem} group>
      <div className="flex flex-wrap gap-x-5 gap-y-1.5 py-1">
        {field.choices.map((one, index) => (
          <label key={index} className="flex min-h-6 items-center gap-2">
            <input type="checkbox" checked={chosen.includes(one.value)} disabled={disabled} onChange={(event) => change(event.target.checked ? [...chosen, one.value] : chosen.filter((other) => other !== one.value))} className="size-4 accent-accent" />
            {one.label}
          </label>
        ))}
      </div>
    </FieldFrame>
  );
}
