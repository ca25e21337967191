import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { greedy } from "../../src/conversation/send_options.ts";
import { TurnLoop } from "../../src/conversation/turn_loop.ts";
import type { TurnSink } from "../../src/conversation/turn_sinks.ts";
import { FED_TOKEN, type RowOutput, type StepRow } from "../../src/protocol/step.ts";
import type { TurnRequest } from "../../src/protocol/turn.ts";
import type { GpuRunner } from "../../src/runner/gpu_runner.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { greedySampling, openTestRunner } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

const LAYERS = 3;
const model = writeTinyModel({ seed: 4, vocabTokens: 600, layers: LAYERS, contextTokens: 2048 });
const sampled: RowOutput = { kind: "token", sampling: greedySampling };

describeOnEveryAdapter("steps submitted ahead", (gpu) => {
  test("go on from tokens that the host has not seen, in every row of a batch", async (context) => {
    const runner = await openTestRunner(gpu, context, model);
    const first = [
      rowOf("a", [5, 6], 0, 0),
      { ...rowOf("n", [9], 0, 2), output: none },
      rowOf("b", [7], 0, 1),
    ];
    const fed = (position: number) => [
      rowOf("b", [FED_TOKEN], position, 1),
      rowOf("a", [FED_TOKEN], position + 1, 0),
    ];
    const plans = [first, fed(1), fed(2), fed(3)];
    const results = await Promise.all(plans.map((rows, id) => runner.run({ id, rows })));
    expect(results.map(({ plan }) => plan)).toEqual([0, 1, 2, 3]);
    const [before, ...after] = results.map(({ rows }) =>
      rows.map((row) => (row.kind === "token" ? row.token : -1)),
    );
    const tokens = { a: [before?.[0]], b: [before?.[2]] };
    for (const [b, a] of after)
      [tokens.a, tokens.b] = [
        [...tokens.a, a],
        [...tokens.b, b],
      ];
    expect(tokens.a).toEqual(await oneByOne(runner, [5, 6], 4));
    expect(tokens.b).toEqual(await oneByOne(runner, [7], 4));
  });

  test("are refused a token that the step before did not sample on the GPU", async (context) => {
    const runner = await openTestRunner(gpu, context, model);
    const penalised: RowOutput = { kind: "token", sampling: { ...greedySampling, presencePenalty: 1 } };
    const next = rowOf("a", [FED_TOKEN], 1, 0);
    for (const output of [none, penalised]) {
      const [, second] = await Promise.allSettled([
        runner.run({ id: 1, rows: [{ ...rowOf("a", [5], 0, 0), output }] }),
        runner.run({ id: 2, rows: [next] }),
      ]);
      expect(second).toMatchObject({ reason: { message: expect.stringContaining("sampled no token") } });
    }
    await expect(runner.run({ id: 3, rows: [rowOf("a", [5, FED_TOKEN], 0, 0)] })).rejects.toThrow(RangeError);
    await runner.run({ id: 4, rows: [rowOf("a", [5], 0, 0)] });
    await runner.run({ id: 5, rows: [next] });
  });

  test("give the tokens and the cache that steps one at a time give, whoever shares them, with drafts and without", async (context) => {
    const runner = await openTestRunner(gpu, context, model);
    const prompts = [3, 40, 90].map((length) => Array.from({ length }, (_, at) => (at * 31 + length) % 600));
    const alone = [];
    for (const prompt of prompts) alone.push(await turns(runner, 1, [prompt]));
    for (const plansInFlight of [1, 2, 3])
      for (const speculation of ["off", "auto"] as const)
        expect(await turns(runner, plansInFlight, prompts, 20, speculation)).toEqual(alone.flat());
  });

  test("sample after each token of a row what single steps sample there, greedily and drawn", async (context) => {
    const runner = await openTestRunner(gpu, context, model);
    for (const sampling of [greedySampling, { ...greedySampling, temperature: 1.5, seed: 9 }]) {
      const tokens = [5, 17, 300, 41, 8, 599, 2];
      const single: number[] = [];
      for (const [position, token] of tokens.entries()) {
        const row = {
          ...rowOf("single", [token], position, 0),
          output: { kind: "token", sampling } as const,
        };
        const [answer] = (await runner.run({ id: 0, rows: [row] })).rows;
        single.push(answer?.kind === "token" ? answer.token : -1);
      }
      const other = rowOf("other", [3], 0, 2);
      const rows = [other, { ...rowOf("all", tokens, 0, 1), output: { kind: "tokens", sampling } as const }];
      const [, all] = (await runner.run({ id: 1, rows })).rows;
      expect(all).toEqual({ kind: "tokens", tokens: single });
    }
  });

  test("take one pass and one submit each, and at most eight dispatches a layer", async (context) => {
    const count = { passes: 0, submits: 0 };
    const runner = await openTestRunner(gpu, context, model, {}, (device) => countWork(device, count));
    await oneByOne(runner, [1, 2], 1);
    for (const rows of [[rowOf("a", [1], 2, 0)], [rowOf("a", [1], 2, 0), rowOf("b", [1], 2, 1)]]) {
      Object.assign(count, { passes: 0, submits: 0 });
      const before = runner.dispatches;
      await runner.run({ id: 9, rows });
      expect(count).toEqual({ passes: 1, submits: 1 });
      const outside = 4; // embedding, last norm, output matrix, sampling
      expect(runner.dispatches - before - outside).toBeLessThanOrEqual(8 * LAYERS);
      expect(runner.dispatches - before).toBeGreaterThan(4 * LAYERS); // the counting works
    }
  });

  test("leave nothing behind on the heap or on the GPU, over a thousand of them", async (context) => {
    const created = { buffers: 0 };
    const runner = await openTestRunner(gpu, context, model, {}, (device) => {
      const create = device.createBuffer.bind(device);
      const counted = (descriptor: GPUBufferDescriptor) => {
        created.buffers += 1;
        return create(descriptor);
      };
      Object.defineProperty(device, "createBuffer", { value: counted });
    });
    await turns(runner, 2, [[1, 2, 3]], 1200);
    created.buffers = 0;
    const grownBytes: number[] = [];
    for (let n = 0; n < 2; n++) {
      const before = heapBytes();
      await turns(runner, 2, [[1, 2, 3]], 1000);
      grownBytes.push(heapBytes() - before);
    }
    // The thousand tokens themselves; 64 bytes a step that stay would be as much again. What the JavaScript engine compiles meanwhile
    // is of one of the two.
    expect(Math.min(...grownBytes)).toBeLessThan(64 * 1000);
    expect(created.buffers).toBe(0);
  });
});

const none: RowOutput = { kind: "none" };

/** A row of a sequence that has the blocks from `8 * place` to itself. */
function rowOf(sequence: string, tokens: readonly number[], position: number, place: number): StepRow {
  const blocks = Array.from({ length: 8 }, (_, at) => 8 * place + at);
  return { sequence, tokens, position, blocks, output: sampled };
}

/** Greedy tokens after a prompt, each given to the next step by the host. */
async function oneByOne(runner: GpuRunner, prompt: readonly number[], count: number): Promise<number[]> {
  const tokens: number[] = [];
  let next = prompt;
  for (let position = 0; tokens.length < count; ) {
    const { rows } = await runner.run({ id: 0, rows: [rowOf("one", next, position, 4)] });
    position += next.length;
    next = rows.map((row) => (row.kind === "token" ? row.token : -1));
    tokens.push(...next);
  }
  return tokens;
}

/** Greedy tokens of conversations that run together, and the logits of two more tokens behind each. */
async function turns(
  runner: GpuRunner,
  plansInFlight: number,
  prompts: readonly (readonly number[])[],
  maxTokens = 20,
  speculation: "auto" | "off" = "off",
) {
  const limits = { ...runner.limits, plansInFlight };
  const scheduler = new Scheduler({ devices: [{ id: "gpu", role: "both", limits }], speculation });
  const loop = new TurnLoop(scheduler, new Map([["gpu", runner]]));
  const output = { kind: "tokens", sampling: greedy, maxTokens, endTokens: [], stopTokens: [] } as const;
  const answers = await Promise.all(
    prompts.map(async (prompt, index) => {
      const conversation = `c${index}`;
      const tokens: number[] = [];
      const logits: number[] = [];
      const token = (token: number) => void tokens.push(token);
      await turn(loop, { conversation, keep: 0, tokens: prompt, output }, { token });
      const probe = { conversation, keep: scheduler.history(conversation).length, tokens: [11, 12] };
      await turn(
        loop,
        { ...probe, output: { kind: "logits" } },
        { logits: (_, rows) => void logits.push(...rows) },
      );
      return { tokens, logits };
    }),
  );
  await loop.dispose();
  return answers;
}

function turn(
  loop: TurnLoop,
  request: Omit<TurnRequest, "turn">,
  sink: Pick<TurnSink, "token" | "logits">,
): Promise<void> {
  return new Promise((finished, failed) => {
    loop.start(request, { ...sink, finished: () => finished(), failed });
  });
}

function countWork(device: GPUDevice, count: { passes: number; submits: number }): void {
  const createEncoder = device.createCommandEncoder.bind(device);
  Object.defineProperty(device, "createCommandEncoder", {
    value: (descriptor: GPUCommandEncoderDescriptor) => {
      const encoder = createEncoder(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      const counted = () => {
        count.passes += 1;
        return begin();
      };
      Object.defineProperty(encoder, "beginComputePass", { value: counted });
      return encoder;
    },
  });
  const submit = device.queue.submit.bind(device.queue);
  const counted = (commands: GPUCommandBuffer[]) => {
    count.submits += 1;
    submit(commands);
  };
  Object.defineProperty(device.queue, "submit", { value: counted });
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  for (let n = 0; n < 2; n++) collect();
  return process.memoryUsage().heapUsed;
}
