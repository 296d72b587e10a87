import type { JsonObject, Problem } from "./types";

/** What the API says of knowledge bases: documents, passages, searches, ingests. */

export interface DocumentInfo {
  id: string;
  title: string;
  format: string;
  size: number | null;
  status: "indexed" | "failed";
  reason: string | null;
  passages: number;
  updated_at: string | null;
  metadata?: JsonObject;
}

export interface DocumentText {
  id: string;
  title: string;
  format: string;
  text: string;
  headings?: { start: number; end: number; level: number; title: string }[] | null;
  pages?: { page: number; start: number; end: number }[] | null;
  updated_at: string | null;
  file_url: string | null;
}

export interface Passage {
  knowledge: string;
  document: string;
  title: string;
  title_path?: string[];
  page?: number | null;
  start: number;
  end: number;
  text: string;
  score: number;
  digest: string;
  scores?: Scores | null;
}

/** What each stage of a search gave a passage, null where the stage did not have it. Ranks count from 1. */
export interface Scores {
  dense: number | null;
  dense_rank: number | null;
  words: number | null;
  words_rank: number | null;
  fused: number | null;
  fused_rank: number | null;
  boost: number;
  rerank: number | null;
  neighbour: boolean;
}

export interface Candidate {
  passage: Passage;
  rank: number | null;
  fate: "kept" | "below" | "alike" | "too long" | "hidden";
  matched: string[];
}

export interface Explanation {
  question: string;
  wordings: string[];
  candidates: Candidate[];
  seconds: Record<string, number>;
}

export interface PassageWeighed {
  passage: Passage;
  hidden: boolean;
  boost: number;
}

/** A printed page: boxes are [left, top, right, bottom] in the image's pixels. */
export interface PagePicture {
  page: number;
  pages: number;
  width: number;
  height: number;
  image: string;
  places: [number, number, number, number][];
}

/** A process that works on an ingest. */
export interface IngestWorker {
  host: string;
  pid: number;
  phase: string;
  current: string;
  documents: number;
  stuck: boolean;
}

/** What an ingest would do now, and what its embedding would cost at most. */
export interface IngestPlan {
  state: "none" | "working" | "done" | "failed";
  read: number;
  model: string;
  found: number;
  added: number;
  changed: number;
  unchanged: number;
  deleted: number;
  passages: number;
  reused: number;
  tokens: number;
  cost_usd: number | null;
  changes: { document: string; what: "new" | "changed" | "gone" }[];
  failed: { document: string; reason: string }[];
  problem: Problem | null;
}

export interface IngestState {
  state: "none" | "waiting" | "working" | "stuck" | "done" | "failed" | "stopped";
  phase: string;
  workers: IngestWorker[];
  found: number;
  read: number;
  embedded: number;
  failed: number;
  current: string;
  started_at: string | null;
  moved_at: string | null;
  documents_a_second: number | null;
  seconds_left: number | null;
  problem: Problem | null;
}
