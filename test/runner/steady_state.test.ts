import { expect, test } from "vitest";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { greedySampling, openTestRunner } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

const model = writeTinyModel({ seed: 3, vocabTokens: 600 });

describeOnEveryAdapter("a step", (gpu) => {
  test("creates no GPU object but its command buffer, once one like it has run", async (context) => {
    const created: string[] = [];
    const runner = await openTestRunner(gpu, context, model, {}, (device) => {
      for (const name of [
        "createBuffer",
        "createBindGroup",
        "createComputePipeline",
        "createShaderModule",
      ] as const) {
        const original = device[name].bind(device) as (descriptor: never) => never;
        Object.defineProperty(device, name, {
          value: (descriptor: never) => {
            created.push(name);
            return original(descriptor);
          },
        });
      }
    });
    const decode = (position: number) =>
      runner.run({
        id: position,
        rows: [
          {
            sequence: "s",
            tokens: [position],
            position,
            blocks: [0, 1, 2],
            output: { kind: "token", sampling: greedySampling },
          },
        ],
      });
    await decode(0);
    expect(created.length).toBeGreaterThan(0); // the counting works
    created.length = 0;
    for (let position = 1; position < 40; position++) await decode(position);
    expect(created).toEqual([]);
  });
});
