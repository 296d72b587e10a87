import { ChevronRight } from "lucide-react";
import { useEffect } from "react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useApp } from "../api/queries";

interface ScreenProps {
  title: string;
  /** Where this stands, nearest last. */
  trail?: { label: string; to: string }[];
  about?: ReactNode;
  actions?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}

/** One screen: its heading, what can be done with it, and its content. Names the tab after it. */
export function Screen({ title, trail = [], about, actions, wide = false, children }: ScreenProps) {
  useTitle(title);
  return (
    <div className={`mx-auto flex w-full flex-col px-8 pt-7 pb-16 max-md:px-4 max-md:pt-5 ${wide ? "max-w-[1360px]" : "max-w-[1080px]"}`}>
      {trail.length > 0 && <Trail trail={trail} />}
      <header className="mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
          {about && <div className="mt-1 max-w-[72ch] text-ink-2">{about}</div>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Trail({ trail }: { trail: { label: string; to: string }[] }) {
  return (
    <nav aria-label="Where you are" className="mb-1.5 -ml-1 flex flex-wrap items-center text-sm text-ink-3">
      {trail.map((place) => (
        <span key={place.to} className="inline-flex items-center">
          <Link href={place.to} className="rounded px-1 py-0.5 hover:text-ink hover:underline">
            {place.label}
          </Link>
          <ChevronRight className="size-3.5 text-ink-3" aria-hidden />
        </span>
      ))}
    </nav>
  );
}

export function useTitle(title: string): void {
  const app = useApp().data?.title;
  useEffect(() => {
    document.title = [title, app ?? "Coachwork"].filter((part, index, all) => part && all.indexOf(part) === index).join(" · ");
  }, [title, app]);
}

export function Section({ title, actions, children, id }: { title: string; actions?: ReactNode; children: ReactNode; id?: string }) {
  return (
    <section aria-label={title} id={id} className="mb-8">
      <div className="mb-2.5 flex min-h-7 items-center justify-between gap-3">
        <h2 className="text-sm font-semibold text-ink-2">{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}
