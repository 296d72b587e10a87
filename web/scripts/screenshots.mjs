// Takes every screen in light, dark and on a phone into screenshots/. `npm run screenshots [part of a scene's name] [view,view]`
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openBrowser, openServers } from "./browser.mjs";
import { openScene, scenes, VIEWS } from "./scenes.mjs";

const [only = "", views = "light,dark,phone"] = process.argv.slice(2);
const folder = fileURLToPath(new URL("../screenshots/", import.meta.url));
mkdirSync(folder, { recursive: true });
const servers = await openServers();
const browser = await openBrowser();
let failures = 0;
let taken = 0;
for (const scene of await scenes(servers)) {
  if (!only.split(",").some((part) => scene.name.includes(part))) continue;
  for (const view of views.split(",").filter((name) => name in VIEWS)) {
    if (scene.only === "desk" && view.startsWith("phone")) continue;
    try {
      const { page, complaints, close } = await openScene(browser, scene, servers.base, view);
      await page.screenshot({ path: `${folder}${scene.name}.${view}.png` });
      taken += 1;
      for (const complaint of complaints) console.warn(`${scene.name} ${view}: ${complaint}`);
      await close();
    } catch (error) {
      failures += 1;
      console.error(`${scene.name} ${view}: ${error}`);
    }
  }
}
await browser.close();
servers.close();
console.log(`${taken} screenshots in web/screenshots/${failures ? `, ${failures} failed` : ""}`);
process.exit(failures ? 1 : 0);
