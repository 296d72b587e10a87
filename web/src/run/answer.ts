// Which outputs are an answer with sources, and what in them stands where. Pure.

import type { Citation, Json, JsonObject, Sentence } from "../api/types";
import { isObject } from "../form/fields";
import { unitOffsets } from "../text/offsets";
import type { Range } from "../text/offsets";

export interface Answer {
  text: string;
  citations: Citation[];
  /** Sentences in JavaScript offsets, in order, not overlapping. */
  unsupported: Range<Sentence>[];
  /** Everything the output says beside the answer. */
  rest: JsonObject;
}

/** An output with `text` is an answer; anything else is shown as labelled values. */
export function answerOf(output: Json | undefined): Answer | null {
  if (typeof output === "string") return { text: output, citations: [], unsupported: [], rest: {} };
  if (!isObject(output) || typeof output["text"] !== "string") return null;
  const { text, citations, sentences, ...rest } = output;
  return {
    text: text as string,
    citations: (Array.isArray(citations) ? (citations as unknown as Citation[]) : []).filter((citation) => typeof citation?.marker === "number"),
    unsupported: unsupportedIn(text as string, Array.isArray(sentences) ? (sentences as unknown as Sentence[]) : []),
    rest,
  };
}

export function unsupportedIn(text: string, sentences: Sentence[]): Range<Sentence>[] {
  const units = unitOffsets(text);
  const ranges = sentences
    .filter((sentence) => !sentence.supported && sentence.end > sentence.start)
    .map((sentence) => ({ start: units(sentence.start), end: units(sentence.end), value: sentence }))
    .sort((a, b) => a.start - b.start);
  return ranges.filter((range, index) => index === 0 || range.start >= (ranges[index - 1] as Range<Sentence>).end);
}

/** The address of a citation: the document, opened at the quoted words. */
export function addressOf(citation: Citation): string {
  const document = citation.document.split("/").map(encodeURIComponent).join("/");
  return `/knowledge/${encodeURIComponent(citation.knowledge)}/documents/${document}?start=${citation.start}&end=${citation.end}`;
}

export function placeOf(citation: Citation): string {
  const path = citation.title_path?.filter((part) => part !== citation.title) ?? [];
  return [path.at(-1), citation.page ? `page ${citation.page}` : ""].filter(Boolean).join(" · ");
}
