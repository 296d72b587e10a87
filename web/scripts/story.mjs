// Drives the page over the mock as a person would, and says what it saw: `npm run story`.
import assert from "node:assert/strict";
import { openBrowser } from "./browser.mjs";
import { startMock } from "../mock/server.mjs";

const mock = await startMock(0);
const browser = await openBrowser();
const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
const page = await context.newPage();
const complaints = [];
page.on("console", (message) => message.type() === "error" && !/status of 4/.test(message.text()) && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
const button = (name) => page.getByRole("button", { name, exact: true });
const told = async (what) => console.log(`ok  ${what}`);

await page.goto(mock.url);
await page.getByRole("link", { name: /Answer a ticket/ }).first().click();
await button("Run").click();
await page.getByRole("link", { name: "Subject" }).click();
assert.equal(await page.evaluate(() => document.activeElement.id), "form-answer_ticket-ticket-subject");
await told("an empty form is refused, and the link in the summary goes to the field");

await page.getByRole("button", { name: /A tent with a broken pole/ }).click();
await page.keyboard.press("Control+Enter");
await page.waitForURL(/\/runs\//);
await page.getByText("Searching the handbook").waitFor();
await page.getByText("I am sorry that the Ridgeway").waitFor();
await told("an example fills the form, Ctrl Enter runs it, steps and text stream in");

await page.reload();
await page.getByText("I am sorry that the Ridgeway").waitFor();
const second = await context.newPage();
await second.goto(page.url());
await second.getByText("I am sorry that the Ridgeway").waitFor();
await page.getByText(/Done in/).waitFor({ timeout: 15_000 });
await second.getByText(/Done in/).waitFor({ timeout: 15_000 });
await second.close();
await told("a reload and a second tab go on where it was");

await page.getByRole("link", { name: /^Source 3/ }).click();
await page.waitForURL(/\/documents\/.*start=/);
assert.equal(await page.locator("mark").innerText(), "They arrive 5 to 7 working days after the parcel reaches the warehouse in Leeds.");
assert.equal(await page.locator("mark").evaluate((mark) => mark.getBoundingClientRect().top < innerHeight && mark.getBoundingClientRect().top > 0), true);
await page.goBack();
await page.getByText(/Done in/).waitFor();
await told("a citation opens the document at exactly the quoted words, and back comes back");

await button("Not helpful").click();
await button("Too long").click();
await button("Send").click();
await page.getByRole("form", { name: "What was wrong" }).waitFor({ state: "detached" });
await told("feedback with a reason is sent");

await button("Run").click();
await button("Stop").click();
await page.getByText("This was stopped.").waitFor();
await button("Run again").click();
await button("Stop").waitFor();
await told("a run is stopped and run again");

await page.goto(`${mock.url}/apps/ask_handbook`);
await page.getByRole("textbox", { name: "Ask a question" }).fill("May I return a tent?");
await page.keyboard.press("Enter");
await page.waitForURL(/\/runs\//);
await page.getByText(/Done in/).waitFor({ timeout: 20_000 });
await page.getByRole("textbox", { name: "Ask a follow-up" }).fill("And boots?");
await page.keyboard.press("Enter");
await page.getByText("And boots?").waitFor();
await page.getByRole("button", { name: "3 sources" }).waitFor({ timeout: 20_000 });
await page.getByText(/Done in/).waitFor({ timeout: 20_000 });
await page.reload();
await page.getByText("And boots?").waitFor();
assert.equal(await page.getByText("May I return a tent?").count(), 1);
await page.getByText("And boots?").hover();
await page.getByRole("button", { name: "Edit and ask again" }).last().click();
await page.getByRole("textbox", { name: "Your question" }).fill("And stoves?");
await button("Ask again").click();
await page.getByText("And stoves?").waitFor();
assert.equal(await page.getByText("And boots?").count(), 0);
await told("a chat goes on, survives a reload, and a question is changed and asked again");

await page.goto(`${mock.url}/inbox`);
await page.getByRole("link", { name: /One sentence has no support/ }).waitFor();
await page.keyboard.press("j");
await page.waitForURL(/\/inbox\/.+/);
await button("Edit").click();
await page.getByRole("textbox", { name: "Reply" }).fill("");
await button("Accept my version").click();
await page.getByText("The reply is empty.").first().waitFor();
await page.getByRole("textbox", { name: "Reply" }).fill("We are sorry.");
await button("Accept my version").click();
await page.getByText("Edited and accepted").waitFor();
await page.getByRole("link", { name: "Next one" }).click();
await page.getByRole("textbox", { name: /Comment/ }).fill("409");
await button("Reject").click();
await page.getByText("Somebody was faster.").waitFor();
await told("an approval is edited; an empty edit and a lost race are told in words");

await page.goto(`${mock.url}/runs`);
await page.getByRole("table").waitFor();
const box = page.getByRole("region", { name: "Runs" });
for (let turn = 0; turn < 12; turn += 1) {
  await box.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await page.waitForTimeout(120);
}
const rows = await page.getByRole("row").count();
const height = await box.evaluate((element) => element.scrollHeight);
assert.ok(rows < 80, `${rows} rows in the document`);
assert.ok(height > 20_000, `only ${height} px of runs came in`);
await told(`ten thousand runs scroll with ${rows} rows in the document (${height} px so far)`);

await page.keyboard.press("Control+k");
await page.getByRole("combobox", { name: /Search apps/ }).fill("delivery");
await page.getByRole("option", { name: /Delivery times/ }).waitFor();
await page.keyboard.press("Escape");
await page.keyboard.press("g");
await page.keyboard.press("k");
await page.waitForURL(/\/knowledge$/);
await told("search finds documents, and g k goes to Knowledge");

await page.keyboard.press("g");
await page.keyboard.press("m");
await page.waitForURL(/\/models$/);
const routes = page.getByRole("region", { name: "Routes" });
await routes.getByRole("button", { name: /^quick/ }).focus();
await page.keyboard.press("Enter");
await routes.getByText(/Left alone for \d+ s/).waitFor();
await routes.getByRole("button", { name: "Ask gpt-5-nano a test question" }).click();
await routes.getByText("It did not answer").waitFor();
await routes.getByRole("button", { name: "Ask qwen2.5-coder-0.5b a test question" }).click();
await routes.getByText("It answered").waitFor();
await page.getByRole("region", { name: "Budgets" }).getByText("Nearly used up").waitFor();
await page.getByRole("link", { name: "By app" }).click();
await page.waitForURL(/by=pipeline/);
await page.getByRole("row", { name: /Answer a ticket/ }).waitFor();
await page.getByRole("link", { name: "7 days" }).click();
await page.waitForURL(/days=7.*by=pipeline/);
await told("g m goes to Models & spend: who is left alone, a model is tested, spend by app and time stands in the address");

await page.keyboard.press("g");
await page.keyboard.press("p");
await page.waitForURL(/\/prompts$/);
await page.getByRole("link", { name: /^triage/ }).click();
await page.getByRole("link", { name: "Try" }).click();
await page.getByLabel("openai:gpt-5-mini").check();
await button("Ask 2 models").click();
await page.getByRole("article", { name: "openai:gpt-5-mini" }).getByText("repaired").waitFor();
await page.getByRole("link", { name: "Draft" }).click();
const editor = page.getByRole("textbox", { name: /Draft of/ });
const file = await editor.inputValue();
await editor.fill(file.replace("ticket.subject", "oops"));
await page.getByText("Line 12").waitFor();
await editor.fill(file.replace("not by the tone", "and by danger"));
await page.getByText("Sound, as version").waitFor();
await page.reload();
await page.getByRole("region", { name: "Changed lines" }).getByText("and by danger").waitFor();
await button("Run the cases on both").click();
await page.getByRole("row", { name: /A swollen battery/ }).getByText("Passed").waitFor();
await button("Save to the file").click();
await page.getByText("serves from the next call").waitFor();
await told("g p goes to Prompts: two models side by side, a mistake at its line, a draft that survives a reload, its cases, saved");

assert.deepEqual(complaints, []);
await browser.close();
mock.close();
console.log("The whole story, and the browser complained about nothing.");
