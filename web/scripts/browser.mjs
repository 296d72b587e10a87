// A Chromium that asks nobody but the page's own server, and the server: BASE_URL, or the mock.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { startMock } from "../mock/server.mjs";

export async function openBrowser() {
  const path = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(path)) throw new Error(`No Chromium at ${path}. Install it (apt-get install chromium), or set CHROMIUM to its path.`);
  return chromium.launch({ executablePath: path, args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
}

/** The address to look at; mocks are started where none is given. `empty` is the same without any data. */
export async function openServers() {
  const given = process.env.BASE_URL;
  if (given) return { base: given.replace(/\/$/, ""), empty: null, close: () => undefined };
  const mock = await startMock(0);
  const empty = await startMock(0, { empty: true });
  await new Promise((resolve) => setTimeout(resolve, 4500)); // let the running run write half of its answer
  return { base: mock.url, empty: empty.url, close: () => (mock.close(), empty.close()) };
}
