import { Keyboard, Monitor, Moon, PanelLeftClose, PanelLeftOpen, Search, Sun } from "lucide-react";
import { Link, useLocation } from "wouter";
import { useApp } from "../api/queries";
import { IconButton } from "../parts/Button";
import { COMMAND, Key } from "../parts/Key";
import { Tip } from "../parts/Tip";
import { isAt, PLACES } from "./places";
import { chooseTheme, useTheme } from "./theme";

interface RailProps {
  folded: boolean;
  onFold: () => void;
  onSearch: () => void;
  onShortcuts: () => void;
  waiting: number;
}

export function Rail({ folded, onFold, onSearch, onShortcuts, waiting }: RailProps) {
  const [location] = useLocation();
  const app = useApp().data;
  return (
    <aside className={`flex h-full shrink-0 flex-col border-r border-line bg-canvas max-md:hidden ${folded ? "w-14 items-center" : "w-[232px]"}`}>
      <div className={`flex h-14 items-center gap-2.5 ${folded ? "" : "w-full px-4"}`}>
        <img src="/favicon.svg" alt="" width="24" height="24" className="size-6 shrink-0" />
        {!folded && <span className="truncate font-semibold tracking-tight">{app?.title ?? "Coachwork"}</span>}
      </div>
      <div className={folded ? "" : "px-3"}>
        {folded ? (
          <IconButton label="Search" keys={`${COMMAND} K`} icon={<Search className="size-[18px]" />} onClick={onSearch} className="size-9" />
        ) : (
          <button type="button" onClick={onSearch} className="mb-2 flex h-8 w-full items-center gap-2 rounded-md border border-line-strong bg-surface px-2.5 text-left text-sm text-ink-3 shadow-card hover:text-ink">
            <Search className="size-4" aria-hidden />
            <span className="flex-1">Search</span>
            <Key keys={`${COMMAND} K`} />
          </button>
        )}
      </div>
      <nav aria-label="Main" className={`mt-1 flex flex-col gap-0.5 ${folded ? "" : "px-3"}`}>
        {PLACES.map(({ to, label, icon: Icon, keys }) => {
          const here = isAt(to, location);
          const count = to === "/inbox" ? waiting : 0;
          const link = (
            <Link
              href={to}
              aria-current={here ? "page" : undefined}
              aria-label={folded ? (count > 0 ? `${label}, ${count} waiting` : label) : undefined}
              className={`relative flex h-9 items-center gap-2.5 rounded-md transition-colors ${folded ? "w-9 justify-center" : "px-2.5"} ${here ? "bg-accent-soft font-medium text-accent-text" : "text-ink-2 hover:bg-hover hover:text-ink"}`}
            >
              <Icon className="size-[18px] shrink-0" aria-hidden />
              {!folded && <span className="flex-1">{label}</span>}
              {count > 0 && <Badge count={count} dot={folded} />}
            </Link>
          );
          return folded ? (
            <Tip key={to} text={label} keys={keys} side="right">
              {link}
            </Tip>
          ) : (
            <div key={to}>{link}</div>
          );
        })}
      </nav>
      <div className={`mt-auto flex gap-0.5 border-t border-line py-2 ${folded ? "flex-col" : "w-full px-3"}`}>
        <ThemeButton />
        <IconButton label="Keyboard shortcuts" keys="?" icon={<Keyboard className="size-[18px]" />} onClick={onShortcuts} />
        <IconButton label={folded ? "Unfold the rail" : "Fold the rail"} keys="[" icon={folded ? <PanelLeftOpen className="size-[18px]" /> : <PanelLeftClose className="size-[18px]" />} onClick={onFold} className={folded ? "" : "ml-auto"} />
      </div>
    </aside>
  );
}

export function Badge({ count, dot = false }: { count: number; dot?: boolean }) {
  if (dot) return <span className="absolute top-1 right-1 size-2 rounded-full bg-waiting ring-2 ring-canvas" aria-hidden />;
  return (
    <span className="tnum inline-flex h-5 min-w-5 items-center justify-center rounded-full bg-waiting-soft px-1.5 text-xs font-semibold text-waiting">
      {count > 99 ? "99+" : count}
      <span className="sr-only"> waiting</span>
    </span>
  );
}

const NEXT = { system: "light", light: "dark", dark: "system" } as const;
const WORDS = { system: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };

export function ThemeButton() {
  const theme = useTheme();
  const Icon = theme === "dark" ? Moon : theme === "light" ? Sun : Monitor;
  return <IconButton label={WORDS[theme]} icon={<Icon className="size-[18px]" />} onClick={() => chooseTheme(NEXT[theme])} />;
}
