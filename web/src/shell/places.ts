import { Inbox, LayoutGrid, Library, ListChecks } from "lucide-react";

/** The places of the rail and of the bottom bar, in order. */
export const PLACES = [
  { to: "/", label: "Apps", icon: LayoutGrid, keys: "g a" },
  { to: "/inbox", label: "Inbox", icon: Inbox, keys: "g i" },
  { to: "/runs", label: "Runs", icon: ListChecks, keys: "g r" },
  { to: "/knowledge", label: "Knowledge", icon: Library, keys: "g k" },
] as const;

export function isAt(place: string, location: string): boolean {
  return place === "/" ? location === "/" || location.startsWith("/apps") : location === place || location.startsWith(`${place}/`);
}
