// What the API says about a knowledge base beside its documents: passages, what a question finds, ingests, printed pages.
import { documents, opened } from "./documents.mjs";

/** The answer to a path below /knowledge/handbook, undefined where it is for others. */
export function answerKnowledge(state, path, method, body, query) {
  if (path === "/plan") return [method === "POST" ? 202 : 200, { state: "done", read: 12, model: "openai:text-embedding-3-small", found: 12, added: 1, changed: 1, unchanged: 9, deleted: 1, passages: 14, reused: 31, tokens: 2140, cost_usd: 0.0000428, changes: [{ document: "holidays.md", what: "new" }, { document: "returns.md", what: "changed" }, { document: "old-prices.xlsx", what: "gone" }], failed: [{ document: "scan.pdf", reason: "it has no text in it" }], problem: null }];
  if (path === "/ingest") return [method === "POST" ? 202 : 200, { state: method === "POST" ? "done" : "none", phase: "", workers: [], found: 12, read: 12, embedded: 3, failed: 0, current: "", started_at: null, moved_at: null, documents_a_second: null, seconds_left: null, problem: null }];
  if (path === "/explain") return [200, explain(body)];
  const page = path.match(/^\/pages\/(\d+)\/(.+)$/);
  if (page) return [200, drawn(opened(page[2]), Number(page[1]), query.get("start") !== null)];
  const passages = path.match(/^\/passages\/(.+)$/);
  if (!passages) return undefined;
  state.weights ??= {};
  if (method === "PUT") state.weights[body.digest] = { ...state.weights[body.digest], ...body };
  return [200, { items: passagesOf(passages[1]).map((passage) => ({ passage, hidden: state.weights[passage.digest]?.hidden ?? false, boost: state.weights[passage.digest]?.boost ?? 1 })) }];
}

function passagesOf(id) {
  const document = opened(id);
  const found = [];
  for (const match of document.text.matchAll(/\S[^]*?(?=\n\s*\n#|\s*$(?![^]))/g))
    found.push({ knowledge: "handbook", document: id, title: document.title, title_path: [document.title, match[0].split("\n")[0].replace(/^#+ /, "")], page: null, start: match.index, end: match.index + match[0].length, text: match[0], score: 0, digest: `${id} ${match.index}`, scores: null });
  return found;
}

function explain({ query, top_k }) {
  const all = documents.slice(0, 3).flatMap((one) => passagesOf(one.id)).slice(0, top_k + 3);
  const scores = (index) => ({ dense: 0.61 - index / 20, dense_rank: index + 1, words: index % 3 === 2 ? null : 9.4 - index, words_rank: index % 3 === 2 ? null : index + 1, fused: 0.93 - index / 12, fused_rank: index + 1, boost: index === 1 ? 2 : 1, rerank: null, neighbour: false });
  const candidates = all.map((passage, index) => ({ passage: { ...passage, score: 0.93 - index / 12, scores: scores(index) }, rank: index < top_k ? index + 1 : null, fate: index < top_k ? "kept" : index === all.length - 1 ? "hidden" : "below", matched: query.split(" ").filter((word) => passage.text.includes(word)) }));
  return { question: query, wordings: [query], candidates, seconds: { search: 0.021 } };
}

function drawn(document, page, quoted) {
  const lines = document.text.split("\n").slice(0, 40).map((line, index) => `<text x="120" y="${160 + index * 36}" font-size="24">${line.replace(/[&<>]/g, "").slice(0, 75)}</text>`);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1190" height="1684"><rect width="1190" height="1684" fill="white"/>${lines.join("")}</svg>`;
  return { page, pages: document.pages?.length ?? 1, width: 1190, height: 1684, image: `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`, places: quoted ? [[120, 280, 900, 310], [120, 316, 640, 346]] : [] };
}
