import { useLayoutEffect, useRef, useState } from "react";
import { FieldFrame, LabelText, Below } from "./FieldFrame";
import type { FieldProps } from "./SchemaForm";
import { useField } from "./SchemaForm";

const INPUT_TYPE: Record<string, string> = { email: "email", uri: "url", url: "url", password: "password" };

export function TextField({ field, path, value }: FieldProps<"text">) {
  const { id, problem, disabled, change, aria } = useField(field, path);
  const text = typeof value === "string" ? value : "";
  const typed = (given: string) => change(given === "" && !(field.initial === "") ? undefined : given);
  return (
    <FieldFrame id={id} field={field} problem={problem}>
      {field.long ? (
        <GrowingText id={id} value={text} disabled={disabled} placeholder={field.placeholder} onChange={typed} aria={aria} />
      ) : (
        <input id={id} type={INPUT_TYPE[field.format] ?? "text"} value={text} disabled={disabled} placeholder={field.placeholder} onChange={(event) => typed(event.target.value)} className="field-input h-9" {...aria} />
      )}
    </FieldFrame>
  );
}

interface GrowingTextProps {
  id: string;
  value: string;
  disabled: boolean;
  placeholder?: string;
  onChange: (value: string) => void;
  aria: Record<string, unknown>;
}

/** A text area as tall as its text. */
export function GrowingText({ id, value, disabled, placeholder, onChange, aria }: GrowingTextProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(420, Math.max(136, element.scrollHeight + 2))}px`;
  }, [value]);
  return <textarea ref={area} id={id} rows={6} value={value} disabled={disabled} placeholder={placeholder} onChange={(event) => onChange(event.target.value)} className="field-input min-h-34 resize-y py-2" {...aria} />;
}

export function NumberField({ field, path, value }: FieldProps<"number">) {
  const { id, problem, disabled, change, aria } = useField(field, path);
  const [typed, setTyped] = useState<string | null>(null);
  const shown = typed !== null && (Number(typed) === value || typed === "" || value === typed) ? typed : value === undefined || value === null ? "" : String(value);
  return (
    <FieldFrame id={id} field={field} problem={problem}>
      <input
        id={id}
        inputMode={field.whole ? "numeric" : "decimal"}
        value={shown}
        disabled={disabled}
        placeholder={field.placeholder}
        onChange={(event) => {
          const text = event.target.value;
          setTyped(text);
          const number = Number(text);
          // what is no number goes to the server as it was typed, and comes back with the server's words
          change(text.trim() === "" ? undefined : Number.isFinite(number) ? number : text);
        }}
        className="field-input tnum h-9 max-w-48"
        {...aria}
      />
    </FieldFrame>
  );
}

export function YesNoField({ field, path, value }: FieldProps<"yesno">) {
  const { id, problem, disabled, change, aria } = useField(field, path);
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="flex min-h-6 items-center gap-2.5 text-sm font-medium">
        <input id={id} type="checkbox" checked={value === true} disabled={disabled} onChange={(event) => change(event.target.checked)} className="size-4 accent-accent" {...aria} />
        <span>
          <LabelText field={{ ...field, required: false }} />
        </span>
      </label>
      <Below id={id} help={field.help} problem={problem} />
    </div>
  );
}

/** A value of any shape, written as JSON: the way out for schemas that no field fits. */
export function OpenField({ field, path, value }: FieldProps<"json">) {
  const { id, problem, disabled, change, aria } = useField(field, path);
  const [text, setText] = useState(() => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2)));
  return (
    <FieldFrame id={id} field={{ ...field, help: field.help || "Written as JSON, or as plain text." }} problem={problem}>
      <textarea
        id={id}
        rows={4}
        value={text}
        disabled={disabled}
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          if (event.target.value.trim() === "") return change(undefined);
          try {
            change(JSON.parse(event.target.value));
          } catch {
            change(event.target.value);
          }
        }}
        className="field-input resize-y py-2 font-mono text-sm"
        {...aria}
      />
    </FieldFrame>
  );
}
