import { FieldFrame } from "./FieldFrame";
import type { FieldProps } from "./SchemaForm";
import { useField } from "./SchemaForm";

const TYPES: Record<string, string> = { date: "date", time: "time", "date-time": "datetime-local" };

/** Dates and times. A date with a time is the reader's own clock here, and UTC on the wire. */
export function DateField({ field, path, value }: FieldProps<"text">) {
  const { id, problem, disabled, change, aria } = useField(field, path);
  const text = typeof value === "string" ? value : "";
  const withTime = field.format === "date-time";
  return (
    <FieldFrame id={id} field={field} problem={problem}>
      <input
        id={id}
        type={TYPES[field.format] ?? "date"}
        value={withTime && text ? localOf(text) : text}
        disabled={disabled}
        onChange={(event) => change(event.target.value === "" ? undefined : withTime ? new Date(event.target.value).toISOString() : event.target.value)}
        className="field-input h-9 max-w-60"
        {...aria}
      />
    </FieldFrame>
  );
}

function localOf(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
