import * as Tooltip from "@radix-ui/react-tooltip";
import type { ReactElement } from "react";
import { Key } from "./Key";

/** A word or two about a control, on hover and on focus. */
export function Tip({ text, keys, side = "bottom", children }: { text: string; keys?: string | undefined; side?: "bottom" | "right" | "top"; children: ReactElement }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content side={side} sideOffset={6} collisionPadding={8} className="z-50 flex max-w-72 items-center gap-2 rounded-md bg-ink px-2 py-1 text-xs text-canvas shadow-high">
          {text}
          {keys && <Key keys={keys} inverted />}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
