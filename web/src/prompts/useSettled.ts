import { useEffect, useState } from "react";

/** A value once nobody typed for a moment, so that the server is not asked about every letter. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  const same = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(same) as T), 400);
    return () => clearTimeout(timer);
  }, [same]);
  return settled;
}
