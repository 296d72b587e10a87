import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Json } from "../api/types";
import { Button, IconButton } from "../parts/Button";
import { Below, FieldFrame, LabelText } from "./FieldFrame";
import { fits, initialOf, isObject } from "./fields";
import type { Field } from "./fields";
import type { FieldProps } from "./SchemaForm";
import { AnyField, useField } from "./SchemaForm";

export function GroupField({ field, path, value, bare = false, dense = false }: FieldProps<"group">) {
  const { id, problem, disabled, change } = useField(field, path);
  const object = isObject(value) ? value : {};
  const absent = field.optional && value === undefined;
  if (absent && !bare) {
    return (
      <FieldFrame id={id} field={field} problem={problem} group>
        <div>
          <Button small disabled={disabled} onClick={() => change(initialOf({ ...field, optional: false, required: true }) ?? {})}>
            <Plus className="size-3.5" aria-hidden /> Add {field.label.toLocaleLowerCase()}
          </Button>
        </div>
      </FieldFrame>
    );
  }
  const inner = (
    <div className={dense && field.fields.every(({ field: inner }) => isShort(inner)) ? "grid grid-cols-[repeat(auto-fit,minmax(140px,1fr))] gap-3" : "flex flex-col gap-4"}>
      {field.fields.map(({ name, field: each }) => (
        <AnyField key={name} field={each} path={[...path, name]} value={object[name]} />
      ))}
      {bare && <Below id={id} help="" problem={problem} />}
    </div>
  );
  if (bare) return inner;
  return (
    <fieldset className="rounded-lg border border-line p-3.5 pt-2.5">
      <legend className="-ml-1 flex items-center gap-1 px-1 text-sm font-medium">
        <LabelText field={field} />
        {field.optional && <IconButton label={`Take ${field.label.toLocaleLowerCase()} out`} icon={<Trash2 className="size-3.5" />} disabled={disabled} onClick={() => change(undefined)} />}
      </legend>
      {inner}
      <Below id={id} help={field.help} problem={problem} />
    </fieldset>
  );
}

function isShort(field: Field): boolean {
  return field.kind === "number" || field.kind === "choice" || (field.kind === "text" && !field.long);
}

export function ListField({ field, path, value }: FieldProps<"list">) {
  const { id, problem, disabled, change } = useField(field, path);
  const items: Json[] = Array.isArray(value) ? value : [];
  const simple = field.item.kind !== "group" && field.item.kind !== "variant" && field.item.kind !== "list";
  return (
    <FieldFrame id={id} field={field} problem={problem} group>
      <ol className="flex flex-col gap-2">
        {items.map((item, index) => (
          <li key={index} className={`flex items-start gap-1.5 ${simple ? "" : "rounded-lg border border-line p-3"}`}>
            <div className="min-w-0 flex-1">
              <AnyField field={{ ...field.item, label: `${field.item.label} ${index + 1}`, required: true, optional: false }} path={[...path, index]} value={item ?? undefined} bare={field.item.kind === "group"} dense />
            </div>
            <IconButton label={`Take ${field.item.label.toLocaleLowerCase()} ${index + 1} out`} icon={<Trash2 className="size-4" />} disabled={disabled} className={simple ? "mt-6" : ""} onClick={() => change(items.filter((_, other) => other !== index))} />
          </li>
        ))}
      </ol>
      <div>
        <Button small disabled={disabled || (field.maxItems !== null && items.length >= field.maxItems)} onClick={() => change([...items, initialOf({ ...field.item, optional: false, required: true }) ?? null])}>
          <Plus className="size-3.5" aria-hidden /> Add {field.item.label.toLocaleLowerCase()}
        </Button>
      </div>
    </FieldFrame>
  );
}

/** One of several shapes: which, then its fields. */
export function VariantField({ field, path, value }: FieldProps<"variant">) {
  const { id, problem, disabled, change, aria } = useField(field, path);
  const [picked, setPicked] = useState<number | null>(null);
  const found = field.options.findIndex((option) => fits(option.field, value));
  const at = picked ?? Math.max(found, 0);
  const option = field.options[at];
  return (
    <div className="flex flex-col gap-2">
      <FieldFrame id={id} field={field} problem={problem}>
        <select
          id={id}
          value={at}
          disabled={disabled}
          onChange={(event) => {
            const next = Number(event.target.value);
            setPicked(next);
            const chosen = field.options[next];
            change(chosen ? initialOf(chosen.field) : undefined);
          }}
          className="field-input max-w-72"
          {...aria}
        >
          {field.options.map((one, index) => (
            <option key={index} value={index}>
              {one.label}
            </option>
          ))}
        </select>
      </FieldFrame>
      {option && option.field.kind !== "fixed" && (
        <div className={option.field.kind === "group" ? "rounded-lg border border-line p-3.5" : ""}>
          <AnyField field={option.field.kind === "group" ? option.field : { ...option.field, label: option.label }} path={path} value={value} bare />
        </div>
      )}
    </div>
  );
}
