import { expect, test } from "vitest";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { openTestRunner, prefill } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

const model = writeTinyModel({ seed: 3, vocabTokens: 600 });

/** Hears of every pipeline that is dispatched on a device. */
function onDispatch(device: GPUDevice, hear: (label: string) => void): void {
  const createEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = createEncoder(descriptor);
    const begin = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (options) => {
      const pass = begin(options);
      const set = pass.setPipeline.bind(pass);
      pass.setPipeline = (pipeline) => {
        hear(pipeline.label);
        set(pipeline);
      };
      return pass;
    };
    return encoder;
  };
}

describeOnEveryAdapter("the warm-up", (gpu) => {
  for (const precision of ["exact", "default"] as const) {
    test(`runs every kernel that steps of any size use in ${precision}, under a bar that ends`, async (context) => {
      const dispatched = new Set<string>();
      const counts: string[] = [];
      const onProgress = ({
        phase,
        done,
        total,
      }: {
        phase: string;
        done: number;
        total: number | undefined;
      }) => {
        if (phase === "warm-up") counts.push(`${done}/${total}`);
      };
      const options = { precision, onProgress } as const;
      const runner = await openTestRunner(gpu, context, model, options, (device) =>
        onDispatch(device, (label) => dispatched.add(label)),
      );
      const jobs = counts.length;
      expect(counts).toEqual(Array.from({ length: jobs }, (_, index) => `${index + 1}/${jobs}`));
      const warmed = new Set(dispatched);
      expect(warmed.size).toBeGreaterThan(8);
      expect(jobs).toBeLessThanOrEqual(warmed.size);
      const ids = Array.from({ length: 150 }, (_, index) => index);
      await prefill(runner, ids, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 8, 15, 16, 17, 40, 39]);
      expect(dispatched).toEqual(warmed);
    });
  }
});
