// Every screen in every state, once, for screenshots and for axe. A scene whose data the server lacks is left out.

async function ask(base, path) {
  const response = await fetch(base + path);
  return response.ok ? response.json() : { items: [] };
}

const settle = (page) => page.waitForTimeout(350);
const click = (name, role = "button") => async (page) => {
  await page.getByRole(role, { name, exact: false }).first().click();
  await settle(page);
};

/** @returns {Promise<{name: string, path: string, base?: string, act?: (page: import("playwright-core").Page) => Promise<void>, only?: "desk" | "phone"}[]>} */
export async function scenes({ base, empty }) {
  const app = await ask(base, "/api/app");
  const form = app.pipelines.find((one) => one.kind === "form" && one.examples.length > 0) ?? app.pipelines.find((one) => one.kind === "form");
  const chat = app.pipelines.find((one) => one.kind === "chat");
  const runOf = async (status, pipeline) => (await ask(base, `/api/runs?status=${status}&limit=1${pipeline ? `&pipeline=${pipeline}` : ""}`)).items[0];
  const list = [{ name: "apps", path: "/" }];
  const add = (scene) => scene && list.push(scene);

  if (form) {
    add({ name: "form", path: `/apps/${form.name}` });
    add({ name: "form-how-it-works", path: `/apps/${form.name}`, act: async (page) => { await page.getByRole("button", { name: "How it works" }).click(); await page.getByRole("region", { name: "What it will do" }).waitFor(); await settle(page); } });
    if (form.examples[0]) add({ name: "form-example", path: `/apps/${form.name}`, act: click(form.examples[0].title) });
    add({ name: "form-refused", path: `/apps/${form.name}`, act: async (page) => { await page.getByRole("button", { name: "Run", exact: true }).click(); await page.getByRole("alert").waitFor(); await settle(page); } });
    for (const status of ["succeeded", "queued", "running", "waiting", "failed", "cancelled"]) {
      const run = await runOf(status, form.name);
      if (run) add({ name: `result-${status}`, path: `/apps/${form.name}/runs/${run.id}` });
      if (run && status === "succeeded") {
        const full = await ask(base, `/api/runs/${run.id}`);
        add({ name: "result-steps-open", path: `/apps/${form.name}/runs/${run.id}`, act: async (page) => { await page.getByRole("button", { name: /Done in/ }).click(); await settle(page); } });
        if (full.output?.citations?.length) add({ name: "citation-card", path: `/apps/${form.name}/runs/${run.id}`, act: async (page) => { await page.locator("a[aria-label^='Source ']").first().hover(); await page.waitForTimeout(700); }, only: "desk" });
        add({ name: "feedback", path: `/apps/${form.name}/runs/${run.id}`, act: async (page) => { await page.getByRole("button", { name: "Not helpful" }).click(); await page.getByRole("button", { name: "Too long" }).click(); await page.getByRole("button", { name: "Too long" }).scrollIntoViewIfNeeded(); await settle(page); } });
      }
    }
  }
  for (const other of app.pipelines.filter((one) => one.kind === "form" && one !== form)) {
    add({ name: `form-${other.name}`, path: `/apps/${other.name}`, act: other.examples[0] ? click(other.examples[0].title) : settle });
    const run = await runOf("succeeded", other.name);
    if (run) add({ name: `result-${other.name}`, path: `/apps/${other.name}/runs/${run.id}` });
  }
  if (chat) {
    add({ name: "chat", path: `/apps/${chat.name}` });
    const run = await runOf("succeeded", chat.name);
    if (run) {
      add({ name: "chat-thread", path: `/apps/${chat.name}/runs/${run.id}` });
      add({ name: "chat-edit", path: `/apps/${chat.name}/runs/${run.id}`, act: async (page) => { const button = page.getByRole("button", { name: "Edit and ask again" }).last(); await button.focus(); await button.click(); await settle(page); } });
    }
  }
  const pending = (await ask(base, "/api/approvals?status=pending")).items[0];
  add({ name: "inbox", path: "/inbox" });
  if (pending) {
    add({ name: "inbox-letter", path: `/inbox/${pending.id}` });
    if (pending.schema) add({ name: "inbox-edit", path: `/inbox/${pending.id}`, act: click("Edit") });
  }
  add({ name: "inbox-decided", path: "/inbox?show=decided" });
  const decided = (await ask(base, "/api/approvals")).items.find((one) => one.status !== "pending");
  if (decided) add({ name: "inbox-decided-letter", path: `/inbox/${decided.id}?show=decided` });
  add({ name: "runs", path: "/runs" });
  add({ name: "runs-failed", path: "/runs?status=failed" });
  add({ name: "runs-none", path: "/runs?q=zzzzzz" });
  for (const status of ["succeeded", "failed", "waiting", "running"]) {
    const run = await runOf(status, form?.name);
    if (run) add({ name: `run-${status}`, path: `/runs/${run.id}`, act: status === "succeeded" ? async (page) => { await page.getByRole("table").getByRole("button", { expanded: false }).nth(3).click().catch(() => undefined); await settle(page); } : undefined });
  }
  const drawn = await runOf("succeeded", form?.name);
  if (drawn) {
    add({ name: "run-graph", path: `/runs/${drawn.id}?steps=graph`, act: async (page) => { const graph = page.getByRole("region", { name: "Graph of the steps" }); await graph.getByRole("button").first().click(); await graph.scrollIntoViewIfNeeded(); await settle(page); } });
    add({ name: "run-fork", path: `/runs/${drawn.id}/fork` });
    const other = (await ask(base, `/api/runs?status=succeeded&limit=2&pipeline=${form.name}`)).items[1];
    if (other) add({ name: "runs-compared", path: `/runs/${drawn.id}/compare/${other.id}`, act: async (page) => { await page.locator("summary").last().click(); await settle(page); } });
  }
  add({ name: "batches", path: "/batches" });
  for (const batch of (await ask(base, "/api/batches")).items.slice(0, 3)) {
    add({ name: `batch-${batch.status}`, path: `/batches/${batch.id}` });
    if (batch.status === "finished") add({ name: "batch-row", path: `/batches/${batch.id}?row=9` });
  }
  if (form) {
    const table = { name: "tickets.csv", mimeType: "text/csv", buffer: Buffer.from("subject,body\nTent,Split\n") };
    add({ name: "batch-start", path: `/apps/${form.name}/batch`, act: async (page) => { await page.locator("input[type=file]").setInputFiles(table); await page.getByRole("button", { name: /^Run / }).waitFor(); await settle(page); } });
  }
  add({ name: "knowledge", path: "/knowledge" });
  for (const kb of app.knowledge.slice(0, 1)) {
    add({ name: "documents", path: `/knowledge/${kb.name}` });
    add({ name: "knowledge-try", path: `/knowledge/${kb.name}?q=How+long+may+I+return+a+bicycle&top=3` });
    const first = (await ask(base, `/api/knowledge/${kb.name}/documents`)).items.find((one) => one.status === "indexed");
    if (first) add({ name: "document-passages", path: `/knowledge/${kb.name}/documents/${first.id}?beside=passages` });
    const run = await runOf("succeeded", form?.name);
    const cited = run ? ((await ask(base, `/api/runs/${run.id}`)).output?.citations ?? []) : [];
    if (cited.length) add({ name: "document-quoted", path: `/knowledge/${cited.at(-1).knowledge}/documents/${cited.at(-1).document}?start=${cited.at(-1).start}&end=${cited.at(-1).end}` });
    const pdf = (await ask(base, `/api/knowledge/${kb.name}/documents`)).items.find((one) => one.format === "pdf" && one.status === "indexed");
    if (pdf) add({ name: "document-pdf", path: `/knowledge/${kb.name}/documents/${pdf.id}` });
  }
  add({ name: "prompts", path: "/prompts" });
  const prompt = (await ask(base, "/api/prompts")).items.find((one) => one.cases > 0 && !one.problem);
  if (prompt) {
    const at = `/prompts/${prompt.name}`;
    const drafted = async (page, change) => { const box = page.getByRole("textbox", { name: /Draft of/ }); await box.fill(change(await box.inputValue())); await page.waitForTimeout(900); };
    add({ name: "prompt", path: at });
    add({ name: "prompt-try", path: `${at}?show=try` });
    add({ name: "prompt-sent", path: `${at}?show=try`, act: async (page) => { await page.getByRole("button", { name: "What would be sent" }).click(); await page.getByRole("region", { name: "What would be sent" }).waitFor(); await settle(page); } });
    add({ name: "prompt-answers", path: `${at}?show=try`, act: async (page) => { for (const box of (await page.getByRole("checkbox").all()).slice(0, 2)) await box.check(); await page.getByRole("textbox", { name: "Subject" }).fill("fail"); await page.getByRole("button", { name: /^Ask/ }).click(); await page.getByRole("region", { name: "Answers" }).waitFor(); await settle(page); } });
    add({ name: "prompt-draft", path: `${at}?show=draft` });
    add({ name: "prompt-draft-mistake", path: `${at}?show=draft`, act: (page) => drafted(page, (text) => `${text}{{oops}}`) });
    add({ name: "prompt-draft-cases", path: `${at}?show=draft`, act: async (page) => { await drafted(page, (text) => text.replace("not by the tone", "and by what is dangerous")); await page.getByRole("button", { name: /Run the cases/ }).click(); await page.getByRole("region", { name: "Results of the cases" }).waitFor(); await page.getByRole("region", { name: "Cases", exact: true }).scrollIntoViewIfNeeded(); await settle(page); } });
    add({ name: "prompt-versions", path: `${at}?show=versions` });
  }
  add({ name: "prompt-locked", path: "/prompts/answer?show=draft" });
  add({ name: "models", path: "/models" });
  add({ name: "models-open", path: "/models", act: async (page) => { const closed = page.getByRole("region", { name: "Routes" }).getByRole("button", { expanded: false }); while (await closed.count()) await closed.first().click(); for (const test of (await page.getByRole("button", { name: /test question/ }).all()).slice(0, 5)) await test.click(); await page.waitForTimeout(900); } });
  add({ name: "models-budgets", path: "/models", act: async (page) => { await page.getByRole("region", { name: "Budgets" }).scrollIntoViewIfNeeded(); await page.getByRole("region", { name: "Spend" }).scrollIntoViewIfNeeded(); await settle(page); } });
  for (const by of ["pipeline", "user", "day"]) add({ name: `models-by-${by}`, path: `/models?by=${by}&days=${by === "day" ? 90 : 30}`, act: async (page) => { await page.locator("main table").evaluate((table) => table.scrollIntoView()); await settle(page); } });
  add({ name: "models-problem", path: "/models", act: async (page) => { await page.route(/\/api\/(models|budgets|spend)/, (route) => route.fulfill({ status: 422, contentType: "application/problem+json", body: JSON.stringify({ title: "Not now", status: 422, code: "input", detail: "The ledger can't be read.", reader: "What was spent can't be read at the moment.", hint: "Is the database there?" }) })); await page.reload(); await page.getByRole("alert").nth(2).waitFor(); await settle(page); } });
  add({ name: "search", path: "/", act: async (page) => { await page.keyboard.press("Control+k"); await page.getByRole("combobox").waitFor(); await page.keyboard.type("tent"); await page.waitForTimeout(600); } });
  add({ name: "shortcuts", path: "/", act: async (page) => { await page.keyboard.press("?"); await settle(page); }, only: "desk" });
  add({ name: "rail-folded", path: "/", act: async (page) => { await page.keyboard.press("["); await settle(page); }, only: "desk" });
  add({ name: "offline", path: "/runs", act: async (page) => { await page.context().setOffline(true); await settle(page); } });
  add({ name: "not-found", path: "/nothing/here" });
  add({ name: "run-not-found", path: "/runs/nosuchrun" });
  if (empty) for (const path of ["/", "/inbox", "/runs", "/batches", "/knowledge", "/prompts", "/models"]) add({ name: `empty${path === "/" ? "-apps" : path.replace("/", "-")}`, path, base: empty });
  return list;
}

export const VIEWS = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "light", deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  "phone-dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark", deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

/** Opens a scene and waits until it stands still. Gives what the browser complained about. */
export async function openScene(browser, scene, base, view) {
  const context = await browser.newContext({ ...VIEWS[view], locale: "en-GB", reducedMotion: "reduce" });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => (message.type() === "error" || message.type() === "warning") && !/status of 404|status of 422|ERR_INTERNET_DISCONNECTED/.test(message.text()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => !request.url().startsWith(scene.base ?? base) && !request.url().startsWith("data:") && !request.url().startsWith("blob:") && complaints.push(`a request left for ${request.url()}`));
  await page.goto((scene.base ?? base) + scene.path);
  await page.locator("main h1").first().waitFor({ state: "attached", timeout: 10_000 });
  await page.waitForTimeout(500);
  await scene.act?.(page);
  return { page, complaints, close: () => context.close() };
}
