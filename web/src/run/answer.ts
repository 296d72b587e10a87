// Which outputs are an answer with sources, and what in them stands where. Pure.

import type { Citation, Json, JsonObject, Passage, Sentence } from "../api/types";
import { isObject } from "../form/fields";
import { unitOffsets } from "../text/offsets";
import type { Range } from "../text/offsets";

export interface Answer {
  text: string;
  citations: Citation[];
  /** Sentences that are not borne out, the contradicted ones among them: in JavaScript offsets, in order, not overlapping. */
  unsupported: Range<Sentence>[];
  /** The citations of each sentence, in JavaScript offsets. */
  cited: Range<Citation[]>[];
  /** Where nothing of it is proved: the passages that came nearest to the question. */
  nearMisses: Passage[];
  /** The models that judged sentences whose words alone did not decide. */
  judges: string[];
  /** Why a model that was to check the answer too did not, "" where none was or it did. */
  checkFailed: string;
  /** Everything the output says beside the answer. */
  rest: JsonObject;
}

/** Text that nobody has held against its sources: while it is written, or where there are none. */
export function unchecked(text: string): Answer {
  return { text, citations: [], unsupported: [], cited: [], nearMisses: [], judges: [], checkFailed: "", rest: {} };
}

/** An output with `text` is an answer; anything else is shown as labelled values. */
export function answerOf(output: Json | undefined): Answer | null {
  if (typeof output === "string") return unchecked(output);
  if (!isObject(output) || typeof output["text"] !== "string") return null;
  const { text, citations: given, sentences: checked, near_misses: near, found: _found, check_failed: failed, ...rest } = output;
  const citations = (Array.isArray(given) ? (given as unknown as Citation[]) : []).filter((citation) => typeof citation?.marker === "number");
  const sentences = Array.isArray(checked) ? (checked as unknown as Sentence[]) : [];
  const judges = [...new Set(sentences.flatMap((sentence) => sentence.judged_by || []))];
  const checkFailed = typeof failed === "string" ? failed : "";
  return { text: text as string, citations, judges, checkFailed, unsupported: unsupportedIn(text as string, sentences), cited: citedIn(text as string, sentences, citations), nearMisses: Array.isArray(near) ? (near as unknown as Passage[]) : [], rest };
}

/** The citations follow the sentences in order, one for each marker of each sentence; where they don't, none is paired. */
export function citedIn(text: string, sentences: Sentence[], citations: Citation[]): Range<Citation[]>[] {
  const markers = sentences.flatMap((sentence) => sentence.markers ?? []);
  if (markers.length !== citations.length || markers.some((marker, index) => citations[index]?.marker !== marker)) return [];
  const units = unitOffsets(text);
  let at = 0;
  return sentences.map((sentence) => {
    const value = citations.slice(at, (at += sentence.markers?.length ?? 0));
    return { start: units(sentence.start), end: units(sentence.end), value };
  });
}

/**
 * The citation that a number in the text stands for: that of its own sentence. A number that pointed to the wrong
 * passage stands for the one that bears the sentence out, as the check found it.
 */
export function citationAt(answer: Answer, marker: number, start: number): Citation | undefined {
  const sentence = answer.cited.find((range) => range.start <= start && start < range.end);
  if (!sentence) return answer.citations.find((citation) => citation.marker === marker);
  const own = sentence.value.find((citation) => citation.marker === marker);
  const written = new Set([...answer.text.slice(sentence.start, sentence.end).matchAll(/\[[\d\s,;]+\]/g)].flatMap((found) => found[0].match(/\d+/g) ?? []).map(Number));
  return own ?? sentence.value.find((citation) => !written.has(citation.marker));
}

export function unsupportedIn(text: string, sentences: Sentence[]): Range<Sentence>[] {
  const units = unitOffsets(text);
  const ranges = sentences
    .filter((sentence) => !sentence.supported && sentence.end > sentence.start)
    .map((sentence) => ({ start: units(sentence.start), end: units(sentence.end), value: sentence }))
    .sort((a, b) => a.start - b.start);
  return ranges.filter((range, index) => index === 0 || range.start >= (ranges[index - 1] as Range<Sentence>).end);
}

type Place = Citation | Passage;

/** The address of a citation: the document, opened at the quoted words. */
export function addressOf(citation: Place): string {
  const document = citation.document.split("/").map(encodeURIComponent).join("/");
  return `/knowledge/${encodeURIComponent(citation.knowledge)}/documents/${document}?start=${citation.start}&end=${citation.end}`;
}

export function placeOf(citation: Place): string {
  const path = citation.title_path?.filter((part) => part !== citation.title) ?? [];
  return [path.at(-1), citation.page ? `page ${citation.page}` : ""].filter(Boolean).join(" · ");
}
