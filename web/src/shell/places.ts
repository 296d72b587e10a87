import { FileText, Gauge, Inbox, LayoutGrid, Library, ListChecks } from "lucide-react";

/** The places of the rail and of the bottom bar, in order; `short` is what fits under a thumb. */
export const PLACES = [
  { to: "/", label: "Apps", short: "Apps", icon: LayoutGrid, keys: "g a" },
  { to: "/inbox", label: "Inbox", short: "Inbox", icon: Inbox, keys: "g i" },
  { to: "/runs", label: "Runs", short: "Runs", icon: ListChecks, keys: "g r" },
  { to: "/knowledge", label: "Knowledge", short: "Knowledge", icon: Library, keys: "g k" },
  { to: "/prompts", label: "Prompts", short: "Prompts", icon: FileText, keys: "g p" },
  { to: "/models", label: "Models & spend", short: "Models", icon: Gauge, keys: "g m" },
] as const;

export function isAt(place: string, location: string): boolean {
  if (place === "/runs" && location.startsWith("/batches")) return true;
  return place === "/" ? location === "/" || location.startsWith("/apps") : location === place || location.startsWith(`${place}/`);
}
