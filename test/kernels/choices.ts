import type { Precision } from "../../src/api.ts";
import type { GpuCapabilities, GpuDevice } from "../../src/gpu/device.ts";
import { attentionCandidates, type HeadShape } from "../../src/kernels/attention.ts";
import { type MatmulTile, matmulKernels } from "../../src/kernels/matmul_kernels.ts";
import { chooseKernels, type KernelChoice, TOKEN_RANGES } from "../../src/kernels/variants.ts";
import { runsGpuKernels } from "../harness/adapters.ts";

/** Subgroup sizes that lead software adapters to the classes of src/kernels/variants.ts; undefined to the one without shuffles. */
const SUBGROUP_SIZES = [8, 4, undefined] as const;

export interface NamedChoice {
  readonly name: string;
  readonly choice: KernelChoice;
  /** Of an adapter that gets this choice. */
  readonly capabilities: GpuCapabilities;
}

/**
 * Every choice of kernels whose variants can run on a device: its own class's, and those that a GPU gets, which need no subgroups, in
 * numeric classes, where `runsGpuKernels`. The device's own default comes first. `fast` differs in norms and products alone.
 */
export function runnableChoices(
  { capabilities, summary }: GpuDevice,
  precisions: readonly Precision[] = ["default", "exact"],
): NamedChoice[] {
  const own = SUBGROUP_SIZES.find((size) => size === capabilities.subgroupSize);
  const sizes = runsGpuKernels(summary) ? [...new Set([own, undefined])] : [own];
  return sizes.flatMap((size) => choicesOf(capabilities, size, precisions));
}

/** Those of a class; a GPU's for no subgroup size. */
function choicesOf(
  device: GpuCapabilities,
  subgroupSize: number | undefined,
  precisions: readonly Precision[],
): NamedChoice[] {
  const capabilities = { ...device, software: subgroupSize !== undefined, subgroupSize };
  return precisions.map((precision) => ({
    name: `${subgroupSize ?? "no"} shared lanes, ${precision}`,
    choice: chooseKernels(capabilities, precision),
    capabilities,
  }));
}

/** What a device says that has everything but subgroups. */
export const capabilities: GpuCapabilities = {
  subgroupSize: undefined,
  shaderF16: false,
  timestamps: false,
  vendor: "",
  architecture: "",
  software: false,
  maxBindingBytes: 2 ** 27,
  maxBufferBytes: 2 ** 28,
};

/** Choices of all classes there are, for what needs no device. */
export function everyChoice(): NamedChoice[] {
  return SUBGROUP_SIZES.flatMap((subgroupSize) =>
    choicesOf({ ...capabilities, shaderF16: true }, subgroupSize, ["default", "exact", "fast"]),
  );
}

/** Every tile the class may choose by default or by tuning; `exact` has one. */
export function tilesToTest({ choice, capabilities }: NamedChoice): readonly MatmulTile[] {
  const defaults = choice.matmul.map(({ tile }) => tile);
  if (choice.precision === "exact") return defaults;
  const tuned = Object.values(matmulKernels)
    .filter(({ fits }) => fits(capabilities, choice))
    .flatMap(({ candidates }) => TOKEN_RANGES.flatMap((upToTokens) => candidates(upToTokens, capabilities)));
  return [...new Map([...defaults, ...tuned].map((tile) => [JSON.stringify(tile), tile])).values()];
}

/** One choice per tile of its matrix product, each of which then takes any number of tokens. */
export function perTile(named: NamedChoice): NamedChoice[] {
  return tilesToTest(named).map((tile) => ({
    ...named,
    name: `${named.name}, ${Object.values(tile).join(" ")}`,
    choice: { ...named.choice, matmul: [{ tile, upToTokens: Number.POSITIVE_INFINITY }] },
  }));
}

/** Choices that have among them every tile of attention that the class may choose for such heads, by default or by tuning. */
export function perAttentionTile(named: NamedChoice, shape: HeadShape): NamedChoice[] {
  const { choice, capabilities } = named;
  const { decode, prefill } = attentionCandidates(choice, shape, capabilities.software);
  if (choice.precision === "exact") return [named];
  return Array.from({ length: Math.max(decode.length, prefill.length) }, (_, at) => {
    const [single, several] = [decode[at % decode.length], prefill[at % prefill.length] ?? choice.attention];
    const name = [single, several].map((tile) => Object.values(tile ?? {}).join(" ")).join(" and ");
    return {
      ...named,
      name: `${named.name}, ${name}`,
      choice: { ...choice, decodeAttention: single, attention: several },
    };
  });
}
