// axe-core over every screen and state, light, dark and phone. Any violation, page error or refused policy fails.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { openBrowser, openServers } from "./browser.mjs";
import { openScene, scenes, VIEWS } from "./scenes.mjs";

const [only = "", views = "light,dark,phone"] = process.argv.slice(2);
const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const servers = await openServers();
const browser = await openBrowser();
let violations = 0;
let looked = 0;
for (const scene of await scenes(servers)) {
  if (!only.split(",").some((part) => scene.name.includes(part))) continue;
  for (const view of views.split(",").filter((name) => name in VIEWS)) {
    if (scene.only === "desk" && view.startsWith("phone")) continue;
    const { page, complaints, close } = await openScene(browser, scene, servers.base, view);
    await page.evaluate(source);
    const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
    looked += 1;
    for (const violation of result.violations) {
      violations += 1;
      console.error(`${scene.name} ${view}: ${violation.id}: ${violation.help}`);
      for (const node of violation.nodes.slice(0, 4)) console.error(`    ${node.html.slice(0, 200)}\n    ${node.failureSummary.replaceAll("\n", " ").slice(0, 300)}`);
    }
    for (const complaint of complaints) {
      violations += 1;
      console.error(`${scene.name} ${view}: the browser says: ${complaint}`);
    }
    await close();
  }
}
await browser.close();
servers.close();
console.log(`${looked} screens looked at, ${violations} violations`);
process.exit(violations ? 1 : 0);
