import { expect, test } from "vitest";
import type { Runtime } from "../../src/api.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { codeOf, collect } from "./fake_chat.ts";
import { openTiny } from "./tiny_runtime.ts";

/** A prefiller and a decoder that are one `GPUDevice`: the model is there once, and KV goes from one to the other where it is. */
describeOnEveryAdapter("two roles on one device", (gpu) => {
  const prompts = ["Hello", "A somewhat longer prompt, to begin with.", "1234567890 ".repeat(12), "Three?"];
  const twoTurns = async (runtime: Runtime) =>
    Promise.all(
      prompts.map(async (prompt, at) => {
        const conversation = runtime.conversation({ system: "Be brief." });
        const options = { maxTokens: 12, ...(at === 1 && { temperature: 0.8, seed: 4 }) };
        const first = await collect(conversation.send(prompt, options));
        const second = await collect(conversation.send("And now?", options));
        return [first.text, second.text];
      }),
    );

  test("say what one says, and hand over without copying", async (context) => {
    const adapter = gpu.summary.name;
    const alone = await openTiny({ adapter });
    const expected = await twoTurns(alone);
    const { kvBytes, liveGpuBytes } = alone.stats();
    await alone.dispose();
    const device = await gpu.openDevice(context);
    for (const policy of ["conserve", "baton", "per-turn"] as const) {
      const devices = [
        { role: "prefiller", device },
        { role: "decoder", device },
      ] as const;
      const runtime = await openTiny({ devices, policy, maxStepTokens: 40 });
      expect(await twoTurns(runtime)).toEqual(expected);
      const stats = runtime.stats();
      if (policy === "conserve") expect(stats.handoffs).toBe(prompts.length);
      expect(stats).toMatchObject({ handoffBytes: 0, kvBytes, kvBlocks: stats.devices[0]?.kvBlocks });
      expect(stats.devices.map(({ id }) => id)).toEqual(["prefiller-1", "decoder-2"]);
      const status = runtime.conversations();
      if (policy === "conserve")
        expect(status.map((one) => one.device)).toEqual(prompts.map(() => "decoder-2"));
      // Weights and pool are there once; inputs and activations are each role's own.
      expect(stats.liveGpuBytes).toBeLessThan(2 * liveGpuBytes - kvBytes);
      await runtime.dispose();
      expect(runtime.stats()).toMatchObject({ kvBlocksUsed: 0, liveGpuBytes: 0 });
    }
  });

  test("have one KV pool, of one size", async (context) => {
    const device = await gpu.openDevice(context);
    const devices = [
      { role: "prefiller", device, kvMiB: 2 },
      { role: "decoder", device, kvMiB: 3 },
    ] as const;
    expect(await codeOf(openTiny({ devices }))).toBe("invalid-option");
  });

  test("are lost together, and their turns end in the typed error", async (context) => {
    const device = await gpu.openDevice(context);
    const devices = [
      { role: "prefiller", device },
      { role: "decoder", device },
    ] as const;
    const runtime = await openTiny({ devices, policy: "conserve" });
    const answers = prompts.map((prompt) => codeOf(collect(runtime.conversation().send(prompt))));
    await expect.poll(() => runtime.conversations().some(({ phase }) => phase === "decode")).toBe(true);
    device.destroy();
    expect(await Promise.all(answers)).toEqual(prompts.map(() => "device-lost"));
    expect(await codeOf(collect(runtime.conversation().send("Still there?")))).toBe("device-lost");
    await runtime.dispose();
  });
});
