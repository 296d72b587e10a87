import type { ReactNode } from "react";

/** An empty place that says what belongs here and how it gets there. */
export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-2 px-6 py-14 text-center">
      <div className="mb-1 flex size-11 items-center justify-center rounded-full bg-hover text-ink-3 [&_svg]:size-5" aria-hidden>
        {icon}
      </div>
      <h2 className="font-semibold">{title}</h2>
      <div className="text-ink-2">{children}</div>
    </div>
  );
}
