import fc from "fast-check";
import { expect, test } from "vitest";
import { BatonError, DeviceError } from "../../src/errors.ts";
import { openFakeChat } from "./fake_chat.ts";

/** Readers who leave, abort or dispose at random moments, over a runner that fails at random steps and a cache that is too small. */

const reader = fc.record({
  conversation: fc.nat(3),
  prompt: fc.constantFrom("Hi", "What is the weather like today?", "word ".repeat(30)),
  leaveAfter: fc.option(fc.nat(4)),
  abortAfter: fc.option(fc.nat(4)),
  disposeAfter: fc.option(fc.nat(4), { freq: 8 }),
});
type Reader = typeof reader extends fc.Arbitrary<infer T> ? T : never;

const EXPECTED = new Set(["conversation-busy", "disposed", "kv-full", "gpu-error", "prompt-too-long"]);

async function scenario(
  readers: readonly Reader[],
  failing: ReadonlySet<number>,
  limits: { readonly blocks: number; readonly plansInFlight: number },
) {
  const chat = openFakeChat({ ...limits, maxStepTokens: 24 });
  chat.answerWith("One, two, three.");
  const slow = chat.runner.beforeStep;
  chat.runner.beforeStep = (plan) => {
    chat.scheduler.assertConsistent();
    if (failing.has(plan.id)) throw new DeviceError("gpu-error", "This step was meant to fail.");
    return slow(plan);
  };
  const conversations = [0, 1, 2, 3].map(() => chat.conversation());
  const read = async ({ conversation: index, prompt, leaveAfter, abortAfter, disposeAfter }: Reader) => {
    const conversation = conversations[index];
    const controller = new AbortController();
    let parts = 0;
    for await (const part of conversation?.send(prompt, { signal: controller.signal }) ?? []) {
      if (part.type === "done") return;
      if (parts === abortAfter) controller.abort();
      if (parts === disposeAfter) conversation?.dispose();
      if (parts === leaveAfter) return;
      parts += 1;
    }
  };
  const ends = await Promise.allSettled(readers.map(read));
  return { chat, conversations, ends };
}

test("whatever readers and devices do, every stream ends, errors are typed, and no block stays taken", async () => {
  const failing = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 });
  const limits = fc.record({
    blocks: fc.integer({ min: 20, max: 120 }),
    plansInFlight: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(reader, { minLength: 1, maxLength: 9 }),
      failing,
      limits,
      async (readers, failing, limits) => {
        const { chat, conversations, ends } = await scenario(readers, new Set(failing), limits);
        for (const end of ends) {
          if (end.status === "rejected") expect(end.reason).toBeInstanceOf(BatonError);
          if (end.status === "rejected") expect(EXPECTED).toContain(end.reason.code);
        }
        chat.scheduler.assertConsistent();
        for (const { messages } of conversations) {
          expect(messages.map(({ role }) => role)).toEqual(
            messages.map((_, at) => (at % 2 === 0 ? "user" : "assistant")),
          );
        }
        await chat.loop.dispose();
        expect([chat.blocksUsed(), chat.scheduler.snapshot().conversations]).toEqual([0, []]);
      },
    ),
    { numRuns: 60 },
  );
});
