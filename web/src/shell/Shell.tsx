import { WifiOff } from "lucide-react";
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from "react";
import type { ReactNode } from "react";
import { useLocation } from "wouter";
import { useApprovals } from "../api/queries";
import { BottomBar, TopBar } from "./BottomBar";
import { PLACES } from "./places";
import { Rail } from "./Rail";
import { read, write } from "./theme";

const SearchBox = lazy(() => import("./SearchBox").then((module) => ({ default: module.SearchBox })));
const ShortcutSheet = lazy(() => import("./ShortcutSheet").then((module) => ({ default: module.ShortcutSheet })));

/** What stands around every screen. */
export function Shell({ children }: { children: ReactNode }) {
  const [folded, setFolded] = useState(() => read("coachwork.rail") === "folded");
  const [open, setOpen] = useState<"search" | "shortcuts" | null>(null);
  const approvals = useApprovals("pending");
  const pages = approvals.data?.pages ?? [];
  const waiting = pages[0]?.counts?.["pending"] ?? pages.reduce((sum, page) => sum + page.items.length, 0);
  const fold = () => {
    setFolded(!folded);
    write("coachwork.rail", folded ? null : "folded");
  };
  useShortcuts({ search: () => setOpen("search"), shortcuts: () => setOpen("shortcuts"), fold });
  return (
    <div className="flex h-full flex-col">
      <a href="#main" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-accent focus:px-3 focus:py-2 focus:text-on-accent">
        Skip to the content
      </a>
      <OfflineBanner />
      <TopBar onSearch={() => setOpen("search")} />
      <div className="flex min-h-0 flex-1">
        <Rail folded={folded} onFold={fold} onSearch={() => setOpen("search")} onShortcuts={() => setOpen("shortcuts")} waiting={waiting} />
        <main id="main" tabIndex={-1} className="relative min-w-0 flex-1 overflow-y-auto bg-surface outline-none">
          {children}
        </main>
      </div>
      <BottomBar waiting={waiting} />
      <Suspense fallback={null}>
        {open === "search" && <SearchBox onClose={() => setOpen(null)} />}
        {open === "shortcuts" && <ShortcutSheet onClose={() => setOpen(null)} />}
      </Suspense>
    </div>
  );
}

function OfflineBanner() {
  const online = useSyncExternalStore(
    (listener) => {
      addEventListener("online", listener);
      addEventListener("offline", listener);
      return () => {
        removeEventListener("online", listener);
        removeEventListener("offline", listener);
      };
    },
    () => navigator.onLine,
  );
  if (online) return null;
  return (
    <div role="status" className="flex shrink-0 items-center justify-center gap-2 bg-waiting-soft px-4 py-1.5 text-sm text-waiting">
      <WifiOff className="size-4" aria-hidden /> You are offline. Runs go on at the server; this page catches up when you are back.
    </div>
  );
}

/** Single keys count only where nobody is typing. */
function useShortcuts(does: { search: () => void; shortcuts: () => void; fold: () => void }): void {
  const [, go] = useLocation();
  useEffect(() => {
    let went = 0;
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        does.search();
        return;
      }
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, dialog, [contenteditable]")) return;
      const place = event.timeStamp - went < 1200 ? PLACES.find((one) => one.keys === `g ${event.key}`) : undefined;
      went = 0;
      if (place) go(place.to);
      else if (event.key === "g") went = event.timeStamp;
      else if (event.key === "?") does.shortcuts();
      else if (event.key === "/") does.search();
      else if (event.key === "[") does.fold();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
