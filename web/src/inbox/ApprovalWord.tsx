import { Ban, Check, Clock, PencilLine, UserRound, X } from "lucide-react";
import type { ApprovalStatus } from "../api/types";

const LOOKS: Record<ApprovalStatus, { word: string; icon: typeof Check; text: string }> = {
  pending: { word: "Waiting for a person", icon: UserRound, text: "text-waiting" },
  accepted: { word: "Accepted", icon: Check, text: "text-done" },
  edited: { word: "Edited and accepted", icon: PencilLine, text: "text-done" },
  rejected: { word: "Rejected", icon: X, text: "text-failed" },
  expired: { word: "Expired", icon: Clock, text: "text-ink-3" },
  cancelled: { word: "Run was stopped", icon: Ban, text: "text-ink-3" },
};

export function ApprovalWord({ status }: { status: ApprovalStatus }) {
  const look = LOOKS[status];
  return (
    <span className={`inline-flex items-center gap-1.5 text-sm ${look.text}`}>
      <look.icon className="size-3.5" aria-hidden /> {look.word}
    </span>
  );
}

export function approvalWord(status: ApprovalStatus): string {
  return LOOKS[status].word;
}
