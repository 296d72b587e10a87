import { createContext, useContext } from "react";
import type { FieldProblem, Json } from "../api/types";
import type { Field, Path } from "./fields";
import { fieldId, problemAt } from "./fields";
import { ChoiceField, ManyField } from "./ChoiceFields";
import { DateField } from "./DateField";
import { FileField } from "./FileField";
import { GroupField, ListField, VariantField } from "./NestedFields";
import { NumberField, OpenField, TextField, YesNoField } from "./PlainFields";

export interface FormSeat {
  form: string;
  problems: readonly FieldProblem[];
  disabled: boolean;
  change: (path: Path, value: Json | undefined) => void;
}

const Seat = createContext<FormSeat>({ form: "form", problems: [], disabled: false, change: () => undefined });
export const useSeat = () => useContext(Seat);

export interface FieldProps<Kind extends Field["kind"] = Field["kind"]> {
  field: Extract<Field, { kind: Kind }>;
  path: Path;
  value: Json | undefined;
  /** The only field of its form: its group needs no frame. */
  bare?: boolean;
  /** Short fields stand side by side. */
  dense?: boolean;
}

/** The fields of a schema, with the server's words about each of them. */
export function SchemaForm({ seat, field, value, path = [] }: { seat: FormSeat; field: Field; value: Json | undefined; path?: Path }) {
  const lone = field.kind === "group" && field.fields.length === 1 && field.fields[0]?.field.kind === "group";
  return (
    <Seat.Provider value={seat}>
      {lone && field.kind === "group" && field.fields[0] ? (
        <AnyField field={field.fields[0].field} path={[...path, field.fields[0].name]} value={(value as Record<string, Json> | undefined)?.[field.fields[0].name]} bare />
      ) : (
        <AnyField field={field} path={path} value={value} bare />
      )}
    </Seat.Provider>
  );
}

export function AnyField({ field, ...rest }: FieldProps) {
  switch (field.kind) {
    case "text":
      return field.format === "date" || field.format === "date-time" || field.format === "time" ? <DateField field={field} {...rest} /> : <TextField field={field} {...rest} />;
    case "number":
      return <NumberField field={field} {...rest} />;
    case "yesno":
      return <YesNoField field={field} {...rest} />;
    case "choice":
      return <ChoiceField field={field} {...rest} />;
    case "many":
      return <ManyField field={field} {...rest} />;
    case "file":
      return <FileField field={field} {...rest} />;
    case "group":
      return <GroupField field={field} {...rest} />;
    case "list":
      return <ListField field={field} {...rest} />;
    case "variant":
      return <VariantField field={field} {...rest} />;
    case "json":
      return <OpenField field={field} {...rest} />;
    case "fixed":
      return null;
  }
}

export function useField(field: Field, path: Path) {
  const seat = useSeat();
  const id = fieldId(seat.form, path);
  const problem = problemAt(seat.problems, path);
  const described = [field.help ? `${id}-help` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return {
    id,
    problem,
    disabled: seat.disabled,
    change: (value: Json | undefined) => seat.change(path, value),
    aria: { "aria-describedby": described || undefined, "aria-invalid": problem ? true : undefined, "aria-required": field.required || undefined },
  };
}
