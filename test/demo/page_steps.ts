import type { Page } from "playwright-core";

/** What visitors do with the page, as several tests do it. */

export function view(page: Page, name: "Chat" | "Fleet" | "Devices and model"): Promise<void> {
  return page.getByRole("link", { name, exact: true }).click();
}

/** Asks for a model by the file field of the devices' view. */
export async function openFile(page: Page, model: string): Promise<void> {
  await view(page, "Devices and model");
  await page.locator("#model-file").setInputFiles(model);
}

export function untilLoaded(page: Page, timeout = 60_000): Promise<void> {
  return page.locator(".model-bar.ready").waitFor({ timeout });
}

export async function loadFile(page: Page, model: string): Promise<void> {
  await openFile(page, model);
  await untilLoaded(page);
}

/** Asks for a model by the address field of the devices' view. */
export async function openAddress(page: Page, address: string): Promise<void> {
  await view(page, "Devices and model");
  await page.getByLabel(/^A file of the Hugging Face Hub/).fill(address);
  await page.getByRole("button", { name: "Load", exact: true }).last().click();
}

export async function setAnswers(
  page: Page,
  { mostTokens, temperature }: { readonly mostTokens: number; readonly temperature?: number },
): Promise<void> {
  await page.locator(".settings summary").click();
  await page.getByLabel(/^Most tokens of an answer/).fill(String(mostTokens));
  if (temperature !== undefined) await page.getByLabel(/^Temperature/).fill(String(temperature));
  await page.locator(".settings summary").click();
}

/** Asks, and waits for the answer's beginning. */
export async function begin(page: Page, question: string): Promise<void> {
  await page.getByLabel("Your question").fill(question);
  await page.getByLabel("Your question").press("Enter");
  await page.locator(".answer").last().waitFor();
}

/** Until no answer is under way. */
export function untilAnswered(page: Page, timeout = 60_000): Promise<void> {
  return page.getByRole("button", { name: "Send", exact: true }).waitFor({ timeout });
}

export async function ask(page: Page, question: string): Promise<void> {
  await begin(page, question);
  await untilAnswered(page);
}

export function answers(page: Page): Promise<string[]> {
  return page.locator(".answer").allTextContents();
}

/** So much of the newest answer is there. */
export async function untilSaid(page: Page, characters: number): Promise<void> {
  const said = page.locator(".answer .markdown").last();
  while (((await said.textContent()) ?? "").length < characters) await page.waitForTimeout(20);
}

/** From a click on the button until the agents work. */
export async function startFleet(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Start the fleet" }).click();
  await page.getByRole("button", { name: "Stop the fleet" }).waitFor({ timeout: 120_000 });
}

export function untilFleetEnded(page: Page, timeout = 400_000): Promise<void> {
  return page.getByRole("button", { name: "Start the fleet" }).waitFor({ timeout });
}
