import { X } from "lucide-react";
import { IconButton } from "../parts/Button";
import { COMMAND, Key } from "../parts/Key";
import { ModalBox } from "./ModalBox";

const GROUPS: { title: string; rows: [string, string][] }[] = [
  {
    title: "Everywhere",
    rows: [
      [`${COMMAND} K`, "Search apps, runs and documents"],
      ["?", "This sheet"],
      ["[", "Fold or unfold the rail"],
      ["g a", "Go to Apps"],
      ["g i", "Go to Inbox"],
      ["g r", "Go to Runs"],
      ["g k", "Go to Knowledge"],
      ["g p", "Go to Prompts"],
      ["g m", "Go to Models & spend"],
    ],
  },
  {
    title: "In an app",
    rows: [
      [`${COMMAND} Enter`, "Send the form"],
      ["Enter", "Send a chat message"],
      ["Shift Enter", "New line in a chat message"],
    ],
  },
  {
    title: "In lists",
    rows: [
      ["j", "Next one"],
      ["k", "The one before"],
      ["Enter", "Open it"],
    ],
  },
];

export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  return (
    <ModalBox label="Keyboard shortcuts" onClose={onClose} className="w-[min(560px,calc(100vw-32px))]">
      <div className="flex items-center justify-between border-b border-line px-5 py-3">
        <h2 className="font-semibold">Keyboard shortcuts</h2>
        <IconButton label="Close" icon={<X className="size-4" />} onClick={onClose} />
      </div>
      <div className="grid gap-x-10 gap-y-5 p-5 sm:grid-cols-2">
        {GROUPS.map((group) => (
          <section key={group.title} className="first:row-span-2">
            <h3 className="mb-2 text-sm font-semibold text-ink-2">{group.title}</h3>
            <dl className="flex flex-col gap-1.5">
              {group.rows.map(([keys, what]) => (
                <div key={what} className="flex items-center justify-between gap-4 text-sm">
                  <dt className="text-ink-2">{what}</dt>
                  <dd>
                    <Key keys={keys} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </ModalBox>
  );
}
