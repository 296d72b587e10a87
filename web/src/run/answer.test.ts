import { describe, expect, it } from "vitest";
import type { Citation, Json } from "../api/types";
import { answerOf, citationAt } from "./answer";
import type { Answer } from "./answer";

const place = (marker: number, quote: string): Citation => ({ marker, knowledge: "k", document: "d.md", title: "D", title_path: [], page: null, start: 0, end: quote.length, quote });
const answer = (text: string, citations: Citation[], markers: number[][]): Answer => {
  const sentences = markers.map((found, index) => {
    const start = index === 0 ? 0 : text.indexOf(". ") + 2;
    const end = index === 0 && markers.length > 1 ? text.indexOf(". ") + 1 : text.length;
    return { text: text.slice(start, end), start, end, supported: true, markers: found };
  });
  return answerOf({ text, citations, sentences } as unknown as Json) as Answer;
};

describe("an answer from documents", () => {
  it("tells what came nearest where nothing of it is proved, and keeps what else there is", () => {
    const near = { knowledge: "k", document: "d.md", title: "D", start: 0, end: 4, text: "Near", score: 0.4 };
    const found = answerOf({ text: "The documents do not answer this.", found: false, near_misses: [near], language: "en" } as unknown as Json);
    expect(found?.nearMisses).toEqual([near]);
    expect(found?.rest).toEqual({ language: "en" });
  });

  it("names the models that judged sentences, each once, and says why a check was not made", () => {
    const sentence = { text: "A.", start: 0, end: 2, supported: false };
    const sentences = [{ ...sentence, judged_by: "lab:x" }, { ...sentence, judged_by: "lab:x" }, { ...sentence, judged_by: "" }];
    const found = answerOf({ text: "A.", sentences, check_failed: "It was silent." } as unknown as Json);
    expect([found?.judges, found?.checkFailed, found?.rest]).toEqual([["lab:x"], "It was silent.", {}]);
  });
});

describe("the citation a number stands for", () => {
  it("is its own sentence's, where two sentences cite one passage", () => {
    const text = "Parcels cost 6 € [1]. They take 2 days [1].";
    const found = answer(text, [place(1, "6 €"), place(1, "2 days")], [[1], [1]]);
    expect(citationAt(found, 1, text.indexOf("[1]"))?.quote).toBe("6 €");
    expect(citationAt(found, 1, text.lastIndexOf("[1]"))?.quote).toBe("2 days");
  });

  it("is the passage that bears the sentence out, where the number pointed to another", () => {
    const text = "You have 30 days [1]. It is free [1].";
    const found = answer(text, [place(2, "30 days"), place(1, "free")], [[2], [1]]);
    expect(citationAt(found, 1, text.indexOf("[1]"))?.marker).toBe(2);
    expect(citationAt(found, 1, text.lastIndexOf("[1]"))?.quote).toBe("free");
  });

  it("is none where no passage bears it out, and goes by the number alone where sentences are not told", () => {
    const text = "You have 30 days [3]. It is free [1].";
    expect(citationAt(answer(text, [place(1, "free")], [[], [1]]), 3, text.indexOf("[3]"))).toBeUndefined();
    expect(citationAt(answerOf({ text, citations: [place(1, "free")] } as unknown as Json) as Answer, 1, 0)?.quote).toBe("free");
  });
});
