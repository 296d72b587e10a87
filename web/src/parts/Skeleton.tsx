/** Where something will stand. Shown only after 300 ms, so a fast answer never flickers. */
export function Skeleton({ lines = 3, label = "Loading" }: { lines?: number; label?: string }) {
  const widths = ["w-3/5", "w-full", "w-11/12", "w-4/5", "w-full", "w-2/3"];
  return (
    <div role="status" aria-label={label} className="late flex flex-col gap-3 py-1">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} className={`breathe h-3.5 rounded bg-line ${widths[index % widths.length]}`} />
      ))}
    </div>
  );
}

export function SkeletonRows({ rows = 8 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="late flex flex-col">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="flex items-center gap-4 border-b border-line px-4 py-3.5">
          <div className="breathe size-4 rounded-full bg-line" />
          <div className={`breathe h-3.5 rounded bg-line ${index % 3 === 0 ? "w-1/3" : index % 3 === 1 ? "w-1/2" : "w-2/5"}`} />
          <div className="breathe ml-auto h-3.5 w-16 rounded bg-line" />
        </div>
      ))}
    </div>
  );
}
