import { expect, test } from "vitest";
import type { Runtime } from "../../src/api.ts";
import { BatonError } from "../../src/errors.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { type Random, seededRandom } from "../harness/random.ts";
import { collect } from "./fake_chat.ts";
import { openTiny } from "./tiny_runtime.ts";

const READERS = 8;
const CONVERSATIONS_EACH = 12;
const SEED = 20_261_123;

/** A reader's conversation: up to three turns, each read to its end, left, or aborted; what was read to its end. */
async function converse(runtime: Runtime, random: Random): Promise<readonly (readonly [string, string])[]> {
  const conversation = runtime.conversation();
  const complete: [string, string][] = [];
  const turns = 1 + Math.floor(random() * 3);
  try {
    for (let turn = 0; turn < turns; turn++) {
      const prompt = `${"word ".repeat(1 + Math.floor(random() * 30))}${Math.floor(random() * 1000)}`;
      const controller = new AbortController();
      const stopAfter = random() < 0.4 ? Math.floor(random() * 8) : Infinity;
      const leaves = random() < 0.5;
      let text = "";
      let parts = 0;
      for await (const part of conversation.send(prompt, { maxTokens: 10, signal: controller.signal })) {
        if (part.type === "done" && part.finishReason !== "abort" && turn === 0)
          complete.push([prompt, text]);
        if (part.type === "text") text += part.text;
        parts += 1;
        if (parts > stopAfter && leaves) break;
        if (parts > stopAfter) controller.abort();
      }
    }
  } catch (error) {
    if (!(error instanceof BatonError) || error.code !== "kv-full") throw error;
  } finally {
    conversation.dispose();
  }
  return complete;
}

describeOnEveryAdapter("a soak", (gpu) => {
  test("hundreds of turns with aborts and a small cache answer as they would alone, and leave nothing behind", async () => {
    const runtime = await openTiny({ adapter: gpu.summary.name, kvMiB: 0.2, maxStepTokens: 40 });
    const reader = async (index: number) => {
      const random = seededRandom(SEED + index);
      const complete: (readonly [string, string])[] = [];
      for (let n = 0; n < CONVERSATIONS_EACH; n++) complete.push(...(await converse(runtime, random)));
      return complete;
    };
    const complete = (await Promise.all(Array.from({ length: READERS }, (_, index) => reader(index)))).flat();
    expect(complete.length).toBeGreaterThan(READERS);
    await expect.poll(() => runtime.stats().kvBlocksUsed).toBe(0);
    for (const [prompt, text] of complete) {
      const conversation = runtime.conversation();
      expect((await collect(conversation.send(prompt, { maxTokens: 10 }))).text).toBe(text);
      conversation.dispose();
    }
    await expect.poll(() => runtime.stats().kvBlocksUsed).toBe(0);
    await runtime.dispose();
    expect(runtime.stats().liveGpuBytes).toBe(0);
  });
});
