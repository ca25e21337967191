import { type Browser, chromium } from "playwright-core";
import { findChromium } from "../../scripts/chromium.mjs";
import { softwareFlags } from "./browser.ts";

/** A headless Chromium that Playwright drives, with WebGPU on SwiftShader. @throws Error when there is none */
export async function launchChromium(): Promise<Browser> {
  const found = findChromium();
  if (!found)
    throw new Error("There is no Chromium to test in: `npm run test:full` fetches one on Linux x64.");
  return chromium.launch({
    executablePath: found.path,
    env: { ...process.env, ...found.env } as Record<string, string>,
    args: ["--no-sandbox", "--enable-unsafe-webgpu", "--disable-dev-shm-usage", ...softwareFlags],
  });
}
