import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Tip } from "./Tip";

type Look = "primary" | "plain" | "quiet" | "danger";

const LOOKS: Record<Look, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-hover border-transparent font-medium",
  plain: "bg-surface text-ink border-line-strong hover:bg-hover",
  quiet: "bg-transparent text-ink-2 border-transparent hover:bg-hover hover:text-ink",
  danger: "bg-surface text-failed border-line-strong hover:bg-failed-soft hover:border-failed-line",
};

const SHAPE = "inline-flex items-center justify-center gap-1.5 rounded-md border whitespace-nowrap transition-colors disabled:opacity-50 aria-disabled:opacity-60";

export function buttonClass(look: Look = "plain", small = false): string {
  return `${SHAPE} ${LOOKS[look]} ${small ? "h-7 px-2.5 text-sm" : "h-9 px-3.5 text-base max-sm:h-10"}`;
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  small?: boolean;
}

export function Button({ look = "plain", small = false, className = "", type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={`${buttonClass(look, small)} ${className}`} {...rest} />;
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  icon: ReactNode;
  keys?: string;
}

export function IconButton({ label, icon, keys, className = "", ...rest }: IconButtonProps) {
  return (
    <Tip text={label} keys={keys}>
      <button type="button" aria-label={label} className={`inline-flex size-8 items-center justify-center rounded-md text-ink-2 transition-colors hover:bg-hover hover:text-ink aria-pressed:bg-accent-soft aria-pressed:text-accent-text max-sm:size-10 ${className}`} {...rest}>
        {icon}
      </button>
    </Tip>
  );
}
