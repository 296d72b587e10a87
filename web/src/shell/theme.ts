// The chosen theme: the system's, light or dark. The first paint is set by public/theme.js.

import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
const listeners = new Set<() => void>();

export function chosenTheme(): Theme {
  const stored = read("coachwork.theme");
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function chooseTheme(theme: Theme): void {
  write("coachwork.theme", theme === "system" ? null : theme);
  paint();
  for (const tell of listeners) tell();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, chosenTheme);
}

export function followSystemTheme(): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}

function paint(): void {
  const theme = chosenTheme();
  const dark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

export function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off
  }
}

export function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
}
