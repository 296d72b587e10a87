// Prints what the first page loads and fails where its JavaScript passes 180 KB gzip (PAGE.md).
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const root = new URL("../../src/coachwork/server/static/", import.meta.url);
const html = readFileSync(new URL("index.html", root), "utf8");
if (/<script(?![^>]*\bsrc=)/.test(html) || /\sstyle="/.test(html)) throw new Error("index.html holds an inline script or style: the Content-Security-Policy forbids both");
const zipped = (name) => gzipSync(readFileSync(new URL(name, root)), { level: 9 }).length;
const first = [...html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((match) => match[1]);
let js = 0;
for (const name of first) {
  const size = zipped(name);
  if (name.endsWith(".js")) js += size;
  console.log(`${(size / 1000).toFixed(1).padStart(7)} KB gzip  ${name}`);
}
const all = readdirSync(new URL("assets/", root)).filter((name) => name.endsWith(".js"));
const total = all.reduce((sum, name) => sum + zipped(`assets/${name}`), 0);
console.log(`first page: ${(js / 1000).toFixed(1)} KB gzip of JavaScript (limit 180); every screen together: ${(total / 1000).toFixed(1)} KB in ${all.length} files`);
if (js > 180_000) {
  console.error("The first page is over 180 KB gzip. Load what it does not need at once with lazy().");
  process.exit(1);
}
