// From JSON Schema to the fields a person fills in, and back to a JSON value. Pure; knows no widgets.

import type { FieldProblem, Json, JsonObject, Schema } from "../api/types";

export type Path = (string | number)[];

interface Common {
  label: string;
  help: string;
  required: boolean;
  /** The field may also be left out or be null. */
  optional: boolean;
  initial: Json | undefined;
  placeholder: string;
}

export type Field = Common &
  (
    | { kind: "text"; long: boolean; format: string; maxLength: number | null }
    | { kind: "number"; whole: boolean; minimum: number | null; maximum: number | null }
    | { kind: "yesno" }
    | { kind: "choice"; choices: { value: Json; label: string }[] }
    | { kind: "many"; choices: { value: Json; label: string }[] }
    | { kind: "file"; accept: string }
    | { kind: "group"; fields: { name: string; field: Field }[] }
    | { kind: "list"; item: Field; maxItems: number | null }
    | { kind: "variant"; options: { label: string; field: Field }[] }
    | { kind: "fixed"; value: Json }
    | { kind: "json" }
  );

/** Reads a schema into one field. `root` resolves `$ref`; `name` is the label where the schema has no title. */
export function fieldOf(schema: Schema, root: Schema, name = "", required = true): Field {
  return build(schema, root, name, required, 0);
}

function build(given: Schema, root: Schema, name: string, required: boolean, depth: number): Field {
  const { schema, nullable } = resolve(given, root);
  const fallback = given.default !== undefined ? given.default : schema.default;
  const example = schema.examples?.[0] ?? given.examples?.[0];
  const common: Common = {
    label: given.title && !isAutomatic(given.title, name) ? given.title : schema.title && given.$ref === undefined && !isAutomatic(schema.title, name) ? schema.title : words(name) || schema.title || "Value",
    help: given.description ?? schema.description ?? "",
    required: required && !nullable && fallback === undefined,
    optional: nullable || !required,
    initial: fallback,
    placeholder: typeof example === "string" || typeof example === "number" ? String(example) : "",
  };
  if (depth > 8) return { ...common, kind: "json" };
  if (schema.const !== undefined) return { ...common, kind: "fixed", value: schema.const };
  if (schema.enum) return { ...common, kind: "choice", choices: schema.enum.map(choice) };
  const variants = schema.oneOf ?? schema.anyOf;
  if (variants) {
    const constants = variants.map((one) => resolve(one, root).schema);
    if (constants.every((one) => one.const !== undefined)) {
      return { ...common, kind: "choice", choices: constants.map((one) => ({ value: one.const as Json, label: one.title ?? choice(one.const as Json).label })) };
    }
    const options = variants.map((one, index) => {
      const field = build(one, root, "", true, depth + 1);
      const title = one.title ?? resolve(one, root).schema.title;
      return { label: title ? words(title) : (KIND_WORDS[field.kind] ?? `Choice ${index + 1}`), field };
    });
    return { ...common, kind: "variant", options };
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "string":
      if (schema.format === "data-url" || schema.format === "binary") return { ...common, kind: "file", accept: schema.contentMediaType ?? "" };
      return { ...common, kind: "text", long: schema.format === "textarea" || (schema.maxLength ?? 0) > 400, format: schema.format ?? "", maxLength: schema.maxLength ?? null };
    case "integer":
    case "number":
      return { ...common, kind: "number", whole: type === "integer", minimum: schema.minimum ?? schema.exclusiveMinimum ?? null, maximum: schema.maximum ?? schema.exclusiveMaximum ?? null };
    case "boolean":
      return { ...common, kind: "yesno" };
    case "array": {
      const item = build(schema.items ?? {}, root, singular(name), true, depth + 1);
      if (item.kind === "choice") return { ...common, kind: "many", choices: item.choices };
      return { ...common, kind: "list", item, maxItems: schema.maxItems ?? null };
    }
    case "object":
      if (!schema.properties) return { ...common, kind: "json" };
      return {
        ...common,
        kind: "group",
        fields: Object.entries(schema.properties).map(([key, property]) => ({
          name: key,
          field: build(property, root, key, schema.required?.includes(key) ?? false, depth + 1),
        })),
      };
    case "null":
      return { ...common, kind: "fixed", value: null };
    default:
      return { ...common, kind: "json" };
  }
}

const KIND_WORDS: Record<string, string> = { text: "Text", number: "Number", yesno: "Yes or no", group: "Details", list: "List", choice: "Choice", file: "File", fixed: "Nothing" };

/** Follows `$ref`, single `allOf`, and unions with null. */
export function resolve(given: Schema, root: Schema): { schema: Schema; nullable: boolean } {
  let schema = given;
  let nullable = false;
  for (let turn = 0; turn < 12; turn += 1) {
    if (schema.$ref) {
      const target = schema.$ref.split("/").slice(1).reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[decodeURIComponent(key.replaceAll("~1", "/").replaceAll("~0", "~"))], root) as Schema | undefined;
      const { $ref: _, ...beside } = schema;
      schema = { ...target, ...beside };
    } else if (schema.allOf?.length === 1) {
      const { allOf, ...beside } = schema;
      schema = { ...allOf[0], ...beside };
    } else if (schema.anyOf?.some(isNull) || schema.oneOf?.some(isNull)) {
      nullable = true;
      const { anyOf, oneOf, ...beside } = schema;
      const rest = (anyOf ?? oneOf ?? []).filter((one) => !isNull(one));
      schema = rest.length === 1 ? { ...(rest[0] as Schema), ...beside } : { ...beside, anyOf: rest };
    } else if (Array.isArray(schema.type) && schema.type.includes("null")) {
      nullable = true;
      schema = { ...schema, type: schema.type.filter((type) => type !== "null") };
    } else break;
  }
  return { schema, nullable };
}

function isNull(schema: Schema): boolean {
  return schema.type === "null";
}

function choice(value: Json): { value: Json; label: string } {
  return { value, label: typeof value === "string" ? words(value) || "(empty)" : value === null ? "None" : JSON.stringify(value) };
}

/** Pydantic titles a field after its name ("Order Id"); our own words for it read better. */
function isAutomatic(title: string, name: string): boolean {
  return title.toLowerCase().replaceAll(" ", "_") === name.toLowerCase();
}

/** `order_id` and `orderId` as words: "Order id". */
export function words(name: string): string {
  const spaced = name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, "$1 $2")
    .replace(/[_-]+/g, " ")
    .trim();
  if (!spaced) return "";
  const lower = /^[A-Z\d ]+$/.test(spaced) ? spaced : spaced.replace(/\b\p{Lu}(?=\p{Ll})/gu, (letter) => letter.toLowerCase());
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

function singular(name: string): string {
  return name.endsWith("ies") ? `${name.slice(0, -3)}y` : name.endsWith("s") && !name.endsWith("ss") ? name.slice(0, -1) : name;
}

/** What a field holds before anyone typed: its default, else nothing that must be sent. */
export function initialOf(field: Field): Json | undefined {
  if (field.initial !== undefined) return field.initial;
  if (field.kind === "fixed") return field.value;
  if (field.optional && !field.required && field.kind !== "yesno") return undefined;
  switch (field.kind) {
    case "group": {
      const value: JsonObject = {};
      for (const { name, field: inner } of field.fields) {
        const initial = initialOf(inner);
        if (initial !== undefined) value[name] = initial;
      }
      return value;
    }
    case "list":
    case "many":
      return [];
    case "yesno":
      return field.required ? false : undefined;
    case "variant":
      return field.options[0] ? initialOf(field.options[0].field) : undefined;
    default:
      return undefined;
  }
}

/** Whether a value has the shape a field would give: which of several variants a given value is. */
export function fits(field: Field, value: Json | undefined): boolean {
  switch (field.kind) {
    case "text":
    case "file":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "yesno":
      return typeof value === "boolean";
    case "list":
    case "many":
      return Array.isArray(value);
    case "choice":
      return field.choices.some((one) => one.value === value);
    case "fixed":
      return field.value === value;
    case "group":
      return isObject(value) && field.fields.every(({ name, field: inner }) => (inner.kind === "fixed" ? value[name] === inner.value : value[name] === undefined ? !inner.required : true));
    default:
      return true;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy of `value` with `next` at `path`; undefined takes the key out. */
export function withAt(value: Json | undefined, path: Path, next: Json | undefined): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return next;
  if (typeof key === "number") {
    const list = Array.isArray(value) ? [...value] : [];
    const inner = withAt(list[key], rest, next);
    if (inner === undefined && rest.length === 0) list.splice(key, 1);
    else list[key] = inner ?? null;
    return list;
  }
  const object = isObject(value) ? { ...value } : {};
  const inner = withAt(object[key], rest, next);
  if (inner === undefined) delete object[key];
  else object[key] = inner;
  return object;
}

/** The server's words about exactly this field. Errors may be told with the body's `input` in front, or without. */
export function problemAt(problems: readonly FieldProblem[], path: Path): string {
  const here = path.join("\u0000");
  return problems
    .filter((problem) => {
      const there = problem.path.join("\u0000");
      return there === here || there === `input\u0000${here}` || there === `value\u0000${here}`;
    })
    .map((problem) => problem.message)
    .join(" ");
}

export function fieldId(form: string, path: Path): string {
  return [form, ...path].join("-").replaceAll(/[^\w-]/g, "_");
}
