import { Search } from "lucide-react";
import { Link, useLocation } from "wouter";
import { useApp } from "../api/queries";
import { IconButton } from "../parts/Button";
import { isAt, PLACES } from "./places";
import { ThemeButton } from "./Rail";

/** The rail of a phone. */
export function BottomBar({ waiting }: { waiting: number }) {
  const [location] = useLocation();
  return (
    <nav aria-label="Main" className="grid shrink-0 grid-cols-6 border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden">
      {PLACES.map(({ to, label, short, icon: Icon }) => {
        const here = isAt(to, location);
        const count = to === "/inbox" ? waiting : 0;
        return (
          <Link key={to} href={to} aria-current={here ? "page" : undefined} className={`flex h-14 flex-col items-center justify-center gap-0.5 text-xs ${here ? "font-medium text-accent-text" : "text-ink-2"}`}>
            <span className="relative">
              <Icon className="size-5" aria-hidden />
              {count > 0 && (
                <span className="tnum absolute -top-1.5 left-3 inline-flex h-4 min-w-4 items-center justify-center rounded-full bg-waiting px-1 text-[10px] font-semibold text-surface">
                  {count > 99 ? "99+" : count}
                  <span className="sr-only"> waiting in the </span>
                </span>
              )}
            </span>
            {short === label ? (
              label
            ) : (
              <>
                <span aria-hidden>{short}</span>
                <span className="sr-only">{label}</span>
              </>
            )}
          </Link>
        );
      })}
    </nav>
  );
}

export function TopBar({ onSearch }: { onSearch: () => void }) {
  const app = useApp().data;
  return (
    <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line bg-surface px-4 md:hidden">
      <img src="/favicon.svg" alt="" width="22" height="22" />
      <Link href="/" className="min-w-0 flex-1 truncate font-semibold tracking-tight">
        {app?.title ?? "Coachwork"}
      </Link>
      <ThemeButton />
      <IconButton label="Search" icon={<Search className="size-5" />} onClick={onSearch} />
    </header>
  );
}
