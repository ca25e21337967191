import { expect, type TestContext, test } from "vitest";
import { BatonError } from "../../src/errors.ts";
import { borrowDevice, type GpuDevice } from "../../src/gpu/device.ts";
import { Kernel, type KernelVariant } from "../../src/gpu/kernel.ts";
import { KernelLibrary } from "../../src/kernels/library.ts";
import { type MatmulTile, productKey } from "../../src/kernels/matmul_kernels.ts";
import { shaderSources } from "../../src/kernels/shaders.ts";
import type { DispatchPass } from "../../src/kernels/stage.ts";
import { chooseKernels, type TunedKernels } from "../../src/kernels/variants.ts";
import { MatmulBench } from "../../src/tuner/matmul_bench.ts";
import { matmulTasks } from "../../src/tuner/matmul_tasks.ts";
import { identityOf, tunedKernels } from "../../src/tuner/memory.ts";
import { Stopwatch } from "../../src/tuner/stopwatch.ts";
import type { Tunable, TuningTask } from "../../src/tuner/task.ts";
import { tuningTasks } from "../../src/tuner/tasks.ts";
import { tune } from "../../src/tuner/tune.ts";
import { sameTile, type Tuning } from "../../src/tuner/tuning.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";
import { openGpuClassRunner, openTestRunner, prefill } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { loadTiny } from "../harness/tiny_reference.ts";

const model = writeTinyModel({ seed: 5, vocabTokens: 600 });
const about = { implementation: "test", model: "tiny" };

/** What to tune, and the bytes of all buffers of its device that are alive, whoever made them. */
async function tunableOn(
  gpu: TestGpu,
  context: TestContext,
): Promise<Tunable & { readonly liveBytes: () => number }> {
  let bytes = 0;
  const count = (device: GPUDevice) => {
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      const destroy = buffer.destroy.bind(buffer);
      bytes += buffer.size;
      buffer.destroy = () => {
        bytes -= buffer.size;
        destroy();
      };
      return buffer;
    };
  };
  const runner = await openTestRunner(gpu, context, model, { precision: "default" }, count);
  return { ...runner.tunable, liveBytes: () => bytes };
}

/** As if in every task a candidate had won that is no default in any range: the last one of those. */
async function forged(tunable: Tunable): Promise<Tuning> {
  const tasks = tuningTasks(tunable);
  const choices = tasks.map(({ family, key, tokens, upToTokens, tiles }) => ({
    family,
    key,
    tokens,
    upToTokens: Number.isFinite(upToTokens) ? upToTokens : null,
    default: tiles[0] ?? {},
    chosen:
      tiles.findLast(
        (tile, index) =>
          index > 0 && !tunable.choice.matmul.some((known) => sameTile({ ...known.tile }, tile)),
      ) ?? {},
    ratio: 0.5,
    candidates: [],
  }));
  const identity = await identityOf({ ...tunable, ...about });
  return { ...about, identity, takenAt: "", budgetMs: 1, ms: 1, complete: true, choices };
}

describeOnEveryAdapter("tuning", (gpu) => {
  test("ends within its budget, goes on from there, and frees everything", async (context) => {
    const tunable = await tunableOn(gpu, context);
    const before = tunable.liveBytes();
    const tasks = tuningTasks(tunable);
    expect(tasks.length).toBeGreaterThanOrEqual(5);
    const first = await tune({ ...tunable, ...about, budgetMs: 300 });
    expect(first.complete).toBe(false);
    expect(tunable.liveBytes()).toBe(before);
    expect(first.choices.length).toBeLessThan(tasks.length);
    const seen: number[] = [];
    const onProgress = ({ done }: { readonly done: number }) => seen.push(done);
    const known = first.choices;
    const second = await tune({ ...tunable, ...about, budgetMs: 240_000, known, onProgress });
    expect(second.complete).toBe(true);
    const left = tasks.slice(known.length);
    expect(seen.at(-1)).toBe(left.reduce((sum, { tiles }) => sum + tiles.length, 0));
    expect(second.choices.slice(0, known.length)).toEqual(known);
    expect(tunable.liveBytes()).toBe(before);
    tunable.gpu.assertAlive();
    expectChoices(second, tasks);
  });

  test("an abort ends it with its reason, and frees everything", async (context) => {
    const tunable = await tunableOn(gpu, context);
    const before = tunable.liveBytes();
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error("never mind"));
    await expect(tune({ ...tunable, ...about, onProgress, signal: stop.signal })).rejects.toThrow(
      "never mind",
    );
    expect(tunable.liveBytes()).toBe(before);
  });

  test("a device that is lost meanwhile ends it with device-lost", async (context) => {
    const tunable = await tunableOn(gpu, context);
    const onProgress = ({ done }: { readonly done: number }) => {
      if (done === 2) tunable.gpu.device.destroy();
    };
    await expect(tune({ ...tunable, ...about, onProgress })).rejects.toMatchObject({ code: "device-lost" });
  });

  test("has nothing to choose in exact, and says so", async (context) => {
    const runner = await openTestRunner(gpu, context, model, { precision: "exact" });
    const error = await tune({ ...runner.tunable, ...about }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BatonError);
    expect(error).toMatchObject({
      code: "invalid-option",
      message: expect.stringMatching(/nothing to tune/),
    });
  });

  test("finds that integers and floats give the same in fast", async (context) => {
    const { tunable } = await openGpuClassRunner(gpu, context, model, { precision: "fast" });
    const [task] = matmulTasks(tunable.products, tunable.choice, tunable.gpu.capabilities);
    const parts = {
      ...tunable,
      library: new KernelLibrary(tunable.gpu),
      stopwatch: new Stopwatch(tunable.gpu),
    };
    const bench = await task?.open(parts);
    for (const kernel of ["int8", "lanes"]) {
      const index = task?.tiles.findIndex((tile) => tile.kernel === kernel) ?? -1;
      expect(await bench?.candidate(index).prepare()).toBe("ready");
    }
    bench?.destroy();
  });

  test("a busy moment at first does not leave measurements too short for the clock", async (context) => {
    const dispatches: number[] = [];
    const { bench, tiles } = await benchWith(
      gpu,
      context,
      [/$/, "\n"],
      (own) => new CoarseStopwatch(own, dispatches),
    );
    const [right, wrong] = [bench.candidate(tiles.right), bench.candidate(tiles.wrong)];
    expect([await right.prepare(), await wrong.prepare()]).toEqual(["ready", "ready"]);
    for (const candidate of [right, wrong, right]) expect(await candidate.measure()).toBeCloseTo(0.02, 2);
    expect(dispatches.at(-1)).toBeGreaterThan(50);
  });

  test("a candidate whose shader computes something else is found out", async (context) => {
    const { bench, tiles } = await benchWith(gpu, context, [/\* w;/g, "* w * 1.02;"]);
    expect(await bench.candidate(tiles.right).prepare()).toBe("ready");
    expect(await bench.candidate(tiles.wrong).prepare()).toBe("wrong-results");
  });

  test("a candidate whose shader leaves out a part of the rows is found out", async (context) => {
    const { bench, tiles } = await benchWith(gpu, context, [/k < params\.groups/g, "k + 1u < params.groups"]);
    expect(await bench.candidate(tiles.right).prepare()).toBe("ready");
    expect(await bench.candidate(tiles.wrong).prepare()).toBe("wrong-results");
  });

  test("a candidate that does not compile ends itself and not the device", async (context) => {
    const { bench, tiles, tunable } = await benchWith(gpu, context, [/fn main\(/g, "fn main(nonsense"]);
    const right = bench.candidate(tiles.right);
    expect(await right.prepare()).toBe("ready");
    await expect(bench.candidate(tiles.wrong).prepare()).rejects.toThrow(BatonError);
    await tunable.gpu.device.queue.onSubmittedWorkDone();
    tunable.gpu.assertAlive();
    expect(await right.measure()).toBeGreaterThan(0);
  });
});

/** A clock of steps of 0.1 ms on which every dispatch takes 0.02 ms, and the first pass 30 ms, as in a busy moment. */
class CoarseStopwatch extends Stopwatch {
  readonly #dispatches: number[];

  constructor(gpu: GpuDevice, dispatches: number[]) {
    super(gpu);
    this.#dispatches = dispatches;
  }

  override async measure(encode: (pass: DispatchPass) => void): Promise<number> {
    let count = 0;
    const dispatchWorkgroups = () => void count++;
    encode({ setPipeline: () => {}, setBindGroup: () => {}, dispatchWorkgroups });
    this.#dispatches.push(count);
    return this.#dispatches.length === 1 ? 30 : Math.floor(count * 0.2) / 10;
  }
}

/** Every task decided, for one of its candidates, by measurements that all were right. */
function expectChoices({ choices }: Tuning, tasks: readonly TuningTask[]): void {
  expect(choices.map(({ key, upToTokens }) => [key, upToTokens ?? Number.POSITIVE_INFINITY])).toEqual(
    tasks.map(({ key, upToTokens }) => [key, upToTokens]),
  );
  for (const [index, { default: standard, chosen, ratio, candidates }] of choices.entries()) {
    expect(candidates.map(({ tile }) => tile)).toEqual(tasks[index]?.tiles);
    expect(candidates.map(({ tile }) => tile)).toContainEqual(chosen);
    expect(candidates.filter(({ outcome }) => outcome === "wrong-results" || outcome === "failed")).toEqual(
      [],
    );
    expect(ratio < 0.971 || (ratio === 1 && chosen === standard)).toBe(true);
  }
}

/** A bench on which the tile `wrong` gets a shader with a defect, which the tile `right` does not have. */
async function benchWith(
  gpu: TestGpu,
  context: TestContext,
  [pattern, replacement]: readonly [RegExp, string],
  makeStopwatch = (own: GpuDevice) => new Stopwatch(own),
) {
  const tunable = await tunableOn(gpu, context);
  const own = borrowDevice(tunable.gpu.device, tunable.gpu.summary);
  const right: MatmulTile = { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 };
  const wrong: MatmulTile = { ...right, tn: 4 };
  const sources = Object.fromEntries(
    Object.entries(shaderSources).map(([path, text]) => [path, text.replace(pattern, replacement)]),
  );
  expect(sources).not.toEqual(shaderSources);
  class Library extends KernelLibrary {
    #defective: Promise<Kernel> | undefined;

    override get(variant: KernelVariant): Promise<Kernel> {
      if (variant.constants?.TN !== wrong.tn) return super.get(variant);
      this.#defective ??= Kernel.create(own, sources, variant);
      return this.#defective;
    }
  }
  const product = tunable.products.find(({ shape }) => shape.epilogue === "store" && shape.groups > 1);
  if (!product) throw new Error("the model has a product of several groups");
  const bench = await MatmulBench.open({
    gpu: own,
    library: new Library(own),
    stopwatch: makeStopwatch(own),
    choice: tunable.choice,
    epilogue: product.shape.epilogue,
    slices: product.slices,
    tokens: 3,
  });
  context.onTestFinished(() => own.destroy());
  return { bench, tiles: { right, wrong }, tunable };
}

describeOnEveryAdapter("a tuned runner", (gpu) => {
  const reference = loadTiny("qwen2_q4_1");
  const [sequence = { ids: [], positions: [], logits: [] }] = reference.sequences;
  const { ids } = sequence;
  const chunks = [1, 2, 3, 5, 20];
  const blocks = [3, 1, 4, 0, 2, 5, 6];

  test("takes the variants that were chosen, and agrees with transformers", async (context) => {
    let asked: Tunable | undefined;
    const tuned = async (tunable: Tunable) => {
      asked = tunable;
      return tunedKernels(tunable, await forged(tunable));
    };
    const options = { precision: "default", maxStepTokens: 96, tuned } as const;
    const labels: string[] = [];
    const runner = await openTestRunner(gpu, context, reference.gguf, options, (device) => {
      const create = device.createComputePipelineAsync.bind(device);
      device.createComputePipelineAsync = (descriptor) => {
        labels.push(descriptor.label ?? "");
        return create(descriptor);
      };
    });
    expect(runner.tunedProducts).toBe(new Set(asked?.products.map(({ shape }) => productKey(shape))).size);
    // Tiles of attention that are none of the adapter class's run as well.
    const chosen = asked && tunedKernels(asked, await forged(asked));
    for (const tile of [chosen?.attention, chosen?.decodeAttention])
      expect(labels.some((label) => label.startsWith(`attention_${tile?.kernel} `))).toBe(true);
    // No product of the forward pass has kept a default: the tuner knows them all.
    const products = labels.filter((label) => label.startsWith("matmul_"));
    expect(products.length).toBeGreaterThan(5);
    const isOf = (label: string, { kernel, tm, tn }: MatmulTile) =>
      label.startsWith(`matmul_${kernel} `) && label.includes(` TM=${tm} TN=${tn} `);
    for (const { tile } of asked?.choice.matmul ?? [])
      expect(products.filter((label) => isOf(label, tile))).toEqual([]);
    const ours = await prefill(runner, ids, blocks, chunks);
    expect(sequence.positions.length).toBeGreaterThan(0);
    for (const [row, position] of sequence.positions.entries()) {
      const actual = ours[position] ?? [];
      for (const [id, value] of (sequence.logits[row] ?? []).entries()) {
        // The bound that test/model/tiny_models.test.ts has for this class.
        expect(Math.abs(value - (actual[id] ?? Number.NaN))).toBeLessThan(0.05);
      }
    }
  });

  test("has in exact the same bits, whatever was chosen", async (context) => {
    const untuned = await openTestRunner(gpu, context, reference.gguf, {
      precision: "exact",
      maxStepTokens: 96,
    });
    const tuned = await openTestRunner(gpu, context, reference.gguf, {
      precision: "exact",
      maxStepTokens: 96,
      tuned: async (tunable) => {
        const choice = chooseKernels(tunable.gpu.capabilities, "default");
        return tunedKernels({ ...tunable, choice }, await forged({ ...tunable, choice }));
      },
    });
    expect(tuned.tunedProducts).toBe(0);
    expect(await prefill(tuned, ids, blocks, chunks)).toEqual(await prefill(untuned, ids, blocks, chunks));
  });

  test("chooses nothing in exact, even where it is given choices", async (context) => {
    const { gpu: device, choice, products } = await tunableOn(gpu, context);
    const other: TunedKernels = {
      products: new Map(products.map(({ shape }) => [productKey(shape), choice.matmul])),
      attention: { tokens: 2 },
      decodeAttention: { tokens: 1, partKeys: 128 },
    };
    expect(chooseKernels(device.capabilities, "exact", other)).toEqual(
      chooseKernels(device.capabilities, "exact"),
    );
  });
});
