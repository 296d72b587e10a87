import { MessageCircleQuestion } from "lucide-react";
import { asProblem } from "../api/client";
import { useCheckModel } from "../api/queries";
import type { ModelCheck } from "../api/types";
import { Button } from "../parts/Button";
import { shortModel } from "../run/AnswerFacts";
import { duration } from "../text/numbers";
import { StateMark } from "./StateMark";
import { dollars, firstWord } from "./words";

/** Asks the model one tiny question, for real, and says how it went. */
export function useModelCheck(model: string, free: boolean) {
  const check = useCheckModel(model);
  const button = (
    <Button small onClick={() => !check.isPending && check.mutate()} aria-disabled={check.isPending} title={free ? "Asks one tiny question" : "Asks one tiny question, which is paid for like any other"} aria-label={`Ask ${shortModel(model)} a test question`}>
      <MessageCircleQuestion className="size-3.5" aria-hidden /> {check.isPending ? "Asking …" : "Test"}
    </Button>
  );
  const result = (
    <div role="status" className="text-sm empty:hidden">
      {check.isPending && <p className="late text-ink-3">One tiny question is on its way.</p>}
      {check.error && <StateMark wraps said={{ tone: "bad", word: "It could not be asked", more: asProblem(check.error).reader ?? asProblem(check.error).title }} />}
      {check.data?.checks.map((one) => <Outcome key={one.kind} check={one} />)}
    </div>
  );
  return { button, result };
}

const DID: Record<string, string> = { chat: "It answered", embed: "It read a text", transcribe: "It listened", moderate: "It judged a text", rerank: "It ranked passages" };

function Outcome({ check }: { check: ModelCheck }) {
  if (!check.ok) return <StateMark wraps said={{ tone: "bad", word: "It did not answer", more: check.problem }} />;
  const cost = check.cost_nano === null ? "price unknown" : dollars(check.cost_nano);
  const first = check.first_token_seconds === null ? "" : `, ${firstWord(check.first_token_seconds)}`;
  return <StateMark wraps said={{ tone: "good", word: DID[check.kind] ?? "It works", more: `${duration(check.seconds)} in all${first}, ${cost}` }} />;
}
