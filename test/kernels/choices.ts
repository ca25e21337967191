import type { GpuDevice } from "../../src/gpu/device.ts";
import { chooseKernels, type KernelChoice } from "../../src/kernels/variants.ts";

/** Subgroup sizes that lead to the adapter classes of src/kernels/variants.ts; undefined to the one without shuffles. */
const SUBGROUP_SIZES = [8, 4, undefined] as const;

export interface NamedChoice {
  readonly name: string;
  readonly choice: KernelChoice;
}

/**
 * Every choice of kernels whose variants can run on a device: its own class's, and those of classes that need no subgroups, in
 * both numeric classes. The device's own default comes first.
 */
export function runnableChoices({ capabilities }: GpuDevice): NamedChoice[] {
  const own = SUBGROUP_SIZES.find((size) => size === capabilities.subgroupSize);
  const sizes = new Set([own, undefined]);
  return [...sizes].flatMap((subgroupSize) =>
    (["default", "exact"] as const).map((precision) => ({
      name: `${subgroupSize ?? "no"} shared lanes, ${precision}`,
      choice: chooseKernels({ ...capabilities, subgroupSize }, precision),
    })),
  );
}

/** Choices of all classes there are, for what needs no device. */
export function everyChoice(): NamedChoice[] {
  const capabilities = { timestamps: false, maxBindingBytes: 2 ** 27, maxBufferBytes: 2 ** 28 };
  return SUBGROUP_SIZES.flatMap((subgroupSize) =>
    (["default", "exact"] as const).map((precision) => ({
      name: `${subgroupSize ?? "no"} shared lanes, ${precision}`,
      choice: chooseKernels({ ...capabilities, subgroupSize }, precision),
    })),
  );
}

/** One choice per tile of its matrix product, each of which then takes any number of tokens. */
export function perTile(named: NamedChoice): NamedChoice[] {
  return named.choice.matmul.map((tile) => ({
    name: `${named.name}, tile ${tile.tm}x${tile.tn} of ${tile.workgroup} lanes`,
    choice: { ...named.choice, matmul: [{ ...tile, upToTokens: Number.POSITIVE_INFINITY }] },
  }));
}
