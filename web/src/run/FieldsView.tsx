import { Fragment } from "react";
import type { ReactNode } from "react";
import type { Json, JsonObject, Schema } from "../api/types";
import { isObject, resolve, words } from "../form/fields";
import { MarkdownText } from "../text/MarkdownText";
import { count } from "../text/numbers";
import { answerOf } from "./answer";
import { AnswerText } from "./AnswerText";

/** Any value, readable: labels instead of keys, tables instead of lists of objects, never a JSON blob. */
export function FieldsView({ value, schema, root }: { value: Json; schema?: Schema | undefined; root?: Schema | undefined }) {
  const top = root ?? schema;
  const known = schema && top ? resolve(schema, top).schema : undefined;
  if (isObject(value)) return <ObjectView value={value} schema={known} root={top} />;
  if (Array.isArray(value)) return <ListView value={value} schema={known} root={top} />;
  return <ValueView value={value} />;
}

function ObjectView({ value, schema, root }: { value: JsonObject; schema: Schema | undefined; root: Schema | undefined }) {
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== "" && !(Array.isArray(inner) && inner.length === 0));
  if (entries.length === 0) return <span className="text-ink-3">Nothing</span>;
  return (
    <dl className="grid grid-cols-[minmax(88px,auto)_minmax(0,1fr)] gap-x-5 gap-y-2.5 max-sm:grid-cols-1 max-sm:gap-y-1">
      {entries.map(([key, inner]) => {
        const property = schema?.properties?.[key];
        if (isWide(inner))
          return (
            <div key={key} className="col-span-full min-w-0">
              <dt className="mb-1.5 text-sm text-ink-3">{labelOf(key, property)}</dt>
              <dd className={isObject(inner) && !isAnswer(inner) ? "border-l-2 border-line pl-3.5" : ""}>
                <Inner value={inner} schema={property} root={root} />
              </dd>
            </div>
          );
        return (
          <Fragment key={key}>
            <dt className="text-sm leading-[1.375rem] text-ink-3">{labelOf(key, property)}</dt>
            <dd className="min-w-0 max-sm:mb-2">
              <Inner value={inner} schema={property} root={root} />
            </dd>
          </Fragment>
        );
      })}
    </dl>
  );
}

/** Values that need the whole width: objects, lists of objects, long texts. */
function isWide(value: Json): boolean {
  if (Array.isArray(value)) return value.some((item) => typeof item === "object" && item !== null);
  return isObject(value) || (typeof value === "string" && (value.length > 320 || value.split("\n").length > 3) && !value.startsWith("data:"));
}

function isAnswer(value: JsonObject): boolean {
  return typeof value["text"] === "string" && Array.isArray(value["citations"]);
}

function labelOf(key: string, schema: Schema | undefined): string {
  const title = schema?.title;
  return title && title.toLowerCase().replaceAll(" ", "_") !== key.toLowerCase() ? title : words(key);
}

function Inner({ value, schema, root }: { value: Json; schema: Schema | undefined; root: Schema | undefined }): ReactNode {
  if (isObject(value) && isAnswer(value)) {
    const answer = answerOf(value);
    if (answer) return <AnswerText answer={answer} />;
  }
  return <FieldsView value={value} schema={schema} root={root} />;
}

function ListView({ value, schema, root }: { value: Json[]; schema: Schema | undefined; root: Schema | undefined }) {
  if (value.length === 0) return <span className="text-ink-3">None</span>;
  if (value.every(isFlat)) return <TableView rows={value as JsonObject[]} schema={schema?.items && root ? resolve(schema.items, root).schema : undefined} />;
  if (value.every((item) => typeof item !== "object" || item === null)) {
    const short = value.every((item) => String(item).length <= 28);
    return short ? (
      <ul className="flex flex-wrap gap-1.5">
        {value.map((item, index) => (
          <li key={index} className="rounded bg-hover px-2 py-0.5 text-sm">
            <ValueView value={item} />
          </li>
        ))}
      </ul>
    ) : (
      <ul className="flex list-disc flex-col gap-1 pl-4">
        {value.map((item, index) => (
          <li key={index}>
            <ValueView value={item} />
          </li>
        ))}
      </ul>
    );
  }
  return (
    <ol className="flex flex-col gap-2">
      {value.map((item, index) => (
        <li key={index} className="rounded-md border border-line p-3">
          <FieldsView value={item} schema={schema?.items} root={root} />
        </li>
      ))}
    </ol>
  );
}

function isFlat(value: Json): boolean {
  return isObject(value) && Object.values(value).every((inner) => typeof inner !== "object" || inner === null) && Object.keys(value).length <= 6;
}

function TableView({ rows, schema }: { rows: JsonObject[]; schema: Schema | undefined }) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <div className="prose-table" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col" data-align={typeof rows[0]?.[column] === "number" ? "right" : undefined}>
                {labelOf(column, schema?.properties?.[column])}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column} data-align={typeof row[column] === "number" ? "right" : undefined}>
                  <ValueView value={row[column] ?? null} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;

function ValueView({ value }: { value: Json }) {
  if (value === null || value === "") return <span className="text-ink-3">–</span>;
  if (typeof value === "boolean") return <>{value ? "Yes" : "No"}</>;
  if (typeof value === "number") return <span className="tnum">{Number.isInteger(value) && Math.abs(value) >= 10_000 ? count(value) : String(value)}</span>;
  if (typeof value !== "string") return <>{JSON.stringify(value)}</>;
  if (value.startsWith("data:")) return <Recording url={value} />;
  if (DATE.test(value)) return <time dateTime={value}>{new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(value))}</time>;
  if (/^[a-z][a-z0-9]*(_[a-z0-9]+)+$/.test(value)) return <>{words(value)}</>;
  if (/\n|\*\*|^#/.test(value)) return <MarkdownText source={value} />;
  return <span className="break-words">{value}</span>;
}

/** A file that came in as a data URL: heard where it is a sound, named otherwise. */
export function Recording({ url }: { url: string }) {
  const type = url.slice(5, url.search(/[;,]/));
  const size = Math.round(((url.length - url.indexOf(",")) * 3) / 4);
  return type.startsWith("audio/") ? (
    // oxlint-disable-next-line jsx-a11y/media-has-caption -- what people say into it has no captions
    <audio controls src={url} className="h-9 w-full max-w-sm" />
  ) : (
    <span>
      {type || "file"}, {count(Math.max(1, Math.round(size / 1024)))} KB
    </span>
  );
}
